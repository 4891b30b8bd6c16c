//! Which type holds the numbers of two types: numpy's `result_type`, and xarray's `maybe_promote` for missing values.

use model::DataType::{self, F16, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};

/// The type that numpy gives arrays of two types put one behind the other; none where they are no numbers.
pub fn promote(a: DataType, b: DataType) -> Option<DataType> {
    if a == b {
        return Some(a);
    }
    if !a.is_numeric() || !b.is_numeric() {
        return None;
    }
    let (a_size, b_size) = (a.size()?, b.size()?);
    match (is_float(a), is_float(b)) {
        (true, true) => Some(if a_size > b_size { a } else { b }),
        (true, false) => Some(float_with_integer(a, b_size)),
        (false, true) => Some(float_with_integer(b, a_size)),
        (false, false) if is_signed(a) == is_signed(b) => Some(if a_size > b_size { a } else { b }),
        (false, false) => {
            let (signed, unsigned) = if is_signed(a) { (a_size, b_size) } else { (b_size, a_size) };
            Some(match signed.max(2 * unsigned) {
                1 => I8,
                2 => I16,
                4 => I32,
                8 => I64,
                _ => F64,
            })
        }
    }
}

/// The type for numbers of a type some of which are missing; none where they are no numbers.
pub fn with_missing(data_type: DataType) -> Option<DataType> {
    match data_type {
        F16 | F32 | F64 => Some(data_type),
        I8 | I16 | U8 | U16 => Some(F32),
        I32 | I64 | U32 | U64 => Some(F64),
        _ => None,
    }
}

fn float_with_integer(float: DataType, integer_size: usize) -> DataType {
    match (float, integer_size) {
        (F16, 1) => F16,
        (F16 | F32, 1 | 2) => F32,
        _ => F64,
    }
}

pub(crate) fn is_float(data_type: DataType) -> bool {
    matches!(data_type, F16 | F32 | F64)
}

pub(crate) fn is_signed(data_type: DataType) -> bool {
    matches!(data_type, I8 | I16 | I32 | I64)
}

/// The unsigned type of the same size; other types as they are.
pub(super) fn unsigned(data_type: DataType) -> DataType {
    match data_type {
        I8 => U8,
        I16 => U16,
        I32 => U32,
        I64 => U64,
        other => other,
    }
}

/// The signed type of the same size; other types as they are.
pub(super) fn signed(data_type: DataType) -> DataType {
    match data_type {
        U8 => I8,
        U16 => I16,
        U32 => I32,
        U64 => I64,
        other => other,
    }
}
