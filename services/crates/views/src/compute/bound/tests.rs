//! Bounds hold, for any floats.

#![expect(clippy::float_cmp, reason = "rounded numbers are exact, and a mark is one number")]

use proptest::prelude::*;

use super::*;

fn round_doubles(bound: ErrorBound, values: &[f64], marks: &[f64]) -> (Vec<f64>, f64) {
    let elements: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let rounded = round(bound, DataType::F64, &elements, marks).unwrap();
    (rounded.elements.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect(), rounded.error)
}

fn round_singles(bound: ErrorBound, values: &[f32], marks: &[f64]) -> (Vec<f32>, f64) {
    let elements: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let rounded = round(bound, DataType::F32, &elements, marks).unwrap();
    (rounded.elements.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(), rounded.error)
}

#[test]
fn a_relative_error_takes_the_fewest_bits() {
    for (relative, bits) in
        [(0.5, 0), (0.25, 1), (0.2, 2), (1e-3, 9), (0.5_f64.powi(10), 9), (1e-9, 29), (1e-300, 52)]
    {
        let Rounding::Bits { keep, .. } = Rounding::new(ErrorBound::Relative(relative)) else { panic!() };
        assert_eq!(keep, bits, "{relative}");
    }
    let (found, error) = round_doubles(ErrorBound::Relative(0.25), &[1.2, -1.3, 1.75], &[]);
    assert_eq!(found, [1.0, -1.5, 2.0]);
    assert!((error - 0.2 / 1.2).abs() < 1e-15);
    assert_eq!(round_singles(ErrorBound::Relative(1e-9), &[0.1, 7e8], &[]), (vec![0.1, 7e8], 0.0));
}

#[test]
fn so_many_bits_are_kept() {
    let (found, error) = round_singles(ErrorBound::Bits(1), &[1.25, 1.75, 2.0, -1.26], &[]);
    assert_eq!((found, error), (vec![1.0, 2.0, 2.0, -1.5], 0.2));
    assert_eq!(round_singles(ErrorBound::Bits(40), &[0.1], &[]), (vec![0.1], 0.0));
}

#[test]
fn an_absolute_error_takes_the_largest_power_of_two() {
    for (absolute, wanted) in [
        (0.5, 1.0),
        (0.01, 1.0 / 64.0),
        (3.0, 4.0),
        (f64::MIN_POSITIVE / 4.0, f64::MIN_POSITIVE / 2.0),
        (f64::from_bits(5), f64::from_bits(8)),
        (f64::MAX, 2.0_f64.powi(1023)),
        (f64::INFINITY, 2.0_f64.powi(1023)),
        (0.0, 0.0),
        (f64::NAN, 0.0),
    ] {
        assert_eq!(quantum(absolute), wanted, "{absolute}");
    }
    let (found, error) = round_doubles(ErrorBound::Absolute(0.5), &[0.5, 1.5, -0.25, 273.15, 1e300], &[]);
    assert_eq!((found, error), (vec![0.0, 2.0, 0.0, 273.0, 1e300], 0.5));
    let (found, _) = round_doubles(ErrorBound::Absolute(0.5), &[-0.25], &[]);
    assert!(found[0].is_sign_positive(), "zeros are all the same");
}

#[test]
fn what_is_no_number_keeps_its_bits() {
    let nan = f32::from_bits(0x7fc1_2345);
    for bound in [ErrorBound::Bits(2), ErrorBound::Absolute(1e30), ErrorBound::Relative(0.1)] {
        let values = [nan, f32::INFINITY, f32::NEG_INFINITY, 1e20, -9999.0];
        let (found, error) = round_singles(bound, &values, &[1e20, -9999.0, f64::NAN]);
        assert_eq!(found.map_bits(), values.to_vec().map_bits(), "{bound:?}");
        assert_eq!(error, 0.0);
    }
    let (found, error) = round_singles(ErrorBound::Bits(1), &[f32::MAX], &[]);
    assert_eq!((found, error), (vec![f32::MAX], 0.0), "it would become infinite");
}

#[test]
fn nothing_becomes_a_mark() {
    let (found, error) = round_doubles(ErrorBound::Absolute(1.0), &[2.5, 3.5, -0.3], &[2.0, 0.0]);
    assert_eq!((found, error), (vec![2.5, 4.0, -0.3], 0.5));
}

