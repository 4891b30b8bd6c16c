//! Views: datasets that are made of others by steps, one chunk at a time.
//!
//! ```text
//! open ─▶ plan ─ needs a coordinate ─▶ read it, plan again ─▶ View: a lazy array for each variable
//! chunk ─▶ admit by bytes ─▶ leaves of the region ─▶ read ahead, in order ─▶ │ decode, compute: one thread, one core │ ─▶ encode
//!                                 └─ a block of a reduction: made in the same way, once, and kept
//! long reduction ─▶ its sections, on several workers ─▶ blocks that are given, and the chunk as above
//! ```
//! Memory does not grow with the input: chunks are read a few ahead and are gone once they are used. Dropping the future
//! ends the thread at its next chunk.

mod cost;
mod feed;
mod open;
mod progress;
mod reduction;
mod region;
mod sections;
mod supply;

pub(super) use cost::{Cost, INPUT_BYTES_MAX};
pub(super) use region::too_many;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::ports::{EvaluatedChunk, PublishedDataset};
use fair::{Admission, Flow};
use model::{DatasetId, Error, ErrorKind, Region, Result, Variable, Version};
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use views::array::{Array, Made as How};
use zarr::codecs::ChunkCodecs;

use super::Inner;
use super::made::Fresh;
use super::pool::{Admitted, bounds};
use super::rounding::Rounding;
use crate::settings::EvaluateSettings;
use region::Kept;

/// Memory for views that are kept ready, in bytes: some hold lists of the cells of a grid.
const VIEWS_BYTES_MAX: u64 = 256 << 20;
/// How long one is kept after its last use: those of versions that are gone are not asked for any more.
const VIEWS_IDLE: Duration = Duration::from_mins(5);
/// Memory for blocks of reductions, in bytes.
const BLOCKS_BYTES_MAX: u64 = 128 << 20;
/// Memory for sections of long reductions, in bytes: whoever asks again for what took too long goes on from there.
const SECTIONS_BYTES_MAX: u64 = 128 << 20;
/// Most chunks of views under way at once.
const CHUNKS_AT_ONCE: u64 = 32;
/// Most views opened at once, of those for which values are read: two of one client, and another's.
const OPENED_AT_ONCE: u64 = 3;
/// Most threads that wait for reads: a part of those that the runtime has, for the reads themselves need some.
const THREADS_MAX: usize = 128;

/// What is kept from one chunk to the next.
pub(super) struct Views {
    opened: Cache<ViewKey, Arc<View>>,
    blocks: Cache<BlockKey, Kept>,
    sections: Cache<BlockKey, Kept>,
    progress: Cache<BlockKey, Arc<progress::Progress>>,
    at_once: Admission,
    /// Views that are opened at once, of those for which values are read.
    opening: Admission,
    /// Reductions of much data at once: they are served one after another, or none might be in time.
    heavy: Admission,
    /// Threads that wait for reads.
    threads: Arc<tokio::sync::Semaphore>,
    /// Memory for states that others made and that are put together, in units of [`sections::UNIT_BYTES`].
    assembling: tokio::sync::Semaphore,
}

/// A view of a version of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ViewKey {
    id: DatasetId,
    version: Version,
    /// The canonical text of its steps.
    steps: Arc<str>,
}

impl ViewKey {
    pub(super) fn new(id: &DatasetId, version: Version, steps: &Arc<str>) -> Self {
        Self { id: id.clone(), version, steps: Arc::clone(steps) }
    }
}

/// A block that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum BlockKey {
    /// Of an array of one view.
    Own {
        view: u64,
        /// Where the array is in memory: the view holds it there.
        array: usize,
        number: u64,
    },
    /// Of a block of an array of one view.
    Section { view: u64, array: usize, number: u64, section: u64 },
    /// Of a variable of a dataset: all its views share it.
    Tile { id: DatasetId, version: Version, variable: usize, shape: Vec<u64>, number: u64 },
}

/// The version of a dataset that arrays are made of.
pub(super) struct Origin {
    /// Tells it from every other.
    serial: u64,
    of: PublishedDataset,
    /// Blocks that others made for what is made now.
    given: Given,
}

