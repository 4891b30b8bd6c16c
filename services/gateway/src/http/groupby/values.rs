//! A variable of a view with all of its values, put together from its chunks.

use std::fmt::{self, Display, Formatter};

use cf::{Calendar, Packing, TimeUnits, TimeValue, Unpacking};
use engine::open::OpenDataset;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use model::{Attributes, DataType, Error, ErrorKind, Region, Result, Variable};

use crate::http::off_runtime::off_runtime;
use crate::http::state::GatewayState;
use crate::http::zarr::never_missing;

/// Chunks of a variable that are asked for at once.
const CHUNKS_AT_ONCE: usize = 4;

/// A variable with its elements.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) variable: Variable,
    /// Little-endian, in C order.
    pub(super) elements: Vec<u8>,
    size: usize,
    times: Option<TimeUnits>,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Missing,
    Whole(i128),
    Single(f32),
    Double(f64),
    Text(String),
}

impl Field {
    /// A variable and its elements.
    pub(super) fn new(variable: Variable, elements: Vec<u8>) -> Self {
        let size = variable.data_type.size().unwrap_or(1).max(1);
        let times = times(&variable.attributes);
        Self { variable, elements, size, times }
    }

    /// Reads a variable of a view that encodes nothing: its chunks are elements.
    pub(super) async fn read(state: &GatewayState, view: &OpenDataset, place: usize) -> Result<Self> {
        let variable = view.dataset().variables[place].clone();
        let size = variable.data_type.size().unwrap_or(1).max(1);
        let (grid, shape) = (&variable.grid, variable.grid.shape());
        let count: u64 = shape.iter().product();
        let fill = variable.fill_value.clone().filter(|fill| fill.len() == size).unwrap_or(vec![0; size]);
        let count = usize::try_from(count).map_err(Error::internal)?;
        let mut elements = off_runtime(move || Ok(fill.repeat(count))).await?;
        let chunks = stream::iter(0..grid.chunk_count())
            .map(|number| async move {
                let made = state.evaluate(&view.chunk(place, number)).await;
                made.map(|made| (number, made)).map_err(never_missing)
            })
            .buffered(CHUNKS_AT_ONCE);
        let mut chunks = std::pin::pin!(chunks);
        while let Some((number, chunk)) = chunks.try_next().await? {
            let Some(chunk) = chunk else { continue };
            let (grid, path) = (grid.clone(), variable.path.clone());
            let paste = move || {
                let region = grid.region(&grid.index(number));
                let inside = Region { start: vec![0; region.start.len()], extent: region.extent.clone() };
                let cut = inside.cut(&chunk, grid.chunk_shape(), size);
                let pasted = cut.and_then(|cut| region.paste(&cut, &mut elements, grid.shape(), size));
                pasted.ok_or_else(|| Error::internal(format!("chunk {number} of {path} is short")))?;
                Ok(elements)
            };
            elements = off_runtime(paste).await?;
        }
        Ok(Self::new(variable, elements))
    }

    /// The same with numbers as what they mean, NaN where they are missing.
    pub(super) fn unpacked(self) -> Result<Self> {
        if !self.variable.data_type.is_numeric() {
            return Ok(self);
        }
        let fault = |error: cf::PackingError| {
            Error::new(ErrorKind::Unsupported, format!("{}: {error}", self.variable.path))
        };
        let packing = Packing::of(&self.variable).map_err(fault)?;
        if packing.is_plain() {
            return Ok(self);
        }
        let is_single = packing.unpacked_type().map_err(fault)? == DataType::F32;
        let data_type = if is_single { DataType::F32 } else { DataType::F64 };
        let plain = Variable { data_type, attributes: Attributes::new(), ..self.variable.clone() };
        let unpacking = Unpacking::between(&self.variable, &plain).map_err(fault)?;
        let elements = unpacking.apply(&self.elements).map_err(fault)?;
        let mut attributes = self.variable.attributes.clone();
        for name in cf::PACKING {
            attributes.remove(name);
        }
        Ok(Self::new(Variable { attributes, ..plain }, elements))
    }

