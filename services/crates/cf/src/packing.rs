//! What stored numbers mean: `scale_factor`, `add_offset`, `_FillValue`, `missing_value`, `_Unsigned`, read as xarray
//! reads them, so that values decoded here are bit for bit those that its users know
//! ([`xarray/coding/variables.py`](https://github.com/pydata/xarray/blob/main/xarray/coding/variables.py)).

pub(crate) mod element;
pub(crate) mod promotion;
#[cfg(test)]
mod tests;
pub(crate) mod unpack;

use model::{AttributeValue, Attributes, DataType, Numbers, Variable};

use element::{Number, encode};

/// The attributes that say what stored numbers mean.
pub const PACKING: [&str; 5] = ["scale_factor", "add_offset", "_FillValue", "missing_value", "_Unsigned"];

/// Why numbers cannot be unpacked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackingError {
    /// An attribute that is no number, or not one.
    #[error("{0} is not one number")]
    Attribute(&'static str),
    /// Neither CF nor xarray says what a whole number as the only `scale_factor` makes.
    #[error("scale_factor is an integer without add_offset")]
    IntegerScale,
    /// A type whose values are no numbers, or not numbers that are converted.
    #[error("values of type {0:?} cannot be converted")]
    Type(DataType),
    /// A variable that is to be written is packed itself.
    #[error("values cannot be packed as {0:?}")]
    Target(DataType),
    /// Bytes that are no whole number of elements.
    #[error("{bytes} bytes are no elements of {data_type:?}")]
    Length {
        /// How many bytes.
        bytes: usize,
        /// Of which type.
        data_type: DataType,
    },
    /// A number that would be taken for a missing one.
    #[error("the value {0} stands for missing values elsewhere")]
    Collision(String),
}

/// What the stored numbers of a variable mean. Two variables of equal packing have the same numbers for the same bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Packing {
    stored: DataType,
    /// `stored`, or the type that `_Unsigned` makes of it.
    read_as: DataType,
    scale: Option<Number>,
    offset: Option<Number>,
    /// Values that mean "missing", ordered, each once; never NaN.
    missing: Vec<Number>,
    /// Whether NaN is named as a missing value: xarray then keeps the type.
    names_nan: bool,
}

impl Packing {
    /// Reads a variable's attributes.
    pub fn of(variable: &Variable) -> Result<Self, PackingError> {
        let attributes = &variable.attributes;
        let stored = variable.data_type;
        let read_as = match attributes.text("_Unsigned") {
            Some("true") => promotion::unsigned(stored),
            Some("false") => promotion::signed(stored),
            _ => stored,
        };
        let mut missing = Vec::new();
        let mut names_nan = false;
        for name in ["_FillValue", "missing_value"] {
            for number in numbers(attributes, name)? {
                // Only `_FillValue` follows `_Unsigned`.
                let is_reread = name == "_FillValue" && read_as != stored;
                let number = if is_reread { number.reinterpreted(read_as) } else { number };
                if number.is_nan() {
                    names_nan |= promotion::is_float(stored);
                } else if missing
                    .iter()
                    .all(|known: &Number| known.to_f64().to_bits() != number.to_f64().to_bits())
                {
                    missing.push(number);
                }
            }
        }
        missing.sort_by(|a, b| a.to_f64().total_cmp(&b.to_f64()));
        let (scale, offset) = (scalar(attributes, "scale_factor")?, scalar(attributes, "add_offset")?);
        Ok(Self { stored, read_as, scale, offset, missing, names_nan })
    }

    /// Whether numbers are scaled or shifted.
    pub fn is_scaled(&self) -> bool {
        self.scale.is_some() || self.offset.is_some()
    }

    /// Whether stored numbers are read as they are: nothing scaled, nothing missing but NaN.
    pub fn is_plain(&self) -> bool {
        !self.is_scaled() && self.missing.is_empty() && self.read_as == self.stored
    }

