//! Many places become one: what `mean=`, `groupby=`, `resample=`, `coarsen=` and `fldmean` have in common.

use std::sync::Arc;

use model::{AttributeValue, Attributes, DataType};

use super::draft::{Draft, Field};
use super::select::known_numbers;
use super::{Result, chunking, refused, related, values};
use crate::array::{Array, Groups, Made, Reduced, Weights};
use crate::steps::{Reduce, Reduction, Statistic};

/// Most bytes of state while a block is reduced, where blocks can be made smaller.
const STATE_BYTES: u64 = 48 << 20;
/// The same where all values are held: medians and quantiles.
const VALUES_BYTES: u64 = 256 << 20;

/// What becomes of a dimension's places.
pub(super) struct Grouping {
    pub(super) dimension: String,
    pub(super) groups: Groups,
    /// Name of the dimension that stays, if one does.
    pub(super) name: String,
}

/// What becomes of what says where values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coordinates {
    /// It goes with the dimension.
    Go,
    /// It becomes the mean of its block.
    Average,
}

/// `mean`, `min`, …: over whole dimensions.
pub(super) fn over_dimensions(draft: &mut Draft<'_>, step: &Reduce) -> Result<()> {
    let mut groupings = Vec::new();
    for dimension in &step.dimensions {
        draft.length(dimension.as_str())?;
        let dimension = dimension.as_str().to_owned();
        groupings.push(Grouping { name: dimension.clone(), dimension, groups: Groups::All });
    }
    reduce(draft, &groupings, &step.reduction, Coordinates::Go)
}

/// Reduces every field that has one of the dimensions.
pub(super) fn reduce(
    draft: &mut Draft<'_>,
    groupings: &[Grouping],
    reduction: &Reduction,
    coordinates: Coordinates,
) -> Result<()> {
    let (named, bounds) = (related::coordinates(draft), related::bounds(draft));
    let mut fields = Vec::with_capacity(draft.fields.len());
    for (place, field) in draft.fields.iter().enumerate() {
        if !groupings.iter().any(|grouping| field.has(&grouping.dimension)) {
            fields.push(field.clone());
            continue;
        }
        let is_coordinate = named.contains(&place);
        let goes = !related::can_be_reduced(field)
            || is_coordinate && (coordinates == Coordinates::Go || bounds.contains(&place));
        if goes {
            continue;
        }
        if is_coordinate {
            fields.push(reduced(field, groupings, &Reduction::Statistic(Statistic::Mean), None)?);
        } else {
            let mut reduced = reduced(field, groupings, reduction, None)?;
            say_method(&mut reduced, groupings, reduction);
            fields.push(reduced);
        }
    }
    draft.fields = fields;
    add_quantiles(draft, reduction);
    Ok(())
}

/// A field reduced, without a word of it in its attributes.
pub(super) fn reduced(
    field: &Field,
    groupings: &[Grouping],
    reduction: &Reduction,
    weights: Option<Weights>,
) -> Result<Field> {
    let of = field.unpacked()?;
    let is_of_several = matches!(reduction, Reduction::Quantiles(quantiles) if quantiles.len() > 1);
    if is_of_several && field.dimensions.iter().any(|name| name == "quantile") {
        return refused(format!("{} has a dimension quantile already", field.path));
    }
    let mut axes = Vec::new();
    let mut dimensions = Vec::new();
    for dimension in &field.dimensions {
        let grouping = groupings.iter().find(|grouping| grouping.dimension == *dimension);
        match grouping {
            None => dimensions.push(dimension.clone()),
            Some(grouping) if grouping.groups == Groups::All => {}
            Some(grouping) => dimensions.push(grouping.name.clone()),
        }
        axes.push(grouping.map_or(Groups::Each, |grouping| grouping.groups.clone()));
    }
    let data_type = result_type(field, &of, &axes, reduction);
    let made = Reduced { of, axes, reduction: reduction.clone(), weights, block_shape: Vec::new() };
    let mut result = field.clone();
    if made.has_quantiles() {
        dimensions.insert(0, "quantile".to_owned());
    }
    result.dimensions = dimensions;
    result.set_values(in_blocks(made, data_type));
    Ok(result)
}

