//! The decoded view of a dataset: the same, but for variables whose codecs readers do not have as they are installed.
//! Their chunks are decoded, and encoded anew with what all readers have.

use std::borrow::Cow;

use model::{
    AttributeValue, BloscCompressor, BloscShuffle, ByteOrder, Codec, DataType, Dataset, Numbers, Variable,
};

use crate::v2::need_extra_codecs;

/// The most bits of a packed GRIB value that a 32-bit float holds.
const SINGLE_BITS_MAX: f64 = 24.0;

/// The dataset as the decoded view shows it.
pub fn dataset(dataset: &Dataset) -> Dataset {
    let shown = |own: &Variable| variable(own).unwrap_or_else(|| own.clone());
    Dataset { groups: dataset.groups.clone(), variables: dataset.variables.iter().map(shown).collect() }
}

/// A variable as the decoded view shows it; none where that is the variable as it is.
pub fn variable(variable: &Variable) -> Option<Variable> {
    let size = variable.data_type.size()?;
    if !needs_decoding(&variable.codecs) {
        return None;
    }
    let mut decoded = Variable { byte_order: ByteOrder::Little, ..variable.clone() };
    let mut element_size = size;
    if variable.codecs.contains(&Codec::RawGrib) {
        decoded.data_type = grib_type(variable);
        decoded.fill_value = Some(missing(decoded.data_type));
        // Missing points are NaN, whatever number the messages have for them.
        decoded.attributes =
            variable.attributes.iter().filter(|(name, _)| !is_missing_value(name)).map(owned).collect();
        element_size = decoded.data_type.size().unwrap_or(size);
    }
    decoded.codecs = vec![Codec::Blosc {
        compressor: BloscCompressor::Lz4,
        level: 5,
        shuffle: BloscShuffle::Byte,
        element_size: u32::try_from(element_size).unwrap_or(1),
        block_size: 0,
    }];
    Some(decoded)
}

/// Whether the decoded view shows a variable otherwise than it is stored.
pub fn is_decoded(variable: &Variable) -> bool {
    variable.data_type.size().is_some() && needs_decoding(&variable.codecs)
}

fn needs_decoding(codecs: &[Codec]) -> bool {
    codecs.iter().any(|codec| match codec {
        Codec::Sharding(sharding) => needs_decoding(&sharding.codecs),
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
    use super::*;
    use crate::test_datasets;

    #[test]
    fn only_what_readers_lack_is_shown_otherwise() {
        assert_eq!(variable(&test_datasets::variable("tas")), None);
        let stored = Variable {
            byte_order: ByteOrder::Big,
            codecs: vec![Codec::Lz4Hdf5],
            ..test_datasets::variable("tas")
        };
        let decoded = variable(&stored).unwrap();
        assert!(matches!(decoded.codecs[..], [Codec::Blosc { element_size: 4, .. }]));
        assert_eq!((decoded.byte_order, decoded.data_type), (ByteOrder::Little, DataType::F32));
        assert_eq!((&decoded.grid, &decoded.attributes), (&stored.grid, &stored.attributes));
    }

    #[test]
    fn fields_of_grib_have_nan_for_missing_points_and_as_many_bits_as_they_need() {
        let mut stored = Variable { codecs: vec![Codec::RawGrib], ..test_datasets::variable("t") };
        let decoded = variable(&stored).unwrap();
        assert_eq!(decoded.data_type, DataType::F32);
        assert!(decoded.attributes.get("_FillValue").is_none());
        assert_eq!(decoded.attributes.text("units"), Some("K"));
        stored.attributes.set("GRIB_bitsPerValue", AttributeValue::Numbers(Numbers::I64(vec![32])));
        assert_eq!(variable(&stored).unwrap().data_type, DataType::F64);
    }
}
