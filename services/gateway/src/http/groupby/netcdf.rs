//! As classic netCDF with 64-bit offsets
//! ([the format](https://docs.unidata.ucar.edu/nug/current/file_format_specifications.html)): what every reader opens.
//!
//! It has neither 64-bit nor unsigned integers, nor texts but of characters: those become the next type that holds them.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{Cursor, Seek, SeekFrom, Write};
use std::rc::Rc;

use http::HeaderValue;
use model::{AttributeValue, Attributes, DataType, Error, ErrorKind, Numbers, Result};
use netcdf3::{DataSet, DataType as NcType, DataVector, FileWriter, Version, is_valid_name};

use super::table::Table;
use super::values::{Field, Value};

/// NetCDF ([its media type](https://docs.unidata.ucar.edu/netcdf-c/current/faq.html)).
pub(super) const NETCDF: HeaderValue = HeaderValue::from_static("application/netcdf");

/// A variable as the format holds it.
struct Stored {
    name: String,
    dimensions: Vec<(String, usize)>,
    values: DataVector,
    attributes: Attributes,
}

/// A file of a variable, its coordinates and what else they name.
pub(super) fn write(table: &Table, global: &Attributes) -> Result<Vec<u8>> {
    let coordinates = table.coordinates.iter().map(|coordinate| &*coordinate.field);
    let fields = [&*table.value].into_iter().chain(coordinates).chain(&table.others);
    // The format has no groups: of two variables of a name, the nearer one stays.
    let mut names = HashSet::new();
    let stored: Vec<Stored> = fields.filter(|field| names.insert(field.name())).map(Stored::new).collect();
    let refused = |error: &dyn std::fmt::Debug| {
        let message =
            "this cannot be written as classic netCDF, whose names and sizes are limited: read it as Zarr";
        Error::new(ErrorKind::Unsupported, message).with_internal(format!("{error:?}"))
    };
    let header = header(&stored, global).map_err(|error| refused(&error))?;
    let bytes = Shared::default();
    write_file(&header, &stored, bytes.clone()).map_err(|error| refused(&error))?;
    Ok(bytes.0.take().into_inner())
}

fn header(stored: &[Stored], global: &Attributes) -> Result<DataSet, netcdf3::InvalidDataSet> {
    let mut header = DataSet::new();
    for (name, value) in kept(global) {
        match value {
            DataVector::I8(v) => header.add_global_attr_i8(name, v)?,
            DataVector::U8(v) => header.add_global_attr_u8(name, v)?,
            DataVector::I16(v) => header.add_global_attr_i16(name, v)?,
            DataVector::I32(v) => header.add_global_attr_i32(name, v)?,
            DataVector::F32(v) => header.add_global_attr_f32(name, v)?,
            DataVector::F64(v) => header.add_global_attr_f64(name, v)?,
        }
    }
    for variable in stored {
        for (name, length) in &variable.dimensions {
            if !header.has_dim(name) {
                header.add_fixed_dim(name, *length)?;
            }
        }
        let dimensions: Vec<&String> = variable.dimensions.iter().map(|(name, _)| name).collect();
        let data_type = variable.values.data_type();
        header.add_var(&variable.name, &dimensions, data_type.clone())?;
        for (name, value) in kept(&variable.attributes) {
            let marks = ["_FillValue", "missing_value"].contains(&name);
            let Some(value) = (if marks { of_type(&value, &data_type) } else { Some(value) }) else {
                continue;
            };
            let variable = &variable.name;
            match value {
                DataVector::I8(v) => header.add_var_attr_i8(variable, name, v)?,
                DataVector::U8(v) => header.add_var_attr_u8(variable, name, v)?,
                DataVector::I16(v) => header.add_var_attr_i16(variable, name, v)?,
                DataVector::I32(v) => header.add_var_attr_i32(variable, name, v)?,
                DataVector::F32(v) => header.add_var_attr_f32(variable, name, v)?,
                DataVector::F64(v) => header.add_var_attr_f64(variable, name, v)?,
            }
        }
    }
    Ok(header)
}

fn write_file(header: &DataSet, stored: &[Stored], into: Shared) -> Result<(), netcdf3::WriteError> {
    let mut file = FileWriter::open_seek_write("", Box::new(into))?;
    file.set_def(header, Version::Offset64Bit, 0)?;
    for variable in stored {
        let name = &variable.name;
        match &variable.values {
            DataVector::I8(v) => file.write_var_i8(name, v)?,
            DataVector::U8(v) => file.write_var_u8(name, v)?,
            DataVector::I16(v) => file.write_var_i16(name, v)?,
            DataVector::I32(v) => file.write_var_i32(name, v)?,
            DataVector::F32(v) => file.write_var_f32(name, v)?,
            DataVector::F64(v) => file.write_var_f64(name, v)?,
        }
    }
    file.close()
}

/// Attributes that can be written: names that the format allows, and no NaN, with which the writer finds no variable again.
/// Readers know NaN without being told.
fn kept(attributes: &Attributes) -> impl Iterator<Item = (&str, DataVector)> {
    let is_nan = |value: &DataVector| match value {
        DataVector::F32(v) => v.iter().any(|number| number.is_nan()),
        DataVector::F64(v) => v.iter().any(|number| number.is_nan()),
        _ => false,
    };
    let named = attributes.iter().filter(|(name, _)| is_valid_name(name));
    named.map(|(name, value)| (name, attribute(value))).filter(move |(_, value)| !is_nan(value))
}

