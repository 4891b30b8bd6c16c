//! The Zarr metadata documents of a dataset, each rendered once, when first asked for.

use std::collections::HashMap;
use std::sync::OnceLock;

use bytes::Bytes;
use model::Dataset;
use serde_json::Value;

use crate::etag;

/// A document and its entity tag.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its text.
    pub bytes: Bytes,
    /// Its strong entity tag, without quotes.
    pub etag: String,
}

impl Document {
    /// A document of any bytes.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { etag: etag::of_bytes(&bytes), bytes }
    }

    /// A JSON document, compact.
    pub fn json(value: &Value) -> Self {
        Self::new(value.to_string())
    }
}

/// Every document that a dataset has, by key.
#[derive(Debug)]
pub(super) struct Documents(HashMap<String, (Source, OnceLock<Document>)>);

/// What a document is made of; numbers are places in the dataset's lists.
#[derive(Debug, Clone, Copy)]
enum Source {
    Consolidated2,
    Group2,
    GroupAttributes2(usize),
    Array2(usize),
    ArrayAttributes2(usize),
    Consolidated3,
    Group3(usize),
    Array3(usize),
}

impl Documents {
    pub(super) fn new(dataset: &Dataset) -> Self {
        let mut documents = HashMap::new();
        let mut add = |path: &str, name: &str, source| {
            let key = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            documents.insert(key, (source, OnceLock::new()));
        };
        for (place, group) in dataset.groups.iter().enumerate() {
            let path = group.path.as_str();
            add(path, ".zgroup", Source::Group2);
            add(path, ".zattrs", Source::GroupAttributes2(place));
            add(path, "zarr.json", Source::Group3(place));
        }
        for (place, variable) in dataset.variables.iter().enumerate() {
            let path = variable.path.as_str();
            if zarr::v2::can_say(variable) {
                add(path, ".zarray", Source::Array2(place));
                add(path, ".zattrs", Source::ArrayAttributes2(place));
            }
            if zarr::v3::can_say(variable) {
                add(path, "zarr.json", Source::Array3(place));
            }
        }
        add("", ".zmetadata", Source::Consolidated2);
        add("", "zarr.json", Source::Consolidated3);
        Self(documents)
    }

    pub(super) fn get(&self, dataset: &Dataset, key: &str) -> Option<&Document> {
        let (source, document) = self.0.get(key)?;
        Some(document.get_or_init(|| Document::json(&render(dataset, *source))))
    }
}

fn render(dataset: &Dataset, source: Source) -> Value {
    let (groups, variables) = (&dataset.groups, &dataset.variables);
    match source {
        Source::Consolidated2 => zarr::v2::consolidated(&zarr::absent::dataset(dataset)),
        Source::Group2 => zarr::v2::group(),
        Source::GroupAttributes2(place) => zarr::v2::attributes_of_group(&groups[place]),
        Source::Array2(place) => zarr::v2::array(&zarr::absent::variable(&variables[place])),
        Source::ArrayAttributes2(place) => zarr::v2::attributes_of_variable(&variables[place]),
        Source::Consolidated3 => zarr::v3::consolidated(dataset),
        Source::Group3(place) => zarr::v3::group(&groups[place]),
        Source::Array3(place) => zarr::v3::array(&variables[place]),
    }
}