/// Blocks by where their array is in memory and by number.
type Given = HashMap<(usize, u64), Kept>;

/// A view, ready for use.
pub(super) struct View {
    origin: Arc<Origin>,
    /// As it is shown.
    shown: PublishedDataset,
    /// By variable.
    outputs: Vec<Output>,
    /// Memory that it takes.
    bytes: u64,
}

/// How a variable of a view is made, and encoded then.
pub(super) struct Output {
    pub(super) array: Arc<Array>,
    /// Of one chunk.
    pub(super) cost: Cost,
    encoder: Encoder,
}

/// From elements to a chunk.
enum Encoder {
    Elements {
        rounding: Option<Rounding>,
        codecs: ChunkCodecs,
        /// What is behind the array's end.
        fill: Vec<u8>,
    },
    /// The chunks of a variable of the dataset, as they are: text of any length.
    Passing(model::NodePath),
}

impl Views {
    pub(super) fn new(settings: &EvaluateSettings, cores: usize) -> Self {
        let turns = |amount| Admission::new(bounds(settings, amount));
        let weight = |_: &BlockKey, (bytes, sources): &Kept| {
            u32::try_from(bytes.len() + sources.len() * 256 + 256).unwrap_or(u32::MAX)
        };
        Self {
            opened: Cache::builder()
                .weigher(|_, view: &Arc<View>| u32::try_from(view.bytes).unwrap_or(u32::MAX))
                .max_capacity(VIEWS_BYTES_MAX)
                .time_to_idle(VIEWS_IDLE)
                .build(),
            blocks: Cache::builder().weigher(weight).max_capacity(BLOCKS_BYTES_MAX).build(),
            sections: Cache::builder()
                .weigher(weight)
                .max_capacity(SECTIONS_BYTES_MAX)
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            progress: progress::cache(),
            assembling: tokio::sync::Semaphore::new(sections::UNITS),
            at_once: turns(CHUNKS_AT_ONCE),
            opening: turns(OPENED_AT_ONCE),
            // As many of one client as there are cores, and something for the next.
            heavy: turns((cores + cores.div_ceil(3)) as u64),
            threads: Arc::new(tokio::sync::Semaphore::new(THREADS_MAX)),
        }
    }
}

impl Inner {
    /// A chunk of a view.
    pub(super) async fn chunk_of_view(
        self: &Arc<Self>,
        key: ViewKey,
        chunk: &EvaluatedChunk,
    ) -> Result<Fresh> {
        let view = self.view(key).await?;
        let origin = Arc::clone(&view.origin);
        self.chunk_of(&view, &origin, chunk).await
    }

    /// A chunk of a view, made of an origin that may have blocks already.
    async fn chunk_of(
        self: &Arc<Self>,
        view: &Arc<View>,
        origin: &Arc<Origin>,
        chunk: &EvaluatedChunk,
    ) -> Result<Fresh> {
        let place = view.place(chunk)?;
        let Output { array, cost, encoder } = &view.outputs[place];
        if let Encoder::Passing(path) = encoder {
            let form = engine::ports::Form::Decoded;
            return self.make(&EvaluatedChunk { variable: path.clone(), form, ..chunk.clone() }).await;
        }
        let turn = self.turn(*cost).await?;
        let region = view.region(place, chunk.number);
        let (elements, sources) = self.region(origin, array, &region).await?;
        let view = Arc::clone(view);
        let encode = move || view.encode(place, &region, elements);
        let (bytes, admitted) = self.pool.run(turn.admitted, encode).await?;
        Ok(Fresh { bytes: Some(bytes), sources, admitted: Some(admitted) })
    }

    /// Waits until something of a cost may be made; refuses what costs more than anyone would wait for.
    async fn turn(&self, cost: Cost) -> Result<Turn> {
        cost.check()?;
        let (flow, through) = (Flow::current(), cost.input_bytes);
        let place = self.pool.queue(cost.memory_bytes, through)?;
        let turn = async |of: &Admission| {
            let turn = of.admit(flow, 1, through).await;
            turn.inspect_err(|_| telemetry::metrics().chunks_refused_total.inc())
        };
        let heavy = if cost.is_heavy() { Some(turn(&self.views.heavy).await?) } else { None };
        let one = turn(&self.views.at_once).await?;
        Ok(Turn { _heavy: heavy, _one: one, admitted: place.admitted().await? })
    }
}

