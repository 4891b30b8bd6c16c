//! Unpacking as xarray 2026.9 does: the expected bits are its own, of attributes that are numpy's scalars, as netCDF4
//! gives them.

use model::{AttributeValue, Attributes, ByteOrder, ChunkGrid, DataType, NodePath, Numbers, Variable};

use super::*;
use crate::{Unpacking, promote, with_missing};

fn variable(data_type: DataType, attributes: &[(&str, Numbers)]) -> Variable {
    let attributes = attributes
        .iter()
        .map(|(name, numbers)| ((*name).to_owned(), AttributeValue::Numbers(numbers.clone())));
    Variable {
        path: NodePath::parse("v").unwrap(),
        dimensions: vec!["x".into()],
        data_type,
        byte_order: ByteOrder::Little,
        grid: ChunkGrid::new(vec![4], vec![4]).unwrap(),
        codecs: vec![],
        fill_value: None,
        attributes: attributes.collect(),
    }
}

fn plain(data_type: DataType) -> Variable {
    Variable { attributes: Attributes::new(), ..variable(data_type, &[]) }
}

const SHORTS: [i16; 4] = [1, -7, -32767, 12345];

fn shorts() -> Vec<u8> {
    SHORTS.iter().flat_map(|n| n.to_le_bytes()).collect()
}

fn longs() -> Vec<u8> {
    SHORTS.iter().flat_map(|n| i32::from(*n).to_le_bytes()).collect()
}

fn singles(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|n| n.to_le_bytes()).collect()
}

