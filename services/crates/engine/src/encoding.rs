//! What the decoded view of a dataset is encoded with, as its administrator wrote it: steps of a view, of which those
//! that change no value's place make sense for a whole dataset (`bitround`, `codec`).

use std::collections::{BTreeMap, HashSet};

use cf::{Packing, TimeUnits};
use model::{AttributeValue, Codec, DataType, Dataset, Error, Result, Variable};
use views::steps::{Accuracy, BitRound, Compression, ErrorBound};
use views::{Name, PerVariable, Step, Steps};
use zarr::decoded::Encoding;

/// The steps of any view. An `InvalidRequest` that says where and why, and what would be right, where the text is none.
pub fn parse(view: &str) -> Result<Steps> {
    Steps::parse(view).map_err(|error| Error::invalid(format!("view: {error}")))
}

/// The steps of a view that a dataset can have as its own; none where it is empty. An `InvalidRequest` where a step is none,
/// or another one.
pub fn steps(view: &str) -> Result<Option<Steps>> {
    if view.is_empty() {
        return Ok(None);
    }
    let steps = parse(view)?;
    match steps.as_slice().iter().find(|step| !matches!(step, Step::Compression(_) | Step::BitRound(_))) {
        None => Ok(Some(steps)),
        Some(other) => {
            let message = format!("view: {other}: a dataset's own view has steps bitround and codec only");
            Err(Error::invalid(message))
        }
    }
}

/// The encoding of a dataset by the steps of its view; the default where there are none. See [`steps`] for errors.
///
/// Where all variables are to be rounded, what says where and when values are keeps all bits: coordinates, what other
/// variables name (bounds, cell areas), times, latitudes and longitudes. So do variables whose missing values cannot
/// be told.
pub fn of_view(view: &str, dataset: &Dataset) -> Result<Encoding> {
    Ok(steps(view)?
        .map_or_else(Encoding::default, |steps| of_steps(&steps, Encoding::default().codec, dataset)))
}

/// The encoding that steps ask for, of which others than `bitround` and `codec` do not matter here; with this codec where
/// they name none. See [`of_view`] for what is rounded.
pub fn of_steps(steps: &Steps, codec: Option<Codec>, dataset: &Dataset) -> Encoding {
    let mut encoding = Encoding { codec, ..Encoding::default() };
    for step in steps.as_slice() {
        match step {
            Step::Compression(compression) => encoding.codec = codec_of(*compression),
            Step::BitRound(BitRound { keep_bits: PerVariable::All(bits) }) => {
                let data = rounded(dataset);
                encoding.keepbits.extend(data.map(|variable| (variable.path.to_string(), *bits)));
            }
            Step::BitRound(BitRound { keep_bits: PerVariable::Each(each) }) => {
                encoding.keepbits.extend(each.iter().map(|(name, bits)| (name.as_str().to_owned(), *bits)));
            }
            _ => {}
        }
    }
    encoding
}

/// The bounds of the error that steps allow variables of a dataset as they make it, by path. Where all are meant, those
/// that [`of_view`] would round.
pub fn bounds_of_steps(steps: &Steps, dataset: &Dataset) -> BTreeMap<String, ErrorBound> {
    let mut bounds = BTreeMap::new();
    for step in steps.as_slice() {
        match step {
            Step::Accuracy(Accuracy { bounds: PerVariable::All(bound) }) => {
                bounds.extend(rounded(dataset).map(|variable| (variable.path.to_string(), *bound)));
            }
            Step::Accuracy(Accuracy { bounds: PerVariable::Each(each) }) => {
                bounds.extend(each.iter().map(|(name, bound)| (name.as_str().to_owned(), *bound)));
            }
            _ => {}
        }
    }
    bounds
}

/// The variables that are rounded where all are to be.
fn rounded(dataset: &Dataset) -> impl Iterator<Item = &Variable> {
    let named = named(dataset);
    dataset.variables.iter().filter(move |one| is_data(one, &named) && refusal(one).is_none())
}

