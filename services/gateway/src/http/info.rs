//! What xpublish 0.4 tells of a dataset, in its shapes. Of the root group, as `xarray.open_dataset` opens it.

use engine::open::OpenDataset;
use model::{AttributeValue, DataType, Dataset, Variable};
use serde_json::{Map, Value, json};

/// `keys`: data variables in the order of the file, then coordinates.
pub(super) fn keys(dataset: &OpenDataset) -> Value {
    let (coordinates, data) = split(dataset.dataset());
    data.iter().chain(&coordinates).map(|variable| Value::from(variable.path.name())).collect()
}

/// `info`: the dataset as stored with its diagnostics, its named views if it has some, and what diagnostics it cannot have.
pub(super) fn info(opened: &OpenDataset) -> Value {
    let dataset = opened.dataset();
    let variables: Map<String, Value> = root_variables(dataset)
        .map(|variable| {
            let stored = json!({
                "type": numpy_name(variable.data_type),
                "dimensions": variable.dimensions,
                "attributes": attributes(variable, &["_FillValue"]),
            });
            (variable.path.name().to_owned(), stored)
        })
        .collect();
    let mut info = json!({
        "dimensions": dimensions(dataset),
        "variables": variables,
        "global_attributes": global_attributes(dataset),
    });
    let named = &opened.published().named_views;
    if !named.is_empty() {
        info["views"] = json!(**named);
    }
    let left_out =
        opened.left_out().iter().map(|warning| (warning.subject.clone(), warning.message.as_str().into()));
    let left_out: Map<String, Value> = left_out.collect();
    if !left_out.is_empty() {
        info["left_out"] = left_out.into();
    }
    info
}

/// `dict`: the dataset as xarray shows it after decoding, without data.
pub(super) fn dict(dataset: &OpenDataset) -> Value {
    dict_of(dataset.published().id.as_str(), dataset.dataset())
}

pub(super) fn dict_of(id: &str, dataset: &Dataset) -> Value {
    let (coordinates, data) = split(dataset);
    let mut attributes = global_attributes(dataset);
    attributes.insert("_xpublish_id".into(), id.into());
    json!({
        "coords": described(dataset, &coordinates),
        "attrs": attributes,
        "dims": dimensions(dataset),
        "data_vars": described(dataset, &data),
    })
}

/// Dimensions of the root group's variables with their lengths.
pub(super) fn dimensions(dataset: &Dataset) -> Map<String, Value> {
    let mut dimensions = Map::new();
    for variable in root_variables(dataset) {
        for (name, length) in variable.dimensions.iter().zip(variable.grid.shape()) {
            dimensions.entry(name.clone()).or_insert_with(|| (*length).into());
        }
    }
    dimensions
}

/// The root group's variables: coordinates, and the others. Coordinates are named as a dimension is, or listed in a
/// `coordinates` attribute ([CF, section 5](https://cfconventions.org/cf-conventions/cf-conventions.html#coordinate-system)).
pub(super) fn split(dataset: &Dataset) -> (Vec<&Variable>, Vec<&Variable>) {
    let listed: Vec<&str> = root_variables(dataset)
        .map(|variable| &variable.attributes)
        .chain(dataset.attributes())
        .filter_map(|attributes| attributes.text("coordinates"))
        .flat_map(str::split_whitespace)
        .collect();
    root_variables(dataset).partition(|variable| {
        let name = variable.path.name();
        let is_index = variable.dimensions.len() == 1 && variable.dimensions[0] == name;
        is_index || listed.contains(&name)
    })
}

fn root_variables(dataset: &Dataset) -> impl Iterator<Item = &Variable> {
    dataset.variables.iter().filter(|variable| !variable.path.as_str().contains('/'))
}

fn global_attributes(dataset: &Dataset) -> Map<String, Value> {
    match dataset.group("").map(zarr::v2::attributes_of_group) {
        Some(Value::Object(attributes)) => attributes,
        _ => Map::new(),
    }
}

/// A variable's attributes as Zarr v2 writes them, without these.
pub(super) fn attributes(variable: &Variable, without: &[&str]) -> Map<String, Value> {
    let Value::Object(mut attributes) = zarr::v2::attributes_of_variable(variable) else { return Map::new() };
    attributes.retain(|name, _| name != "_ARRAY_DIMENSIONS" && !without.contains(&name.as_str()));
    attributes
}

fn described(dataset: &Dataset, variables: &[&Variable]) -> Map<String, Value> {
    variables
        .iter()
        .map(|variable| (variable.path.name().to_owned(), Decoded::of(dataset, variable).describe(variable)))
        .collect()
}

/// What xarray makes of a variable when it decodes CF.
struct Decoded {
    dtype: String,
    /// Dimensions that stay: the length of texts made of characters goes.
    rank: usize,
    /// Attributes that go into the encoding.
    used: Vec<&'static str>,
}