/// Held while something of a view is made.
struct Turn {
    _heavy: Option<Admitted>,
    _one: Admitted,
    admitted: Admitted,
}

impl Origin {
    /// The key of a block of an array that is made of it.
    fn key_of(&self, array: &Arc<Array>, number: u64) -> BlockKey {
        if let How::Tiled { of, tile_shape } = &array.made
            && let How::Source { variable, .. } = of.made
        {
            let (id, version) = (self.of.id.clone(), self.of.version);
            return BlockKey::Tile { id, version, variable, shape: tile_shape.clone(), number };
        }
        BlockKey::Own { view: self.serial, array: Arc::as_ptr(array) as usize, number }
    }

    /// A block that somebody else made.
    fn given(&self, array: &Arc<Array>, number: u64) -> Option<&Kept> {
        self.given.get(&(Arc::as_ptr(array) as usize, number))
    }

    /// The same with blocks that somebody else made.
    fn with(&self, given: Given) -> Self {
        Self { serial: self.serial, of: self.of.clone(), given }
    }
}

impl View {
    /// The dataset that it is made of.
    pub(super) fn source(&self) -> &PublishedDataset {
        &self.origin.of
    }

    /// How a chunk is made, and the region that it is; none for text that passes.
    pub(super) fn output(&self, chunk: &EvaluatedChunk) -> Result<Option<(&Output, Region)>> {
        let place = self.place(chunk)?;
        let output = &self.outputs[place];
        let is_made = !matches!(output.encoder, Encoder::Passing(_));
        Ok(is_made.then(|| (output, self.region(place, chunk.number))))
    }

    fn region(&self, place: usize, number: u64) -> Region {
        let grid = &self.shown.dataset.variables[place].grid;
        grid.region(&grid.index(number))
    }

    /// The place of a chunk's variable, if it has the chunk.
    fn place(&self, chunk: &EvaluatedChunk) -> Result<usize> {
        let variables = &self.shown.dataset.variables;
        let place = variables.iter().position(|variable| variable.path == chunk.variable);
        let place = place.ok_or_else(|| Error::not_found("no such variable"))?;
        if chunk.number >= variables[place].grid.chunk_count() {
            return Err(Error::invalid("the array has no such chunk"));
        }
        Ok(place)
    }

    /// As it is shown.
    pub(super) fn shown(&self) -> &PublishedDataset {
        &self.shown
    }

    /// The chunk that the elements of a region are.
    fn encode(&self, place: usize, region: &Region, elements: Bytes) -> Result<Bytes> {
        let variable = &self.shown.dataset.variables[place];
        let Encoder::Elements { rounding, codecs, fill } = &self.outputs[place].encoder else {
            return Err(Error::internal("text has no elements"));
        };
        let elements = padded(elements, region, variable, fill)?;
        let elements = match rounding {
            Some(rounding) => rounding.round(elements)?,
            None => elements,
        };
        codecs.encode(elements).map_err(super::decode::failed)
    }
}

/// A whole chunk, with the fill value behind the array's end.
fn padded(elements: Bytes, region: &Region, variable: &Variable, fill: &[u8]) -> Result<Bytes> {
    let chunk_shape = variable.grid.chunk_shape();
    if region.extent == chunk_shape {
        return Ok(elements);
    }
    let count: u64 = chunk_shape.iter().product();
    let mut whole = fill.repeat(usize::try_from(count).unwrap_or(usize::MAX));
    let into = Region { start: vec![0; region.extent.len()], extent: region.extent.clone() };
    let short = || Error::internal(format!("a chunk of {} does not fit", variable.path));
    into.paste(&elements, &mut whole, chunk_shape, fill.len()).ok_or_else(short)?;
    Ok(whole.into())
}

/// What went wrong in a thread that computes.
fn fault(fault: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, "the view cannot be computed").with_internal(fault)
}
