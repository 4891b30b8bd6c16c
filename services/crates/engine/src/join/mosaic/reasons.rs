//! Why chunks are computed, in words.

use std::collections::BTreeMap;

use model::Layout;

use super::super::form::Form;
use super::super::sources::Sources;
use super::canonical::Canonical;
use super::{Part, Record, passing};

/// `chunk shapes differ in 3 files ("a.nc", …), types in 1 file ("b.nc")`.
pub(super) fn tell(
    parts: &[Part<'_>],
    canonical: &Canonical,
    form: &Form,
    record: Record,
    sources: &Sources,
) -> String {
    let mut reasons: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for part in parts {
        let passed = passing::slabs(part, canonical, record);
        let length = canonical.chunk_shape[record.axis];
        let end = (passed.end * length).min(record.length);
        if !passed.is_empty() && passed.start * length == part.start && end == part.start + part.length {
            continue;
        }
        reasons.entry(reason(part, canonical, form)).or_default().push(part.file);
    }
    let one = |(reason, files): (&str, Vec<usize>)| {
        let noun = if files.len() == 1 { "file" } else { "files" };
        format!("{reason} in {} {noun} ({})", files.len(), sources.list(files.iter().copied()))
    };
    let told: Vec<String> = reasons.into_iter().map(one).collect();
    if told.is_empty() { "absent chunks mean other values".to_owned() } else { told.join(", ") }
}

fn reason(part: &Part<'_>, canonical: &Canonical, form: &Form) -> &'static str {
    let variable = &part.scanned.variable;
    if variable.data_type != form.variable.data_type {
        "types or packing differ"
    } else if !part.is_copy {
        "missing values or packing differ"
    } else if variable.byte_order != canonical.byte_order && variable.data_type.size() != Some(1) {
        "byte orders differ"
    } else if part.scanned.layout == Layout::Inline {
        "layouts differ"
    } else if variable.codecs != canonical.codecs {
        "filters differ"
    } else if part.scanned.layout == Layout::Chunked && variable.grid.chunk_shape() != canonical.chunk_shape {
        "chunk shapes differ"
    } else {
        "values begin or end inside a chunk"
    }
}
