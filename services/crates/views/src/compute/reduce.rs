//! Many elements become one: block by block of the input into the state of the result.

mod extremes;
mod joined;
mod moments;
mod row;
mod state;
mod tables;
mod totals;
mod values;
mod wire;

use bytes::Bytes;
use model::{DataType, Error, ErrorKind, Region, Result};

use super::inputs::Inputs;
use super::region::{Leaves, evaluate};
use crate::array::Reduced;
use crate::steps::{Reduction, Statistic};
use row::Walk;
use state::State;
use totals::Totals;

pub use joined::Joined;

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
    let mut joined = Joined::default();
    for part in 0..inputs.parts() {
        let mut partial = Partial::new(reduced, region)?;
        for input in inputs.part(part) {
            partial.add(reduced, region, &input, leaves)?;
        }
        joined.push(&inputs, part, partial);
    }
    joined.finish(data_type)
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

    /// Its bytes, for another worker.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        wire::to_bytes(&self.state)
    }

    /// That of the same region of the same reduction, from its bytes. `CorruptData` where they are none.
    pub fn from_bytes(reduced: &Reduced, region: &Region, bytes: &[u8]) -> Result<Self> {
        let mut partial = Self::new(reduced, region)?;
        wire::read(&mut partial.state, bytes)?;
        Ok(partial)
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

/// Whether the state of a reduction is small beside what it is made of, so that it may travel: medians and quantiles hold
/// all values.
pub fn travels(reduced: &Reduced) -> bool {
    !matches!(reduced.reduction, Reduction::Statistic(Statistic::Median) | Reduction::Quantiles(_))
}

fn short() -> Error {
    Error::new(ErrorKind::CorruptData, "a region has fewer elements than its shape says")
}
