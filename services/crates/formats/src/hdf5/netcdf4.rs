//! What netCDF-4 wrote into attributes of its own
//! ([netCDF-4 file format](https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html#netcdf_4_spec)).

use std::ffi::CStr;

use model::Warning;

use super::{
    attributes,
    native::{Class, Dataset, Extent, Fault, Token},
    walk::{FoundDataset, FoundGroup},
};
use crate::{
    ScanOptions,
    conventions::{self, names_in},
};

/// What the `NAME` of a dimension scale begins with if the dimension has no variable.
const DIMENSION_ONLY: &str = "This is a netCDF dimension but not a netCDF variable";
/// What the name of a variable begins with if a dimension has its name, but is not its own.
const NOT_A_COORDINATE: &str = "_nc4_non_coord_";

/// A dataset and its part in netCDF's model.
pub(super) struct Structure {
    /// Name of the variable.
    pub(super) name: String,
    /// Its extent.
    pub(super) extent: Extent,
    /// Whether it gives a dimension its name.
    pub(super) is_scale: bool,
    /// Whether it is a dimension and no variable.
    pub(super) is_dimension_only: bool,
    /// The number of the dimension, if it has one.
    pub(super) dimension_id: Option<i32>,
    /// Numbers of its dimensions, if netCDF wrote them.
    pub(super) dimension_ids: Option<Vec<i32>>,
    /// For each dimension the object that gives its name, if any.
    pub(super) scales: Vec<Option<Token>>,
    /// Names of variables that its attributes mention.
    pub(super) mentions: Vec<String>,
}

/// The structure of a dataset; none where it cannot be opened, which is a warning.
pub(super) fn structure(
    group: &FoundGroup,
    found: &FoundDataset,
    options: &ScanOptions,
    warnings: &mut Vec<Warning>,
) -> Option<Structure> {
    match group
        .object
        .open(&found.link)
        .and_then(Dataset::new)
        .and_then(|dataset| read(&dataset, found, options))
    {
        Ok(structure) => Some(structure),
        Err(fault) => {
            let subject =
                group.path.join(&found.name).map_or_else(|_| found.name.clone(), |path| path.to_string());
            warnings.push(Warning { subject, message: format!("left out: it cannot be read: {fault}") });
            None
        }
    }
}

fn read(dataset: &Dataset, found: &FoundDataset, options: &ScanOptions) -> Result<Structure, Fault> {
    let object = dataset.object();
    let names = object.attribute_names()?;
    let has = |name: &CStr| names.iter().any(|present| present.as_c_str() == name);
    let bytes_max = options.attribute_bytes_max;
    let text = |name| if has(name) { attributes::text(object, name, bytes_max) } else { None };
    let integers = |name| if has(name) { attributes::integers(object, name, bytes_max) } else { None };
    let rank = dataset.extent.shape().len();

    let is_scale = text(c"CLASS").as_deref() == Some("DIMENSION_SCALE") && rank > 0;
    let is_dimension_only = is_scale && text(c"NAME").is_some_and(|name| name.starts_with(DIMENSION_ONLY));
    let scales = if has(c"DIMENSION_LIST") { scales(dataset, rank, bytes_max) } else { vec![None; rank] };
    let mentions =
        conventions::NAMING.iter().filter_map(|name| text(name)).flat_map(|t| names_in(&t)).collect();
    Ok(Structure {
        name: found.name.strip_prefix(NOT_A_COORDINATE).unwrap_or(&found.name).to_owned(),
        is_scale,
        is_dimension_only,
        dimension_id: integers(c"_Netcdf4Dimid").and_then(|ids| ids.first().copied()),
        dimension_ids: integers(c"_Netcdf4Coordinates").filter(|ids| ids.len() == rank),
        scales,
        mentions,
        extent: dataset.extent.clone(),
    })
}

/// The first scale of each dimension: none for all where the attribute is not what the library writes.
fn scales(dataset: &Dataset, rank: usize, bytes_max: usize) -> Vec<Option<Token>> {
    let lists = || {
        let attribute = dataset.object().attribute(c"DIMENSION_LIST").ok()?;
        let base = attribute.datatype.base().ok()?;
        let expected = attribute.datatype.class() == Class::VariableLength
            && base.class() == Class::Reference
            && base.size() == size_of::<Token>();
        if !expected {
            return None;
        }
        attribute.read_reference_lists(bytes_max).ok().filter(|lists| lists.len() == rank)
    };
    lists().map_or_else(|| vec![None; rank], |lists| lists.iter().map(|list| list.first().copied()).collect())
}