/// Bits of unpacked floats.
fn bits(bytes: &[u8], data_type: DataType) -> Vec<u64> {
    let size = data_type.size().unwrap();
    let word = |element: &[u8]| element.iter().rev().fold(0, |bits, byte| bits << 8 | u64::from(*byte));
    bytes.chunks_exact(size).map(word).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn packed_numbers_are_those_of_xarray() {
    use DataType::{F32, F64, I8, I16, I32};
    let fill = || ("_FillValue", Numbers::I16(vec![-32767]));
    let scale = || ("scale_factor", Numbers::F32(vec![0.01]));
    let offset = || ("add_offset", Numbers::F32(vec![273.0]));
    let cases: Vec<(Variable, Vec<u8>, DataType, Vec<u64>)> = vec![
        (
            variable(I16, &[scale(), offset(), fill()]),
            shorts(),
            F32,
            vec![0x4388_8148, 0x4388_770a, 0x7fc0_0000, 0x43c6_399a],
        ),
        (
            variable(
                I16,
                &[("scale_factor", Numbers::F64(vec![0.01])), ("add_offset", Numbers::F64(vec![273.15]))],
            ),
            shorts(),
            F64,
            vec![0x4071_128f_5c28_f5c2, 0x4071_1147_ae14_7ae1, 0xc04b_428f_5c28_f5c8, 0x4078_c999_9999_9999],
        ),
        (variable(I16, &[scale()]), shorts(), F32, vec![0x3c23_d70a, 0xbd8f_5c29, 0xc3a3_d5c2, 0x42f6_e666]),
        (
            variable(I16, &[("add_offset", Numbers::F32(vec![1.5])), fill()]),
            shorts(),
            F64,
            vec![0x4004_0000_0000_0000, 0xc016_0000_0000_0000, 0x7ff8_0000_0000_0000, 0x40c8_1d40_0000_0000],
        ),
        (variable(I16, &[fill()]), shorts(), F32, vec![0x3f80_0000, 0xc0e0_0000, 0x7fc0_0000, 0x4640_e400]),
        (
            variable(I32, &[scale(), offset()]),
            longs(),
            F64,
            vec![0x4071_1028_f5c2_8000, 0x4071_0ee1_47ae_8000, 0xc04b_55c2_51ec_0000, 0x4078_c733_304e_8000],
        ),
        (
            variable(I32, &[("missing_value", Numbers::I32(vec![1]))]),
            longs(),
            F64,
            vec![0x7ff8_0000_0000_0000, 0xc01c_0000_0000_0000, 0xc0df_ffc0_0000_0000, 0x40c8_1c80_0000_0000],
        ),
        (
            variable(
                F32,
                &[("_FillValue", Numbers::F32(vec![1e20])), ("scale_factor", Numbers::F64(vec![0.1]))],
            ),
            singles(&[1.5, 1e20]),
            F64,
            vec![0x3fc3_3333_3333_3334, 0x7ff8_0000_0000_0000],
        ),
        (
            variable(
                F32,
                &[("_FillValue", Numbers::F32(vec![f32::NAN])), ("scale_factor", Numbers::F64(vec![0.1]))],
            ),
            singles(&[1.5, 2.25]),
            F32,
            vec![0x3e19_999a, 0x3e66_6666],
        ),
        (
            variable(F32, &[("missing_value", Numbers::F64(vec![1e20]))]),
            singles(&[1.5, 1e20]),
            F32,
            vec![0x3fc0_0000, 0x60ad_78ec],
        ),
    ];
    for (packed, bytes, data_type, expected) in cases {
        assert_eq!(Packing::of(&packed).unwrap().unpacked_type(), Ok(data_type), "{packed:?}");
        let unpacked = Unpacking::between(&packed, &plain(data_type)).unwrap().apply(&bytes).unwrap();
        assert_eq!(bits(&unpacked, data_type), expected, "{packed:?}");
    }
    let mut unsigned = variable(I8, &[("_FillValue", Numbers::I8(vec![-1]))]);
    unsigned.attributes.set("_Unsigned", AttributeValue::Text("true".into()));
    let unpacked = Unpacking::between(&unsigned, &plain(F32)).unwrap().apply(&[255, 3]).unwrap();
    assert_eq!(bits(&unpacked, F32), [0x7fc0_0000, 0x4040_0000]);
    assert_eq!(Packing::of(&unsigned).unwrap().missing_element(), Some(vec![255]));
}

#[test]
fn floats_of_16_bits_become_those_of_32() {
    // numpy: np.array([1, -2.5, 65504, np.inf, 6e-8, -32768], "f2"), of which the last is the mark.
    let halves: Vec<u8> =
        [0x3c00_u16, 0xc100, 0x7bff, 0x7c00, 0x0001, 0xf800].into_iter().flat_map(u16::to_le_bytes).collect();
    let fill = ("_FillValue", Numbers::F32(vec![-32768.0]));
    let unpacking = Unpacking::between(&variable(DataType::F16, &[fill]), &plain(DataType::F32)).unwrap();
    let smallest = 5.960_464_5e-8;
    let wanted = singles(&[1.0, -2.5, 65504.0, f32::INFINITY, smallest, f32::NAN]);
    assert_eq!(unpacking.apply(&halves).unwrap(), wanted);
    let scale = ("scale_factor", Numbers::F32(vec![0.5]));
    let unpacking = Unpacking::between(&variable(DataType::F16, &[scale]), &plain(DataType::F32)).unwrap();
    assert_eq!(unpacking.apply(&halves[..4]).unwrap(), singles(&[0.5, -1.25]));
}

#[test]
fn types_are_promoted_as_numpy_does() {
    use DataType::{F16, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
    let types = [I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64];
    let table = [
        [I8, I16, I32, I64, I16, I32, I64, F64, F16, F32, F64],
        [I16, I16, I32, I64, I16, I32, I64, F64, F32, F32, F64],
        [I32, I32, I32, I64, I32, I32, I64, F64, F64, F64, F64],
        [I64, I64, I64, I64, I64, I64, I64, F64, F64, F64, F64],
        [I16, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64],
        [I32, I32, I32, I64, U16, U16, U32, U64, F32, F32, F64],
        [I64, I64, I64, I64, U32, U32, U32, U64, F64, F64, F64],
        [F64, F64, F64, F64, U64, U64, U64, U64, F64, F64, F64],
        [F16, F32, F64, F64, F16, F32, F64, F64, F16, F32, F64],
        [F32, F32, F64, F64, F32, F32, F64, F64, F32, F32, F64],
        [F64; 11],
    ];
    for (a, row) in types.iter().zip(table) {
        for (b, expected) in types.iter().zip(row) {
            assert_eq!(promote(*a, *b), Some(expected), "{a:?} {b:?}");
        }
    }
    assert_eq!(promote(F32, DataType::Text), None);
    assert_eq!(with_missing(I16), Some(F32));
    assert_eq!(with_missing(U32), Some(F64));
}

#[test]
fn a_mark_of_missing_values_is_kept_and_never_given_to_a_value() {
    let marked = |mark: f32| variable(DataType::F32, &[("_FillValue", Numbers::F32(vec![mark]))]);
    let unpacking = Unpacking::between(&marked(-9.0), &marked(1e20)).unwrap();
    assert_eq!(unpacking.apply(&singles(&[1.0, -9.0])).unwrap(), singles(&[1.0, 1e20]));
    assert!(matches!(unpacking.apply(&singles(&[1e20])), Err(PackingError::Collision(_))));
    assert!(Unpacking::between(&marked(1e20), &marked(1e20)).unwrap().is_copy());
    assert!(Unpacking::between(&marked(f32::NAN), &plain(DataType::F32)).unwrap().is_copy());
}

#[test]
fn what_cannot_be_converted_is_an_error() {
    let integer_scale = variable(DataType::I16, &[("scale_factor", Numbers::I16(vec![2]))]);
    assert_eq!(Packing::of(&integer_scale).unwrap().unpacked_type(), Err(PackingError::IntegerScale));
    let two = variable(DataType::I16, &[("scale_factor", Numbers::F32(vec![2.0, 3.0]))]);
    assert_eq!(Packing::of(&two), Err(PackingError::Attribute("scale_factor")));
    assert!(Unpacking::between(&plain(DataType::F64), &plain(DataType::F32)).is_err());
    let odd = Unpacking::between(&plain(DataType::I16), &plain(DataType::I32)).unwrap().apply(&[1, 2, 3]);
    assert!(matches!(odd, Err(PackingError::Length { bytes: 3, .. })));
}