impl Stored {
    fn new(field: &Field) -> Self {
        let variable = &field.variable;
        let lengths = variable.grid.shape().iter().map(|length| *length as usize);
        let mut dimensions: Vec<(String, usize)> = variable.dimensions.iter().cloned().zip(lengths).collect();
        let mut attributes = variable.attributes.clone();
        let values = match variable.data_type {
            DataType::FixedText(1) => DataVector::U8(field.elements.clone()),
            DataType::FixedText(_) | DataType::FixedUnicode(_) => {
                let (length, characters) = characters(field);
                dimensions.push((format!("string{length}"), length));
                attributes.set("_Encoding", AttributeValue::Text("utf-8".into()));
                DataVector::U8(characters)
            }
            data_type => numbers(field, data_type),
        };
        Self { name: field.name().to_owned(), dimensions, values, attributes }
    }
}

/// Texts of equal length, in bytes, NULs behind them.
fn characters(field: &Field) -> (usize, Vec<u8>) {
    let texts: Vec<String> = (0..field.len()).map(|at| field.value(at).to_string()).collect();
    let length = texts.iter().map(String::len).max().unwrap_or(0).max(1);
    let padded = texts.iter().flat_map(|text| text.bytes().chain(std::iter::repeat(0)).take(length));
    (length, padded.collect())
}

fn numbers(field: &Field, data_type: DataType) -> DataVector {
    let wholes = || {
        (0..field.len()).map(|at| match field.value(at) {
            Value::Whole(number) => number,
            _ => 0,
        })
    };
    match data_type {
        DataType::Bool | DataType::I8 => DataVector::I8(wholes().map(|number| number as i8).collect()),
        DataType::U8 | DataType::I16 => DataVector::I16(wholes().map(|number| number as i16).collect()),
        DataType::F32 => DataVector::F32(
            field.elements.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        ),
        DataType::F64 => DataVector::F64(
            field.elements.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect(),
        ),
        _ => whole_numbers(wholes()),
    }
}

/// Integers of 32 bits where all are, else floats, which hold the integers up to 2⁵³.
fn whole_numbers(numbers: impl Iterator<Item = i128> + Clone) -> DataVector {
    match numbers.clone().map(i32::try_from).collect::<Result<Vec<_>, _>>() {
        Ok(numbers) => DataVector::I32(numbers),
        Err(_) => DataVector::F64(numbers.map(|number| number as f64).collect()),
    }
}

fn attribute(value: &AttributeValue) -> DataVector {
    let text = |text: &str| DataVector::U8(text.as_bytes().to_vec());
    match value {
        AttributeValue::Text(one) | AttributeValue::Json(one) => text(one),
        AttributeValue::Texts(texts) => text(&texts.join(", ")),
        AttributeValue::Numbers(numbers) => match numbers {
            Numbers::I8(v) => DataVector::I8(v.clone()),
            Numbers::I16(v) => DataVector::I16(v.clone()),
            Numbers::U8(v) => DataVector::I16(v.iter().map(|number| (*number).into()).collect()),
            Numbers::I32(v) => DataVector::I32(v.clone()),
            Numbers::U16(v) => DataVector::I32(v.iter().map(|number| (*number).into()).collect()),
            Numbers::I64(v) => whole_numbers(v.iter().map(|number| (*number).into())),
            Numbers::U32(v) => whole_numbers(v.iter().map(|number| (*number).into())),
            Numbers::U64(v) => whole_numbers(v.iter().map(|number| (*number).into())),
            Numbers::F32(v) => DataVector::F32(v.clone()),
            Numbers::F64(v) => DataVector::F64(v.clone()),
        },
    }
}

/// Marks of missing values in the type of the values, as readers want them; none of what is no number of that type.
fn of_type(marks: &DataVector, data_type: &NcType) -> Option<DataVector> {
    let numbers: Vec<f64> = match marks {
        DataVector::I8(v) => v.iter().map(|number| (*number).into()).collect(),
        DataVector::I16(v) => v.iter().map(|number| (*number).into()).collect(),
        DataVector::I32(v) => v.iter().map(|number| (*number).into()).collect(),
        DataVector::F32(v) => v.iter().map(|number| (*number).into()).collect(),
        DataVector::F64(v) => v.clone(),
        DataVector::U8(_) => return None,
    };
    let whole = |low: f64, high: f64| numbers.iter().all(|n| n.fract() == 0.0 && (low..=high).contains(n));
    match data_type {
        NcType::F64 => Some(DataVector::F64(numbers)),
        NcType::F32 => Some(DataVector::F32(numbers.iter().map(|number| *number as f32).collect())),
        NcType::I32 if whole(i32::MIN.into(), i32::MAX.into()) => {
            Some(DataVector::I32(numbers.iter().map(|number| *number as i32).collect()))
        }
        NcType::I16 if whole(i16::MIN.into(), i16::MAX.into()) => {
            Some(DataVector::I16(numbers.iter().map(|number| *number as i16).collect()))
        }
        NcType::I8 if whole(i8::MIN.into(), i8::MAX.into()) => {
            Some(DataVector::I8(numbers.iter().map(|number| *number as i8).collect()))
        }
        _ => None,
    }
}

/// A file in memory. The writer keeps its file for itself, so this holds on to it.
#[derive(Debug, Clone, Default)]
struct Shared(Rc<RefCell<Cursor<Vec<u8>>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.0.borrow_mut().seek(to)
    }
}
