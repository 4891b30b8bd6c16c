//! `dict` as xarray decodes.

use model::{AttributeValue, DataType, Numbers};

use super::worker::{dataset, text, variable};
use crate::http::info;

#[test]
fn bounds_of_times_are_times_of_the_same_calendar() {
    for (calendar, own_units, expected) in [
        (None, None, "datetime64[ns]"),
        (Some("proleptic_gregorian"), None, "datetime64[ns]"),
        (Some("noleap"), None, "object"),
        (Some("360_day"), Some("hours since 2000-01-01"), "object"),
        (Some("360_day"), Some("K"), "float32"),
    ] {
        let mut dataset = dataset();
        let time = &mut dataset.variables[0];
        assert_eq!(time.path.as_str(), "time");
        time.attributes.set("bounds", text("time_bnds"));
        if let Some(calendar) = calendar {
            time.attributes.set("calendar", text(calendar));
        }
        let mut bounds = variable("time_bnds", &["time", "two"], DataType::F32, &[5, 2], &[5, 2]);
        if let Some(units) = own_units {
            bounds.attributes.set("units", text(units));
        }
        bounds.attributes.set("_FillValue", AttributeValue::Numbers(Numbers::F32(vec![9.0])));
        dataset.variables.push(bounds);
        let told = info::dict_of("atmos", &dataset);
        assert_eq!(told["data_vars"]["time_bnds"]["dtype"], expected);
    }
}

#[test]
fn bounds_of_what_is_no_time_stay_numbers() {
    let mut dataset = dataset();
    let lat = dataset.variables.iter_mut().find(|variable| variable.path.as_str() == "lat").unwrap();
    lat.attributes.set("bounds", text("lat_bnds"));
    lat.attributes.set("units", text("degrees_north"));
    dataset.variables.push(variable("lat_bnds", &["lat", "two"], DataType::F64, &[40, 2], &[40, 2]));
    assert_eq!(info::dict_of("atmos", &dataset)["data_vars"]["lat_bnds"]["dtype"], "float64");
}
