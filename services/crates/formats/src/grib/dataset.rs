//! The dataset that a file's fields make.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use model::{
    AttributeValue, Attributes, ByteOrder, ByteRange, ChunkGrid, ChunkManifest, ChunkRef, Codec, DataType,
    FileId, FileScan, Group as ModelGroup, Layout, NodePath, Numbers, ScannedVariable, SourceFile, Variable,
};

use super::{
    chronology::{self, Chronology},
    cube::{Axes, GroupAxes},
    fields::{Field, Fields, Group, Place},
    geography::{self, Ground},
    names,
    notes::Notes,
    parts::Parts,
    tables, times, variant,
};
use crate::{ScanFault, ScanOptions};

/// What ecCodes gives for a point without a value.
const MISSING: f64 = 9999.0;

struct Scene<'a> {
    fields: &'a Fields,
    axes: Axes,
    clock: Chronology,
    grounds: HashMap<usize, Ground>,
}

/// Makes the dataset.
pub(super) fn build(
    fields: &Fields,
    file: SourceFile,
    parts: &mut Parts<'_>,
    options: &ScanOptions,
    mut notes: Notes,
) -> Result<FileScan, ScanFault> {
    let (axes, group_axes) = Axes::of(fields);
    let mut grounds = HashMap::new();
    for group in &fields.groups {
        let (place, grid) = (grounds.len(), group.subject.grid);
        grounds.entry(grid).or_insert_with(|| geography::of(&fields.grids[grid], place, options, &mut notes));
    }
    let scene = Scene { fields, clock: chronology::of(&axes.clock, &fields.groups), axes, grounds };
    let mut variables = if fields.groups.is_empty() { Vec::new() } else { scene.coordinates() };
    let mut taken: HashSet<String> = variables.iter().map(|v| v.variable.path.as_str().to_owned()).collect();
    taken.extend(variables.iter().flat_map(|v| v.variable.dimensions.clone()));
    taken.extend(scene.grounds.values().flat_map(|ground| ground.dimensions.clone()));
    let names = names::of(&fields.groups, &taken);
    for ((group, axes), name) in fields.groups.iter().zip(group_axes).zip(names) {
        if let Some(variable) = scene.variable(group, axes, &name, parts, options, &mut notes)? {
            variables.push(variable);
        }
    }
    Ok(FileScan {
        files: vec![file.clone()],
        file,
        groups: vec![ModelGroup { path: NodePath::root(), attributes: scene.attributes() }],
        variables,
        unlimited_dimensions: scene.clock.dimensions.iter().map(|name| (*name).to_owned()).collect(),
        warnings: notes.into_warnings(),
    })
}

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::Text(text.into())
}

fn integer(number: i64) -> AttributeValue {
    AttributeValue::Numbers(Numbers::I64(vec![number]))
}

