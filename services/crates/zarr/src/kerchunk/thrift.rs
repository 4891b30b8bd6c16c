//! A look at a Parquet file's thrift before the library reads it.
//!
//! The crate `parquet` skips what it does not know, and a list of booleans takes it no bytes: a few bytes that claim
//! thousands of millions of them keep it busy for hours. So footer and page headers are walked here first: every
//! element must have a byte, and structures nest no deeper than Parquet's own
//! ([thrift compact protocol](https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md)).

/// Deeper than any structure of Parquet (schema elements, statistics, key-values: five).
const DEPTH_MAX: usize = 12;
/// Bytes behind the footer: its length and the magic number.
const TAIL: usize = 8;
/// `PageHeader.compressed_page_size`.
const COMPRESSED_PAGE_SIZE: i64 = 3;

/// Whether the footer of a file can be read in as many steps as it has bytes. Where it is no footer, the library says so.
pub(super) fn is_sane_footer(file: &[u8]) -> bool {
    let Some((body, tail)) = file.split_at_checked(file.len().saturating_sub(TAIL)) else { return true };
    let Some(length) = tail.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes) as usize) else {
        return true;
    };
    let Some(at) = body.len().checked_sub(length) else { return true };
    Walk { bytes: &body[at..], field: 0, found: None }.structure(DEPTH_MAX).is_some()
}

/// The same of the headers of all pages in a column chunk.
pub(super) fn are_sane_pages(mut chunk: &[u8]) -> bool {
    while !chunk.is_empty() {
        let mut walk = Walk { bytes: chunk, field: COMPRESSED_PAGE_SIZE, found: None };
        if walk.structure(DEPTH_MAX).is_none() {
            return false;
        }
        let size = walk.found.and_then(|size| usize::try_from(size).ok());
        match size.and_then(|size| walk.bytes.get(size..)) {
            // Every header has a byte, so this comes to an end.
            Some(rest) => chunk = rest,
            None => return true,
        }
    }
    true
}

/// What is left to walk over.
struct Walk<'b> {
    bytes: &'b [u8],
    /// The field of the outermost structure that is wanted.
    field: i64,
    found: Option<i64>,
}

impl Walk<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.bytes = self.bytes.get(count..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let raw = self.varint()?;
        Some((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    /// The fields of a structure, to its end.
    fn structure(&mut self, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        let mut id = 0_i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            id = match head >> 4 {
                0 => self.zigzag()?,
                delta => id.checked_add(delta.into())?,
            };
            match head & 0x0f {
                // Of a field, a boolean's value is its type.
                1 | 2 => {}
                4..=6 => {
                    let value = self.zigzag()?;
                    if depth + 1 == DEPTH_MAX && id == self.field {
                        self.found = Some(value);
                    }
                }
                kind => self.value(kind, depth)?,
            }
        }
    }

    fn value(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            3 => self.skip(1),
            4..=6 => self.varint().map(drop),
            7 => self.skip(8),
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.skip(length)
            }
            9 | 10 => self.list(depth),
            12 => self.structure(depth),
            // Maps, and booleans in lists: Parquet has none.
            _ => None,
        }
    }

    fn list(&mut self, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.varint()?,
            count => count.into(),
        };
        if count > self.bytes.len() as u64 {
            return None;
        }
        (0..count).try_for_each(|_| self.value(head & 0x0f, depth))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footer(thrift: &[u8]) -> Vec<u8> {
        [b"PAR1", thrift, &(thrift.len() as u32).to_le_bytes(), b"PAR1"].concat()
    }

    #[test]
    fn lists_that_claim_more_than_there_is_are_found() {
        // Field 9: a list of 2^31 booleans, and the end of the structure.
        let booleans = [0x99, 0xf1, 0x80, 0x80, 0x80, 0x80, 0x08, 0x00];
        assert!(!is_sane_footer(&footer(&booleans)));
        assert!(!are_sane_pages(&booleans));
        // Field 1: a list of three numbers.
        assert!(is_sane_footer(&footer(&[0x19, 0x35, 1, 2, 3, 0])));
        assert!(!is_sane_footer(&footer(&[0x1c; 40])), "too deep");
        assert!(is_sane_footer(b"short"), "for the library to refuse");
    }

    #[test]
    fn pages_are_walked_one_after_another() {
        // Field 3: two bytes follow the header.
        let page = [0x35, 4, 0, 7, 7];
        assert!(are_sane_pages(&page.repeat(3)));
        let bad = [&page[..], &[0x99, 0xf1, 0xff, 0xff, 0xff, 0xff, 0x07, 0]].concat();
        assert!(!are_sane_pages(&bad));
    }
}
