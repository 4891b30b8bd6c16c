//! Units against UDUNITS.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// What UDUNITS says: integration-tests/tools/make_unit_cases.py.
fn document() -> Value {
    serde_json::from_str(include_str!("../testdata/units.json")).unwrap()
}

fn texts(case: &Value) -> (&str, &str) {
    (case[0].as_str().unwrap(), case[1].as_str().unwrap())
}

fn is_near(found: f64, wanted: f64) -> bool {
    (found - wanted).abs() <= 1e-12 * wanted.abs().max(1e-30)
}

fn assert_agrees(case: &Value, found: Linear) {
    let (scale, offset) = (case[2].as_f64().unwrap(), case[3].as_f64().unwrap());
    assert!(is_near(found.scale, scale) && is_near(found.offset, offset), "{case}: {found:?}");
}

#[test]
fn conversions_are_those_of_udunits() {
    let document = document();
    let cases = document["cases"].as_array().unwrap();
    assert!(cases.len() > 400);
    for case in cases {
        let (from, to) = texts(case);
        assert_agrees(case, conversion(from, to).unwrap_or_else(|error| panic!("{case}: {error}")));
    }
}

#[test]
fn a_word_means_what_it_means_to_udunits_or_nothing() {
    let document = document();
    let mut known = 0;
    for case in document["words"].as_array().unwrap() {
        let (from, to) = texts(case);
        match conversion(from, to) {
            Ok(found) => {
                assert_agrees(case, found);
                known += 1;
            }
            Err(UnitsError::Unknown { .. }) => {}
            Err(error) => panic!("{case}: {error}"),
        }
    }
    assert!(known > 300, "{known}");
}

#[test]
fn every_unit_of_the_table_can_be_read() {
    for word in table::all_words() {
        assert!(parser::parse(word).is_ok(), "{word}");
    }
}

#[test]
fn units_of_different_kinds_are_told_apart() {
    for case in document()["different"].as_array().unwrap() {
        let (from, to) = texts(case);
        let is_water = [from, to].contains(&"kg m-2 s-1") && [from, to].contains(&"m s-1");
        let found = conversion(from, to);
        assert!(is_water || matches!(found, Err(UnitsError::Kinds { .. })), "{case}: {found:?}");
    }
    let message = conversion("K", "hPa").unwrap_err().to_string();
    assert_eq!(message, "K is a temperature (K), hPa a pressure (kg m-1 s-2)");
    let message = conversion("K m", "mol2").unwrap_err().to_string();
    assert_eq!(message, "K m is in m K, mol2 in mol2");
}

#[test]
fn what_are_no_units_is_refused_by_name() {
    for text in document()["refused"].as_array().unwrap() {
        assert!(conversion(text.as_str().unwrap(), "m").is_err(), "{text}");
    }
    for (text, message) in [
        ("m of water equivalent", "there is no unit \"of\" (of \"m of water equivalent\")"),
        ("m -2", "the units \"m -2\" cannot be read from \"-2\" on"),
        ("kg m^", "the units \"kg m^\" cannot be read from \"^\" on"),
        ("(m", "the units \"(m\" cannot be read from \"\" on"),
        ("1e308 m.1e308 m", "the units \"1e308 m.1e308 m\" are too large, too small or of too high a power"),
        ("m100", "the units \"m100\" are too large, too small or of too high a power"),
    ] {
        assert_eq!(conversion(text, "m").unwrap_err().to_string(), message);
    }
    for text in ["days since 1850-01-01", "hours Since 1", "s @ 1970"] {
        assert_eq!(conversion(text, "s"), Err(UnitsError::TimeReference(text.to_owned())));
    }
    assert_eq!(conversion("", "1"), Err(UnitsError::Length));
    assert_eq!(conversion(&"m".repeat(257), "m"), Err(UnitsError::Length));
    assert!(matches!(conversion(&"(".repeat(256), "m"), Err(UnitsError::Unreadable { .. })));
}

#[test]
fn water_has_a_depth_by_its_mass_of_an_area() {
    for (from, to, scale) in [
        ("kg m-2 s-1", "mm day-1", 86400.0),
        ("mm day-1", "kg m-2 s-1", 1.0 / 86400.0),
        ("kg m-2", "mm", 1.0),
        ("m", "kg m-2", 1000.0),
        ("mm/h", "kg m-2 h-1", 1.0),
    ] {
        let found = conversion(from, to).unwrap();
        assert!(is_near(found.scale, scale) && found.offset == 0.0, "{from} {to} {found:?}");
    }
    for (from, to) in [("kg", "m3"), ("kg m-2 s-1", "mm"), ("kg m-3", "1"), ("kg m-2 s-2", "m s-2")] {
        assert!(matches!(conversion(from, to), Err(UnitsError::Kinds { .. })), "{from} {to}");
    }
}

#[test]
fn what_udunits_does_not_know_and_data_have() {
    for (from, to) in [("level", "1"), ("sigma_level", "1"), ("W m⁻²", "W m-2"), ("kg⋅m", "kg m")] {
        assert_eq!(conversion(from, to).unwrap(), Linear { scale: 1.0, offset: 0.0 }, "{from}");
    }
}

/// Texts of the pieces that units are made of.
fn pieces() -> impl Strategy<Value = String> {
    let words: Vec<&'static str> = table::all_words().collect();
    let piece = prop_oneof![
        prop::sample::select(words).prop_map(str::to_owned),
        "[ ./*^()@²⁻-]|per |since|\\*\\*|-?[0-9]{1,3}|[0-9.]{1,3}e[+-]?[0-9]{1,3}|[kmhµuM]"
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_units_or_an_error(text in ".{0,80}", other in pieces()) {
        let _ = conversion(&text, &other).map_err(|error| error.to_string());
        let _ = conversion(&other, &text).map_err(|error| error.to_string());
        let _ = conversion(&other, &other).map_err(|error| error.to_string());
    }

    #[test]
    fn there_and_back_is_where_one_was(place in any::<prop::sample::Index>(), value in -1e6_f64..1e6) {
        let document = document();
        let cases = document["cases"].as_array().unwrap();
        let (from, to) = texts(&cases[place.index(cases.len())]);
        let (there, back) = (conversion(from, to).unwrap(), conversion(to, from).unwrap());
        let found = (value * there.scale + there.offset) * back.scale + back.offset;
        // What the offset takes of the digits.
        let largest = value.abs().max((there.offset * back.scale).abs()).max(1e-9);
        prop_assert!((found - value).abs() <= 1e-12 * largest, "{} {}: {} {}", from, to, value, found);
    }
}