/// Refuses a view that rounds by name what cannot be rounded.
pub fn check(view: &str, dataset: &Dataset) -> Result<()> {
    steps(view)?.map_or(Ok(()), |steps| check_steps(&steps, dataset))
}

/// The same of steps, of a dataset as they make it.
pub fn check_steps(steps: &Steps, dataset: &Dataset) -> Result<()> {
    for step in steps.as_slice() {
        let (word, names): (_, Vec<&Name>) = match step {
            Step::BitRound(BitRound { keep_bits: PerVariable::Each(each) }) => {
                ("bitround", each.iter().map(|(name, _)| name).collect())
            }
            Step::Accuracy(Accuracy { bounds: PerVariable::Each(each) }) => {
                ("accuracy", each.iter().map(|(name, _)| name).collect())
            }
            _ => continue,
        };
        for name in names {
            let why = match dataset.variable(name.as_str()) {
                None => Some("there is no such variable"),
                Some(variable) => refusal(variable),
            };
            if let Some(why) = why {
                return Err(Error::invalid(format!("view: {word} of {}: {why}", name.as_str())));
            }
        }
    }
    Ok(())
}

/// Why a variable cannot be rounded.
fn refusal(variable: &Variable) -> Option<&'static str> {
    let is_float = matches!(variable.data_type, DataType::F32 | DataType::F64);
    if !is_float && !variable.codecs.contains(&Codec::RawGrib) {
        return Some("its values are no floating-point numbers");
    }
    marks(variable).is_none().then_some("its missing values are named by what is no number")
}

/// The values beside NaN that stand for missing ones in a variable of floats: by attributes, as xarray reads them, and by
/// Zarr's fill value, which clients of v2 mask. None where an attribute names what is no number.
pub fn marks(variable: &Variable) -> Option<Vec<f64>> {
    let mut of_numbers = variable.clone();
    let mut marks = Vec::new();
    if let Some(text) = variable.attributes.text("_FillValue") {
        marks.push(zarr::read::float_of_text(text)?);
        of_numbers.attributes.remove("_FillValue");
    }
    marks.extend(Packing::of(&of_numbers).ok()?.missing_values());
    let fill = variable.fill_value.as_deref().unwrap_or_default();
    marks.extend(
        fill.first_chunk().filter(|_| fill.len() == 4).map(|bytes| f64::from(f32::from_le_bytes(*bytes))),
    );
    marks.extend(fill.first_chunk().map(|bytes| f64::from_le_bytes(*bytes)));
    marks.retain(|mark| !mark.is_nan());
    Some(marks)
}

/// Names of variables that others name.
fn named(dataset: &Dataset) -> HashSet<&str> {
    let of_variables = dataset.variables.iter().map(|variable| &variable.attributes);
    let all = of_variables.chain(dataset.groups.iter().map(|group| &group.attributes));
    all.flat_map(|attributes| cf::named_variables(|name| attributes.text(name))).collect()
}

/// Whether a variable's values are what a dataset is for, and do not say where or when those are.
fn is_data(variable: &Variable, named: &HashSet<&str>) -> bool {
    let (name, attributes) = (variable.path.name(), &variable.attributes);
    let units = attributes.text("units").unwrap_or_default();
    let standard_name = attributes.text("standard_name").unwrap_or_default();
    let says_where = cf::is_latitude(|name| attributes.text(name))
        || cf::is_longitude(|name| attributes.text(name))
        || standard_name == "time"
        || TimeUnits::is_time(units)
        || matches!(attributes.get("axis"), Some(AttributeValue::Text(_)));
    !says_where && !named.contains(name) && !variable.dimensions.iter().any(|dimension| dimension == name)
}

