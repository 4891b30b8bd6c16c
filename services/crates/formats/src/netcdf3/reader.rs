//! Reading a header from its start on, never beyond the end of the file.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use crate::ScanFault;

/// Longest header: netCDF's own limits (8,192 attributes, 8,192 variables) are far below.
const HEADER_BYTES_MAX: u64 = 256 << 20;
/// Longest name: `NC_MAX_NAME` is 256.
const NAME_BYTES_MAX: u64 = 4096;

/// The variant of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// CDF-1, "classic": offsets in 32 bits.
    Classic,
    /// CDF-2, "64-bit offset".
    Offset64,
    /// CDF-5, "64-bit data": counts in 64 bits too, and unsigned and 64-bit types.
    Data64,
}

/// A place in a header.
pub(super) struct Reader {
    source: BufReader<File>,
    at: u64,
    size: u64,
    variant: Variant,
}

impl Reader {
    /// Opens a file of `size` bytes and reads its first four.
    pub(super) fn open(path: &Path, size: u64) -> Result<Self, ScanFault> {
        let source = BufReader::with_capacity(64 << 10, File::open(path)?);
        let mut reader = Self { source, at: 0, size, variant: Variant::Classic };
        reader.variant = match reader.array()? {
            [b'C', b'D', b'F', 1] => Variant::Classic,
            [b'C', b'D', b'F', 2] => Variant::Offset64,
            [b'C', b'D', b'F', 5] => Variant::Data64,
            _ => return Err(ScanFault::Damaged("it is no classic netCDF file any more".to_owned())),
        };
        Ok(reader)
    }

    /// The variant of the format.
    pub(super) fn variant(&self) -> Variant {
        self.variant
    }

    /// How far it has read.
    pub(super) fn position(&self) -> u64 {
        self.at
    }

    fn advance(&mut self, count: u64) -> Result<(), ScanFault> {
        let end = self.at.saturating_add(count);
        if end > self.size {
            return Err(ScanFault::Truncated { size: self.size, end });
        }
        if end > HEADER_BYTES_MAX {
            return Err(ScanFault::Damaged(format!("its header has more than {HEADER_BYTES_MAX} bytes")));
        }
        self.at = end;
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ScanFault> {
        self.advance(N as u64)?;
        let mut bytes = [0; N];
        self.source.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// So many bytes, and the zeros that fill the last four.
    pub(super) fn padded(&mut self, count: u64) -> Result<Vec<u8>, ScanFault> {
        self.advance(padded(count))?;
        let mut bytes = vec![0; padded(count) as usize];
        self.source.read_exact(&mut bytes)?;
        bytes.truncate(count as usize);
        Ok(bytes)
    }

    /// Goes past what [`padded`](Self::padded) would read.
    pub(super) fn skip(&mut self, count: u64) -> Result<(), ScanFault> {
        self.advance(padded(count))?;
        // What is in memory is kept: a seek would throw it away.
        Ok(self.source.seek_relative(padded(count) as i64)?)
    }

    /// Thirty-two bits.
    pub(super) fn number(&mut self) -> Result<u32, ScanFault> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// A count as it is: 64 bits in CDF-5, 32 in the others.
    pub(super) fn count_or_all_ones(&mut self) -> Result<Option<u64>, ScanFault> {
        let (count, all_ones) = match self.variant {
            Variant::Data64 => (u64::from_be_bytes(self.array()?), u64::MAX),
            Variant::Classic | Variant::Offset64 => (u64::from(self.number()?), u64::from(u32::MAX)),
        };
        Ok((count != all_ones).then_some(count))
    }

    /// `NON_NEG`: a count of something.
    pub(super) fn count(&mut self) -> Result<u64, ScanFault> {
        let most = if self.variant == Variant::Data64 { i64::MAX as u64 } else { i32::MAX as u64 };
        match self.count_or_all_ones()? {
            Some(count) if count <= most => Ok(count),
            _ => Err(ScanFault::Damaged(format!("a negative count at byte {} of its header", self.at))),
        }
    }

    /// `OFFSET`: where a variable begins.
    pub(super) fn offset(&mut self) -> Result<u64, ScanFault> {
        match self.variant {
            Variant::Classic => Ok(u64::from(self.number()?)),
            Variant::Offset64 | Variant::Data64 => Ok(u64::from_be_bytes(self.array()?)),
        }
    }

    /// The length of a list with this tag. Whoever reads it must expect less: only its end tells.
    pub(super) fn list(&mut self, tag: u32, what: &str) -> Result<u64, ScanFault> {
        let found = self.number()?;
        let count = self.count()?;
        if found != tag && (found != 0 || count != 0) {
            let at = self.at;
            return Err(ScanFault::Damaged(format!("no list of {what} before byte {at} of its header")));
        }
        Ok(count)
    }

    /// A name, and whether it was UTF-8; unknown bytes are replaced where not.
    pub(super) fn name(&mut self) -> Result<(String, bool), ScanFault> {
        let length = self.count()?;
        if length > NAME_BYTES_MAX {
            return Err(ScanFault::Damaged(format!("a name of {length} bytes in its header")));
        }
        let mut bytes = self.padded(length)?;
        // Some old writers counted the NUL of their language; to netCDF-C it ends the name.
        bytes.truncate(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
        Ok(match String::from_utf8(bytes) {
            Ok(name) => (name, true),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), false),
        })
    }
}

/// A length with the bytes that make it a multiple of four.
pub(super) const fn padded(length: u64) -> u64 {
    length.saturating_add(length.wrapping_neg() & 3)
}

#[cfg(test)]
mod tests {
    use super::padded;

    #[test]
    fn lengths_are_filled_to_four() {
        assert_eq!([0, 1, 3, 4, 5].map(padded), [0, 4, 4, 4, 8]);
    }
}
