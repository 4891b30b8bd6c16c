//! NetCDF-4 and other HDF5 files.
//!
//! ```text
//! walk: groups, links ─▶ netcdf4: what each dataset is ─▶ dimensions: names, lengths ─▶ variable: type, attributes,
//!                                                              storage: chunks | contiguous | inline
//! ```
//! `native` is the C library; the rest is safe.

mod attributes;
mod chunks;
mod data_type;
mod dimensions;
mod filters;
mod inline;
mod native;
mod netcdf4;
mod recode;
mod storage;
mod variable;
mod walk;

use std::{collections::HashSet, path::Path};

use model::{FileIdentity, FileScan, Group, ScannedVariable, SourceFile};

use crate::{Progress, ScanFault, ScanOptions};
use dimensions::{Dimensions, Structures};
use native::{Dataset, File, Library};
use netcdf4::Structure;
use variable::{Context, Outline, Refusal};
use walk::FoundGroup;

/// Scans a file that has an HDF5 signature.
pub(crate) fn scan(
    path: &Path,
    identity: FileIdentity,
    options: &ScanOptions,
    progress: Progress<'_>,
) -> Result<FileScan, ScanFault> {
    let context = Context { path, identity, options, progress, done: 0, total: 0, warnings: Vec::new() };
    Library::with(|library| scan_file(library, context))
}

fn scan_file(library: &Library, mut context: Context<'_>) -> Result<FileScan, ScanFault> {
    let file = File::open(library, context.path)?;
    let found = walk::walk(&file, context.options, &mut context.warnings)?;
    let structures = structures(&mut context, &found);
    let dimensions = Dimensions::find(&found, &structures);
    let groups = groups(&mut context, &found);
    let variables = variables(&mut context, &found, &structures, &dimensions)?;
    let absolute = std::path::absolute(context.path)?;
    let full_path = |group: usize, name: &str| match found[group].path.as_str() {
        "" => name.to_owned(),
        path => format!("{path}/{name}"),
    };
    let file = SourceFile { path: absolute.to_string_lossy().into_owned(), identity: context.identity };
    Ok(FileScan {
        files: vec![file.clone()],
        file,
        groups,
        variables,
        unlimited_dimensions: dimensions.unlimited().map(|d| full_path(d.group, &d.name)).collect(),
        warnings: context.warnings,
    })
}

fn structures(context: &mut Context<'_>, found: &[FoundGroup]) -> Structures {
    context.total = found.iter().map(|group| group.datasets.len() as u64).sum();
    let mut structures = Vec::with_capacity(found.len());
    for group in found {
        let mut of_group = Vec::with_capacity(group.datasets.len());
        for dataset in &group.datasets {
            of_group.push(netcdf4::structure(group, dataset, context.options, &mut context.warnings));
            context.alive();
        }
        structures.push(of_group);
    }
    structures
}

fn groups(context: &mut Context<'_>, found: &[FoundGroup]) -> Vec<Group> {
    let bytes_max = context.options.attribute_bytes_max;
    let group = |group: &FoundGroup| Group {
        path: group.path.clone(),
        attributes: attributes::read(&group.object, group.path.as_str(), bytes_max, &mut context.warnings),
    };
    found.iter().map(group).collect()
}

fn variables(
    context: &mut Context<'_>,
    found: &[FoundGroup],
    structures: &Structures,
    dimensions: &Dimensions,
) -> Result<Vec<ScannedVariable>, ScanFault> {
    let mentions = structures.iter().flatten().flatten().flat_map(|structure| &structure.mentions);
    let mentioned: HashSet<&str> = mentions.map(String::as_str).collect();
    let mut variables = Vec::new();
    let mut taken = HashSet::new();
    for (place, (group, structures)) in found.iter().zip(structures).enumerate() {
        for (at, structure) in structures.iter().enumerate() {
            context.done += 1;
            let Some(structure) = structure.as_ref().filter(|structure| !structure.is_dimension_only) else {
                continue;
            };
            let Some(outline) = outline(context, group, structure, dimensions.of(place, at), &mentioned)
            else {
                continue;
            };
            let path = outline.path.clone();
            if !taken.insert(path.clone()) {
                context.warn(path.as_str(), "left out: a second variable of this name");
                continue;
            }
            let dataset = group.object.open(&group.datasets[at].link).and_then(Dataset::new);
            match dataset
                .map_err(Refusal::from)
                .and_then(|dataset| variable::scan(context, &dataset, outline))
            {
                Ok(variable) => variables.push(variable),
                Err(Refusal::LeftOut(why)) => context.warn(path.as_str(), format!("left out: {why}")),
                Err(Refusal::Fault(fault)) => return Err(fault),
            }
            context.alive();
        }
    }
    Ok(variables)
}

fn outline<'a>(
    context: &mut Context<'_>,
    group: &FoundGroup,
    structure: &Structure,
    dimensions: impl Iterator<Item = &'a dimensions::Dimension>,
    mentioned: &HashSet<&str>,
) -> Option<Outline> {
    let path = match group.path.join(&structure.name) {
        Ok(path) => path,
        Err(error) => {
            context.warn(group.path.as_str(), format!("a variable is left out: {}", error.message));
            return None;
        }
    };
    let (mut names, mut shape) = (Vec::new(), Vec::new());
    for (dimension, length) in dimensions.zip(structure.extent.shape()) {
        names.push(dimension.name.clone());
        shape.push(if dimension.unlimited { dimension.length.max(*length) } else { *length });
    }
    let is_own_dimension = names.len() == 1 && names[0] == structure.name;
    let is_coordinate = is_own_dimension || mentioned.contains(structure.name.as_str());
    Some(Outline { path, dimensions: names, shape, is_coordinate })
}
