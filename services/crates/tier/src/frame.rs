//! How a value is written: with its key and a checksum, so that whatever is damaged, cut off or another's is a miss.

use bytes::Bytes;

/// What a value begins with: changes with this format.
const MAGIC: [u8; 4] = *b"CFY1";
/// Magic, checksum, length of the key.
const HEAD_BYTES: usize = 12;

/// A value as it is written.
pub(crate) fn framed(key: &str, value: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEAD_BYTES + key.len() + value.len());
    frame.extend_from_slice(&MAGIC);
    frame.extend_from_slice(&checksum(key, value).to_le_bytes());
    frame.extend_from_slice(&(key.len() as u32).to_le_bytes());
    frame.extend_from_slice(key.as_bytes());
    frame.extend_from_slice(value);
    frame
}

/// The value of a key; none where these bytes are not what was written under it.
pub(crate) fn value(key: &str, frame: Vec<u8>) -> Option<Bytes> {
    let (magic, rest) = frame.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let (key_bytes, rest) = rest.split_first_chunk::<4>()?;
    let is_of_key = u32::from_le_bytes(*key_bytes) as usize == key.len();
    let value = rest.strip_prefix(key.as_bytes()).filter(|_| *magic == MAGIC && is_of_key)?;
    if checksum(key, value) != u32::from_le_bytes(*sum) {
        return None;
    }
    Some(Bytes::from(frame).slice(HEAD_BYTES + key.len()..))
}

fn checksum(key: &str, value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key.as_bytes()), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        for value_bytes in [&b""[..], b"x", &vec![7; 100_000]] {
            let read = value("a:key", framed("a:key", value_bytes));
            assert_eq!(read.as_deref(), Some(value_bytes));
        }
    }

    #[test]
    fn what_was_cut_off_changed_or_moved_is_a_miss() {
        let frame = framed("key", b"value");
        for length in 0..frame.len() {
            assert_eq!(value("key", frame[..length].to_vec()), None, "{length}");
        }
        for at in 0..frame.len() {
            let mut other = frame.clone();
            other[at] ^= 0x10;
            assert_eq!(value("key", other), None, "{at}");
        }
        assert_eq!(value("kez", frame.clone()), None);
        assert_eq!(value("keyvalue", framed("key", b"valuevalue")), None);
        assert_eq!(value("key", [frame, vec![0]].concat()), None);
    }
}
