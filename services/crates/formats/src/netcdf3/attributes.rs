//! Attributes as netCDF readers show them.

use std::collections::HashSet;

use model::{AttributeValue, Attributes, ByteOrder, DataType, Warning};

use super::{header::data_type, reader::Reader};
use crate::{
    ScanFault, ScanOptions,
    numbers::{numbers, to_little_endian},
};

const ATTRIBUTES: u32 = 0x0c;

/// The attributes of a variable or, without subject, of the file. What cannot be shown as it is becomes a warning.
pub(super) fn read(
    reader: &mut Reader,
    subject: &str,
    options: &ScanOptions,
    warnings: &mut Vec<Warning>,
) -> Result<Attributes, ScanFault> {
    let count = reader.list(ATTRIBUTES, "attributes")?;
    let mut attributes = Vec::new();
    let mut taken = HashSet::new();
    for _ in 0..count {
        let (name, mut faithful) = reader.name()?;
        let mut warn = |message: String| {
            warnings.push(Warning { subject: format!("{subject}@{name}"), message });
        };
        let code = reader.number()?;
        let length = reader.count()?;
        let Some(data_type) = data_type(code, reader.variant()) else {
            return Err(ScanFault::Damaged(format!("attribute {name:?} has the unknown type {code}")));
        };
        let size = data_type.size().unwrap_or(1) as u64;
        let bytes_max = options.attribute_bytes_max;
        let bytes = length.saturating_mul(size);
        if bytes > bytes_max as u64 {
            warn(format!("left out: it has more than {bytes_max} bytes"));
            reader.skip(bytes)?;
            continue;
        }
        let bytes = reader.padded(bytes)?;
        if !taken.insert(name.clone()) {
            warn("left out: a second attribute of this name".to_owned());
            continue;
        }
        let (value, is_text) = value(bytes, data_type);
        faithful &= is_text;
        if !faithful {
            warn("text that is not UTF-8: unknown bytes are shown as \u{fffd}".to_owned());
        }
        attributes.push((name, value));
    }
    Ok(attributes.into_iter().collect())
}

/// A value, and whether its text was UTF-8. Writers end texts with NULs, or do not; netCDF readers show none.
fn value(mut bytes: Vec<u8>, data_type: DataType) -> (AttributeValue, bool) {
    to_little_endian(&mut bytes, data_type, ByteOrder::Big);
    if let Some(numbers) = numbers(&bytes, data_type) {
        return (AttributeValue::Numbers(numbers), true);
    }
    bytes.retain(|byte| *byte != 0);
    match String::from_utf8(bytes) {
        Ok(text) => (AttributeValue::Text(text), true),
        Err(error) => (AttributeValue::Text(String::from_utf8_lossy(error.as_bytes()).into_owned()), false),
    }
}
