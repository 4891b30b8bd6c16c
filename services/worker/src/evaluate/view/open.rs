//! Opening a view: its plan, and how its chunks are encoded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use engine::ports::PublishedDataset;
use fair::Flow;
use model::{
    AttributeValue, BloscCompressor, BloscShuffle, ByteOrder, ChunkGrid, Codec, DataType, Dataset, Error,
    Numbers, Region, Result, Sharding, Variable,
};
use views::array::{Array, Made, Memory};
use views::plan::{Known, Plan, Unplanned};
use views::steps::ErrorBound;
use views::{Step, Steps, plan};
use zarr::codecs::ChunkCodecs;
use zarr::decoded::Encoding;

use super::{Cost, Encoder, Given, Origin, Output, View, ViewKey};
use crate::evaluate::Inner;
use crate::evaluate::decode::failed;
use crate::evaluate::rounding::Rounding;
use crate::local::blocking;

/// What numbers are encoded with that were rounded as far as they may be: their last bits are zeros, which Zstandard finds
/// once they are shuffled together.
const FOR_ROUNDED: Codec = Codec::Blosc {
    compressor: BloscCompressor::Zstd,
    level: 3,
    shuffle: BloscShuffle::Bit,
    element_size: 0,
    block_size: 0,
};
/// Most variables whose values are read to plan one view.
const NEEDED_MAX: usize = 64;

impl Inner {
    /// A view, opened once.
    pub(in crate::evaluate) async fn view(self: &Arc<Self>, key: ViewKey) -> Result<Arc<View>> {
        let open = self.open(key.clone());
        self.views.opened.try_get_with(key, open).await.map_err(|error| Error::clone(&error))
    }

    async fn open(self: &Arc<Self>, key: ViewKey) -> Result<Arc<View>> {
        let steps = Steps::parse(&key.steps).map_err(|error| Error::invalid(error.to_string()))?;
        let catalog = Arc::clone(&self.catalog);
        let (id, version) = (key.id.clone(), key.version);
        let of = blocking(move || catalog.dataset(&id, Some(version))).await?;
        let source = Arc::new(elements_of(&of.dataset));
        let origin = Arc::new(Origin::new(of));
        let mut known = Known::new();
        // What was read stays in memory until the view is made: few at once.
        let mut turn = None;
        loop {
            let (planned, back) = planned(&source, &steps, known).await?;
            known = back;
            match planned {
                Ok(plan) => return blocking(move || View::new(origin, plan, &steps).map(Arc::new)).await,
                Err(Unplanned::Refused(refusal)) => return Err(refusal.into()),
                Err(Unplanned::Needs(place)) => {
                    if known.contains_key(&place) || known.len() >= NEEDED_MAX {
                        return Err(Error::internal("planning a view needs what it has"));
                    }
                    if turn.is_none() {
                        turn = Some(self.views.opening.admit(Flow::current(), 1, 1).await?);
                    }
                    let variable = &source.variables[place];
                    known.insert(place, self.whole(&origin, variable, place).await?);
                }
            }
        }
    }

    /// All elements of a variable of the dataset.
    async fn whole(
        self: &Arc<Self>,
        origin: &Arc<Origin>,
        variable: &Variable,
        place: usize,
    ) -> Result<Bytes> {
        let chunk_shape = variable.grid.chunk_shape().to_vec();
        let made = Made::Source { variable: place, chunk_shape };
        let shape = variable.grid.shape().to_vec();
        let array = Arc::new(Array { data_type: variable.data_type, shape, made });
        let region = Region::whole(&array.shape);
        let cost = Cost::of(&array, &region);
        let _one = self.views.at_once.admit(Flow::current(), 1, cost.input_bytes).await?;
        let _admitted = self.pool.admit_bytes(cost.memory_bytes).await?;
        Ok(self.region(origin, &array, &region).await?.0)
    }
}

/// Plans on a thread where it may take its time.
async fn planned(
    source: &Arc<Dataset>,
    steps: &Steps,
    known: Known,
) -> Result<(std::result::Result<Plan, Unplanned>, Known)> {
    let (source, steps) = (Arc::clone(source), steps.clone());
    blocking(move || Ok((plan::plan(&source, &steps, &known), known))).await
}

/// A dataset as views are made of it: GRIB messages as floats, numbers in the machine's order, no codecs but those of text.
fn elements_of(dataset: &Dataset) -> Dataset {
    let plain = Encoding { codec: None, ..Encoding::default() };
    let variable = |own: &Variable| {
        let decoded = match own.codecs.as_slice() {
            [Codec::RawGrib] => zarr::decoded::variable(own, &plain),
            _ => None,
        };
        let shown = decoded.unwrap_or_else(|| own.clone());
        match shown.data_type {
            DataType::Text => shown,
            _ => Variable { codecs: Vec::new(), byte_order: ByteOrder::Little, ..shown },
        }
    };
    Dataset { groups: dataset.groups.clone(), variables: dataset.variables.iter().map(variable).collect() }
}

