//! A dataset on its way through the steps.

use std::collections::HashSet;
use std::sync::Arc;

use cf::{Packing, Unpacking};
use model::{
    AttributeValue, Attributes, ByteOrder, ChunkGrid, Codec, DataType, Dataset, Group, NodePath, Sharding,
    Variable,
};

use super::{Plan, Result, chunking, refused, related, tiling};
use crate::array::{Array, Made, Places};
use crate::steps::{Extent, Steps};

/// Groups and fields so far.
pub(super) struct Draft<'d> {
    /// What it is made of.
    pub(super) source: &'d Dataset,
    pub(super) groups: Vec<Group>,
    pub(super) fields: Vec<Field>,
    /// Lengths of chunks that steps asked for, by dimension.
    pub(super) chunks: Vec<(String, Extent)>,
    /// Lengths of shards that steps asked for, by dimension.
    pub(super) shards: Vec<(String, Extent)>,
}

/// A variable so far.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) path: NodePath,
    pub(super) dimensions: Vec<String>,
    pub(super) attributes: Attributes,
    pub(super) fill_value: Option<Vec<u8>>,
    pub(super) array: Arc<Array>,
    /// Whether its values are differences of those that its units are of: without their zero.
    pub(super) is_difference: bool,
}

impl<'d> Draft<'d> {
    pub(super) fn new(source: &'d Dataset) -> Self {
        let fields = source.variables.iter().enumerate().map(|(place, variable)| Field {
            path: variable.path.clone(),
            dimensions: variable.dimensions.clone(),
            attributes: variable.attributes.clone(),
            fill_value: variable.fill_value.clone(),
            is_difference: false,
            array: Arc::new(Array {
                data_type: variable.data_type,
                shape: variable.grid.shape().to_vec(),
                made: Made::Source { variable: place, chunk_shape: variable.grid.chunk_shape().to_vec() },
            }),
        });
        Self {
            source,
            groups: source.groups.clone(),
            fields: fields.collect(),
            chunks: Vec::new(),
            shards: Vec::new(),
        }
    }

    /// The place of the field of a path.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.path.as_str() == path)
    }

    /// The field of a path, which a step names.
    pub(super) fn named(&self, path: &str) -> Result<usize> {
        let Some(place) = self.find(path) else {
            let names = self.fields.iter().map(|field| field.path.as_str());
            return refused(format!("there is no variable {path} (there are {})", listed(names)));
        };
        Ok(place)
    }

    /// The length of a dimension. Fields that share its name must agree.
    pub(super) fn length(&self, dimension: &str) -> Result<u64> {
        let mut length = None;
        for field in &self.fields {
            for (name, own) in field.dimensions.iter().zip(&field.array.shape) {
                if name == dimension && length.is_some_and(|length| length != *own) {
                    return refused(format!(
                        "dimension {dimension} has other lengths in other groups: select variables of one with var= first"
                    ));
                }
                length = if name == dimension { Some(*own) } else { length };
            }
        }
        if let Some(length) = length {
            Ok(length)
        } else {
            let names: HashSet<&str> =
                self.fields.iter().flat_map(|field| &field.dimensions).map(String::as_str).collect();
            let mut names: Vec<_> = names.into_iter().collect();
            names.sort_unstable();
            refused(format!("there is no dimension {dimension} (there are {})", listed(names.into_iter())))
        }
    }

    /// Keeps some places of a dimension in every field that has it.
    pub(super) fn take(&mut self, dimension: &str, places: &Places) {
        // Text of any length lies in whole chunks alone.
        self.fields.retain(|field| field.size().is_some() || !field.has(dimension));
        for field in &mut self.fields {
            field.take(dimension, places);
        }
        if places.length().is_none() {
            related::name_scalar(self, dimension);
        }
    }

    /// The plan.
    pub(super) fn finish(mut self, steps: &Steps) -> Result<Plan> {
        related::prune(&mut self);
        related::write_history(&mut self, steps);
        let mut dataset = Dataset { groups: std::mem::take(&mut self.groups), variables: Vec::new() };
        let mut arrays = Vec::new();
        for field in &self.fields {
            let chunk_shape = chunking::shape(field, &self.chunks)?;
            let shard_shape = chunking::shard_shape(field, &chunk_shape, &self.shards)?;
            let grid_shape = shard_shape.as_ref().unwrap_or(&chunk_shape).clone();
            let grid = ChunkGrid::new(field.array.shape.clone(), grid_shape);
            let Ok(grid) = grid else { return refused(format!("{} cannot be cut into chunks", field.path)) };
            let codecs = match (&field.array.made, field.size()) {
                // Text of any length passes in the codecs that it has.
                (Made::Source { variable, .. }, None) => self.source.variables[*variable].codecs.clone(),
                _ if shard_shape.is_some() => vec![Codec::Sharding(Sharding {
                    chunk_shape,
                    codecs: Vec::new(),
                    index_has_checksum: true,
                    index_at_end: true,
                })],
                _ => Vec::new(),
            };
            dataset.variables.push(Variable { grid, codecs, ..field.as_variable() });
            arrays.push(Arc::clone(&field.array));
        }
        Ok(Plan { dataset, arrays })
    }
}

