//! Many elements become one: block by block of the input into the state of the result.

mod extremes;
mod moments;
mod row;
mod state;
mod tables;
mod totals;
mod values;

use bytes::Bytes;
use model::{DataType, Error, ErrorKind, Region, Result};

use super::inputs::Inputs;
use super::region::{Leaves, evaluate};
use crate::array::Reduced;
use crate::steps::{Reduction, Statistic};
use row::Walk;
use state::State;
use totals::Totals;

/// What is known of a region of a reduction's groups after a part of its inputs.
pub struct Partial {
    state: State,
    totals: Totals,
}

/// The elements of a region of a reduction's groups, as `data_type`; of several quantiles, one box behind the other.
pub(super) fn reduce(
    reduced: &Reduced,
    region: &Region,
    data_type: DataType,
    leaves: &mut impl Leaves,
) -> Result<Bytes> {
    let inputs = Inputs::new(reduced, region);
    let mut part_of = |part: u64| {
        let mut partial = Partial::new(reduced, region)?;
        for input in inputs.part(part) {
            partial.add(reduced, region, &input, leaves)?;
        }
        Ok::<_, Error>(partial)
    };
    let mut whole = part_of(0)?;
    for part in 1..inputs.parts() {
        whole = whole.with(part_of(part)?);
    }
    whole.finish(data_type)
}

impl Partial {
    /// Before the first input.
    pub fn new(reduced: &Reduced, region: &Region) -> Result<Self> {
        let totals = Totals::new(reduced, region);
        Ok(Self { state: State::new(reduced, &totals)?, totals })
    }

    /// Puts one input to it.
    pub fn add(
        &mut self,
        reduced: &Reduced,
        region: &Region,
        input: &Region,
        leaves: &mut impl Leaves,
    ) -> Result<()> {
        let elements = evaluate(&reduced.of, input, leaves)?;
        let weights = match &reduced.weights {
            Some(weights) => Some(evaluate(&weights.of, &weights.region(input), leaves)?),
            None => None,
        };
        Walk::new(reduced, region, input).run(&elements, weights.as_deref(), &mut self.state)
    }

    /// With the part after it.
    #[must_use]
    pub fn with(mut self, next: Self) -> Self {
        self.state.add(next.state);
        self
    }

    /// The elements of the result, as `data_type`.
    pub fn finish(self, data_type: DataType) -> Result<Bytes> {
        self.state.finish(data_type, &self.totals).map(Bytes::from)
    }
}

/// Bytes of memory that a region of a reduction's groups takes while it is made.
pub fn state_bytes(reduced: &Reduced, region: &Region) -> u64 {
    let cells = region.elements();
    let a_cell = match &reduced.reduction {
        _ if reduced.weights.is_some() => 24,
        Reduction::Statistic(Statistic::Mean | Statistic::Sum | Statistic::Count) => 20,
        Reduction::Statistic(Statistic::Std | Statistic::Variance) => 32,
        Reduction::Statistic(Statistic::Min | Statistic::Max) => 16,
        Reduction::Statistic(Statistic::First | Statistic::Last) => 24,
        Reduction::Statistic(Statistic::Median) | Reduction::Quantiles(_) => {
            let samples = Totals::new(reduced, region).sum();
            return samples.saturating_mul(8).saturating_add(cells.saturating_mul(24));
        }
    };
    cells.saturating_mul(a_cell)
}

fn short() -> Error {
    Error::new(ErrorKind::CorruptData, "a region has fewer elements than its shape says")
}
