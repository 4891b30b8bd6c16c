//! Sections of long reductions: made for other workers, and what others made put together.

use std::sync::Arc;

use bytes::Bytes;
use cloudify_proto::v1;
use engine::ports::EvaluatedChunk;
use engine::sections::{LongReduction, Section, Sections};
use futures::StreamExt as _;
use model::{Error, ErrorKind, Result};
use prost::Message as _;
use views::array::{Array, Made as How, reductions};
use views::compute::{self, Joined};

use super::reduction::Reducing;
use super::region::Kept;
use super::supply::Sources;
use super::{BlockKey, Given, Origin, View, ViewKey};
use crate::evaluate::Inner;
use crate::evaluate::made::Fresh;
use crate::evaluate::witness::Witness;
use crate::local::blocking;

/// What the memory of states that are put together is counted in.
pub(super) const UNIT_BYTES: u64 = 1 << 20;
/// How much there is of it.
pub(super) const UNITS: usize = 256;
/// Largest state that travels.
const STATE_BYTES_MAX: u64 = 64 << 20;
/// Most blocks of one chunk whose sections others make.
const BLOCKS_MAX: usize = 16;

/// Most sections that one worker is given at once.
const AT_ONCE_MAX: u64 = 16;

/// Blocks that others made, and the view of whose arrays they are.
pub(in crate::evaluate) struct GivenView {
    view: Arc<View>,
    given: Given,
}

/// A block that is put together of sections as they come.
struct Assembling {
    section: Section,
    array: Arc<Array>,
    reducing: Arc<Reducing>,
    joined: Joined,
    sources: Sources,
}

impl Inner {
    /// Long reductions that a chunk of a view is made of, but for those whose blocks are kept.
    pub(in crate::evaluate) async fn long_reductions(
        self: &Arc<Self>,
        key: ViewKey,
        chunk: &EvaluatedChunk,
    ) -> Result<Vec<LongReduction>> {
        let view = self.view(key).await?;
        let Some((output, region)) = view.output(chunk)? else { return Ok(Vec::new()) };
        output.cost.check()?;
        if !output.cost.is_heavy() {
            return Ok(Vec::new());
        }
        let array = Arc::clone(&output.array);
        let found = blocking(move || {
            let places = reductions(&array);
            let place = |of: &Arc<Array>| places.iter().position(|array| Arc::ptr_eq(array, of));
            let found = compute::long(&array, &region)?.into_iter();
            Ok(found.filter_map(|long| Some((place(&long.array)?, long))).collect::<Vec<_>>())
        });
        let is_new =
            |array: &Arc<Array>, number| !self.views.blocks.contains_key(&view.origin.key_of(array, number));
        let found = found
            .await?
            .into_iter()
            .filter(|(_, long)| long.state_bytes <= STATE_BYTES_MAX && is_new(&long.array, long.number));
        let reduction = |(place, long): (usize, compute::Long)| LongReduction {
            array: place as u32,
            block: long.number,
            sections: long.sections,
            state_bytes: long.state_bytes,
            at_once: (self.pool.cores_count() as u64 / long.parts.max(1)).clamp(1, AT_ONCE_MAX) as u32,
        };
        Ok(found.take(BLOCKS_MAX).map(reduction).collect())
    }

    /// A section as others understand it, made once and kept for a while.
    pub(in crate::evaluate) async fn section(
        self: &Arc<Self>,
        key: ViewKey,
        chunk: &EvaluatedChunk,
        section: Section,
    ) -> Result<Bytes> {
        let view = self.view(key).await?;
        let (output, _) = view.output(chunk)?.ok_or_else(no_section)?;
        let array = reduction(&output.array, section.array)?;
        if !matches!(&array.made, How::Reduced(reduced) if compute::travels(reduced)) {
            return Err(no_section());
        }
        let key = BlockKey::Section {
            view: view.origin.serial,
            array: Arc::as_ptr(&array) as usize,
            number: section.block,
            section: section.number,
        };
        let make = async {
            let _turn = self.turn(output.cost).await?;
            self.make_section(&view.origin, array, section).await
        };
        let (state, sources) = self.once(&self.views.sections, key, make).await?;
        blocking(move || {
            let sources = sources.iter().map(Witness::to_wire).collect();
            Ok(v1::SectionState { state, sources }.encode_to_vec().into())
        })
        .await
    }

    async fn make_section(
        self: &Arc<Self>,
        origin: &Arc<Origin>,
        array: Arc<Array>,
        section: Section,
    ) -> Result<Kept> {
        let reducing = reducing(origin, array, section.block).await?;
        if section.number >= reducing.inputs.sections() {
            return Err(no_section());
        }
        let parts = reducing.inputs.parts_of(section.number);
        let begun = (Joined::default(), Sources::new());
        let (joined, sources) = self.join(&reducing, parts, self.pool.cores_count(), begun, None).await?;
        let state = self.pool.run_admitted(move || joined.into_partial()?.to_bytes()).await?;
        Ok((state.into(), sources.into_iter().collect()))
    }

