//! Columns of a record, decoded in batches.

use parquet::basic::{LogicalType, Type as PhysicalType};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::file::reader::RowGroupReader;

use super::KerchunkError;

/// A column of bytes or text.
pub(super) struct Bytestrings(Batch<ByteArrayType>);

/// A column of whole numbers, in four bytes or eight.
pub(super) enum Integers {
    Short(Batch<Int32Type>),
    Long(Batch<Int64Type>),
}

/// A column with the rows that were decoded last.
pub(super) struct Batch<T: DataType> {
    reader: ColumnReaderImpl<T>,
    is_nullable: bool,
    levels: Vec<i16>,
    values: Vec<T::T>,
    /// How many values were given out: nulls have none.
    given: usize,
}

impl Bytestrings {
    /// The column of a name; none where there is none, or pyarrow found nothing in it and gave it no type.
    pub(super) fn open(
        group: &dyn RowGroupReader,
        name: &'static str,
    ) -> Result<Option<Self>, KerchunkError> {
        match open(group, name)? {
            None => Ok(None),
            Some((ColumnReader::ByteArrayColumnReader(reader), is_nullable)) => {
                Ok(Some(Self(Batch::new(reader, is_nullable))))
            }
            Some(_) => Err(KerchunkError::Column(name)),
        }
    }

    /// Decodes up to so many rows: how many there were.
    pub(super) fn read(&mut self, rows: usize) -> Result<usize, KerchunkError> {
        self.0.read(rows)
    }

    /// The value of a row of the batch; rows must be asked for in order.
    pub(super) fn next(&mut self, row: usize) -> Option<&ByteArray> {
        self.0.next(row)
    }
}

impl Integers {
    /// See [`Bytestrings::open`].
    pub(super) fn open(
        group: &dyn RowGroupReader,
        name: &'static str,
    ) -> Result<Option<Self>, KerchunkError> {
        Ok(match open(group, name)? {
            None => None,
            Some((ColumnReader::Int32ColumnReader(reader), is_nullable)) => {
                Some(Self::Short(Batch::new(reader, is_nullable)))
            }
            Some((ColumnReader::Int64ColumnReader(reader), is_nullable)) => {
                Some(Self::Long(Batch::new(reader, is_nullable)))
            }
            Some(_) => return Err(KerchunkError::Column(name)),
        })
    }

    /// See [`Bytestrings::read`].
    pub(super) fn read(&mut self, rows: usize) -> Result<usize, KerchunkError> {
        match self {
            Self::Short(batch) => batch.read(rows),
            Self::Long(batch) => batch.read(rows),
        }
    }

    /// See [`Bytestrings::next`].
    pub(super) fn next(&mut self, row: usize) -> Option<i64> {
        match self {
            Self::Short(batch) => batch.next(row).map(|value| i64::from(*value)),
            Self::Long(batch) => batch.next(row).copied(),
        }
    }
}

impl<T: DataType> Batch<T> {
    fn new(reader: ColumnReaderImpl<T>, is_nullable: bool) -> Self {
        Self { reader, is_nullable, levels: Vec::new(), values: Vec::new(), given: 0 }
    }

    fn read(&mut self, rows: usize) -> Result<usize, KerchunkError> {
        self.levels.clear();
        self.values.clear();
        self.given = 0;
        let mut read = 0;
        while read < rows {
            let levels = self.is_nullable.then_some(&mut self.levels);
            match self.reader.read_records(rows - read, levels, None, &mut self.values)?.0 {
                0 => break,
                more => read += more,
            }
        }
        Ok(read)
    }

    fn next(&mut self, row: usize) -> Option<&T::T> {
        if self.is_nullable && self.levels.get(row).is_none_or(|level| *level == 0) {
            return None;
        }
        let value = self.values.get(self.given);
        self.given += 1;
        value
    }
}

/// A column of one level, with whether its cells can be null.
fn open(
    group: &dyn RowGroupReader,
    name: &'static str,
) -> Result<Option<(ColumnReader, bool)>, KerchunkError> {
    let columns = group.metadata().columns();
    let Some(place) = columns.iter().position(|column| column.column_path().parts() == [name]) else {
        return Ok(None);
    };
    let descriptor = columns[place].column_descr();
    // pyarrow's type for a column in which it found nothing but nulls.
    if descriptor.physical_type() == PhysicalType::INT32
        && descriptor.logical_type_ref() == Some(&LogicalType::Unknown)
    {
        return Ok(None);
    }
    match (descriptor.max_def_level(), descriptor.max_rep_level()) {
        (is_nullable @ (0 | 1), 0) => Ok(Some((group.get_column_reader(place)?, is_nullable == 1))),
        _ => Err(KerchunkError::Column(name)),
    }
}
