//! The decoded view of a dataset: chunks decoded through whatever the source has them behind, and encoded anew with
//! what the dataset's administrator chose and every client has.
//!
//! What would not change stays as it is stored, and passes untouched: text, shards that clients can read, chunks that
//! have the wanted encoding already, and small ones without any.

mod encoding;

use std::borrow::Cow;

use model::{AttributeValue, ByteOrder, Codec, DataType, Numbers, Variable};

pub use encoding::Encoding;

use crate::codecs::ChunkCodecs;
use crate::v2::need_extra_codecs;

/// The most bits of a packed GRIB value that a 32-bit float holds.
const SINGLE_BITS_MAX: f64 = 24.0;
/// Largest chunk without any codec, in bytes, that stays as it is: coordinates mostly.
const PLAIN_BYTES_MAX: u64 = 64 << 10;
/// The attribute by which netCDF-C tells that numbers were rounded.
const KEEPBITS: &str = "_QuantizeBitRoundNumberOfSignificantBits";

/// A variable as the decoded view shows it; none where that is the variable as it is.
pub fn variable(variable: &Variable, encoding: &Encoding) -> Option<Variable> {
    if !is_decoded(variable, encoding) || !can_be_decoded(variable) {
        return None;
    }
    let mut decoded = Variable { byte_order: ByteOrder::Little, ..variable.clone() };
    if variable.codecs.contains(&Codec::RawGrib) {
        decoded.data_type = grib_type(variable);
        decoded.fill_value = Some(missing(decoded.data_type));
        // Missing points are NaN, whatever number the messages have for them.
        decoded.attributes =
            variable.attributes.iter().filter(|(name, _)| !is_missing_value(name)).map(owned).collect();
    }
    if let Some(keepbits) = encoding.keepbits(&decoded) {
        decoded.attributes.set(KEEPBITS, AttributeValue::Numbers(Numbers::I32(vec![keepbits.into()])));
    }
    decoded.codecs = encoding.codecs(decoded.data_type.size().unwrap_or(1));
    Some(decoded)
}

/// Whether a variable's codecs are known here: else its chunks pass as they are.
fn can_be_decoded(variable: &Variable) -> bool {
    variable.codecs == [Codec::RawGrib] || ChunkCodecs::new(variable).is_ok()
}

fn is_decoded(variable: &Variable, encoding: &Encoding) -> bool {
    let Some(size) = variable.data_type.size() else { return false };
    if need_decoding(&variable.codecs) || encoding.keepbits(variable).is_some() {
        return true;
    }
    let is_little = variable.byte_order == ByteOrder::Little || size == 1;
    match variable.codecs.as_slice() {
        // Inner chunks are what clients read.
        [Codec::Sharding(_)] => false,
        [] if is_little => chunk_bytes(variable) > PLAIN_BYTES_MAX && encoding.codec.is_some(),
        codecs => !is_little || codecs != encoding.codecs(size),
    }
}

/// Bytes of a chunk's elements.
fn chunk_bytes(variable: &Variable) -> u64 {
    let size = variable.data_type.size().unwrap_or(1) as u64;
    variable.grid.chunk_shape().iter().fold(size, |product, length| product.saturating_mul(*length))
}

/// Whether readers, as they are installed, lack one of the codecs.
pub fn needs_decoding(variable: &Variable) -> bool {
    variable.data_type.size().is_some() && need_decoding(&variable.codecs)
}

fn need_decoding(codecs: &[Codec]) -> bool {
    codecs.iter().any(|codec| match codec {
        Codec::Sharding(sharding) => need_decoding(&sharding.codecs),
        // imagecodecs and the like, which are installed beside numcodecs.
        Codec::Numcodecs { .. } | Codec::Zarr3 { .. } => {
            let known = crate::codecs::known(codec).map_or(Cow::Borrowed(codec), Cow::Owned);
            need_extra_codecs(std::slice::from_ref(known.as_ref()))
        }
        codec => need_extra_codecs(std::slice::from_ref(codec)),
    })
}

fn is_missing_value(name: &str) -> bool {
    matches!(name, "_FillValue" | "missing_value" | "GRIB_missingValue")
}

fn owned((name, value): (&str, &AttributeValue)) -> (String, AttributeValue) {
    (name.to_owned(), value.clone())
}

