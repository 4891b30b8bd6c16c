//! Blocks of reductions, made in parts on several cores.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use fair::Flow;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use model::{Error, Region, Result};
use tokio_util::task::AbortOnDropHandle;
use views::array::{Array, Made as How, Reduced};
use views::compute::{self, Inputs, Joined, Leaf, Partial};

use super::feed::Feed;
use super::progress::KEPT_EVERY;
use super::region::{Kept, too_many};
use super::supply::{Sources, has_blocks};
use super::{BlockKey, Origin, fault};
use crate::evaluate::Inner;
use crate::local::blocking;

/// Memory for parts of one reduction that are under way at once, in bytes.
pub(super) const PARTS_BYTES_MAX: u64 = 64 << 20;

/// An input of a reduction, and what it is made of.
type Input = (Region, Vec<Leaf>);

/// A region of a reduction's groups that is being made.
pub(super) struct Reducing {
    origin: Arc<Origin>,
    array: Arc<Array>,
    groups: Region,
    pub(super) inputs: Inputs,
    /// Bytes of the state of one part.
    state_bytes: u64,
}

impl Reducing {
    /// What a region of an array that is a reduction is made of; takes its time where it is made of much.
    pub(super) fn new(origin: Arc<Origin>, array: Arc<Array>, region: Region) -> Result<Self> {
        let of = reduced(&array)?;
        let groups = of.groups_of(region);
        let (inputs, state_bytes) = (Inputs::new(of, &groups), compute::state_bytes(of, &groups));
        Ok(Self { origin, array, groups, inputs, state_bytes })
    }

    /// Nothing known yet.
    fn partial(&self) -> Result<Partial> {
        Partial::new(reduced(&self.array)?, &self.groups)
    }

    /// What another worker knows.
    pub(super) fn read(&self, bytes: &[u8]) -> Result<Partial> {
        Partial::from_bytes(reduced(&self.array)?, &self.groups, bytes)
    }

    /// Whether what is known of it is small enough to be kept.
    fn travels(&self) -> bool {
        reduced(&self.array).is_ok_and(compute::travels)
    }

    /// The elements that all parts make.
    pub(super) fn finish(&self, joined: Joined) -> Result<bytes::Bytes> {
        joined.finish(self.array.data_type)
    }

    fn add(&self, to: &mut Partial, input: &Region, feed: &mut Feed) -> Result<()> {
        to.add(reduced(&self.array)?, &self.groups, input, feed)
    }

    /// The inputs of a part.
    fn inputs_of(&self, part: u64) -> Result<Vec<Input>> {
        let reduced = reduced(&self.array)?;
        let leaves = |input: &Region| compute::leaves_of_input(reduced, input).map_err(too_many);
        self.inputs.part(part).map(|input| leaves(&input).map(|leaves| (input, leaves))).collect()
    }
}

impl Inner {
    /// A block of a reduction, in parts on several cores, put together in order; from where it was given up, if it was.
    pub(super) async fn reduce(
        self: &Arc<Self>,
        origin: &Arc<Origin>,
        array: &Arc<Array>,
        number: u64,
        at_once: usize,
    ) -> Result<Kept> {
        let (key, of) = (origin.key_of(array, number), (Arc::clone(origin), Arc::clone(array)));
        let make = move || {
            let region = of.1.block(number)?;
            Reducing::new(of.0, of.1, region).map(Arc::new)
        };
        let reducing = blocking(make).await?;
        let (sections, begun) = self.resumed(&key, &reducing).await?;
        let parts = reducing.inputs.parts_of(sections).start..reducing.inputs.parts();
        let (joined, sources) = self.join(&reducing, parts, at_once, begun, Some(&key)).await?;
        self.views.progress.invalidate(&key).await;
        let elements = self.pool.run_admitted(move || reducing.finish(joined)).await?;
        Ok((elements, sources.into_iter().collect()))
    }

    /// Some parts of a reduction, so many at once, put to what is known of those before; what is known meanwhile is kept
    /// under a key.
    pub(super) async fn join(
        self: &Arc<Self>,
        reducing: &Arc<Reducing>,
        parts: Range<u64>,
        at_once: usize,
        (mut joined, mut sources): (Joined, Sources),
        key: Option<&BlockKey>,
    ) -> Result<(Joined, Sources)> {
        let at_once = at_once.min((PARTS_BYTES_MAX / reducing.state_bytes.max(1)) as usize).max(1);
        let flow = Flow::current();
        let make = |number| {
            let (inner, reducing) = (Arc::clone(self), Arc::clone(reducing));
            let part = async move { inner.part_of(&reducing, number).await.map(|part| (number, part)) };
            AbortOnDropHandle::new(tokio::spawn(flow.scope(part)))
        };
        let mut coming = futures::stream::iter(parts).map(make).buffered(at_once);
        let mut kept = Instant::now();
        while let Some(part) = coming.next().await {
            let (number, (part, of)) = part.map_err(fault)??;
            sources.extend(of);
            let (reducing, is_due) = (Arc::clone(reducing), key.is_some() && kept.elapsed() >= KEPT_EVERY);
            let push = move || {
                joined.push(&reducing.inputs, number, part);
                let state = if is_due && reducing.travels() { joined.to_bytes()? } else { None };
                Ok((joined, state.zip(reducing.inputs.sections_by(number))))
            };
            let state;
            (joined, state) = self.pool.run_admitted(push).await?;
            if let (Some((state, sections)), Some(key)) = (state, key) {
                self.keep_progress(key, sections, state.into(), &sources).await;
                kept = Instant::now();
            }
        }
        Ok((joined, sources))
    }

    fn part_of<'a>(
        self: &'a Arc<Self>,
        reducing: &'a Arc<Reducing>,
        part: u64,
    ) -> BoxFuture<'a, Result<(Partial, Sources)>> {
        async move {
            let of = Arc::clone(reducing);
            let inputs = blocking(move || of.inputs_of(part)).await?;
            if inputs.iter().any(|(_, leaves)| has_blocks(leaves)) {
                return self.part_of_blocks(reducing, inputs).await;
            }
            let (regions, leaves): (Vec<Region>, Vec<Vec<Leaf>>) = inputs.into_iter().unzip();
            let of = Arc::clone(reducing);
            let run = move |feed: &mut Feed| {
                let mut partial = of.partial()?;
                for input in &regions {
                    of.add(&mut partial, input, feed)?;
                }
                Ok(partial)
            };
            let leaves = leaves.into_iter().flatten().collect();
            self.stream(&reducing.origin, &reducing.array, leaves, run).await
        }
        .boxed()
    }

    /// A part whose inputs are computed themselves: one after another, with no thread that waits for them.
    async fn part_of_blocks(
        self: &Arc<Self>,
        reducing: &Arc<Reducing>,
        inputs: Vec<Input>,
    ) -> Result<(Partial, Sources)> {
        let of = Arc::clone(reducing);
        let mut partial = self.pool.run_admitted(move || of.partial()).await?;
        let mut sources = Sources::new();
        for (input, leaves) in inputs {
            let (mut feed, read_of) = self.gather(&reducing.origin, leaves).await?;
            sources.extend(read_of);
            let of = Arc::clone(reducing);
            let add = move || {
                of.add(&mut partial, &input, &mut feed)?;
                Ok(partial)
            };
            partial = self.pool.run_admitted(add).await?;
        }
        Ok((partial, sources))
    }
}

fn reduced(array: &Array) -> Result<&Reduced> {
    match &array.made {
        How::Reduced(reduced) => Ok(reduced),
        _ => Err(Error::internal("no reduction")),
    }
}
