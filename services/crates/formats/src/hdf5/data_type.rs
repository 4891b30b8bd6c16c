//! HDF5 datatypes as data types of the model.

use model::{ByteOrder, DataType, Numbers};

use super::native::{Class, Datatype, Fault};
use crate::numbers::{numbers, to_little_endian};

/// What an element is, as far as the model can say.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ElementType {
    /// Its type.
    pub(super) data_type: DataType,
    /// Order of its bytes in the file.
    pub(super) byte_order: ByteOrder,
    /// Names and values, if it is an enumeration that is more than a yes or no.
    pub(super) enumeration: Option<Enumeration>,
    /// Whether it is a text that ends at its first NUL.
    pub(super) ends_at_nul: bool,
}

/// What the values of an enumeration mean.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Enumeration {
    pub(super) names: Vec<String>,
    pub(super) values: Numbers,
}

/// The element type of a datatype, or the name of what the model has no type for.
pub(super) fn element_type(datatype: &Datatype) -> Result<Result<ElementType, String>, Fault> {
    let plain =
        |data_type, byte_order| ElementType { data_type, byte_order, enumeration: None, ends_at_nul: false };
    let size = datatype.size();
    let fixed_size = u32::try_from(size).ok().filter(|size| *size > 0);
    let byte_order = match datatype.is_big_endian() {
        Some(true) if size > 1 => ByteOrder::Big,
        Some(_) => ByteOrder::Little,
        None => return Ok(Err(format!("{} in a byte order of its own", name(datatype)))),
    };
    let unknown = || Ok(Err(name(datatype)));
    match datatype.class() {
        Class::Integer | Class::Bitfield if datatype.has_full_precision() => {
            let signed = datatype.class() == Class::Integer && datatype.is_signed();
            Ok(integer(size, signed)
                .map(|data_type| plain(data_type, byte_order))
                .ok_or_else(|| name(datatype)))
        }
        Class::Float => {
            let found = float(datatype)?;
            Ok(found.map(|found| plain(found, byte_order)).ok_or_else(|| name(datatype)))
        }
        Class::Enumeration => enumeration(datatype),
        Class::Text if datatype.is_variable_text() => Ok(Ok(plain(DataType::Text, ByteOrder::Little))),
        Class::Text => Ok(fixed_size
            .map(|size| ElementType {
                ends_at_nul: datatype.ends_at_nul(),
                ..plain(DataType::FixedText(size), ByteOrder::Little)
            })
            .ok_or_else(|| name(datatype))),
        Class::Opaque => Ok(fixed_size
            .map(|size| plain(DataType::Opaque(size), ByteOrder::Little))
            .ok_or_else(|| name(datatype))),
        _ => unknown(),
    }
}

fn integer(size: usize, signed: bool) -> Option<DataType> {
    Some(match (size, signed) {
        (1, true) => DataType::I8,
        (2, true) => DataType::I16,
        (4, true) => DataType::I32,
        (8, true) => DataType::I64,
        (1, false) => DataType::U8,
        (2, false) => DataType::U16,
        (4, false) => DataType::U32,
        (8, false) => DataType::U64,
        _ => return None,
    })
}

/// IEEE 754 floats: others, such as `bfloat16` or the x87's, are as long but mean something else.
fn float(datatype: &Datatype) -> Result<Option<DataType>, Fault> {
    let found = datatype.float_fields()?;
    if !found.implied || !datatype.has_full_precision() {
        return Ok(None);
    }
    Ok(match (datatype.size(), found.fields, found.bias) {
        (2, [15, 10, 5, 0, 10], 15) => Some(DataType::F16),
        (4, [31, 23, 8, 0, 23], 127) => Some(DataType::F32),
        (8, [63, 52, 11, 0, 52], 1023) => Some(DataType::F64),
        _ => None,
    })
}

/// An enumeration is its integers; h5py's `FALSE = 0, TRUE = 1` in one byte is a bool.
fn enumeration(datatype: &Datatype) -> Result<Result<ElementType, String>, Fault> {
    let base = match element_type(&datatype.base()?)? {
        Ok(base) if base.data_type.is_numeric() => base,
        _ => return Ok(Err(name(datatype))),
    };
    let members = datatype.members()?;
    let is_bool = base.data_type.size() == Some(1)
        && members.len() == 2
        && [("FALSE", 0), ("TRUE", 1)]
            .iter()
            .all(|(name, value)| members.iter().any(|(n, v)| n == name && v.as_slice() == [*value]));
    if is_bool {
        return Ok(Ok(ElementType { data_type: DataType::Bool, ..base }));
    }
    let (names, values): (Vec<_>, Vec<_>) = members.into_iter().unzip();
    let mut bytes = values.concat();
    to_little_endian(&mut bytes, base.data_type, base.byte_order);
    let enumeration = numbers(&bytes, base.data_type).map(|values| Enumeration { names, values });
    Ok(Ok(ElementType { enumeration, ..base }))
}

/// What a user calls a type that the model lacks.
pub(super) fn name(datatype: &Datatype) -> String {
    let bits = datatype.size().saturating_mul(8);
    match datatype.class() {
        Class::Integer => format!("an integer that uses part of its {bits} bits"),
        Class::Bitfield => format!("a bit field of {bits} bits"),
        Class::Float => format!("a float of {bits} bits that is not IEEE half, single or double"),
        Class::Time => "a time".to_owned(),
        Class::Text => "a text of no length".to_owned(),
        Class::Opaque => "an opaque type of no length".to_owned(),
        Class::Compound => "a compound".to_owned(),
        Class::Reference => "a reference".to_owned(),
        Class::Enumeration => "an enumeration that is not of integers".to_owned(),
        Class::VariableLength => "a variable-length list".to_owned(),
        Class::Array => "an array in each element".to_owned(),
        Class::Complex => "a complex number".to_owned(),
        Class::Unknown => "of an unknown type".to_owned(),
    }
}
