//! Means over grids whose cells have corners.

use std::f64::consts::FRAC_PI_2;

use super::*;

pub(super) fn doubles(values: &[f64]) -> Bytes {
    values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into()
}

fn with_texts(mut variable: Variable, texts: &[(&str, &str)]) -> Variable {
    for (name, text) in texts {
        variable.attributes.set(*name, AttributeValue::Text((*text).to_owned()));
    }
    variable
}

/// The eight octants of the sphere as triangles, in radians, and a field that is `places` long in a first dimension.
fn octants(chunk: u64, values: &[f64]) -> Whole {
    let cells = [("cell", 8, chunk)];
    let corners = [("cell", 8, chunk), ("corner", 3, 3)];
    let times = values.len() as u64 / 8;
    let latitude = [("units", "radian"), ("standard_name", "latitude"), ("bounds", "clat_vertices")];
    let longitude = [("units", "radian"), ("standard_name", "longitude"), ("bounds", "clon_vertices")];
    let variables = vec![
        with_texts(variable("clat", &cells, DataType::F64), &latitude),
        with_texts(variable("clon", &cells, DataType::F64), &longitude),
        variable("clat_vertices", &corners, DataType::F64),
        variable("clon_vertices", &corners, DataType::F64),
        with_texts(
            variable("v", &[("time", times, 1), ("cell", 8, 3)], DataType::F64),
            &[("coordinates", "clat clon")],
        ),
    ];
    let (mut latitudes, mut longitudes) = (Vec::new(), Vec::new());
    for at in 0..8 {
        let west = f64::from(at % 4) * FRAC_PI_2;
        latitudes.extend([0.0, 0.0, if at < 4 { FRAC_PI_2 } else { -FRAC_PI_2 }]);
        longitudes.extend([west, west + FRAC_PI_2, 0.0]);
    }
    let centres = latitudes.chunks(3).map(|corners| corners[2] / 2.0).collect::<Vec<_>>();
    let elements = vec![
        doubles(&centres),
        doubles(&[0.0; 8]),
        doubles(&latitudes),
        doubles(&longitudes),
        doubles(values),
    ];
    Whole { dataset: Dataset { groups: vec![Group::default()], variables }, elements }
}

#[test]
fn cells_are_weighted_with_the_areas_that_their_corners_span() {
    let values: Vec<f64> = (0..16).map(f64::from).collect();
    for chunk in [8, 3, 1] {
        let whole = octants(chunk, &values);
        let plan = whole.plan("fldmean").unwrap();
        let means = whole.numbers(&plan, "v");
        assert!(
            means.iter().zip([3.5, 11.5]).all(|(mean, wanted)| (mean - wanted).abs() < 1e-12),
            "{means:?}"
        );
        let some = whole.plan("isel=cell:1;6;7|fldmean").unwrap();
        assert!((whole.numbers(&some, "v")[0] - 14.0 / 3.0).abs() < 1e-12);
        assert!(plan.dataset.variable("clat").is_none());
        let said = plan.dataset.variable("v").unwrap().attributes.text("cell_methods");
        assert_eq!(said, Some("area: mean"));
    }
}

#[test]
fn cells_with_a_corner_that_is_missing_have_no_weight() {
    let mut whole = octants(8, &[1.0; 8].map(|one| one * 5.0));
    let mut latitudes = whole.elements[2].to_vec();
    latitudes[16..24].copy_from_slice(&f64::NAN.to_le_bytes());
    whole.elements[2] = latitudes.into();
    whole.elements[4] = doubles(&[1e9, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    let plan = whole.plan("fldmean").unwrap();
    assert_eq!(whole.numbers(&plan, "v"), [1.0]);
}

#[test]
fn cells_without_corners_are_refused_with_what_is_missing() {
    let mut whole = octants(8, &[0.0; 8]);
    whole.dataset.variables[1].attributes.remove("bounds");
    let refusal = whole.plan("fldmean").unwrap_err();
    assert_eq!(refusal.kind, model::ErrorKind::Unsupported);
    assert!(refusal.reason.contains("no cell_measures, and clat and clon have no bounds"), "{refusal}");
    assert!(refusal.reason.contains("mean=cell"), "{refusal}");
}

#[test]
fn too_many_corners_are_too_large() {
    let mut whole = octants(8, &[0.0; 8]);
    for (variable, last) in whole.dataset.variables.iter_mut().zip([1, 1, 3, 3, 0]) {
        let mut shape = variable.grid.shape().to_vec();
        *shape.iter_mut().find(|length| **length == 8).unwrap() = 1 << 24;
        assert!(last < 2 || shape.last() == Some(&last));
        variable.grid = ChunkGrid::new(shape.clone(), shape).unwrap();
    }
    let refusal = whole.plan("fldmean").unwrap_err();
    assert_eq!(refusal.kind, model::ErrorKind::TooLarge);
    assert!(refusal.reason.contains("16777216 cells of 3 corners"), "{refusal}");
}
