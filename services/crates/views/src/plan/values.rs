//! The values of coordinates, while a view is planned.

use std::sync::Arc;

use bytes::Bytes;
use cf::{Calendar, TimeUnits, TimeValue};
use model::{DataType, Dataset, Error, Region};

use super::draft::{Draft, Field};
use super::{Known, Result, Stop, refused, too_large, unsupported};
use crate::array::Array;
use crate::compute::{Leaf, Leaves, evaluate, evaluate_block};
use crate::places::Coordinate;
use crate::times::Times;

/// The most elements of a variable that is read to plan a view: latitudes of cells, at most.
const ELEMENTS_MAX: u64 = 1 << 26;

/// The values of a coordinate of one dimension.
pub(super) enum Values {
    Numbers { values: Vec<f64>, is_longitude: bool },
    Times(Times),
    Texts(Vec<String>),
}

impl Values {
    /// As what is selected by.
    pub(super) fn coordinate(&self) -> Coordinate<'_> {
        match self {
            Self::Numbers { values, is_longitude } => {
                Coordinate::Numbers { values, is_longitude: *is_longitude }
            }
            Self::Times(times) => Coordinate::Times(times),
            Self::Texts(texts) => Coordinate::Texts(texts),
        }
    }
}

/// The dimension of a coordinate, and its values. A dimension without a coordinate has its places, as in xarray.
pub(super) fn of_coordinate(draft: &Draft<'_>, name: &str, known: &Known) -> Result<(String, Values)> {
    let Some(place) = draft.find(name) else {
        let length = draft.length(name)?;
        if length > ELEMENTS_MAX {
            return too_large(format!("{name} has no coordinate: use isel="));
        }
        let values = (0..length).map(|place| place as f64).collect();
        return Ok((name.to_owned(), Values::Numbers { values, is_longitude: false }));
    };
    let field = &draft.fields[place];
    if let (DataType::FixedText(1), [dimension, _]) = (field.array.data_type, field.dimensions.as_slice()) {
        return Ok((dimension.clone(), Values::Texts(texts(draft, field, known)?)));
    }
    let [dimension] = field.dimensions.as_slice() else {
        let rank = field.dimensions.len();
        return refused(format!(
            "{name} has {rank} dimensions: it is no coordinate of one (see bbox=, isel=)"
        ));
    };
    let values = if is_time(field) {
        Values::Times(times(draft, field, known)?)
    } else if field.array.data_type.is_numeric() {
        let values = numbers(draft, field, known)?;
        Values::Numbers { values, is_longitude: is_longitude(field) && !is_in_radians(field) }
    } else {
        Values::Texts(texts(draft, field, known)?)
    };
    Ok((dimension.clone(), values))
}

/// Whether a field holds times.
pub(super) fn is_time(field: &Field) -> bool {
    field.attributes.text("units").is_some_and(TimeUnits::is_time)
}

/// Whether a field holds longitudes.
pub(super) fn is_longitude(field: &Field) -> bool {
    cf::is_longitude(|name| field.attributes.text(name))
}

/// Whether a field holds latitudes.
pub(super) fn is_latitude(field: &Field) -> bool {
    cf::is_latitude(|name| field.attributes.text(name))
}

/// Whether a field holds angles in radians.
pub(super) fn is_in_radians(field: &Field) -> bool {
    cf::is_in_radians(|name| field.attributes.text(name))
}

/// Latitudes or longitudes in degrees, whatever they are stored in: ICON has radians.
pub(super) fn degrees(draft: &Draft<'_>, field: &Field, known: &Known) -> Result<Vec<f64>> {
    let mut numbers = numbers(draft, field, known)?;
    if is_in_radians(field) {
        for number in &mut numbers {
            *number = number.to_degrees();
        }
    }
    Ok(numbers)
}

/// All values of a field as what they mean, NaN where missing, in C order.
pub(super) fn numbers(draft: &Draft<'_>, field: &Field, known: &Known) -> Result<Vec<f64>> {
    let array = field.unpacked()?;
    let elements = elements(draft.source, &array, known)?;
    Ok(match array.data_type {
        DataType::F32 => {
            elements.as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect()
        }
        _ => elements.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect(),
    })
}

/// The times of a field.
pub(super) fn times(draft: &Draft<'_>, field: &Field, known: &Known) -> Result<Times> {
    let units = units(field)?;
    let data_type = field.array.data_type;
    let is_integer = !matches!(data_type, DataType::F16 | DataType::F32 | DataType::F64);
    let is_packed = cf::PACKING.iter().any(|name| field.attributes.get(name).is_some());
    // Whole numbers beyond 2^53, such as nanoseconds, are no doubles.
    let instants = if is_integer && !is_packed {
        let elements = elements(draft.source, &field.array, known)?;
        let numbers = elements
            .chunks_exact(data_type.size().unwrap_or(1))
            .map(|element| units.instant(TimeValue::Integer(cf::whole_number(data_type, element))));
        numbers.collect()
    } else {
        let values = numbers(draft, field, known)?;
        values.into_iter().map(|value| units.instant(TimeValue::Float(value))).collect()
    };
    Ok(Times { units, instants })
}