/// Single precision, unless values are packed with more bits than it has.
fn grib_type(variable: &Variable) -> DataType {
    let bits =
        ["GRIB_bitsPerValue", "bitsPerValue"].iter().find_map(|name| match variable.attributes.get(name) {
            Some(AttributeValue::Numbers(numbers)) => first(numbers),
            _ => None,
        });
    if bits.is_some_and(|bits| bits > SINGLE_BITS_MAX) { DataType::F64 } else { DataType::F32 }
}

fn first(numbers: &Numbers) -> Option<f64> {
    Some(match numbers {
        Numbers::I8(v) => (*v.first()?).into(),
        Numbers::I16(v) => (*v.first()?).into(),
        Numbers::I32(v) => (*v.first()?).into(),
        Numbers::I64(v) => *v.first()? as f64,
        Numbers::U8(v) => (*v.first()?).into(),
        Numbers::U16(v) => (*v.first()?).into(),
        Numbers::U32(v) => (*v.first()?).into(),
        Numbers::U64(v) => *v.first()? as f64,
        Numbers::F32(v) => (*v.first()?).into(),
        Numbers::F64(v) => *v.first()?,
    })
}

fn missing(data_type: DataType) -> Vec<u8> {
    match data_type {
        DataType::F64 => f64::NAN.to_le_bytes().to_vec(),
        _ => f32::NAN.to_le_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use model::{BloscCompressor, BloscShuffle};

    use super::*;
    use crate::test_datasets;

    fn lossless() -> Encoding {
        Encoding::default()
    }

    #[test]
    fn what_is_stored_otherwise_is_shown_in_the_chosen_encoding() {
        let stored = Variable {
            byte_order: ByteOrder::Big,
            codecs: vec![Codec::Lz4Hdf5],
            ..test_datasets::variable("tas")
        };
        let decoded = variable(&stored, &lossless()).unwrap();
        assert_eq!(
            decoded.codecs,
            [Codec::Blosc {
                compressor: BloscCompressor::Lz4,
                level: 5,
                shuffle: BloscShuffle::Byte,
                element_size: 4,
                block_size: 0
            }]
        );
        assert_eq!((decoded.byte_order, decoded.data_type), (ByteOrder::Little, DataType::F32));
        assert_eq!((&decoded.grid, &decoded.attributes), (&stored.grid, &stored.attributes));
        assert_eq!(variable(&decoded, &lossless()), None);
        let zstd = Encoding { codec: Some(Codec::Zstd { level: 3 }), ..lossless() };
        assert_eq!(variable(&decoded, &zstd).unwrap().codecs, [Codec::Zstd { level: 3 }]);
    }

    #[test]
    fn small_chunks_without_codecs_and_text_pass() {
        let plain = Variable { codecs: Vec::new(), ..test_datasets::variable("tas") };
        assert_eq!(variable(&plain, &lossless()), None);
        let text = Variable { data_type: DataType::Text, codecs: vec![Codec::VlenUtf8], ..plain };
        assert_eq!(variable(&text, &lossless()), None);
    }

    #[test]
    fn rounded_numbers_say_so_and_integers_are_not_rounded() {
        let tas = test_datasets::variable("tas");
        let encoding = Encoding { keepbits: [("tas".to_owned(), 9)].into(), ..lossless() };
        let shown = variable(&tas, &encoding).unwrap();
        assert_eq!(shown.attributes.get(KEEPBITS), Some(&AttributeValue::Numbers(Numbers::I32(vec![9]))));
        let counts = Variable { data_type: DataType::I32, ..tas.clone() };
        assert_eq!(encoding.keepbits(&counts), None);
        assert_eq!(encoding.keepbits(&test_datasets::variable("ua")), None);
    }

    #[test]
    fn fields_of_grib_have_nan_for_missing_points_and_as_many_bits_as_they_need() {
        let mut stored = Variable { codecs: vec![Codec::RawGrib], ..test_datasets::variable("t") };
        let decoded = variable(&stored, &lossless()).unwrap();
        assert_eq!(decoded.data_type, DataType::F32);
        assert!(decoded.attributes.get("_FillValue").is_none());
        assert_eq!(decoded.attributes.text("units"), Some("K"));
        stored.attributes.set("GRIB_bitsPerValue", AttributeValue::Numbers(Numbers::I64(vec![32])));
        assert_eq!(variable(&stored, &lossless()).unwrap().data_type, DataType::F64);
    }
}
