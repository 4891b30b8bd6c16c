//! One dataset as a variable with its references.

use std::path::Path;

use model::{
    AttributeValue, Attributes, ByteOrder, FileIdentity, Layout, NodePath, ScannedVariable, Variable, Warning,
};

use super::{
    attributes,
    data_type::{ElementType, element_type},
    native::{Dataset, Extent, Fault},
    storage,
};
use crate::{Progress, ScanFault, ScanOptions, numbers::to_little_endian};

/// What holds for the whole scan.
pub(super) struct Context<'a> {
    pub(super) path: &'a Path,
    pub(super) identity: FileIdentity,
    pub(super) options: &'a ScanOptions,
    pub(super) progress: Progress<'a>,
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) warnings: Vec<Warning>,
}

impl Context<'_> {
    /// Says that the scan is not hung.
    pub(super) fn alive(&mut self) {
        (self.progress)(self.done, self.total);
    }

    /// Notes something of a variable or group.
    pub(super) fn warn(&mut self, subject: &str, message: impl Into<String>) {
        self.warnings.push(Warning { subject: subject.to_owned(), message: message.into() });
    }
}

/// Why there is no variable of a dataset.
pub(super) enum Refusal {
    /// The model cannot hold it.
    LeftOut(String),
    /// The file is at fault, and with it the scan.
    Fault(ScanFault),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::LeftOut(format!("it cannot be read: {fault}"))
    }
}

impl From<ScanFault> for Refusal {
    fn from(fault: ScanFault) -> Self {
        Self::Fault(fault)
    }
}

/// What is known of a variable before its data.
pub(super) struct Outline {
    /// Where it is.
    pub(super) path: NodePath,
    /// Names of its dimensions.
    pub(super) dimensions: Vec<String>,
    /// Its shape: longer than the dataset's where another variable made an unlimited dimension longer.
    pub(super) shape: Vec<u64>,
    /// Whether readers want it whole: it is a coordinate, or the attribute of another variable names it.
    pub(super) is_coordinate: bool,
}

/// Scans a dataset.
pub(super) fn scan(
    context: &mut Context<'_>,
    dataset: &Dataset,
    outline: Outline,
) -> Result<ScannedVariable, Refusal> {
    let element = element_type(&dataset.datatype)?
        .map_err(|kind| Refusal::LeftOut(format!("its type is {kind}, which Zarr cannot hold")))?;
    if dataset.extent == Extent::Null {
        return Err(Refusal::LeftOut("it has no extent (a null dataspace)".to_owned()));
    }
    let path = outline.path.as_str();
    let bytes_max = context.options.attribute_bytes_max;
    let mut attributes = attributes::read(dataset.object(), path, bytes_max, &mut context.warnings);
    explain_flags(&mut attributes, &element);
    let stored = storage::find(context, dataset, &element, &outline)?;
    let fill_value =
        (stored.manifest.missing_count() > 0).then(|| fill_value(dataset, &element)).transpose()?;
    Ok(ScannedVariable {
        variable: Variable {
            path: outline.path,
            dimensions: outline.dimensions,
            data_type: element.data_type,
            byte_order: if stored.layout == Layout::Inline { ByteOrder::Little } else { element.byte_order },
            grid: stored.grid,
            codecs: stored.codecs,
            fill_value,
            attributes,
        }
        .into(),
        layout: stored.layout,
        manifest: stored.manifest,
        in_place: None,
    })
}

/// What libhdf5 reads where nothing was written: zeros where the file does not say.
fn fill_value(dataset: &Dataset, element: &ElementType) -> Result<Vec<u8>, Refusal> {
    let mut value = dataset.fill_value()?.unwrap_or_else(|| vec![0; dataset.datatype.size()]);
    to_little_endian(&mut value, element.data_type, element.byte_order);
    Ok(value)
}

/// What an enumeration means goes into the attributes that CF has for it, unless they are there.
fn explain_flags(attributes: &mut Attributes, element: &ElementType) {
    let Some(enumeration) = element.enumeration.as_ref().filter(|enumeration| !enumeration.names.is_empty())
    else {
        return;
    };
    if attributes.get("flag_values").is_some() || attributes.get("flag_meanings").is_some() {
        return;
    }
    let words: Vec<String> =
        enumeration.names.iter().map(|name| name.split_whitespace().collect::<Vec<_>>().join("_")).collect();
    attributes.set("flag_values", AttributeValue::Numbers(enumeration.values.clone()));
    attributes.set("flag_meanings", AttributeValue::Text(words.join(" ")));
}
