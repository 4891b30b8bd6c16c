//! Stored numbers of one variable as those of another that is not packed.

use half::f16;
use model::{DataType, Variable};

use super::element::{Element, Number};
use super::promotion::is_float;
use super::{Packing, PackingError};

/// How elements of one variable become elements of another that means the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Unpacking {
    /// None where stored elements mean the same in both.
    steps: Option<Steps>,
}

/// What happens to each number, in xarray's order: cast, mask, scale, shift, cast.
#[derive(Debug, Clone, PartialEq)]
struct Steps {
    from: DataType,
    /// Where it is computed.
    through: DataType,
    to: DataType,
    missing: Vec<f64>,
    scale: Option<f64>,
    offset: Option<f64>,
    /// What missing values are written as, if not as NaN.
    written_missing: Option<f64>,
}

impl Unpacking {
    /// Elements stay as they are.
    pub fn none() -> Self {
        Self { steps: None }
    }

    /// From one variable's packing to that of another, which must be the same or have neither scale nor offset, one
    /// missing value beside NaN at most, and a type that holds what is unpacked.
    pub fn between(from: &Variable, to: &Variable) -> Result<Self, PackingError> {
        let (source, target) = (Packing::of(from)?, Packing::of(to)?);
        if source == target {
            return Ok(Self { steps: None });
        }
        let through = source.unpacked_type()?;
        if target.stored == DataType::F16 {
            return Err(PackingError::Type(DataType::F16));
        }
        let holds = super::promotion::promote(through, target.stored) == Some(target.stored);
        let is_plain = !target.is_scaled() && target.missing.len() <= 1 && target.read_as == target.stored;
        // A missing value of integers would make them floats for every reader.
        let is_written = is_float(target.stored) || target.missing.is_empty();
        if !holds || !is_plain || !is_written {
            return Err(PackingError::Target(target.stored));
        }
        let steps = Steps {
            from: source.read_as,
            through,
            to: target.stored,
            missing: source.missing.iter().map(|number| number.to_f64()).collect(),
            scale: source.scale.map(Number::to_f64),
            offset: source.offset.map(Number::to_f64),
            written_missing: target.only_missing(),
        };
        let does_nothing = steps.from == steps.to
            && steps.through == steps.to
            && steps.missing.is_empty()
            && !source.is_scaled()
            && steps.written_missing.is_none();
        Ok(Self { steps: (!does_nothing).then_some(steps) })
    }

    /// Whether elements stay as they are.
    pub fn is_copy(&self) -> bool {
        self.steps.is_none()
    }

    /// Little-endian elements as little-endian elements of the other variable.
    pub fn apply(&self, elements: &[u8]) -> Result<Vec<u8>, PackingError> {
        let Some(steps) = &self.steps else { return Ok(elements.to_vec()) };
        match steps.from {
            DataType::I8 => steps.convert::<i8>(elements),
            DataType::I16 => steps.convert::<i16>(elements),
            DataType::I32 => steps.convert::<i32>(elements),
            DataType::I64 => steps.convert::<i64>(elements),
            DataType::U8 => steps.convert::<u8>(elements),
            DataType::U16 => steps.convert::<u16>(elements),
            DataType::U32 => steps.convert::<u32>(elements),
            DataType::U64 => steps.convert::<u64>(elements),
            DataType::F16 => steps.convert::<f16>(elements),
            DataType::F32 => steps.convert::<f32>(elements),
            DataType::F64 => steps.convert::<f64>(elements),
            other => Err(PackingError::Type(other)),
        }
    }
}

impl Steps {
    fn convert<T: Element>(&self, elements: &[u8]) -> Result<Vec<u8>, PackingError> {
        if !elements.len().is_multiple_of(T::SIZE) {
            return Err(PackingError::Length { bytes: elements.len(), data_type: self.from });
        }
        let numbers = elements.chunks_exact(T::SIZE).map(T::from_le);
        match self.through {
            DataType::F32 => self.write_floats(numbers.map(|number| f64::from(self.single(number.to_f32())))),
            DataType::F16 | DataType::F64 => {
                self.write_floats(numbers.map(|number| self.double(number.to_f64())))
            }
            _ if is_float(self.to) => self.write_floats(numbers.map(Element::to_f64)),
            _ => Ok(self.write_integers(numbers)),
        }
    }

    /// One number computed in single precision: each step is rounded. A product or sum of singles that is rounded to a
    /// double first and then to a single is the single that it should be.
    fn single(&self, number: f32) -> f32 {
        if self.missing.contains(&f64::from(number)) {
            return f32::NAN;
        }
        let mut number = number;
        if let Some(scale) = self.scale {
            number = (f64::from(number) * scale) as f32;
        }
        if let Some(offset) = self.offset {
            number = (f64::from(number) + offset) as f32;
        }
        number
    }

    fn double(&self, number: f64) -> f64 {
        if self.missing.contains(&number) {
            return f64::NAN;
        }
        number * self.scale.unwrap_or(1.0) + self.offset.unwrap_or(-0.0)
    }

    fn write_floats(&self, numbers: impl ExactSizeIterator<Item = f64>) -> Result<Vec<u8>, PackingError> {
        let size = self.to.size().unwrap_or(1);
        let mut written = Vec::with_capacity(numbers.len() * size);
        for number in numbers {
            let number = match self.written_missing {
                Some(missing) if number.is_nan() => missing,
                Some(missing) if number.to_bits() == missing.to_bits() => {
                    return Err(PackingError::Collision(number.to_string()));
                }
                _ => number,
            };
            match self.to {
                DataType::F32 => written.extend_from_slice(&(number as f32).to_le_bytes()),
                DataType::F64 => written.extend_from_slice(&number.to_le_bytes()),
                other => return Err(PackingError::Target(other)),
            }
        }
        Ok(written)
    }

    /// Integers that nothing was done to, as wider integers.
    fn write_integers<T: Element>(&self, numbers: impl ExactSizeIterator<Item = T>) -> Vec<u8> {
        let size = self.to.size().unwrap_or(1);
        let mut written = Vec::with_capacity(numbers.len() * size);
        for number in numbers {
            written.extend_from_slice(&number.to_i128().to_le_bytes()[..size]);
        }
        written
    }
}
