//! Names of guests, what they share, and that the dataset's own variables stay what they were.

use model::{Attributes, ByteOrder, ChunkGrid, DataType, DatasetId, Group};
use views::Steps;

use super::*;

fn variable(name: &str, dimensions: &[(&str, u64)]) -> Variable {
    let shape: Vec<u64> = dimensions.iter().map(|(_, length)| *length).collect();
    Variable {
        path: NodePath::parse(name).unwrap(),
        dimensions: dimensions.iter().map(|(name, _)| (*name).to_owned()).collect(),
        data_type: DataType::F32,
        byte_order: ByteOrder::Little,
        grid: ChunkGrid::new(shape.clone(), shape).unwrap(),
        codecs: Vec::new(),
        fill_value: None,
        attributes: Attributes::new(),
    }
}

fn published(variables: Vec<Variable>) -> PublishedDataset {
    PublishedDataset {
        id: DatasetId::parse("atmos").unwrap(),
        version: Version(3),
        published_ms: 0,
        modified_ns: 0,
        record_size: 4,
        view: "bitround=3".into(),
        named_views: Arc::default(),
        diagnostics: Arc::default(),
        dataset: Arc::new(Dataset { groups: vec![Group::default()], variables }),
        in_place: Vec::new(),
    }
}

fn own(more: &[Variable]) -> OpenDataset {
    let tas = variable("tas", &[("time", 9), ("lat", 4)]);
    let variables = [tas, variable("lat", &[("lat", 4)]), variable("other", &[("later", 5)])];
    OpenDataset::new(published([&variables, more].concat())).unwrap()
}

/// What the view of a diagnostic makes: so many groups.
fn add(composed: &mut Composition<'_>, [name, coord, action]: [&str; 3], groups: u64) -> Result<()> {
    let [variable_name, coord, action] = [name, coord, action].map(str::to_owned);
    let diagnostic = Diagnostic { variable: variable_name, coord, action };
    let question = diagnostic.question(composed.own.dataset())?;
    let of = composed.own.dataset().variable(name).unwrap();
    let dimensions: Vec<(&str, u64)> = of
        .dimensions
        .iter()
        .zip(of.grid.shape())
        .map(|(own, length)| {
            let is_grouped = diagnostic.coord.split('.').next() == Some(own);
            if is_grouped { (&*question.dimension, groups) } else { (&**own, *length) }
        })
        .collect();
    let coordinate = variable(&question.dimension, &[(&question.dimension, groups)]);
    let view = published(vec![coordinate, variable(name, &dimensions)]);
    let text = question.steps.to_string();
    let view = OpenDataset::of_view(view, Steps::parse(&text).unwrap(), text.into()).unwrap();
    composed.add(&diagnostic, &question, &view)
}

#[test]
fn what_is_grouped_alike_shares_a_coordinate_and_no_name_has_two_lengths() {
    let own = own(&[]);
    let mut composed = Composition::of(&own);
    add(&mut composed, ["tas", "time.month", "mean"], 2).unwrap();
    add(&mut composed, ["tas", "time.month", "max"], 2).unwrap();
    // Another coordinate has months too; and a coordinate of the dataset is grouped itself.
    add(&mut composed, ["other", "later.month", "mean"], 3).unwrap();
    add(&mut composed, ["tas", "lat", "mean"], 1).unwrap();
    let made = composed.join().unwrap();
    let shown: Vec<String> = made.dataset().variables[3..]
        .iter()
        .map(|variable| format!("{}({})", variable.path, variable.dimensions.join(",")))
        .collect();
    assert_eq!(
        shown,
        [
            "pp_tas_time.month_mean(month,lat)",
            "month(month)",
            "pp_tas_time.month_max(month,lat)",
            "pp_other_later.month_mean(pp_later.month)",
            "pp_later.month(pp_later.month)",
            "pp_tas_lat_mean(time,pp_lat)",
            "pp_lat(pp_lat)",
        ]
    );
}

#[test]
fn guests_are_chunks_of_views_and_the_own_variables_what_they_were() {
    let own = own(&[]);
    let mut composed = Composition::of(&own);
    add(&mut composed, ["tas", "time.month", "mean"], 2).unwrap();
    let made = composed.join().unwrap();
    let chunk = made.guest_chunk(4, 0).unwrap();
    assert_eq!((chunk.variable.as_str(), chunk.version), ("month", Version(3)));
    assert_eq!(chunk.form, Form::View("var=tas|groupby=time.month:mean".into()));
    assert_eq!(made.guest_chunk(3, 7).unwrap().variable.as_str(), "tas");
    assert!((0..3).all(|place| made.guest_chunk(place, 0).is_none()) && made.guest_chunk(5, 0).is_none());
    assert!(made.has_diagnostics() && !own.has_diagnostics());
    // The dataset's rounding is not that of the view.
    let decoded =
        |opened: &OpenDataset, place: usize| opened.dataset_in(&Form::Decoded).variables[place].clone();
    assert_eq!(decoded(&made, 3), made.dataset().variables[3]);
    assert_eq!(decoded(&made, 0), decoded(&own, 0));
    assert!(made.is_decoded(&Form::Decoded, 0) && !made.is_decoded(&Form::Decoded, 3));
}

#[test]
fn a_name_that_is_taken_is_a_conflict_and_changes_nothing() {
    let taken = [variable("pp_tas_time.month_mean", &[]), variable("pp_lat", &[("x", 2)])];
    let own = own(&taken);
    let mut composed = Composition::of(&own);
    for (asked, name) in
        [(["tas", "time.month", "mean"], "'pp_tas_time.month_mean'"), (["tas", "lat", "mean"], "'pp_lat'")]
    {
        let error = add(&mut composed, asked, 2).unwrap_err();
        assert!(error.kind == ErrorKind::Conflict && error.message.contains(name), "{error}");
    }
    assert_eq!(composed.join().unwrap().dataset(), own.dataset());
}
