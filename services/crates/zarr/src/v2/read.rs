//! Reading the documents of Zarr v2.

mod codecs;

use model::{
    AttributeValue, Attributes, ByteOrder, ChunkGrid, ChunkKeyEncoding, Codec, DataType, NodePath, Variable,
};
use serde::Deserialize;
use serde_json::Value;

use crate::fill_value;
use crate::read::{self, ReadArray, ReadError};

/// `.zarray`, as far as it matters.
#[derive(Deserialize)]
struct ArrayDocument {
    zarr_format: u32,
    shape: Vec<u64>,
    chunks: Vec<u64>,
    dtype: Value,
    compressor: Option<Value>,
    #[serde(default)]
    fill_value: Value,
    #[serde(default)]
    order: Option<String>,
    #[serde(default)]
    filters: Option<Vec<Value>>,
    #[serde(default)]
    dimension_separator: Option<char>,
}

/// The array of a `.zarray` with its `.zattrs`. Its `fill_value` is also what is missing, as xarray reads it: the
/// attribute `_FillValue`.
pub fn array(path: NodePath, zarray: &[u8], zattrs: Option<&[u8]>) -> Result<ReadArray, ReadError> {
    let document: ArrayDocument = serde_json::from_value(read::from_python(zarray)?)?;
    if document.zarr_format != 2 {
        return Err(ReadError::Wrong("zarr_format is not 2"));
    }
    let mut attributes = attributes(zattrs)?;
    let element = element(&document)?;
    let chunks = document.shape.iter().zip(&document.chunks);
    // Writers give empty dimensions chunks of no length.
    let chunk_shape: Vec<u64> = chunks.map(|(n, c)| if *n == 0 { (*c).max(1) } else { *c }).collect();
    if document.chunks.len() != document.shape.len() {
        return Err(ReadError::Wrong("shape and chunks have different ranks"));
    }
    let mut codecs = codecs::read(document.filters.as_deref(), document.compressor.as_ref(), element.size)?;
    if document.order.as_deref() == Some("F") && document.shape.len() > 1 {
        codecs.insert(0, Codec::Transpose { order: (0..document.shape.len() as u32).rev().collect() });
    }
    if element.data_type == DataType::Text && !codecs.contains(&Codec::VlenUtf8) {
        return Err(ReadError::Unsupported("an array of objects that are no texts".into()));
    }
    let dimensions = dimensions(&mut attributes, &path, document.shape.len())?;
    element.time.iter().for_each(|time| time.describe(&mut attributes));
    let fill_value = fill_value::from_json(&document.fill_value, element.data_type);
    if let Some(stated) =
        fill_value.as_deref().and_then(|fill| fill_value::to_attribute(fill, element.data_type))
    {
        attributes.set("_FillValue", stated);
    }
    Ok(ReadArray {
        variable: Variable {
            path,
            dimensions,
            data_type: element.data_type,
            byte_order: element.byte_order,
            grid: ChunkGrid::new(document.shape, chunk_shape)?,
            codecs,
            fill_value,
            attributes,
        },
        encoding: ChunkKeyEncoding {
            has_prefix: false,
            separator: document.dimension_separator.filter(|separator| *separator == '/').unwrap_or('.'),
        },
    })
}

/// The attributes of a `.zattrs`, if there is one.
pub fn attributes(zattrs: Option<&[u8]>) -> Result<Attributes, ReadError> {
    let Some(json) = zattrs else { return Ok(Attributes::new()) };
    match read::from_python(json)? {
        Value::Object(object) => Ok(read::attributes(&object)),
        _ => Err(ReadError::Wrong("attributes are no object")),
    }
}

/// xarray's names of dimensions; where there are none, names that no other array has.
fn dimensions(attributes: &mut Attributes, path: &NodePath, rank: usize) -> Result<Vec<String>, ReadError> {
    let names = match attributes.remove("_ARRAY_DIMENSIONS") {
        Some(AttributeValue::Texts(names)) => names,
        Some(AttributeValue::Numbers(none)) if none.is_empty() => Vec::new(),
        Some(_) => return Err(ReadError::Wrong("_ARRAY_DIMENSIONS is no list of names")),
        None => (0..rank).map(|at| format!("{}_dim_{at}", path.name())).collect(),
    };
    if names.len() == rank {
        Ok(names)
    } else {
        Err(ReadError::Wrong("_ARRAY_DIMENSIONS has not the array's rank"))
    }
}

/// An element type.
struct Element {
    data_type: DataType,
    byte_order: ByteOrder,
    size: usize,
    time: Option<Time>,
}

/// numpy's times, which netCDF has as numbers with units.
struct Time {
    units: &'static str,
    is_difference: bool,
}

impl Time {
    fn describe(&self, attributes: &mut Attributes) {
        if attributes.get("units").is_some() {
            return;
        }
        let units = self.units;
        if self.is_difference {
            attributes.set("units", AttributeValue::Text(units.into()));
        } else {
            attributes.set("units", AttributeValue::Text(format!("{units} since 1970-01-01")));
            attributes.set("calendar", AttributeValue::Text("proleptic_gregorian".into()));
        }
    }
}

fn element(document: &ArrayDocument) -> Result<Element, ReadError> {
    let unsupported = || ReadError::Unsupported(format!("data type {}", document.dtype));
    let text = document.dtype.as_str().ok_or_else(unsupported)?;
    let byte_order = if text.starts_with('>') { ByteOrder::Big } else { ByteOrder::Little };
    let name = text.strip_prefix(['<', '>', '|', '=']).ok_or_else(unsupported)?;
    let length = |digits: &str| digits.parse::<u32>().ok().filter(|length| (1..=1 << 20).contains(length));
    let mut time = None;
    let data_type = match name {
        "b1" => DataType::Bool,
        "i1" => DataType::I8,
        "i2" => DataType::I16,
        "i4" => DataType::I32,
        "i8" => DataType::I64,
        "u1" => DataType::U8,
        "u2" => DataType::U16,
        "u4" => DataType::U32,
        "u8" => DataType::U64,
        "f2" => DataType::F16,
        "f4" => DataType::F32,
        "f8" => DataType::F64,
        "O" => DataType::Text,
        other => match (other.split_at_checked(1), other.get(..2)) {
            (_, Some("M8" | "m8")) => {
                let units = match &other[2..] {
                    "[ns]" => "nanoseconds",
                    "[us]" => "microseconds",
                    "[ms]" => "milliseconds",
                    "[s]" => "seconds",
                    "[m]" => "minutes",
                    "[h]" => "hours",
                    "[D]" => "days",
                    _ => return Err(unsupported()),
                };
                time = Some(Time { units, is_difference: other.starts_with('m') });
                DataType::I64
            }
            (Some(("S", digits)), _) => DataType::FixedText(length(digits).ok_or_else(unsupported)?),
            (Some(("V", digits)), _) => DataType::Opaque(length(digits).ok_or_else(unsupported)?),
            _ => return Err(unsupported()),
        },
    };
    Ok(Element { data_type, byte_order, size: data_type.size().unwrap_or(1), time })
}

#[cfg(test)]
mod tests;