impl Origin {
    fn new(of: PublishedDataset) -> Self {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        Self { serial: SERIAL.fetch_add(1, Ordering::Relaxed), of, given: Given::new() }
    }
}

impl View {
    fn new(origin: Arc<Origin>, plan: Plan, steps: &Steps) -> Result<Self> {
        let of = &origin.of;
        engine::encoding::check_steps(steps, &plan.dataset)?;
        let own = engine::encoding::of_view(&of.view, &of.dataset)?;
        let bounds = engine::encoding::bounds_of_steps(steps, &plan.dataset);
        let codec = if bounds.is_empty() { own.codec } else { Some(FOR_ROUNDED) };
        let encoding = engine::encoding::of_steps(steps, codec, &plan.dataset);
        // Small chunks have no codec unless somebody wants one.
        let names_codec = steps.as_slice().iter().any(|step| matches!(step, Step::Compression(_)));
        let is_asked = names_codec || !bounds.is_empty();
        let mut variables = Vec::with_capacity(plan.arrays.len());
        let (mut outputs, mut memory) = (Vec::with_capacity(plan.arrays.len()), Memory::default());
        for (mut variable, array) in plan.dataset.variables.into_iter().zip(plan.arrays) {
            let bound = bounds.get(variable.path.as_str()).copied();
            if let Some(bound) = bound {
                say(bound, &mut variable);
            }
            let shown = encoded(&variable, &encoding, is_asked);
            let within = bound.and_then(|bound| Rounding::within(bound, &shown));
            let encoder = match &array.made {
                Made::Source { variable: place, .. } if shown.data_type == DataType::Text => {
                    Encoder::Passing(of.dataset.variables[*place].path.clone())
                }
                _ => Encoder::Elements {
                    rounding: within.or_else(|| Rounding::new(&shown, &encoding)),
                    codecs: ChunkCodecs::new(&shown).map_err(failed)?,
                    fill: fill(&shown),
                },
            };
            memory.add(&array);
            outputs.push(Output { cost: Cost::of_chunk(&array, &shown.grid), array, encoder });
            variables.push(shown);
        }
        let dataset = Arc::new(Dataset { groups: plan.dataset.groups, variables });
        let in_place = vec![None; dataset.variables.len()];
        let (view, named_views, diagnostics) = (String::new(), Arc::default(), Arc::default());
        let shown = PublishedDataset { dataset, in_place, view, named_views, diagnostics, ..of.clone() };
        let metadata = zarr::document::to_json(&shown.dataset).len() as u64;
        Ok(Self { bytes: memory.bytes() + 4 * metadata, origin, shown, outputs })
    }
}

/// A variable of the plan as it is shown: encoded, within its shards if it has any; small chunks too if that was asked for.
fn encoded(variable: &Variable, encoding: &Encoding, is_asked: bool) -> Variable {
    let [Codec::Sharding(sharding)] = variable.codecs.as_slice() else {
        let mut shown = zarr::decoded::variable(variable, encoding).unwrap_or_else(|| variable.clone());
        let size = shown.data_type.size().filter(|_| is_asked && shown.codecs.is_empty());
        shown.codecs = size.map_or(shown.codecs, |size| encoding.codecs(size));
        return shown;
    };
    let grid = ChunkGrid::new(variable.grid.shape().to_vec(), sharding.chunk_shape.clone());
    let Ok(grid) = grid else { return variable.clone() };
    let inner = encoded(&Variable { grid, codecs: Vec::new(), ..variable.clone() }, encoding, is_asked);
    let codecs = vec![Codec::Sharding(Sharding { codecs: inner.codecs, ..sharding.clone() })];
    Variable { grid: variable.grid.clone(), codecs, ..inner }
}

/// Says in attributes how far numbers may be from the truth: `maximum_absolute_error`, in the variable's units, or
/// `maximum_relative_error`.
fn say(bound: ErrorBound, variable: &mut Variable) {
    let (name, error) = match bound {
        ErrorBound::Absolute(error) => ("maximum_absolute_error", error),
        ErrorBound::Relative(error) => ("maximum_relative_error", error),
        ErrorBound::Bits(bits) => ("maximum_relative_error", (-f64::from(bits) - 1.0).exp2()),
    };
    variable.attributes.set(name, AttributeValue::Numbers(Numbers::F64(vec![error])));
}

/// The element of places that hold nothing.
fn fill(variable: &Variable) -> Vec<u8> {
    let size = variable.data_type.size().unwrap_or(1);
    variable.fill_value.clone().filter(|fill| fill.len() == size).unwrap_or_else(|| vec![0; size])
}