/// The array of a reduction, in blocks that follow the input's.
fn in_blocks(mut reduced: Reduced, data_type: DataType) -> Array {
    let mut lengths = Vec::new();
    let mut samples = 1_u64;
    for (axis, groups) in reduced.axes.iter().enumerate() {
        let length = reduced.of.shape[axis];
        match groups {
            Groups::Each => lengths.push(reduced.of.block_length(axis)),
            Groups::All => samples = samples.saturating_mul(length),
            Groups::Labels { labels, count } => {
                samples = samples.saturating_mul(length.div_ceil(u64::from(*count).max(1)));
                lengths.push(groups_of_a_block(&reduced.of, axis, labels, *count));
            }
        }
    }
    let (a_cell, limit) = match &reduced.reduction {
        Reduction::Quantiles(_) | Reduction::Statistic(Statistic::Median) => {
            (samples.saturating_mul(8), VALUES_BYTES)
        }
        Reduction::Statistic(_) => (24, STATE_BYTES),
    };
    let bytes =
        |lengths: &[u64]| lengths.iter().fold(a_cell, |product, length| product.saturating_mul(*length));
    while bytes(&lengths) > limit {
        let Some(longest) = lengths.iter_mut().max().filter(|length| **length > 1) else { break };
        *longest = longest.div_ceil(2);
    }
    let mut shape = reduced.group_shape();
    if let (true, Reduction::Quantiles(quantiles)) = (reduced.has_quantiles(), &reduced.reduction) {
        shape.insert(0, quantiles.len() as u64);
        lengths.insert(0, quantiles.len() as u64);
    }
    for length in &mut lengths {
        *length = (*length).max(1);
    }
    reduced.block_shape.clone_from(&lengths);
    let array = Array { data_type, shape, made: Made::Reduced(reduced) };
    chunking::fit(&array, &mut lengths, |_| true, a_cell.max(8));
    let Array { made, shape, .. } = array;
    match made {
        Made::Reduced(reduced) => {
            let made = Made::Reduced(Reduced { block_shape: lengths, ..reduced });
            Array { data_type, shape, made }
        }
        made => Array { data_type, shape, made },
    }
}

/// How many groups are best made at once: all that share a block of the input.
fn groups_of_a_block(of: &Array, axis: usize, labels: &[u32], count: u32) -> u64 {
    let mut most = 1;
    for block in of.blocks(axis, 0..labels.len() as u64) {
        let mut there: Vec<u32> = labels[block.start as usize..block.end as usize].to_vec();
        there.sort_unstable();
        there.dedup();
        most = most.max(there.len() as u64);
    }
    // Groups that are more than half there are in almost every block.
    if most * 2 > u64::from(count) { count.into() } else { most }
}

/// The type of what a reduction makes, as xarray has it.
fn result_type(field: &Field, of: &Array, axes: &[Groups], reduction: &Reduction) -> DataType {
    let natural = field.natural_type().unwrap_or(of.data_type);
    let is_integer = !matches!(natural, DataType::F16 | DataType::F32 | DataType::F64);
    let is_unsigned = matches!(natural, DataType::U8 | DataType::U16 | DataType::U32 | DataType::U64);
    let has_no_gap = axes.iter().all(is_full);
    let Reduction::Statistic(statistic) = reduction else { return DataType::F64 };
    match statistic {
        Statistic::Count if has_no_gap => DataType::I64,
        Statistic::Count => DataType::F64,
        // Sums and extremes are found in double precision, which not all whole numbers of 64 bits have.
        _ if matches!(natural, DataType::I64 | DataType::U64) => of.data_type,
        Statistic::Sum if is_unsigned && has_no_gap => DataType::U64,
        Statistic::Sum if is_integer && has_no_gap => DataType::I64,
        Statistic::Min | Statistic::Max | Statistic::First | Statistic::Last
            if is_integer && has_no_gap && !of.shape.contains(&0) =>
        {
            natural
        }
        Statistic::Min | Statistic::Max | Statistic::First | Statistic::Last => {
            cf::with_missing(natural).filter(|_| is_integer).unwrap_or(of.data_type)
        }
        _ => of.data_type,
    }
}

