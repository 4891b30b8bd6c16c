//! Sections of long reductions on the wire.

use std::time::Duration;

use cloudify_proto::status::from_status;
use cloudify_proto::v1;
use cloudify_proto::v1::assemble_chunk_request::Item;
use engine::sections::{LongReduction, Section, Sections};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use model::{Error, ErrorKind, Result};
use tonic::{Status, Streaming};

/// Longest wait for the next section: it is made meanwhile, and tried on several workers.
const NEXT_WITHIN: Duration = Duration::from_mins(3);

/// Long reductions in place of a chunk.
pub(super) fn reductions_to_wire(reductions: Vec<LongReduction>) -> v1::EvaluateChunkResponse {
    let reduction = |long: LongReduction| v1::LongReduction {
        array: long.array,
        block: long.block,
        sections: long.sections,
        state_bytes: long.state_bytes,
        at_once: long.at_once,
    };
    let reductions = reductions.into_iter().map(reduction).collect();
    v1::EvaluateChunkResponse { reductions, ..Default::default() }
}

/// A section that is wanted, and the chunk that it is a part of.
pub(super) fn section_from_wire(
    request: v1::MakeSectionRequest,
) -> Result<(v1::EvaluateChunkRequest, Section)> {
    let v1::MakeSectionRequest { chunk, array, block, section } = request;
    let chunk = chunk.ok_or_else(|| Error::invalid("chunk is missing"))?;
    Ok((chunk, Section { array, block, number: section }))
}

/// The chunk to be assembled, and its sections as they come.
pub(super) async fn received(
    items: Streaming<v1::AssembleChunkRequest>,
) -> Result<(v1::EvaluateChunkRequest, Sections)> {
    let mut items: BoxStream<'static, Result<v1::AssembleChunkRequest, Status>> = items.boxed();
    let Some(Item::Chunk(chunk)) = next(&mut items).await? else {
        return Err(Error::invalid("chunk is missing"));
    };
    let sections = stream::try_unfold(items, async |mut items| match next(&mut items).await? {
        Some(Item::Section(v1::assemble_chunk_request::Section { array, block, section, state })) => {
            Ok(Some(((Section { array, block, number: section }, state), items)))
        }
        Some(Item::End(_)) => Ok(None),
        Some(Item::Chunk(_)) => Err(Error::invalid("one chunk at a time")),
        None => Err(broken_off()),
    });
    Ok((chunk, sections.boxed()))
}

async fn next(
    items: &mut BoxStream<'static, Result<v1::AssembleChunkRequest, Status>>,
) -> Result<Option<Item>> {
    let next = tokio::time::timeout(NEXT_WITHIN, items.next()).await.map_err(|_| broken_off())?;
    let item = next.transpose().map_err(|status| from_status(&status))?;
    Ok(item.and_then(|item| item.item))
}

/// Whoever sends went away, or says nothing any more.
fn broken_off() -> Error {
    Error::new(ErrorKind::Unavailable, "the sections of a reduction were broken off")
}
