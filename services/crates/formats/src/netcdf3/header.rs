//! The header: dimensions, attributes, variables
//! ([classic format](https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html#classic_format_spec)).
//!
//! Read here and not by a library: the crate `netcdf3` has no CDF-5 and gives values where offsets are needed, and
//! netCDF-C does not say where anything is.

use std::path::Path;

use model::{Attributes, DataType, Warning};

use super::{
    attributes,
    reader::{Reader, Variant},
};
use crate::{ScanFault, ScanOptions};

const DIMENSIONS: u32 = 0x0a;
const VARIABLES: u32 = 0x0b;
/// netCDF's own limit on the dimensions of a variable, `NC_MAX_VAR_DIMS`.
const RANK_MAX: u64 = 1024;

/// What a header says.
pub(super) struct Header {
    /// How many records there are; none where the writer did not know.
    pub(super) record_count: Option<u64>,
    /// Dimensions, by their numbers.
    pub(super) dimensions: Vec<Dimension>,
    /// Attributes of the file.
    pub(super) attributes: Attributes,
    /// Variables, in their order.
    pub(super) variables: Vec<Variable>,
    /// Its own length, in bytes.
    pub(super) length: u64,
}

/// A dimension.
pub(super) struct Dimension {
    /// Its name.
    pub(super) name: String,
    /// Its length; none where it is the one of records.
    pub(super) length: Option<u64>,
}

/// A variable.
pub(super) struct Variable {
    /// Its name.
    pub(super) name: String,
    /// Numbers of its dimensions, all of them good.
    pub(super) dimensions: Vec<usize>,
    /// Its attributes.
    pub(super) attributes: Attributes,
    /// Type of its elements.
    pub(super) data_type: DataType,
    /// Where its bytes, or those in the first record, begin.
    pub(super) begin: u64,
}

/// Reads the header of a file of `size` bytes.
pub(super) fn read(
    path: &Path,
    size: u64,
    options: &ScanOptions,
    warnings: &mut Vec<Warning>,
) -> Result<Header, ScanFault> {
    let mut reader = Reader::open(path, size)?;
    let record_count = reader.count_or_all_ones()?;
    let dimensions = dimensions(&mut reader, options, warnings)?;
    let attributes = attributes::read(&mut reader, "", options, warnings)?;
    let count = reader.list(VARIABLES, "variables")?;
    bounded(count, options)?;
    let mut variables = Vec::new();
    for _ in 0..count {
        variables.push(variable(&mut reader, &dimensions, options, warnings)?);
    }
    Ok(Header { record_count, dimensions, attributes, variables, length: reader.position() })
}

fn bounded(count: u64, options: &ScanOptions) -> Result<(), ScanFault> {
    let most = options.objects_max;
    if count > most as u64 { Err(ScanFault::TooManyObjects(most)) } else { Ok(()) }
}

fn dimensions(
    reader: &mut Reader,
    options: &ScanOptions,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Dimension>, ScanFault> {
    let count = reader.list(DIMENSIONS, "dimensions")?;
    bounded(count, options)?;
    let mut dimensions: Vec<Dimension> = Vec::new();
    for _ in 0..count {
        let name = name(reader, "dimension", warnings)?;
        let length = Some(reader.count()?).filter(|length| *length > 0);
        if length.is_none() && dimensions.iter().any(|other| other.length.is_none()) {
            return Err(ScanFault::Damaged("two dimensions of records".to_owned()));
        }
        dimensions.push(Dimension { name, length });
    }
    Ok(dimensions)
}

fn name(reader: &mut Reader, what: &str, warnings: &mut Vec<Warning>) -> Result<String, ScanFault> {
    let (name, faithful) = reader.name()?;
    if !faithful {
        let message = format!("the name of a {what} is not UTF-8: unknown bytes are shown as \u{fffd}");
        warnings.push(Warning { subject: name.clone(), message });
    }
    Ok(name)
}

fn variable(
    reader: &mut Reader,
    dimensions: &[Dimension],
    options: &ScanOptions,
    warnings: &mut Vec<Warning>,
) -> Result<Variable, ScanFault> {
    let name = name(reader, "variable", warnings)?;
    let damaged = |what: String| ScanFault::Damaged(format!("variable {name:?} {what}"));
    let rank = reader.count()?;
    if rank > RANK_MAX {
        return Err(damaged(format!("has {rank} dimensions")));
    }
    let mut own = Vec::new();
    for at in 0..rank {
        let number = reader.count()?;
        let known = usize::try_from(number).ok().and_then(|number| Some((number, dimensions.get(number)?)));
        let Some((number, dimension)) = known else {
            return Err(damaged(format!("has dimension {number}, of {}", dimensions.len())));
        };
        if at > 0 && dimension.length.is_none() {
            return Err(damaged("has the dimension of records behind another".to_owned()));
        }
        own.push(number);
    }
    let attributes = attributes::read(reader, &name, options, warnings)?;
    let code = reader.number()?;
    let data_type =
        data_type(code, reader.variant()).ok_or_else(|| damaged(format!("has the unknown type {code}")))?;
    // `vsize` says nothing that the shape does not, and is wrong for variables of 4 GiB and more.
    reader.count_or_all_ones()?;
    let begin = reader.offset()?;
    Ok(Variable { name, dimensions: own, attributes, data_type, begin })
}

/// The type of a code. `NC_CHAR` is a text of one byte.
pub(super) fn data_type(code: u32, variant: Variant) -> Option<DataType> {
    Some(match code {
        1 => DataType::I8,
        2 => DataType::FixedText(1),
        3 => DataType::I16,
        4 => DataType::I32,
        5 => DataType::F32,
        6 => DataType::F64,
        _ if variant != Variant::Data64 => return None,
        7 => DataType::U8,
        8 => DataType::U16,
        9 => DataType::U32,
        10 => DataType::I64,
        11 => DataType::U64,
        _ => return None,
    })
}
