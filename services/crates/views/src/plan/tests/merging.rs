//! Groups of what has several dimensions.

use super::grids::doubles;
use super::*;

/// Depths of 2 × 3 places in another order than those of what lies there, and what lies there in one of the dimensions.
fn depths(chunks: [u64; 2]) -> Whole {
    let [y, x] = chunks;
    let variables = vec![
        variable("depth", &[("y", 2, y), ("x", 3, x)], DataType::F64),
        variable("v", &[("x", 3, x), ("time", 2, 1), ("y", 2, y)], DataType::F64),
        variable("w", &[("x", 3, x)], DataType::F64),
    ];
    let elements = vec![
        doubles(&[5.0, 15.0, 25.0, 6.0, f64::NAN, 16.0]),
        doubles(&(0..12).map(f64::from).collect::<Vec<_>>()),
        doubles(&[1.0, 2.0, 4.0]),
    ];
    Whole { dataset: Dataset { groups: vec![Group::default()], variables }, elements }
}

#[test]
fn bins_of_two_dimensions_are_those_of_all_their_places() {
    for chunks in [[2, 3], [1, 2], [2, 1], [1, 1]] {
        let whole = depths(chunks);
        let plan = whole.plan("groupby=depth:bins(0;10;20;30;40):sum").unwrap();
        let v = plan.dataset.variable("v").unwrap();
        assert_eq!(v.dimensions, ["time", "depth_bins"]);
        assert_eq!(v.attributes.text("cell_methods"), Some("y: x: sum"));
        // v[x, time, y] is 4 x + 2 time + y.
        let found = whole.numbers(&plan, "v");
        let wanted = [1.0, 4.0 + 9.0, 8.0, f64::NAN, 5.0, 6.0 + 11.0, 10.0, f64::NAN];
        let is_same = |(found, wanted): (&f64, &f64)| {
            found.is_nan() == wanted.is_nan() && !(found - wanted).abs().gt(&0.0)
        };
        assert!(found.len() == 8 && found.iter().zip(&wanted).all(is_same), "{found:?}");
        assert_eq!(whole.numbers(&plan, "w")[..3], [2.0, 6.0, 4.0]);
        assert_eq!(whole.numbers(&plan, "depth_bins"), [5.0, 15.0, 25.0, 35.0]);
    }
}