    /// A chunk of a view, of blocks that others made.
    pub(in crate::evaluate) async fn chunk_of_given(
        self: &Arc<Self>,
        given: GivenView,
        chunk: &EvaluatedChunk,
    ) -> Result<Fresh> {
        let GivenView { view, given } = given;
        let origin = Arc::new(view.origin.with(given));
        self.chunk_of(&view, &origin, chunk).await
    }

    /// The blocks that sections make, which are kept for a while too.
    pub(in crate::evaluate) async fn given(
        self: &Arc<Self>,
        key: ViewKey,
        chunk: &EvaluatedChunk,
        sections: Sections,
    ) -> Result<GivenView> {
        let view = self.view(key).await?;
        let given = self.assembled(&view, chunk, sections).await?;
        for ((array, number), kept) in &given {
            let key = BlockKey::Own { view: view.origin.serial, array: *array, number: *number };
            self.views.blocks.insert(key, kept.clone()).await;
        }
        Ok(GivenView { view, given })
    }

    async fn assembled(
        self: &Arc<Self>,
        view: &Arc<View>,
        chunk: &EvaluatedChunk,
        mut sections: Sections,
    ) -> Result<Given> {
        let (output, _) = view.output(chunk)?.ok_or_else(no_section)?;
        let units = output.cost.memory_bytes.div_ceil(UNIT_BYTES).clamp(1, UNITS as u64) as u32;
        let _memory = self.views.assembling.acquire_many(units).await.map_err(Error::internal)?;
        let mut given = Given::new();
        let mut open: Option<Assembling> = None;
        while let Some(next) = sections.next().await {
            let (section, state) = next?;
            let assembling = match open.take() {
                Some(open) if open.is_of(section) => open,
                ended => {
                    if let Some(ended) = ended {
                        self.end(ended, &mut given).await?;
                    }
                    let array = reduction(&output.array, section.array)?;
                    let reducing = reducing(&view.origin, Arc::clone(&array), section.block).await?;
                    Assembling::new(section, array, reducing)
                }
            };
            open = Some(self.pool.run_admitted(move || assembling.with(section, state)).await?);
        }
        if let Some(ended) = open {
            self.end(ended, &mut given).await?;
        }
        Ok(given)
    }

    async fn end(&self, assembling: Assembling, given: &mut Given) -> Result<()> {
        let Assembling { section, array, reducing, joined, sources } = assembling;
        if section.number != reducing.inputs.sections() {
            return Err(Error::invalid("sections of a reduction are missing"));
        }
        let elements = self.pool.run_admitted(move || reducing.finish(joined)).await?;
        given
            .insert((Arc::as_ptr(&array) as usize, section.block), (elements, sources.into_iter().collect()));
        Ok(())
    }
}

impl Assembling {
    fn new(first: Section, array: Arc<Array>, reducing: Arc<Reducing>) -> Self {
        let section = Section { number: 0, ..first };
        Self { section, array, reducing, joined: Joined::default(), sources: Sources::new() }
    }

    /// Whether a section is one of the same block.
    fn is_of(&self, section: Section) -> bool {
        self.section == Section { number: self.section.number, ..section }
    }

    /// With the next section.
    fn with(mut self, section: Section, bytes: Bytes) -> Result<Self> {
        if section != self.section {
            return Err(Error::invalid("sections of a reduction come in another order"));
        }
        let malformed = |error| {
            Error::new(ErrorKind::CorruptData, "a section that another worker made cannot be read")
                .with_internal(error)
        };
        let v1::SectionState { state, sources } = v1::SectionState::decode(bytes).map_err(malformed)?;
        for source in sources {
            self.sources.insert(Witness::from_wire(source)?);
        }
        self.joined.push_section(self.reducing.read(&state)?);
        self.section.number += 1;
        Ok(self)
    }
}

/// The block of a reduction that sections are made of.
async fn reducing(origin: &Arc<Origin>, array: Arc<Array>, block: u64) -> Result<Arc<Reducing>> {
    let origin = Arc::clone(origin);
    blocking(move || {
        let region = array.block(block).map_err(|_| no_section())?;
        Reducing::new(origin, array, region).map(Arc::new)
    })
    .await
}

/// The reduction at a place among those that an array is made of.
fn reduction(array: &Arc<Array>, place: u32) -> Result<Arc<Array>> {
    reductions(array).get(place as usize).cloned().ok_or_else(no_section)
}

fn no_section() -> Error {
    Error::invalid("the chunk has no such section")
}