    /// How many values it has.
    pub(super) fn len(&self) -> usize {
        self.elements.len() / self.size
    }

    /// Its name without groups.
    pub(super) fn name(&self) -> &str {
        self.variable.path.name()
    }

    /// A value by its place in C order.
    pub(super) fn value(&self, at: usize) -> Value {
        let Some(bytes) = self.elements.get(at * self.size..(at + 1) * self.size) else {
            return Value::Missing;
        };
        match self.variable.data_type {
            DataType::F32 => bytes.first_chunk().map_or(Value::Missing, |b| single(f32::from_le_bytes(*b))),
            DataType::F64 => bytes.first_chunk().map_or(Value::Missing, |b| double(f64::from_le_bytes(*b))),
            data_type => match cf::fixed_text(data_type, bytes) {
                Some(text) => Value::Text(text),
                None => Value::Whole(cf::whole_number(data_type, bytes)),
            },
        }
    }

    /// A value for people: times as dates.
    pub(super) fn label(&self, at: usize) -> String {
        let value = self.value(at);
        let time = match (&value, &self.times) {
            (Value::Whole(number), Some(_)) => Some(TimeValue::Integer(*number)),
            (Value::Double(number), Some(_)) => Some(TimeValue::Float(*number)),
            (Value::Single(number), Some(_)) => Some(TimeValue::Float(f64::from(*number))),
            _ => None,
        };
        let instant = self.times.as_ref().zip(time).and_then(|(units, time)| units.instant(time));
        match (instant, &self.times) {
            (Some(instant), Some(units)) => units.calendar.text(instant),
            _ => value.to_string(),
        }
    }
}

/// Whether the values of a type can be written: text of any length lies in chunks that are none of elements.
pub(super) fn is_written(data_type: DataType) -> bool {
    !matches!(data_type, DataType::Text | DataType::Opaque(_) | DataType::F16)
}

fn times(attributes: &Attributes) -> Option<TimeUnits> {
    let units = attributes.text("units").filter(|units| TimeUnits::is_time(units))?;
    let calendar = Calendar::parse(attributes.text("calendar").unwrap_or_default()).ok()?;
    TimeUnits::parse(units, calendar).ok()
}

fn single(number: f32) -> Value {
    if number.is_nan() { Value::Missing } else { Value::Single(number) }
}

fn double(number: f64) -> Value {
    if number.is_nan() { Value::Missing } else { Value::Double(number) }
}

impl Value {
    /// As a number; none of what is missing or text.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(number) => Some(*number as f64),
            Self::Single(number) => Some(f64::from(*number)),
            Self::Double(number) => Some(*number),
            Self::Missing | Self::Text(_) => None,
        }
    }
}

/// The shortest text that reads as the same value; empty where it is missing.
impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let is_short = |size: f64| size == 0.0 || (1e-5..1e16).contains(&size) || !size.is_finite();
        match self {
            Self::Missing => Ok(()),
            Self::Whole(number) => number.fmt(f),
            Self::Single(number) if is_short(f64::from(number.abs())) => number.fmt(f),
            Self::Single(number) => write!(f, "{number:e}"),
            Self::Double(number) if is_short(number.abs()) => number.fmt(f),
            Self::Double(number) => write!(f, "{number:e}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short_and_exact() {
        for (value, text) in [
            (Value::Single(0.1), "0.1"),
            (Value::Double(273.0), "273"),
            (Value::Double(1e-9), "1e-9"),
            (Value::Single(-3.5e20), "-3.5e20"),
            (Value::Double(f64::NEG_INFINITY), "-inf"),
            (Value::Whole(cf::whole_number(DataType::I16, &[0xfe, 0xff])), "-2"),
            (Value::Whole(cf::whole_number(DataType::U16, &[0xfe, 0xff])), "65534"),
            (Value::Missing, ""),
        ] {
            assert_eq!(value.to_string(), text);
        }
    }
}