impl Scene<'_> {
    fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::new();
        if let Some((edition, centre, subcentre)) = self.fields.origin {
            attributes.set("GRIB_edition", integer(i64::from(edition)));
            attributes.set("GRIB_centre", text(tables::centre(edition, centre)));
            attributes.set("GRIB_subCentre", integer(subcentre as i64));
        }
        attributes.set("Conventions", text("CF-1.10"));
        attributes
    }

    /// All coordinates that a variable has, in a fixed order.
    fn coordinates(&self) -> Vec<ScannedVariable> {
        let mut variables = self.clock.variables.clone();
        variables.extend(self.axes.ensembles.iter().filter_map(super::cube::Members::variable));
        variables.extend(self.axes.verticals.iter().flat_map(super::cube::Vertical::variables));
        let mut grids: Vec<_> = self.grounds.keys().collect();
        grids.sort_unstable();
        variables.extend(grids.iter().flat_map(|grid| self.grounds[grid].variables.clone()));
        variables
    }

    fn variable(
        &self,
        group: &Group,
        axes: GroupAxes,
        name: &str,
        parts: &mut Parts<'_>,
        options: &ScanOptions,
        notes: &mut Notes,
    ) -> Result<Option<ScannedVariable>, ScanFault> {
        let Some(ground) = self.grounds.get(&group.subject.grid) else { return Ok(None) };
        let (vertical, members) = (&self.axes.verticals[axes.vertical], &self.axes.ensembles[axes.ensemble]);
        let mut dimensions: Vec<String> =
            self.clock.dimensions.iter().map(|name| (*name).to_owned()).collect();
        let mut shape = self.axes.clock.shape();
        if members.is_dimension() {
            dimensions.push(members.name.clone());
            shape.push(members.numbers.len() as u64);
        }
        if vertical.is_dimension() {
            dimensions.push(vertical.name.clone());
            shape.push(vertical.levels.len() as u64);
        }
        let mut chunk_shape = vec![1; shape.len()];
        dimensions.extend(ground.dimensions.iter().cloned());
        let of_grid = self.fields.grids[group.subject.grid].shape();
        shape.extend(&of_grid);
        chunk_shape.extend(&of_grid);
        let grid = match ChunkGrid::new(shape, chunk_shape) {
            Ok(grid) if grid.chunk_count() <= options.sparse_chunks_max => grid,
            _ => {
                notes.warn(name, "left out: its times, levels and members span too many chunks");
                return Ok(None);
            }
        };
        let manifest = self.manifest(group, axes, &grid, name, parts, notes)?;
        let fill = if group.has_missing { MISSING } else { f64::NAN };
        let path = match NodePath::root().join(name) {
            Ok(path) => path,
            Err(error) => {
                notes.warn(name, format!("left out: {}", error.message));
                return Ok(None);
            }
        };
        let variable = Variable {
            path,
            dimensions,
            data_type: DataType::F64,
            byte_order: ByteOrder::Little,
            grid,
            codecs: vec![Codec::RawGrib],
            fill_value: Some(fill.to_le_bytes().to_vec()),
            attributes: self.described(group, axes, ground),
        };
        Ok(Some(ScannedVariable {
            variable: variable.into(),
            layout: Layout::Chunked,
            manifest,
            in_place: None,
        }))
    }

    /// References of the fields; what is there twice, and what is not there, is told.
    fn manifest(
        &self,
        group: &Group,
        axes: GroupAxes,
        grid: &ChunkGrid,
        name: &str,
        parts: &mut Parts<'_>,
        notes: &mut Notes,
    ) -> Result<ChunkManifest, ScanFault> {
        let mut manifest = ChunkManifest::missing(0, grid.chunk_count() as usize);
        let (mut seen, mut twice) = (HashMap::new(), Vec::new());
        for field in &group.fields {
            let Some(number) = self.number(field, axes) else { continue };
            if let Some(before) = seen.insert(number, field) {
                twice.push((before, field));
            }
            let reference = match &field.place {
                Place::Message { offset, length } => {
                    ChunkRef::Bytes { file: FileId(0), range: ByteRange { offset: *offset, length: *length } }
                }
                Place::Part { discipline, sections } => {
                    if let Some(bytes) = parts.message(*discipline, sections)? {
                        ChunkRef::Inline(Bytes::from(bytes))
                    } else {
                        notes.leave_out(name, Parts::TOO_MANY, sections[7].0);
                        ChunkRef::Missing
                    }
                }
            };
            manifest.set(number, reference);
        }
        if let Some((before, _)) = twice.first() {
            let at = times::text(before.times.valid());
            notes.warn(
                name,
                format!(
                    "{} fields are there twice, the first one for {at}{}: the one that is later in the file is used",
                    twice.len(),
                    level_text(before)
                ),
            );
        }
        self.tell_holes(&manifest, grid, name, notes);
        Ok(manifest)
    }

    fn tell_holes(&self, manifest: &ChunkManifest, grid: &ChunkGrid, name: &str, notes: &mut Notes) {
        let holes = manifest.missing_count();
        let first = manifest.iter().find(|(_, reference)| *reference == ChunkRef::Missing);
        if let Some((number, _)) = first {
            let place = self.axes.clock.text(number / (grid.chunk_count() / self.axes.clock.count()).max(1));
            let total = grid.chunk_count();
            notes.warn(name, format!("{holes} of {total} fields are not in the file, the first one for {place}: they read as missing"));
        }
    }

    /// The number of a field's chunk.
    fn number(&self, field: &Field, axes: GroupAxes) -> Option<u64> {
        let mut number = 0;
        let mut push = |at: u64, length: usize| number = number * length as u64 + at;
        let shape = self.axes.clock.shape();
        for (at, length) in self.axes.clock.place(field)?.into_iter().zip(shape) {
            push(at, length as usize);
        }
        let members = &self.axes.ensembles[axes.ensemble].numbers;
        push(members.iter().position(|member| *member == field.member)? as u64, members.len());
        let levels = &self.axes.verticals[axes.vertical].levels;
        push(levels.iter().position(|level| *level == field.level)? as u64, levels.len());
        Some(number)
    }

    fn described(&self, group: &Group, axes: GroupAxes, ground: &Ground) -> Attributes {
        let (subject, parameter) = (&group.subject, &group.subject.parameter);
        let grid = &self.fields.grids[subject.grid];
        let mut attributes = Attributes::new();
        if let Some(name) = parameter.standard_name {
            attributes.set("standard_name", text(name));
        }
        if parameter.name != "unknown" {
            attributes.set("long_name", text(&parameter.name));
        }
        if !matches!(parameter.units.as_str(), "unknown" | "~" | "") {
            attributes.set("units", text(&parameter.units));
        }
        if let Some(method) = cell_method(subject.step_type) {
            attributes.set("cell_methods", text(format!("time: {method}")));
        }
        if group.has_missing {
            for name in ["_FillValue", "missing_value"] {
                attributes.set(name, AttributeValue::Numbers(Numbers::F64(vec![MISSING])));
            }
        }
        attributes.set("GRIB_paramId", integer(parameter.id as i64));
        attributes.set("GRIB_shortName", text(&parameter.short_name));
        attributes.set("GRIB_name", text(&parameter.name));
        attributes.set("GRIB_units", text(&parameter.units));
        attributes.set("GRIB_typeOfLevel", text(&subject.level));
        attributes.set("GRIB_stepType", text(subject.step_type));
        attributes.set("GRIB_gridType", text(grid.kind));
        attributes.set("GRIB_numberOfPoints", integer(grid.points.unwrap_or(0) as i64));
        let process = group.fields.first().map_or(-1, |field| field.process);
        if let Some(name) = variant::process_name(group.edition, process) {
            attributes.set("GRIB_dataType", text(name));
        }
        for (key, value) in &subject.variant {
            attributes.set(format!("GRIB_{key}"), integer(*value));
        }
        for (name, value) in &grid.attributes {
            attributes.set(*name, value.clone());
        }
        if let Some(mapping) = &ground.mapping {
            attributes.set("grid_mapping", text(mapping));
        }
        let coordinates = self.auxiliary(axes, ground);
        if !coordinates.is_empty() {
            attributes.set("coordinates", text(coordinates.join(" ")));
        }
        attributes
    }

    /// Coordinates that are not named as a dimension.
    fn auxiliary(&self, axes: GroupAxes, ground: &Ground) -> Vec<String> {
        let mut names: Vec<String> = self.clock.auxiliary.iter().map(|name| (*name).to_owned()).collect();
        let members = &self.axes.ensembles[axes.ensemble];
        if !members.is_dimension() && members.variable().is_some() {
            names.push(members.name.clone());
        }
        let vertical = &self.axes.verticals[axes.vertical];
        if !vertical.is_dimension() && !vertical.variables().is_empty() {
            names.push(vertical.name.clone());
        }
        names.extend(ground.auxiliary.iter().cloned());
        names
    }
}

fn level_text(field: &Field) -> String {
    field.level.0.map(|bits| format!(" at level {}", f64::from_bits(bits))).unwrap_or_default()
}

/// CF's word for a statistic over time.
fn cell_method(step_type: &str) -> Option<&'static str> {
    Some(match step_type {
        "instant" => "point",
        "avg" | "avgd" | "avgua" | "avgia" | "avgfc" => "mean",
        "accum" | "sum" => "sum",
        "max" => "maximum",
        "min" => "minimum",
        "sd" => "standard_deviation",
        "rms" => "root_mean_square",
        _ => return None,
    })
}
