//! Long reductions: all workers make their sections, one puts them together.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use cloudify_proto::v1::assemble_chunk_request::{End, Item, Section as WireSection};
use engine::ports::EvaluatedChunk;
use engine::sections::{LongReduction, Section};
use fair::{Admission, Bounds, Flow};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use model::{Error, Result};
use tokio_util::task::AbortOnDropHandle;

use super::evaluation::Items;
use super::load::Kind;
use super::member::Member;
use super::members::Members;
use super::{evaluation, key_of};

/// Chunks whose reductions are spread at once; more wait for their turn.
const CHUNKS_AT_ONCE: u64 = 4;
/// Longest wait for a turn.
const WAIT_MAX: Duration = Duration::from_secs(45);
/// Memory for sections of one chunk that are made and not yet passed on, in bytes.
const STATES_BYTES_MAX: u64 = 128 << 20;

/// Spreads long reductions over the members of a pool.
pub(super) struct Spreading {
    turns: Admission,
}

/// A chunk whose reductions are spread.
struct Spread {
    members: Arc<Members>,
    chunk: EvaluatedChunk,
    reductions: Vec<LongReduction>,
}

impl Spreading {
    pub(super) fn new() -> Self {
        Self { turns: Admission::new(Bounds { wait_max: WAIT_MAX, ..Bounds::of(CHUNKS_AT_ONCE) }) }
    }

    /// A chunk that is made of long reductions. Where the worker that puts it together is lost, another does: of the same
    /// sections, which those who made them still have.
    pub(super) async fn chunk(
        &self,
        members: &Arc<Members>,
        chunk: &EvaluatedChunk,
        reductions: Vec<LongReduction>,
    ) -> Result<Option<Bytes>> {
        let sections = reductions.iter().map(|reduction| reduction.iter().count() as u64).sum();
        let _turn = self.turns.admit(Flow::current(), 1, sections).await?;
        let spread = Spread { members: Arc::clone(members), chunk: chunk.clone(), reductions };
        let spread = Arc::new(spread);
        members.ask(Kind::Evaluation, &key_of(chunk), |member| assemble(member, Arc::clone(&spread))).await?
    }
}

/// Has one worker put sections together as they are made. The inner failure is that of a section which no worker can make:
/// no reason to ask another to put them together.
async fn assemble(member: &Member, spread: Arc<Spread>) -> Result<Result<Option<Bytes>>> {
    let failed = Arc::new(OnceLock::new());
    let items = Items::new(&spread.chunk, sections(&spread, &failed));
    let assembled = evaluation::assemble(member, items).await;
    match failed.get() {
        Some(error) => Ok(Err(Error::clone(error))),
        None => assembled.map(Ok),
    }
}

/// The sections in order, made a few ahead, and the end; without an end where one failed.
fn sections(spread: &Arc<Spread>, failed: &Arc<OnceLock<Error>>) -> BoxStream<'static, Item> {
    let all: Vec<Section> = spread.reductions.iter().flat_map(|reduction| reduction.iter()).collect();
    let at_once = spread.at_once();
    let (spread, failed, flow) = (Arc::clone(spread), Arc::clone(failed), Flow::current());
    let made = stream::iter((0..).zip(all)).map(move |(turn, section)| {
        // In a task of its own: made while nobody asks for it.
        AbortOnDropHandle::new(tokio::spawn(flow.scope(make(Arc::clone(&spread), turn, section))))
    });
    let made = made.buffered(at_once).map(|made| made.map_err(Error::internal).flatten());
    let end = stream::once(std::future::ready(Ok(Item::End(End {}))));
    let passed = made.chain(end).scan((), move |(), made: Result<Item>| {
        std::future::ready(made.map_err(|error| failed.set(error)).ok())
    });
    passed.boxed()
}

async fn make(spread: Arc<Spread>, turn: u64, section: Section) -> Result<Item> {
    let (key, chunk) = (key_of(&spread.chunk), &spread.chunk);
    let made = spread
        .members
        .ask_by_turn(Kind::Evaluation, (&key, turn), |member| evaluation::section(member, chunk, section));
    let Section { array, block, number } = section;
    Ok(Item::Section(WireSection { array, block, section: number, state: made.await? }))
}

impl Spread {
    /// So many sections that all members are busy, as far as there is memory for what they make.
    fn at_once(&self) -> usize {
        let state_bytes = self.reductions.iter().map(|reduction| reduction.state_bytes).max().unwrap_or(0);
        let each = self.reductions.iter().map(|reduction| reduction.at_once).min().unwrap_or(1).max(1);
        // One more each: it is on its way while the one before is made.
        let wanted = self.members.all().len().saturating_mul(each as usize + 1);
        wanted.min((STATES_BYTES_MAX / state_bytes.max(1)) as usize).max(1)
    }
}
