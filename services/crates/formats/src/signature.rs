//! The first look at a file: its format, its end, whether somebody writes it.
//!
//! Read from the superblock ([HDF5 file format, II.A](https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html))
//! before libhdf5 sees the file, so that the common faults have texts of their own.

use std::{fs::File, os::unix::fs::FileExt, path::Path};

use crate::ScanFault;

const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";
/// Bytes of the superblock that are looked at.
const HEAD: usize = 96;

/// Checks that a file of `size` bytes is HDF5, whole, and not open for writing.
pub(crate) fn check(path: &Path, size: u64) -> Result<(), ScanFault> {
    if size == 0 {
        return Err(ScanFault::Empty);
    }
    let file = File::open(path)?;
    let mut first = None;
    let mut base = 0;
    // The superblock is at 0 or, behind a user block, at 512, 1024, 2048 and so on.
    while base < size {
        let head = read_head(&file, base)?;
        if head.starts_with(SIGNATURE) {
            return check_superblock(&head, base, size);
        }
        first.get_or_insert(head);
        base = if base == 0 { 512 } else { base.saturating_mul(2) };
    }
    Err(first.as_deref().and_then(other_format).map_or(ScanFault::UnknownFormat, ScanFault::OtherFormat))
}

fn read_head(file: &File, offset: u64) -> Result<Vec<u8>, ScanFault> {
    let mut head = vec![0; HEAD];
    let mut length = 0;
    while length < HEAD {
        match file.read_at(&mut head[length..], offset + length as u64)? {
            0 => break,
            count => length += count,
        }
    }
    head.truncate(length);
    Ok(head)
}

/// Versions 0 and 1 hold the end of the file as the third of four addresses, 2 and 3 too, with other things before.
fn check_superblock(head: &[u8], base: u64, size: u64) -> Result<(), ScanFault> {
    let short = ScanFault::Truncated { size, end: base + HEAD as u64 };
    let byte = |at: usize| head.get(at).copied();
    let (Some(version), Some(flags)) = (byte(8), byte(11)) else { return Err(short) };
    let (address_size, first_address) = match version {
        0 => (byte(13), 24),
        1 => (byte(13), 28),
        2 | 3 => (byte(9), 12),
        // Of a later format: libhdf5 decides.
        _ => return Ok(()),
    };
    // Bit 0: a writer has it open; bit 2: a single writer with many readers.
    if version == 3 && flags & 0b101 != 0 {
        return Err(ScanFault::OpenForWriting);
    }
    let Some(address_size) = address_size.map(usize::from).filter(|size| (1..=8).contains(size)) else {
        return Ok(());
    };
    let at = first_address + 2 * address_size;
    let Some(bytes) = head.get(at..at + address_size) else { return Err(short) };
    let end = bytes.iter().rev().fold(0, |end, &byte| end << 8 | u64::from(byte));
    let undefined = u64::MAX >> (64 - 8 * address_size);
    if end == undefined || end <= size { Ok(()) } else { Err(ScanFault::Truncated { size, end }) }
}

fn other_format(head: &[u8]) -> Option<&'static str> {
    Some(match head {
        [b'C', b'D', b'F', 1 | 2 | 5, ..] => "a classic netCDF file",
        [b'G', b'R', b'I', b'B', ..] => "a GRIB file",
        [0x0e, 0x03, 0x13, 0x01, ..] => "an HDF4 file",
        [0x1f, 0x8b, ..] => "a gzip file",
        [b'P', b'K', 3, 4, ..] => "a zip file",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn checked(bytes: &[u8]) -> Result<(), ScanFault> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        check(file.path(), bytes.len() as u64)
    }

    fn superblock_2(version: u8, flags: u8, end: u64) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([version, 8, 8, flags]);
        for address in [0, u64::MAX, end, 48] {
            bytes.extend(address.to_le_bytes());
        }
        bytes.extend([0; 4]);
        bytes
    }

    #[test]
    fn each_fault_has_its_own_text() {
        assert!(matches!(checked(b""), Err(ScanFault::Empty)));
        assert!(matches!(checked(b"hello"), Err(ScanFault::UnknownFormat)));
        assert!(matches!(checked(b"CDF\x01...."), Err(ScanFault::OtherFormat("a classic netCDF file"))));
        assert!(matches!(checked(b"GRIB....."), Err(ScanFault::OtherFormat("a GRIB file"))));
        assert!(matches!(checked(SIGNATURE), Err(ScanFault::Truncated { .. })));
        assert!(matches!(checked(&superblock_2(3, 1, 48)), Err(ScanFault::OpenForWriting)));
        assert!(matches!(checked(&superblock_2(2, 0, 49)), Err(ScanFault::Truncated { size: 48, end: 49 })));
        assert!(checked(&superblock_2(2, 0, 48)).is_ok());
    }

    #[test]
    fn a_user_block_may_come_first() {
        let mut bytes = vec![0; 512];
        bytes.extend(superblock_2(2, 0, 560));
        assert!(checked(&bytes).is_ok());
    }
}
