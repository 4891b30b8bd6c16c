//! Steps: one file for each family, with its type, how it is read, how it is spelled and how it is explained.

mod accuracy;
mod anomaly;
mod arith;
mod bitround;
mod bounding_box;
mod chunks;
mod coarsen;
mod codec;
mod convert;
mod field_mean;
mod groupby;
mod list;
mod quantize;
mod reduce;
mod resample;
mod select;
mod select_indexes;
mod select_variables;

pub use accuracy::{Accuracy, ErrorBound};
pub use anomaly::Anomaly;
pub use arith::{Arithmetic, Expression, Function, Operator};
pub use bitround::BitRound;
pub use bounding_box::BoundingBox;
pub use chunks::{Chunks, Extent, Shards};
pub use coarsen::{Boundary, Coarsen};
pub use codec::Compression;
pub use convert::{Convert, Units};
pub use field_mean::FieldMean;
pub use groupby::{GroupBy, GroupKey, Groups, TimePart};
pub use list::Steps;
pub use quantize::{Quantize, Quantum};
pub use reduce::{Reduce, Reduction, Statistic};
pub use resample::{Duration, DurationUnit, Frequency, FrequencyUnit, Month, Resample};
pub use select::{Method, Select, Selection, Tolerance};
pub use select_indexes::{Indexes, SelectIndexes};
pub use select_variables::SelectVariables;

use std::fmt::{self, Display, Formatter};

use crate::describe::Description;

/// One step of a view. Its `Display` is its canonical spelling.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each type says what it is")]
pub enum Step {
    SelectVariables(SelectVariables),
    Select(Select),
    SelectIndexes(SelectIndexes),
    BoundingBox(BoundingBox),
    Coarsen(Coarsen),
    GroupBy(GroupBy),
    Resample(Resample),
    Reduce(Reduce),
    FieldMean(FieldMean),
    Anomaly(Anomaly),
    Arithmetic(Arithmetic),
    Convert(Convert),
    Chunks(Chunks),
    Shards(Shards),
    Compression(Compression),
    BitRound(BitRound),
    Quantize(Quantize),
    Accuracy(Accuracy),
}

/// Each family's descriptions.
pub(crate) const CATALOG: &[&[Description]] = &[
    select_variables::DESCRIPTIONS,
    select::DESCRIPTIONS,
    select_indexes::DESCRIPTIONS,
    bounding_box::DESCRIPTIONS,
    coarsen::DESCRIPTIONS,
    groupby::DESCRIPTIONS,
    resample::DESCRIPTIONS,
    reduce::DESCRIPTIONS,
    field_mean::DESCRIPTIONS,
    anomaly::DESCRIPTIONS,
    arith::DESCRIPTIONS,
    convert::DESCRIPTIONS,
    chunks::DESCRIPTIONS,
    codec::DESCRIPTIONS,
    bitround::DESCRIPTIONS,
    quantize::DESCRIPTIONS,
    accuracy::DESCRIPTIONS,
];

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::SelectVariables(step) => step.fmt(f),
            Self::Select(step) => step.fmt(f),
            Self::SelectIndexes(step) => step.fmt(f),
            Self::BoundingBox(step) => step.fmt(f),
            Self::Coarsen(step) => step.fmt(f),
            Self::GroupBy(step) => step.fmt(f),
            Self::Resample(step) => step.fmt(f),
            Self::Reduce(step) => step.fmt(f),
            Self::FieldMean(step) => step.fmt(f),
            Self::Anomaly(step) => step.fmt(f),
            Self::Arithmetic(step) => step.fmt(f),
            Self::Convert(step) => step.fmt(f),
            Self::Chunks(step) => step.fmt(f),
            Self::Shards(step) => step.fmt(f),
            Self::Compression(step) => step.fmt(f),
            Self::BitRound(step) => step.fmt(f),
            Self::Quantize(step) => step.fmt(f),
            Self::Accuracy(step) => step.fmt(f),
        }
    }
}
