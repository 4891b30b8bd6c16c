//! Kinds of numbers: what is no float of 32 or 64 bits, and what is huge.

use super::grids::doubles;
use super::*;

/// Five truths, bytes and floats of 16 bits in two columns.
fn kinds() -> Whole {
    let dimensions = [("time", 5, 2), ("x", 2, 2)];
    let halves = [0x7bff_u16, 0x3c00, 0x7bff, 0x3c00, 0x7e00, 0x3c00, 0x7bff, 0x3c00, 0x7bff, 0x3c00];
    let variables = vec![
        variable("truth", &dimensions, DataType::Bool),
        variable("byte", &dimensions, DataType::U8),
        variable("half", &dimensions, DataType::F16),
    ];
    let elements = vec![
        Bytes::from_static(&[1, 0, 1, 0, 0, 0, 1, 1, 1, 0]),
        Bytes::from_static(&[250, 1, 250, 2, 250, 3, 250, 4, 250, 5]),
        halves.into_iter().flat_map(u16::to_le_bytes).collect::<Vec<_>>().into(),
    ];
    Whole { dataset: Dataset { groups: vec![Group::default()], variables }, elements }
}

/// The type and the elements of a variable.
fn made(whole: &Whole, steps: &str, name: &str) -> (DataType, Bytes) {
    let plan = whole.plan(steps).unwrap();
    let place = plan.dataset.variables.iter().position(|variable| variable.path.as_str() == name).unwrap();
    let array = &plan.arrays[place];
    assert_eq!(array.data_type, plan.dataset.variables[place].data_type);
    (array.data_type, whole.region(array, &Region::whole(&array.shape)))
}

fn longs(values: &[i64]) -> Bytes {
    values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into()
}

fn singles(values: &[f32]) -> Bytes {
    values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into()
}

#[test]
fn truths_are_counted_and_their_extremes_are_truths() {
    let whole = kinds();
    assert_eq!(made(&whole, "mean=time", "truth"), (DataType::F64, doubles(&[0.8, 0.2])));
    assert_eq!(made(&whole, "sum=time", "truth"), (DataType::I64, longs(&[4, 1])));
    assert_eq!(made(&whole, "count=time", "truth"), (DataType::I64, longs(&[5, 5])));
    assert_eq!(made(&whole, "max=time", "truth"), (DataType::Bool, Bytes::from_static(&[1, 1])));
    assert_eq!(made(&whole, "min=time", "truth"), (DataType::Bool, Bytes::from_static(&[0, 0])));
    assert_eq!(made(&whole, "last=time", "truth"), (DataType::Bool, Bytes::from_static(&[1, 0])));
}

#[test]
fn sums_of_floats_of_16_bits_are_finite() {
    let whole = kinds();
    assert_eq!(made(&whole, "sum=time", "half"), (DataType::F32, singles(&[262_016.0, 5.0])));
    assert_eq!(made(&whole, "mean=time", "half"), (DataType::F32, singles(&[65_504.0, 1.0])));
    assert_eq!(made(&whole, "arith=a:half*2|max=time", "a"), (DataType::F32, singles(&[131_008.0, 2.0])));
}

#[test]
fn integers_that_are_padded_become_floats() {
    let whole = kinds();
    let padded = (DataType::F32, singles(&[750.0, 6.0, 500.0, 9.0]));
    assert_eq!(made(&whole, "coarsen=time:3:sum:pad", "byte"), padded);
    assert_eq!(made(&whole, "coarsen=time:3:count:pad", "byte"), (DataType::I64, longs(&[3, 3, 2, 2])));
    let whole_blocks = (DataType::U8, Bytes::from_static(&[250, 5]));
    assert_eq!(made(&whole, "coarsen=time:5:max:pad", "byte"), whole_blocks);
}

#[test]
fn deviations_are_infinite_beyond_all_numbers_and_missing_of_infinities() {
    let dimensions = [("time", 3, 1), ("x", 4, 4)];
    let variables = vec![variable("v", &dimensions, DataType::F64)];
    let (huge, infinite) = (1e300, f64::INFINITY);
    let values = [huge, huge, infinite, 1.0, -huge, huge, 1.0, infinite, huge, huge, 2.0, 3.0];
    let elements = vec![doubles(&values)];
    let whole = Whole { dataset: Dataset { groups: vec![Group::default()], variables }, elements };
    for steps in ["variance=time", "isel=x:0..4|std=time"] {
        let found = whole.numbers(&whole.plan(steps).unwrap(), "v");
        assert_eq!(found[..2], [infinite, 0.0], "{steps}");
        assert!(found[2].is_nan() && found[3].is_nan(), "{steps}: {found:?}");
    }
    let along: Vec<f64> = whole.numbers(&whole.plan("variance=x").unwrap(), "v");
    assert!(along[0].is_nan() && along[1].is_nan() && along[2].is_infinite(), "{along:?}");
}