#[test]
fn subnormal_numbers_keep_a_relative_error() {
    let tiny = [f64::from_bits(1), f64::from_bits(3), f64::from_bits(1 << 51)];
    let (found, error) = round_doubles(ErrorBound::Bits(3), &tiny, &[]);
    assert_eq!((found, error), (tiny.to_vec(), 0.0));
}

#[test]
fn what_are_no_floats_is_refused() {
    let bound = ErrorBound::Bits(7);
    assert_eq!(round(bound, DataType::I32, &[0; 4], &[]), Err(BoundError::DataType(DataType::I32)));
    assert_eq!(round(bound, DataType::F64, &[0; 12], &[]), Err(BoundError::Length(12)));
    assert_eq!(round(bound, DataType::F32, &[], &[]), Ok(Rounded { elements: Vec::new(), error: 0.0 }));
}

/// Floats by their bits.
trait MapBits {
    fn map_bits(&self) -> Vec<u32>;
}

impl MapBits for Vec<f32> {
    fn map_bits(&self) -> Vec<u32> {
        self.iter().map(|value| value.to_bits()).collect()
    }
}

fn bounds() -> impl Strategy<Value = ErrorBound> {
    prop_oneof![
        (1_u8..=52).prop_map(ErrorBound::Bits),
        (-60.0_f64..0.0).prop_map(|power| ErrorBound::Relative(power.exp2())),
        (-1074.0_f64..1024.0).prop_map(|power| ErrorBound::Absolute(power.exp2())),
        (-150.0_f64..128.0).prop_map(|power| ErrorBound::Absolute(power.exp2())),
    ]
}

/// Whether a new number is as good as the bound says; returns the error as well.
fn keeps(bound: ErrorBound, old: f64, new: f64) -> (bool, f64) {
    let absolute = (new - old).abs();
    let relative = if absolute == 0.0 { 0.0 } else { absolute / old.abs() };
    match bound {
        ErrorBound::Absolute(error) => (absolute <= error, absolute),
        ErrorBound::Relative(error) => (relative <= error, relative),
        ErrorBound::Bits(bits) => (relative <= 0.5_f64.powi(i32::from(bits) + 1), relative),
    }
}

proptest! {
    #[test]
    fn doubles_of_any_bits_keep_the_bound(
        bits in prop::collection::vec(prop_oneof![any::<u64>(), 0..1_u64 << 54, any::<f64>().prop_map(f64::to_bits)], 1..40),
        bound in bounds(),
        marks in prop::collection::vec(prop_oneof![any::<f64>(), (-4..4).prop_map(f64::from)], 0..3),
    ) {
        let values: Vec<f64> = bits.iter().map(|bits| f64::from_bits(*bits)).collect();
        let (found, error) = round_doubles(bound, &values, &marks);
        let mut largest = 0.0_f64;
        for (old, new) in values.iter().zip(&found) {
            if !old.is_finite() || marks.contains(old) {
                prop_assert_eq!(old.to_bits(), new.to_bits());
                continue;
            }
            let (keeps, one) = keeps(bound, *old, *new);
            prop_assert!(keeps && new.is_finite() && !marks.contains(new), "{} {}", old, new);
            largest = largest.max(one);
        }
        prop_assert_eq!(error, largest);
        let again = round_doubles(bound, &found, &marks);
        prop_assert!(again.0.iter().zip(&found).all(|(a, b)| a.to_bits() == b.to_bits()));
    }

    #[test]
    fn singles_of_any_bits_keep_the_bound(
        bits in prop::collection::vec(prop_oneof![any::<u32>(), 0..1_u32 << 25, any::<f32>().prop_map(f32::to_bits)], 1..40),
        bound in bounds(),
        mark in any::<f32>(),
    ) {
        let values: Vec<f32> = bits.iter().map(|bits| f32::from_bits(*bits)).collect();
        let marks = [f64::from(mark), f64::from(values[0]), 0.0];
        let is_mark = |value: f32| marks.contains(&f64::from(value));
        let (found, error) = round_singles(bound, &values, &marks);
        let mut largest = 0.0_f64;
        for (old, new) in values.iter().zip(&found) {
            if !old.is_finite() || is_mark(*old) {
                prop_assert_eq!(old.to_bits(), new.to_bits());
                continue;
            }
            let (keeps, one) = keeps(bound, (*old).into(), (*new).into());
            prop_assert!(keeps && new.is_finite() && !is_mark(*new), "{} {}", old, new);
            largest = largest.max(one);
        }
        prop_assert_eq!(error, largest);
        prop_assert_eq!(round_singles(bound, &found, &marks).0.map_bits(), found.map_bits());
    }
}