    /// The type that numbers have when they are unpacked.
    pub fn unpacked_type(&self) -> Result<DataType, PackingError> {
        if !self.stored.is_numeric() {
            return Err(PackingError::Type(self.stored));
        }
        if !self.is_scaled() {
            let plain = || Ok(self.read_as);
            return if self.missing.is_empty() { plain() } else { masked_type(self.read_as) };
        }
        if self.missing.is_empty() && self.names_nan {
            return Ok(self.read_as);
        }
        self.scaled_type()
    }

    /// xarray's `_choose_float_dtype` for packed numbers.
    fn scaled_type(&self) -> Result<DataType, PackingError> {
        let is_long = matches!(self.read_as, DataType::I32 | DataType::U32);
        match (self.scale, self.offset) {
            (Some(scale), Some(offset)) if scale.is_float() && scale.data_type() == offset.data_type() => {
                Ok(if is_long { DataType::F64 } else { scale.data_type() })
            }
            (_, Some(_)) => Ok(DataType::F64),
            (Some(scale), None) if scale.is_float() => Ok(scale.data_type()),
            (Some(_), None) => Err(PackingError::IntegerScale),
            (None, None) => Err(PackingError::Type(self.stored)),
        }
    }

    /// One stored element, little-endian, that reads as missing; none where no number of the type does.
    pub fn missing_element(&self) -> Option<Vec<u8>> {
        let size = self.stored.size()?;
        let of_read = |number: &Number| encode(*number, self.read_as);
        if let Some(element) = self.missing.iter().find_map(of_read) {
            return Some(element).filter(|element| element.len() == size);
        }
        encode(Number::F64(f64::NAN), self.stored).filter(|_| promotion::is_float(self.stored))
    }

    /// The values beside NaN that mean "missing", ascending.
    pub fn missing_values(&self) -> impl Iterator<Item = f64> {
        self.missing.iter().map(|number| number.to_f64())
    }

    /// The only value beside NaN that means "missing"; none where there is another number of them.
    pub fn only_missing(&self) -> Option<f64> {
        match self.missing[..] {
            [number] => Some(number.to_f64()),
            _ => None,
        }
    }
}

/// The type of unscaled numbers some of which are missing.
fn masked_type(data_type: DataType) -> Result<DataType, PackingError> {
    promotion::with_missing(data_type).ok_or(PackingError::Type(data_type))
}

fn scalar(attributes: &Attributes, name: &'static str) -> Result<Option<Number>, PackingError> {
    match numbers(attributes, name)?[..] {
        [] if attributes.get(name).is_none() => Ok(None),
        [number] => Ok(Some(number)),
        _ => Err(PackingError::Attribute(name)),
    }
}

fn numbers(attributes: &Attributes, name: &'static str) -> Result<Vec<Number>, PackingError> {
    fn all<T: Copy>(values: &[T], as_number: impl Fn(T) -> Number) -> Vec<Number> {
        values.iter().map(|value| as_number(*value)).collect()
    }
    match attributes.get(name) {
        None => Ok(Vec::new()),
        Some(AttributeValue::Numbers(numbers)) => Ok(match numbers {
            Numbers::I8(v) => all(v, |n| Number::Signed(n.into(), DataType::I8)),
            Numbers::I16(v) => all(v, |n| Number::Signed(n.into(), DataType::I16)),
            Numbers::I32(v) => all(v, |n| Number::Signed(n.into(), DataType::I32)),
            Numbers::I64(v) => all(v, |n| Number::Signed(n, DataType::I64)),
            Numbers::U8(v) => all(v, |n| Number::Unsigned(n.into(), DataType::U8)),
            Numbers::U16(v) => all(v, |n| Number::Unsigned(n.into(), DataType::U16)),
            Numbers::U32(v) => all(v, |n| Number::Unsigned(n.into(), DataType::U32)),
            Numbers::U64(v) => all(v, |n| Number::Unsigned(n, DataType::U64)),
            Numbers::F32(v) => all(v, Number::F32),
            Numbers::F64(v) => all(v, Number::F64),
        }),
        Some(_) => Err(PackingError::Attribute(name)),
    }
}