/// The units and calendar of a field of times.
pub(super) fn units(field: &Field) -> Result<TimeUnits> {
    let text = field.attributes.text("units").unwrap_or_default();
    let calendar = Calendar::parse(field.attributes.text("calendar").unwrap_or_default());
    let calendar = calendar.or_else(|error| unsupported(format!("{}: {error}", field.path)))?;
    TimeUnits::parse(text, calendar).or_else(|error| unsupported(format!("{}: {error}", field.path)))
}

/// The texts of a field. Characters of two dimensions, which classic NetCDF has for names, are a text for each place of the
/// first, as xarray puts them together.
fn texts(draft: &Draft<'_>, field: &Field, known: &Known) -> Result<Vec<String>> {
    let elements = elements(draft.source, &field.array, known)?;
    let data_type = field.array.data_type;
    let of_a_text = field.array.shape.get(1).copied().unwrap_or(1) as usize * field.size().unwrap_or(1);
    let texts = elements.chunks_exact(of_a_text.max(1));
    let texts: Option<Vec<String>> = texts.map(|element| cf::fixed_text(data_type, element)).collect();
    match texts {
        Some(texts) => Ok(texts),
        None => unsupported(format!("{} has values of type {data_type:?}", field.path)),
    }
}

/// All elements of an array.
pub(super) fn elements(source: &Dataset, array: &Arc<Array>, known: &Known) -> Result<Bytes> {
    let count = array.shape.iter().try_fold(1_u64, |product, length| product.checked_mul(*length));
    if count.is_none_or(|count| count > ELEMENTS_MAX) {
        return too_large(format!("a coordinate has more than {ELEMENTS_MAX} values"));
    }
    if array.data_type.size().is_none() {
        return unsupported("text of any length cannot be selected by");
    }
    region(source, array, &Region::whole(&array.shape), known)
}

/// The elements of a region of an array.
pub(super) fn region(source: &Dataset, array: &Arc<Array>, region: &Region, known: &Known) -> Result<Bytes> {
    let mut leaves = KnownLeaves { source, known, needed: None };
    let evaluated = evaluate(array, region, &mut leaves);
    match (evaluated, leaves.needed) {
        (_, Some(variable)) => Err(Stop::Needs(variable)),
        (Ok(elements), None) => Ok(elements),
        (Err(error), None) => Err(Stop::Refused(error.kind, error.message)),
    }
}

/// Chunks cut out of the variables that are known.
struct KnownLeaves<'a> {
    source: &'a Dataset,
    known: &'a Known,
    /// A variable that is not.
    needed: Option<usize>,
}

impl Leaves for KnownLeaves<'_> {
    fn elements(&mut self, leaf: Leaf) -> model::Result<Bytes> {
        match leaf {
            Leaf::Chunk { variable, number } => self.chunk(variable, number),
            Leaf::Block { array, number } => {
                let region = array.block(number)?;
                evaluate_block(&array, &region, self)
            }
        }
    }
}

impl KnownLeaves<'_> {
    fn chunk(&mut self, variable: usize, number: u64) -> model::Result<Bytes> {
        let of = self.source.variables.get(variable).ok_or_else(|| Error::internal("no such variable"))?;
        let count: u64 = of.grid.shape().iter().product();
        if count > ELEMENTS_MAX {
            let reason = format!("{} has more than {ELEMENTS_MAX} values", of.path);
            return Err(Error::new(model::ErrorKind::TooLarge, reason));
        }
        let Some(whole) = self.known.get(&variable) else {
            self.needed = Some(variable);
            return Err(Error::internal("not known yet"));
        };
        let size = of.data_type.size().unwrap_or(1);
        if of.grid.chunk_shape() == of.grid.shape() {
            return Ok(whole.clone());
        }
        let region = of.grid.region(&of.grid.index(number));
        let short = || Error::new(model::ErrorKind::CorruptData, format!("{} is too short", of.path));
        let cut = region.cut(whole, of.grid.shape(), size).ok_or_else(short)?;
        let chunk_shape = of.grid.chunk_shape();
        let mut chunk = vec![0; chunk_shape.iter().product::<u64>() as usize * size];
        let into = Region { start: vec![0; region.extent.len()], extent: region.extent };
        into.paste(&cut, &mut chunk, chunk_shape, size).ok_or_else(short)?;
        Ok(chunk.into())
    }
}