fn codec_of(compression: Compression) -> Option<Codec> {
    Some(match compression {
        Compression::None => return None,
        Compression::Zstd { level } => Codec::Zstd { level: level.into() },
        Compression::Gzip { level } => Codec::Gzip { level },
        Compression::Blosc { compressor, level, shuffle } => {
            Codec::Blosc { compressor, level, shuffle, element_size: 0, block_size: 0 }
        }
    })
}

#[cfg(test)]
mod tests {
    use model::{Attributes, ByteOrder, ChunkGrid, NodePath};

    use super::*;

    fn variable(name: &str, data_type: DataType, coordinates: &str) -> Variable {
        let mut attributes = Attributes::new();
        attributes.set("coordinates", AttributeValue::Text(coordinates.into()));
        Variable {
            path: NodePath::parse(name).unwrap(),
            dimensions: vec!["x".into()],
            data_type,
            byte_order: ByteOrder::Little,
            grid: ChunkGrid::new(vec![4], vec![4]).unwrap(),
            codecs: Vec::new(),
            fill_value: None,
            attributes,
        }
    }

    fn dataset() -> Dataset {
        let with = |mut variable: Variable, name: &str, value: AttributeValue| {
            variable.attributes.set(name, value);
            variable
        };
        let text = |text: &str| AttributeValue::Text(text.into());
        let variables = vec![
            with(variable("when", DataType::F64, ""), "units", text("days since 2000-01-01")),
            with(variable("lat2d", DataType::F64, ""), "units", text("degrees_north")),
            with(variable("odd", DataType::F32, ""), "missing_value", text("none")),
            variable("x", DataType::F64, ""),
            variable("lat", DataType::F32, ""),
            variable("tas", DataType::F32, "lat"),
            variable("mask", DataType::I8, "lat"),
        ];
        Dataset { groups: Vec::new(), variables }
    }

    #[test]
    fn data_are_rounded_and_what_they_name_is_not() {
        let encoding = of_view("bitround=9|codec=zstd:7", &dataset()).unwrap();
        let rounded = |name: &str| encoding.keepbits(dataset().variable(name).unwrap());
        assert_eq!(["x", "lat", "tas", "mask"].map(rounded), [None, None, Some(9), None]);
        assert_eq!(["when", "lat2d", "odd"].map(rounded), [None; 3]);
        assert_eq!(encoding.codec, Some(Codec::Zstd { level: 7 }));
        assert_eq!(of_view("", &dataset()).unwrap(), Encoding::default());
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_the_reason() {
        for (view, word) in [
            ("bitround=mask:9", "mask: its values are no floating-point numbers"),
            ("bitround=pr:9", "pr: there is no such variable"),
            ("bitround=odd:9", "odd: its missing values are named by what is no number"),
            ("mean=x", "bitround and codec only"),
            ("codec=snafu", "snafu"),
        ] {
            let error = check(view, &dataset()).unwrap_err();
            assert!(error.message.contains(word), "{}", error.message);
        }
        check("bitround=9", &dataset()).unwrap();
    }

    #[test]
    fn marks_are_of_any_type_and_number() {
        let mut variable = variable("tas", DataType::F32, "");
        variable.fill_value = Some(0_f32.to_le_bytes().to_vec());
        let of = |attribute: AttributeValue, name: &str, variable: &Variable| {
            let mut variable = variable.clone();
            variable.attributes.set(name, attribute);
            marks(&variable).unwrap()
        };
        let numbers = |numbers: model::Numbers| AttributeValue::Numbers(numbers);
        assert_eq!(of(numbers(model::Numbers::I32(vec![-9999])), "missing_value", &variable), [-9999.0, 0.0]);
        let two = numbers(model::Numbers::F64(vec![1e20, -9999.0]));
        assert_eq!(of(two, "missing_value", &variable), [-9999.0, 1e20, 0.0]);
        // As xarray writes -1 into Zarr v3.
        let text = AttributeValue::Text("AAAAAAAA8L8=".into());
        assert_eq!(of(text, "_FillValue", &variable), [-1.0, 0.0]);
    }
}