impl Field {
    /// Bytes an element; none for text of any length.
    pub(super) fn size(&self) -> Option<usize> {
        self.array.data_type.size()
    }

    pub(super) fn axis(&self, dimension: &str) -> Option<usize> {
        self.dimensions.iter().position(|name| name == dimension)
    }

    pub(super) fn has(&self, dimension: &str) -> bool {
        self.axis(dimension).is_some()
    }

    /// Whether it is the coordinate of a dimension: `time(time)`.
    pub(super) fn is_dimension(&self) -> bool {
        matches!(self.dimensions.as_slice(), [dimension] if dimension == self.path.name())
    }

    pub(super) fn take(&mut self, dimension: &str, places: &Places) {
        let Some(axis) = self.axis(dimension) else { return };
        if places.length().is_none() {
            self.dimensions.remove(axis);
        }
        self.array = Arc::new(tiling::take(&self.array, axis, places));
    }

    /// Its values as what they mean: an array of `F32` or `F64`, NaN where they are missing. Floats of 16 bits become those
    /// of 32: their sums soon are beyond all numbers of 16 bits.
    pub(super) fn unpacked(&self) -> Result<Arc<Array>> {
        let mut variable = self.as_variable();
        if variable.data_type == DataType::Bool {
            // As numbers, 0 and 1, without attributes that would make others of them.
            variable.data_type = DataType::U8;
            variable.attributes = Attributes::new();
        }
        let fault = |error: cf::PackingError| {
            super::Stop::Refused(model::ErrorKind::Unsupported, format!("{}: {error}", self.path))
        };
        let packing = Packing::of(&variable).map_err(fault)?;
        let data_type = match packing.unpacked_type().map_err(fault)? {
            DataType::F16 | DataType::F32 => DataType::F32,
            _ => DataType::F64,
        };
        if packing.is_plain() && data_type == self.array.data_type {
            return Ok(Arc::clone(&self.array));
        }
        let plain =
            Variable { data_type, attributes: Attributes::new(), fill_value: None, ..variable.clone() };
        let unpacking = Unpacking::between(&variable, &plain).map_err(fault)?;
        let made = Made::Unpacked { of: Arc::clone(&self.array), unpacking };
        Ok(Arc::new(Array { data_type, shape: self.array.shape.clone(), made }))
    }

    /// The type that its values have in xarray; none where its attributes make no sense, or it holds neither numbers nor
    /// truths.
    pub(super) fn natural_type(&self) -> Option<DataType> {
        match self.array.data_type {
            DataType::Bool => Some(DataType::Bool),
            _ => Packing::of(&self.as_variable()).ok()?.unpacked_type().ok(),
        }
    }

    /// Gives it other values: floats, NaN where they are missing.
    pub(super) fn set_values(&mut self, array: impl Into<Arc<Array>>) {
        let array = array.into();
        super::grouping::unpack(&mut self.attributes);
        // Of the values as they were, or as they were stored.
        for name in ["valid_range", "valid_min", "valid_max", "actual_range"] {
            self.attributes.remove(name);
        }
        self.fill_value = match array.data_type {
            DataType::F32 => Some(f32::NAN.to_le_bytes().to_vec()),
            DataType::F64 => Some(f64::NAN.to_le_bytes().to_vec()),
            _ => None,
        };
        self.array = array;
    }

    /// As a variable, of one chunk.
    pub(super) fn as_variable(&self) -> Variable {
        let shape = self.array.shape.clone();
        let chunk_shape = shape.iter().map(|length| (*length).max(1)).collect();
        Variable {
            path: self.path.clone(),
            dimensions: self.dimensions.clone(),
            data_type: self.array.data_type,
            byte_order: ByteOrder::Little,
            grid: ChunkGrid::new(shape, chunk_shape).unwrap_or_else(|_| scalar()),
            codecs: Vec::new(),
            fill_value: self.fill_value.clone(),
            attributes: self.attributes.clone(),
        }
    }

    pub(super) fn set_text(&mut self, name: &str, text: impl Into<String>) {
        self.attributes.set(name, AttributeValue::Text(text.into()));
    }
}

#[expect(clippy::expect_used, reason = "a scalar has a grid of one chunk")]
fn scalar() -> ChunkGrid {
    ChunkGrid::new(Vec::new(), Vec::new()).expect("a scalar has a grid")
}

/// The first names of many.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 12;
    let all: Vec<&str> = names.collect();
    let more = if all.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", all[..all.len().min(SHOWN)].join(", "))
}
