//! Variable-length text as numcodecs' `vlen-utf8` writes it: a count, then each text with its length before it, all
//! numbers four bytes, little-endian.

/// The texts of a chunk; none where it is malformed.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let (count, mut rest) = length(bytes)?;
    let mut texts = Vec::with_capacity(count.min(rest.len() / 4));
    for _ in 0..count {
        let (length, behind) = length(rest)?;
        let (text, behind) = behind.split_at_checked(length)?;
        texts.push(text);
        rest = behind;
    }
    rest.is_empty().then_some(texts)
}

/// Texts as a chunk.
pub(super) fn encode(texts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = (texts.len() as u32).to_le_bytes().to_vec();
    for text in texts {
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(*text);
    }
    bytes
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*length) as usize, rest))
}
