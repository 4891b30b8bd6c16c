//! What the templates show.

use askama::Template;
use engine::open::{Catalog, OpenDataset};
use engine::ports::Form;
use model::{Attributes, Variable};

use super::segment;
use crate::http::info;
use crate::http::zarr::name;

/// Most datasets on the landing page.
const LISTED_MAX: usize = 1000;

/// The landing page.
#[derive(Template)]
#[template(path = "landing.html")]
pub(super) struct LandingPage {
    root: String,
    count: usize,
    datasets: Vec<Listed>,
}

struct Listed {
    id: String,
    segment: String,
    title: String,
}

impl LandingPage {
    pub(super) fn new(root: String, catalog: &Catalog) -> Self {
        let listed = |dataset: &engine::ports::ListedDataset| Listed {
            id: dataset.id.to_string(),
            segment: segment(dataset.id.as_str()),
            title: dataset.title.clone(),
        };
        let datasets = catalog.datasets().iter().take(LISTED_MAX).map(listed).collect();
        Self { root, count: catalog.datasets().len(), datasets }
    }
}

/// A dataset's page.
#[derive(Template)]
#[template(path = "dataset.html")]
pub(super) struct DatasetPage {
    root: String,
    id: String,
    segment: String,
    /// Below `/datasets/`.
    place: String,
    /// Of a view by URL.
    steps: Option<String>,
    /// Named views, with their steps.
    named: Vec<(String, String)>,
    /// The store for clients.
    store: &'static str,
    title: String,
    version: String,
    variable_count: usize,
    size: Option<String>,
    dimensions: Vec<(String, String)>,
    sections: Vec<Section>,
    attributes: Vec<(String, String)>,
}

struct Section {
    title: String,
    variables: Vec<VariableView>,
}

struct VariableView {
    name: String,
    long_name: String,
    dimensions: String,
    dtype: String,
    shape: String,
    chunks: String,
    codecs: String,
    in_place: bool,
    size: Option<String>,
    attributes: Vec<(String, String)>,
}

impl DatasetPage {
    pub(super) fn new(root: String, place: String, opened: &OpenDataset) -> Self {
        let published = opened.published();
        let dataset = opened.dataset();
        let attributes = dataset.attributes().cloned().unwrap_or_default();
        let size = dataset.variables.iter().map(Variable::decoded_size_bytes).sum::<Option<u64>>();
        let dimensions =
            info::dimensions(dataset).into_iter().map(|(name, length)| (name, length.to_string()));
        Self {
            root,
            id: published.id.to_string(),
            segment: segment(published.id.as_str()),
            place,
            named: published.named_views.iter().map(|(name, steps)| (name.clone(), steps.clone())).collect(),
            steps: opened.steps().map(ToString::to_string),
            store: store(opened),
            title: attributes.text("title").unwrap_or_default().to_owned(),
            version: published.version.to_string(),
            variable_count: dataset.variables.len(),
            size: size.map(shown_bytes),
            dimensions: dimensions.collect(),
            sections: sections(opened),
            attributes: shown_attributes(&attributes),
        }
    }
}

/// The store that clients are told of: the decoded one only where readers need it for some variable, or it has more of them.
fn store(opened: &OpenDataset) -> &'static str {
    let needs_decoding = opened.dataset().variables.iter().any(zarr::decoded::needs_decoding);
    match opened.form() {
        Form::Stored if needs_decoding || opened.has_diagnostics() => name(&Form::Decoded),
        form => name(form),
    }
}

/// Coordinates and data variables of the root, then each group that has variables.
fn sections(opened: &OpenDataset) -> Vec<Section> {
    let dataset = opened.dataset();
    let (coordinates, data) = info::split(dataset);
    let view = |variable: &&Variable| VariableView {
        in_place: opened.is_in_place(variable.path.as_str()),
        ..VariableView::new(variable)
    };
    let views = |variables: &[&Variable]| variables.iter().map(view).collect();
    let mut sections = vec![
        Section { title: "Coordinates".into(), variables: views(&coordinates) },
        Section { title: "Data variables".into(), variables: views(&data) },
    ];
    for group in dataset.groups.iter().filter(|group| !group.path.as_str().is_empty()) {
        let inside = |variable: &&Variable| variable.path.parent().as_ref() == Some(&group.path);
        let variables: Vec<&Variable> = dataset.variables.iter().filter(inside).collect();
        sections.push(Section { title: format!("Group {}", group.path), variables: views(&variables) });
    }
    sections.retain(|section| !section.variables.is_empty());
    sections
}

impl VariableView {
    fn new(variable: &Variable) -> Self {
        let long_name = ["long_name", "standard_name"].iter().find_map(|name| variable.attributes.text(name));
        let units = variable.attributes.text("units").map(|units| format!(" [{units}]")).unwrap_or_default();
        Self {
            name: variable.path.name().to_owned(),
            long_name: format!("{}{units}", long_name.unwrap_or_default()).trim().to_owned(),
            dimensions: variable.dimensions.join(", "),
            dtype: zarr::v2::dtype(variable.data_type, variable.byte_order),
            shape: joined(variable.grid.shape()),
            chunks: joined(variable.grid.chunk_shape()),
            codecs: codecs(variable),
            in_place: false,
            size: variable.decoded_size_bytes().map(shown_bytes),
            attributes: shown_attributes(&variable.attributes),
        }
    }
}

/// Names of codecs in order of encoding, as Zarr v2 has them.
fn codecs(variable: &Variable) -> String {
    let names = zarr::v2::codec_ids(&variable.codecs);
    if names.is_empty() { "none".into() } else { names.join(" → ") }
}

fn joined(lengths: &[u64]) -> String {
    if lengths.is_empty() {
        return "scalar".into();
    }
    lengths.iter().map(u64::to_string).collect::<Vec<_>>().join(" × ")
}

fn shown_attributes(attributes: &Attributes) -> Vec<(String, String)> {
    attributes.iter().map(|(name, value)| (name.to_owned(), info::shown(value))).collect()
}

/// A number of bytes for people.
fn shown_bytes(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB", "PiB"] {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        assert_eq!(shown_bytes(1023), "1023 B");
        assert_eq!(shown_bytes(1536), "1.5 KiB");
        assert_eq!(shown_bytes(u64::MAX), "16384.0 PiB");
    }
}
