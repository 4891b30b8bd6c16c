//! Values that are decoded at the scan and kept with the references.

use bytes::Bytes;
use model::DataType;

use super::{
    data_type::ElementType,
    native::{Dataset, Fault},
};
use crate::numbers::to_little_endian;

/// The elements of a dataset, little-endian, in C order. The caller has bounded their number.
pub(super) fn elements(dataset: &Dataset, element: &ElementType, count: usize) -> Result<Bytes, Fault> {
    let mut bytes = dataset.read_bytes(count)?;
    to_little_endian(&mut bytes, element.data_type, element.byte_order);
    if let (true, DataType::FixedText(size)) = (element.ends_at_nul, element.data_type) {
        for text in bytes.chunks_exact_mut(size as usize) {
            let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
            text[end..].fill(0);
        }
    }
    Ok(bytes.into())
}

/// Texts as numcodecs' `vlen-utf8` writes them: their number, then the length in bytes and the bytes of each, numbers
/// in four bytes, little-endian. The second is whether all were UTF-8; what was not is replaced.
pub(super) fn vlen_utf8(texts: &[Vec<u8>]) -> (Bytes, bool) {
    let mut faithful = true;
    let mut bytes = Vec::from((texts.len() as u32).to_le_bytes());
    for text in texts {
        let text = String::from_utf8_lossy(text);
        faithful &= matches!(text, std::borrow::Cow::Borrowed(_));
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    (bytes.into(), faithful)
}

/// Elements of an array of shape `from` in one of shape `to`, which is at least as long in each dimension; `fill`
/// elsewhere. The caller has bounded both.
pub(super) fn extend<T: Clone>(elements: Vec<T>, from: &[u64], to: &[u64], fill: &T) -> Vec<T> {
    if from == to {
        return elements;
    }
    let count = to.iter().product::<u64>() as usize;
    let mut extended = vec![fill.clone(); count];
    for (at, element) in elements.into_iter().enumerate() {
        let (mut rest, mut place, mut stride) = (at as u64, 0, 1);
        for (from, to) in from.iter().zip(to).rev() {
            place += rest % from * stride;
            rest /= from;
            stride *= to;
        }
        if let Some(slot) = extended.get_mut(place as usize) {
            *slot = element;
        }
    }
    extended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_counted_and_measured() {
        let (bytes, faithful) = vlen_utf8(&[b"ab".to_vec(), vec![], "é".into()]);
        assert_eq!(&bytes[..], b"\x03\0\0\0\x02\0\0\0ab\0\0\0\0\x02\0\0\0\xc3\xa9");
        assert!(faithful);
        assert!(!vlen_utf8(&[vec![0xff]]).1);
    }

    #[test]
    fn an_array_is_extended_with_its_fill_value() {
        assert_eq!(extend(vec![1, 2, 3, 4], &[2, 2], &[3, 3], &0), [1, 2, 0, 3, 4, 0, 0, 0, 0]);
    }
}
