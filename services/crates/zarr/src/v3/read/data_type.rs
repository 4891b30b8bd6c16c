//! Element types of Zarr v3: the specification's, and those that zarr-python adds.

use model::DataType;
use serde_json::Value;

use crate::read::{ReadError, TimeType, element_size, unicode};

/// A type of the model that holds one of v3.
pub(super) struct Stored {
    pub(super) data_type: DataType,
    pub(super) time: Option<TimeType>,
}

pub(super) fn read(value: &Value) -> Result<Stored, ReadError> {
    let unknown = || ReadError::unsupported(format!("its type is {value}, which the model cannot hold"));
    let name = value.as_str().or_else(|| value.get("name")?.as_str()).ok_or_else(unknown)?;
    let setting = |setting: &str| value.get("configuration").and_then(|settings| settings.get(setting));
    let data_type = match name {
        "bool" => DataType::Bool,
        "int8" => DataType::I8,
        "int16" => DataType::I16,
        "int32" => DataType::I32,
        "int64" => DataType::I64,
        "uint8" => DataType::U8,
        "uint16" => DataType::U16,
        "uint32" => DataType::U32,
        "uint64" => DataType::U64,
        "float16" => DataType::F16,
        "float32" => DataType::F32,
        "float64" => DataType::F64,
        "string" => DataType::Text,
        "fixed_length_utf32" => {
            unicode(setting("length_bytes").and_then(Value::as_u64).ok_or_else(unknown)?)?
        }
        "null_terminated_bytes" | "raw_bytes" => {
            let length = setting("length_bytes").and_then(Value::as_u64).ok_or_else(unknown)?;
            let length = element_size(length)?;
            if name == "raw_bytes" { DataType::Opaque(length) } else { DataType::FixedText(length) }
        }
        "numpy.datetime64" | "numpy.timedelta64" => {
            let is_one = setting("scale_factor").is_none_or(|factor| factor.as_u64() == Some(1));
            let unit = setting("unit").and_then(Value::as_str).filter(|_| is_one);
            let time = unit.and_then(|unit| TimeType::new(unit, name == "numpy.timedelta64"));
            return Ok(Stored { data_type: DataType::I64, time: Some(time.ok_or_else(unknown)?) });
        }
        _ => {
            let bits =
                name.strip_prefix('r').and_then(|bits| bits.parse::<u64>().ok()).ok_or_else(unknown)?;
            if bits == 0 || bits % 8 != 0 {
                return Err(unknown());
            }
            DataType::Opaque(element_size(bits / 8)?)
        }
    };
    Ok(Stored { data_type, time: None })
}