/// Whether no group is without places.
fn is_full(groups: &Groups) -> bool {
    let Groups::Labels { labels, count } = groups else { return true };
    let mut there = vec![false; *count as usize];
    for label in labels.iter() {
        if let Some(there) = there.get_mut(*label as usize) {
            *there = true;
        }
    }
    there.into_iter().all(|there| there)
}

/// Says in `cell_methods` what was done
/// ([CF §7.3](https://cfconventions.org/cf-conventions/cf-conventions.html#cell-methods)), and in `units` what it is counted in.
pub(super) fn say_method(field: &mut Field, groupings: &[Grouping], reduction: &Reduction) {
    let method = match reduction {
        Reduction::Statistic(Statistic::Mean) => "mean",
        Reduction::Statistic(Statistic::Min) => "minimum",
        Reduction::Statistic(Statistic::Max) => "maximum",
        Reduction::Statistic(Statistic::Sum) => "sum",
        Reduction::Statistic(Statistic::Std) => "standard_deviation",
        Reduction::Statistic(Statistic::Variance) => "variance",
        Reduction::Statistic(Statistic::Median) => "median",
        Reduction::Statistic(Statistic::Count) => {
            field.set_text("units", "1");
            field.attributes.remove("standard_name");
            return;
        }
        // CF has no word for these.
        Reduction::Statistic(Statistic::First | Statistic::Last) | Reduction::Quantiles(_) => return,
    };
    differs(field, reduction);
    if *reduction == Reduction::Statistic(Statistic::Variance)
        && let Some(units) = field.attributes.text("units")
    {
        let squared = format!("({units})2");
        field.set_text("units", squared);
    }
    let said: Vec<String> =
        groupings.iter().map(|grouping| format!("{}: {method}", grouping.dimension)).collect();
    let old = field.attributes.text("cell_methods").unwrap_or_default();
    field.set_text("cell_methods", format!("{old} {}", said.join(" ")).trim().to_owned());
}

/// Says that values are no longer those that units count from a zero, or from a time: deviations, and sums of times.
fn differs(field: &mut Field, reduction: &Reduction) {
    let is_deviation = matches!(reduction, Reduction::Statistic(Statistic::Std | Statistic::Variance));
    let is_sum = *reduction == Reduction::Statistic(Statistic::Sum);
    if is_deviation || is_sum && values::is_time(field) {
        lose_zero(field);
    }
}

/// Marks a field as one of differences: `days since 2000-01-01` become days.
pub(super) fn lose_zero(field: &mut Field) {
    field.is_difference = true;
    if values::is_time(field) {
        let units = field.attributes.text("units").unwrap_or_default();
        let unit = units.split_whitespace().next().unwrap_or_default().to_owned();
        field.set_text("units", unit);
        field.attributes.remove("calendar");
    }
}

fn add_quantiles(draft: &mut Draft<'_>, reduction: &Reduction) {
    if let Reduction::Quantiles(quantiles) = reduction
        && quantiles.len() > 1
    {
        let array = known_numbers(DataType::F64, vec![quantiles.len() as u64], quantiles);
        draft.put("quantile", vec!["quantile".to_owned()], Attributes::new(), Arc::new(array));
    }
}

impl Draft<'_> {
    /// Adds a field of the root, in place of one of its name.
    pub(super) fn put(
        &mut self,
        name: &str,
        dimensions: Vec<String>,
        attributes: Attributes,
        array: Arc<Array>,
    ) {
        let Ok(path) = model::NodePath::parse(name) else { return };
        self.fields.retain(|field| field.path != path);
        self.fields.push(Field {
            path,
            dimensions,
            attributes,
            fill_value: None,
            array,
            is_difference: false,
        });
    }
}

/// Attributes of one text each.
pub(super) fn texts(attributes: &[(&str, &str)]) -> Attributes {
    attributes
        .iter()
        .map(|(name, text)| ((*name).to_owned(), AttributeValue::Text((*text).to_owned())))
        .collect()
}
