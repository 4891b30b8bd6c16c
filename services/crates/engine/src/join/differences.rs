//! What keeps pieces of a variable from being one array as they are.

use std::collections::BTreeSet;

use cf::PACKING;
use model::{Result, ScannedVariable};

use super::numbers::same_value;
use super::sources::Sources;

/// Most differences that are told; the others are counted.
const TOLD_MAX: usize = 10;
/// Differences found so far.
#[derive(Default)]
pub(super) struct Differences {
    told: Vec<String>,
    more: usize,
    files: BTreeSet<usize>,
}

impl Differences {
    /// Adds one between two files.
    pub(super) fn add(&mut self, text: impl FnOnce() -> String, files: [usize; 2]) {
        if self.told.len() == TOLD_MAX {
            self.more += 1;
            return;
        }
        self.told.push(text());
        self.files.extend(files);
    }

    /// The refusal that tells them, if there are any.
    pub(super) fn into_result(self, sources: &Sources) -> Result<()> {
        if self.told.is_empty() {
            return Ok(());
        }
        let more =
            if self.more > 0 { format!("; and {} more differences", self.more) } else { String::new() };
        let message = format!(
            "the files cannot be joined: {}{more}. All files must be alike in this, whatever else is brought together: \
             register those that differ as another dataset",
            self.told.join("; ")
        );
        let files: Vec<usize> = self.files.into_iter().collect();
        Err(sources.refuse(message, &files))
    }
}

/// How two pieces differ in what no decoding brings together: `what (of the one) and (of the other)`.
pub(super) fn between(a: &ScannedVariable, b: &ScannedVariable, dimension: Option<&str>) -> Option<String> {
    let (a, b) = (&a.variable, &b.variable);
    if a.dimensions != b.dimensions {
        return Some(format!("dimensions ({}) and ({})", a.dimensions.join(", "), b.dimensions.join(", ")));
    }
    if a.data_type != b.data_type && !(a.data_type.is_numeric() && b.data_type.is_numeric()) {
        return Some(format!("types {:?} and {:?}", a.data_type, b.data_type));
    }
    let lengths = a.grid.shape().iter().zip(b.grid.shape());
    for (name, (a, b)) in a.dimensions.iter().zip(lengths) {
        if a != b && dimension != Some(name.as_str()) {
            return Some(format!("lengths of {name} {a} and {b}"));
        }
    }
    // xarray takes the first file's and the numbers of the others as if they were in these: wrong science.
    match (a.attributes.text("units"), b.attributes.text("units")) {
        (Some(a), Some(b)) if a.trim() != b.trim() => Some(format!("units {a:?} and {b:?}")),
        _ => None,
    }
}

/// How the stored elements of two pieces differ.
pub(super) fn between_elements(a: &ScannedVariable, b: &ScannedVariable) -> Option<String> {
    let (a, b) = (&a.variable, &b.variable);
    if a.data_type != b.data_type {
        return Some(format!("types {:?} and {:?}", a.data_type, b.data_type));
    }
    if a.byte_order != b.byte_order {
        return Some(format!("byte orders {:?} and {:?}", a.byte_order, b.byte_order));
    }
    for name in PACKING {
        let values = (a.attributes.get(name), b.attributes.get(name));
        let is_same = match values {
            (Some(a), Some(b)) => same_value(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        if !is_same {
            let text = |value: Option<&model::AttributeValue>| {
                value.map_or_else(|| "none".to_owned(), |value| format!("{value:?}"))
            };
            return Some(format!("{name} {} and {}", text(values.0), text(values.1)));
        }
    }
    None
}
