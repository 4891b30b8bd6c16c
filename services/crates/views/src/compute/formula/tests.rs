//! Formulas against numpy, and whatever the size of blocks.

#![expect(clippy::float_cmp, reason = "numpy's numbers, and those that are rounded to nothing else")]

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::steps::{Expression, Step, Steps};

/// What numpy says: integration-tests/tools/make_formula_cases.py.
fn document() -> Value {
    serde_json::from_str(include_str!("../../testdata/formula.json")).unwrap()
}

fn numbers(list: &Value) -> Vec<f64> {
    let number = |item: &Value| item.as_f64().unwrap_or_else(|| item.as_str().unwrap().parse().unwrap());
    list.as_array().unwrap().iter().map(number).collect()
}

fn expression(text: &str) -> Expression {
    let steps = Steps::parse(&format!("arith=made:{text}")).unwrap();
    match &steps.as_slice()[0] {
        Step::Arithmetic(arithmetic) => arithmetic.expression.clone(),
        other => panic!("{other:?}"),
    }
}

/// Of an expression and its names.
fn formula(text: &str) -> (Formula, Vec<String>) {
    let (program, names) = Program::new(&expression(text));
    (Formula::Expression(Arc::new(program)), names.iter().map(|name| name.as_str().to_owned()).collect())
}

fn doubles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn singles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect()
}

fn read(bytes: &[u8], data_type: DataType) -> Vec<f64> {
    let mut values = vec![0.0; bytes.len() / width(data_type)];
    load(Input { data_type, elements: bytes }, 0, &mut values);
    values
}

fn input(data_type: DataType, elements: &[u8]) -> Input<'_> {
    Input { data_type, elements }
}

/// The same number, to so much of it; zeros of the same sign.
fn is_near(found: f64, wanted: f64, error: f64) -> bool {
    let is_same_zero = found != 0.0 || found.is_sign_negative() == wanted.is_sign_negative();
    (found.is_nan() && wanted.is_nan())
        || (found == wanted && is_same_zero)
        || (wanted.is_finite() && wanted != 0.0 && (found - wanted).abs() <= error * wanted.abs())
}

#[test]
fn expressions_are_what_numpy_makes_of_them() {
    let document = document();
    let (a, b) = (doubles(&numbers(&document["a"])), doubles(&numbers(&document["b"])));
    for case in document["expressions"].as_array().unwrap() {
        let (text, wanted) = (case[0].as_str().unwrap(), numbers(&case[1]));
        let (formula, names) = formula(text);
        let inputs: Vec<_> =
            names.iter().map(|name| input(DataType::F64, if name == "a" { &a } else { &b })).collect();
        let found = read(&apply(&formula, &inputs, DataType::F64).unwrap(), DataType::F64);
        // Of two zeros of different signs numpy takes any.
        let takes_one = ["min", "max", "clip"].iter().any(|name| text.contains(name));
        for (place, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
            let is_right = is_near(*found, *wanted, 1e-13) || (takes_one && found == wanted);
            assert!(is_right, "{text} [{place}]: {found} {wanted}");
        }
        assert_eq!(found.len(), if names.is_empty() { 1 } else { wanted.len() }, "{text}");
    }
}

#[test]
fn formulas_are_what_numpy_makes_of_them() {
    let document = document();
    let (a, b) = (numbers(&document["a"]), numbers(&document["b"]));
    for (name, of_doubles, of_singles) in [
        ("difference", Formula::Difference, Formula::Difference),
        (
            "linear",
            Formula::Linear { scale: 1.8, offset: 32.0 },
            Formula::Linear { scale: 1.8, offset: 32.0 },
        ),
        ("multiple", Formula::Multiple(0.5), Formula::Multiple(0.01)),
        ("where", Formula::Where, Formula::Where),
    ] {
        let count = if matches!(name, "difference" | "where") { 2 } else { 1 };
        for (number, data_type, formula, bytes) in [
            (0, DataType::F64, of_doubles, [doubles(&a), doubles(&b)]),
            (1, DataType::F32, of_singles, [singles(&a), singles(&b)]),
        ] {
            let inputs = bytes.each_ref().map(|bytes| input(data_type, bytes));
            let found = read(&apply(&formula, &inputs[..count], data_type).unwrap(), data_type);
            for (place, (found, wanted)) in found.iter().zip(numbers(&document[name][number])).enumerate() {
                assert!(is_near(*found, wanted, 0.0), "{name} {data_type:?} [{place}]: {found} {wanted}");
            }
        }
    }
}

#[test]
fn types_may_differ_and_the_result_is_rounded_once() {
    let (single, double) = (singles(&[0.1, 1.0]), doubles(&[0.1, 2.0]));
    let inputs = [input(DataType::F32, &single), input(DataType::F64, &double)];
    let found = read(&apply(&Formula::Difference, &inputs, DataType::F64).unwrap(), DataType::F64);
    assert_eq!(found, [f64::from(0.1_f32) - 0.1, -1.0]);
    let found = read(&apply(&Formula::Difference, &inputs, DataType::F32).unwrap(), DataType::F32);
    assert_eq!(found[0], f64::from((f64::from(0.1_f32) - 0.1) as f32));
}

#[test]
fn a_number_that_is_too_large_for_a_multiple_stays() {
    let values = [f64::MAX, f64::INFINITY, 1e300];
    let found = apply(&Formula::Multiple(1e-300), &[input(DataType::F64, &doubles(&values))], DataType::F64);
    assert_eq!(read(&found.unwrap(), DataType::F64), values);
}

#[test]
fn what_does_not_fit_is_refused() {
    let bytes = doubles(&[1.0, 2.0]);
    let whole = input(DataType::F64, &bytes);
    let apply_to = |inputs: &[Input<'_>], data_type| apply(&Formula::Where, inputs, data_type);
    assert_eq!(apply_to(&[whole], DataType::F64), Err(FormulaError::Inputs { needed: 2, given: 1 }));
    assert_eq!(apply_to(&[whole, whole], DataType::I8), Err(FormulaError::DataType(DataType::I8)));
    let short = input(DataType::F64, &bytes[..12]);
    assert_eq!(apply_to(&[whole, short], DataType::F64), Err(FormulaError::Length { needed: 16, found: 12 }));
    assert_eq!(apply_to(&[short, whole], DataType::F64), Err(FormulaError::Length { needed: 8, found: 12 }));
    let nothing = input(DataType::F32, &[]);
    assert_eq!(apply_to(&[nothing, nothing], DataType::F32), Ok(Vec::new()));
}

#[test]
fn an_expression_asks_for_each_input_once() {
    let (_, names) = formula("b+a*b-max(a,c)");
    assert_eq!(names, ["b", "a", "c"]);
}

proptest! {
    #[test]
    fn blocks_do_not_matter(
        values in prop::collection::vec((any::<f64>(), any::<f64>()), 0..70),
        block in 1_usize..80,
        text in prop::sample::select(vec!["a+b*2", "max(a,b)-(b-(a-2))", "sqrt(abs(a))/(b+1)", "clip(a,b,1)-a"]),
    ) {
        let (a, b): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
        let (a, b) = (doubles(&a), doubles(&b));
        let inputs = [input(DataType::F64, &a), input(DataType::F64, &b)];
        let (formula, _) = formula(text);
        for formula in [formula, Formula::Where, Formula::Difference] {
            let found = apply_in_blocks(&formula, &inputs, DataType::F32, block);
            let whole = apply(&formula, &inputs, DataType::F32);
            prop_assert_eq!(found, whole);
        }
    }
}
