//! Single elements of stored bytes, as what they are.

use model::DataType;

/// The whole number that a little-endian element of an integer type is.
pub fn whole_number(data_type: DataType, element: &[u8]) -> i128 {
    let is_signed = matches!(data_type, DataType::I8 | DataType::I16 | DataType::I32 | DataType::I64);
    let is_negative = is_signed && element.last().is_some_and(|byte| *byte >= 0x80);
    let mut all = [if is_negative { 0xff } else { 0 }; 16];
    all.iter_mut().zip(element).for_each(|(to, from)| *to = *from);
    i128::from_le_bytes(all)
}

/// The text that an element of fixed length is, without the NULs behind it; none for other types.
pub fn fixed_text(data_type: DataType, element: &[u8]) -> Option<String> {
    let text: String = match data_type {
        DataType::FixedText(_) => String::from_utf8_lossy(element).into_owned(),
        DataType::FixedUnicode(_) => {
            let points = element.as_chunks().0.iter().map(|point| u32::from_le_bytes(*point));
            points.filter_map(char::from_u32).collect()
        }
        _ => return None,
    };
    Some(text.trim_end_matches('\0').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_by_their_type() {
        assert_eq!(whole_number(DataType::I16, &[0xfe, 0xff]), -2);
        assert_eq!(whole_number(DataType::U16, &[0xfe, 0xff]), 65_534);
        assert_eq!(whole_number(DataType::U64, &[0xff; 8]), i128::from(u64::MAX));
        assert_eq!(fixed_text(DataType::FixedText(4), b"ab\0\0").unwrap(), "ab");
        assert_eq!(fixed_text(DataType::FixedUnicode(2), &[0xfc, 0, 0, 0, 0, 0, 0, 0]).unwrap(), "ü");
        assert_eq!(fixed_text(DataType::I8, b"a"), None);
    }
}