impl Decoded {
    fn of(dataset: &Dataset, variable: &Variable) -> Self {
        let mut decoded =
            Self { dtype: numpy_name(variable.data_type), rank: variable.dimensions.len(), used: vec![] };
        decoded.take(variable, &["coordinates", "_FillValue"]);
        if !variable.data_type.is_numeric() {
            decoded.text(variable);
            return decoded;
        }
        let is_masked =
            ["_FillValue", "missing_value"].iter().any(|name| variable.attributes.get(name).is_some());
        let is_packed =
            ["scale_factor", "add_offset"].iter().any(|name| variable.attributes.get(name).is_some());
        decoded.take(variable, &["missing_value", "scale_factor", "add_offset"]);
        if is_packed {
            decoded.dtype = "float64".into();
        } else if is_masked {
            decoded.dtype = masked(variable.data_type).into();
        }
        decoded.time(dataset, variable);
        decoded
    }

    fn text(&mut self, variable: &Variable) {
        let is_characters = variable.data_type == DataType::FixedText(1) && self.rank > 0;
        if is_characters {
            self.rank -= 1;
            self.dtype = format!("|S{}", variable.grid.shape()[self.rank]);
        } else if let DataType::FixedText(bytes) = variable.data_type {
            self.dtype = format!("|S{bytes}");
        } else if let DataType::FixedUnicode(length) = variable.data_type {
            self.dtype = format!("<U{length}");
        }
        if variable.attributes.get("_Encoding").is_some() {
            self.take(variable, &["_Encoding"]);
            self.dtype = "object".into();
        }
    }

    /// What a bounds variable does not say of its times, the coordinate says that it bounds ([CF, section
    /// 7.1](https://cfconventions.org/cf-conventions/cf-conventions.html#cell-boundaries)).
    fn time(&mut self, dataset: &Dataset, variable: &Variable) {
        let bounded: Vec<&Variable> = root_variables(dataset)
            .filter(|other| other.attributes.text("bounds") == Some(variable.path.name()) && is_time(other))
            .collect();
        if !is_time(variable) && (variable.attributes.get("units").is_some() || bounded.is_empty()) {
            return;
        }
        let mut calendars = std::iter::once(&variable)
            .chain(&bounded)
            .filter_map(|variable| variable.attributes.text("calendar"));
        let calendar = calendars.next().unwrap_or("standard").to_ascii_lowercase();
        let is_real = matches!(calendar.as_str(), "standard" | "gregorian" | "proleptic_gregorian");
        self.dtype = if is_real { "datetime64[ns]" } else { "object" }.into();
        self.take(variable, &["units", "calendar"]);
    }

    fn take(&mut self, variable: &Variable, names: &[&'static str]) {
        self.used.extend(names.iter().filter(|name| variable.attributes.get(name).is_some()));
    }

    fn describe(&self, variable: &Variable) -> Value {
        json!({
            "dims": variable.dimensions[..self.rank],
            "attrs": attributes(variable, &self.used),
            "dtype": self.dtype,
            "shape": variable.grid.shape()[..self.rank],
        })
    }
}

fn is_time(variable: &Variable) -> bool {
    variable.attributes.text("units").is_some_and(|units| units.contains(" since "))
}

/// The type that has room for not-a-number where values can be missing.
fn masked(data_type: DataType) -> &'static str {
    match data_type {
        DataType::I8 | DataType::U8 | DataType::I16 | DataType::U16 | DataType::F16 | DataType::F32 => {
            "float32"
        }
        _ => "float64",
    }
}

/// numpy's name of a type, such as `int16`; a text's counts bits.
fn numpy_name(data_type: DataType) -> String {
    match data_type {
        DataType::Bool => "bool".into(),
        DataType::I8 => "int8".into(),
        DataType::I16 => "int16".into(),
        DataType::I32 => "int32".into(),
        DataType::I64 => "int64".into(),
        DataType::U8 => "uint8".into(),
        DataType::U16 => "uint16".into(),
        DataType::U32 => "uint32".into(),
        DataType::U64 => "uint64".into(),
        DataType::F16 => "float16".into(),
        DataType::F32 => "float32".into(),
        DataType::F64 => "float64".into(),
        DataType::FixedText(bytes) => format!("bytes{}", u64::from(bytes) * 8),
        DataType::FixedUnicode(length) => format!("str{}", u64::from(length) * 32),
        DataType::Opaque(bytes) => format!("void{}", u64::from(bytes) * 8),
        DataType::Text => "object".into(),
    }
}

/// An attribute for people to read.
pub(super) fn shown(value: &AttributeValue) -> String {
    use model::Numbers as N;
    fn list<T: ToString>(numbers: &[T]) -> String {
        numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
    match value {
        AttributeValue::Text(text) | AttributeValue::Json(text) => text.clone(),
        AttributeValue::Texts(texts) => texts.join(", "),
        AttributeValue::Numbers(numbers) => match numbers {
            N::I8(v) => list(v),
            N::I16(v) => list(v),
            N::I32(v) => list(v),
            N::I64(v) => list(v),
            N::U8(v) => list(v),
            N::U16(v) => list(v),
            N::U32(v) => list(v),
            N::U64(v) => list(v),
            N::F32(v) => list(v),
            N::F64(v) => list(v),
        },
    }
}
