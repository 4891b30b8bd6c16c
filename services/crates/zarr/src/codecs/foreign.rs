//! Codecs of arrays that only the crate `zarrs` knows: bit rounding, scales and offsets, pcodec.

use std::num::NonZeroU64;

use bytes::Bytes;
use model::{ByteOrder, Codec, DataType, Variable};
use serde_json::{Value, json};
use zarrs::array::codec::CodecChain;
use zarrs::array::codec::api::{ArrayToBytesCodecTraits, Codec as ZarrsCodec, CodecOptions};
use zarrs::array::{ArrayBytes, FillValue};
use zarrs::metadata::v3::MetadataV3;

use super::{Result, corrupt, named, unsupported};

/// A chain from elements to bytes.
#[derive(Debug)]
pub(super) struct Foreign {
    chain: CodecChain,
    shape: Vec<NonZeroU64>,
    data_type: zarrs::array::DataType,
    fill_value: FillValue,
}

impl Foreign {
    pub(super) fn new(variable: &Variable, shape: &[u64], codecs: &[Codec]) -> Result<Self> {
        let mut chain = Vec::with_capacity(codecs.len() + 1);
        let mut has_bytes = false;
        for codec in codecs {
            let metadata = metadata(variable, codec)?;
            let made = ZarrsCodec::from_metadata(&metadata).map_err(unsupported)?;
            has_bytes |= matches!(made, ZarrsCodec::ArrayToBytes(_));
            chain.push(metadata);
        }
        if !has_bytes {
            let endian = if variable.byte_order == ByteOrder::Big { "big" } else { "little" };
            chain.push(parsed(&json!({"name": "bytes", "configuration": {"endian": endian}}))?);
        }
        let chain = CodecChain::from_metadata(&chain).map_err(unsupported)?;
        let name = name(variable.data_type).ok_or_else(|| unsupported("a filter of numbers on text"))?;
        let data_type = zarrs::array::DataType::from_metadata(&MetadataV3::new(name)).map_err(unsupported)?;
        let size = variable.data_type.size().unwrap_or_default();
        let fill = variable.fill_value.clone().filter(|fill| fill.len() == size).unwrap_or(vec![0; size]);
        let shape = shape.iter().map(|length| NonZeroU64::new(*length)).collect::<Option<_>>();
        let shape = shape.ok_or_else(|| unsupported("a chunk of no elements"))?;
        Ok(Self { chain, shape, data_type, fill_value: FillValue::new(fill) })
    }

    pub(super) fn decode(&self, bytes: &[u8]) -> Result<Bytes> {
        let options = CodecOptions::default();
        let decoded = self
            .chain
            .decode(bytes.into(), &self.shape, &self.data_type, &self.fill_value, &options)
            .map_err(corrupt)?;
        Ok(decoded.into_fixed().map_err(corrupt)?.into_owned().into())
    }

    pub(super) fn encode(&self, elements: &[u8]) -> Result<Bytes> {
        let options = CodecOptions::default();
        let array = ArrayBytes::new_flen(elements);
        let encoded = self
            .chain
            .encode(array, &self.shape, &self.data_type, &self.fill_value, &options)
            .map_err(unsupported)?;
        Ok(encoded.into_owned().into())
    }
}

/// As Zarr v3 writes it, which is the only way in which `zarrs` knows all of them.
fn metadata(variable: &Variable, codec: &Codec) -> Result<MetadataV3> {
    let (configuration, is_of_v3) = match codec {
        Codec::Transpose { order } => {
            return parsed(&json!({"name": "transpose", "configuration": {"order": order}}));
        }
        Codec::Numcodecs { configuration, .. } => (configuration, false),
        Codec::Zarr3 { configuration } => (configuration, true),
        other => return Err(unsupported(format!("{other:?} behind a filter of numbers"))),
    };
    let mut value: Value = serde_json::from_str(configuration).map_err(unsupported)?;
    if is_of_v3 {
        return parsed(&value);
    }
    let name = format!("numcodecs.{}", named::name(&value, false));
    if let Some(settings) = value.as_object_mut() {
        settings.shift_remove("id");
        // `zarrs` takes types with an order of bytes for ones that it does not know.
        for key in ["dtype", "astype"] {
            if let Some(Value::String(name)) = settings.get_mut(key) {
                if name.starts_with('>') != (variable.byte_order == ByteOrder::Big)
                    && name.starts_with(['<', '>'])
                {
                    return Err(unsupported("a filter of numbers that turns their bytes"));
                }
                *name = name.trim_start_matches(['<', '>', '|', '=']).to_owned();
            }
        }
    }
    parsed(&json!({"name": name, "configuration": value}))
}

fn parsed(value: &Value) -> Result<MetadataV3> {
    // Through text: numbers here keep their digits, which only a parser of text undoes.
    serde_json::from_str(&value.to_string()).map_err(unsupported)
}

fn name(data_type: DataType) -> Option<&'static str> {
    Some(match data_type {
        DataType::Bool => "bool",
        DataType::I8 => "int8",
        DataType::I16 => "int16",
        DataType::I32 => "int32",
        DataType::I64 => "int64",
        DataType::U8 => "uint8",
        DataType::U16 => "uint16",
        DataType::U32 => "uint32",
        DataType::U64 => "uint64",
        DataType::F16 => "float16",
        DataType::F32 => "float32",
        DataType::F64 => "float64",
        DataType::FixedText(_) | DataType::FixedUnicode(_) | DataType::Opaque(_) | DataType::Text => {
            return None;
        }
    })
}
