//! Short ranges that wait for a request of their prefix and lie beside one another in an object: one request fetches them.

use std::sync::Arc;

use bytes::Bytes;
use model::{ByteRange, Error, ErrorKind, Result, SourceFile};

use super::read::{self, Room, SHORT_BYTES_MAX};
use super::{Inner, Object, Whole};
use crate::storage::pending;

/// Ranges that wait for a request, by object.
pub(super) type Pending = pending::Pending<Arc<SourceFile>, Whole>;
type Part = pending::Part<Whole>;

/// Nobody waits yet.
pub(super) fn pending() -> Pending {
    Pending::new(SHORT_BYTES_MAX)
}

/// Reads a range as a whole: at once where a request is to spare, else when there is one, with its neighbours that wait too,
/// or taken along by one of them. None where there is no memory for it.
pub(super) async fn read(
    inner: &Inner,
    object: &Object<'_>,
    file: &Arc<SourceFile>,
    range: ByteRange,
) -> Result<Option<Whole>> {
    let transport = &object.prefix.transport;
    if range.length > 0 && range.length <= SHORT_BYTES_MAX && !transport.has_request_to_spare() {
        let (ticket, mut answer) = inner.pending.add(file, range.offset, range.length as usize);
        let turn = tokio::select! {
            turn = transport.turn() => turn.map(drop),
            answer = &mut answer => return or_alone(inner, object, file, range, answer.ok()).await,
        };
        turn.map_err(|fault| fault.error(object.url))?;
        let parts = ticket.take();
        if parts.len() != 1 {
            together(inner, object, file, parts).await;
            return or_alone(inner, object, file, range, answer.await.ok()).await;
        }
    }
    alone(inner, object, file, range).await
}

/// What came of being taken along. Where a neighbour may be what is wrong, or who took it along has left, the range by itself.
async fn or_alone(
    inner: &Inner,
    object: &Object<'_>,
    file: &Arc<SourceFile>,
    range: ByteRange,
    answer: Option<Result<Whole>>,
) -> Result<Option<Whole>> {
    match answer {
        Some(Err(error)) if matches!(error.kind, ErrorKind::CorruptData | ErrorKind::InvalidRequest) => {
            alone(inner, object, file, range).await
        }
        Some(answer) => answer.map(Some),
        None => alone(inner, object, file, range).await,
    }
}

async fn alone(
    inner: &Inner,
    object: &Object<'_>,
    file: &SourceFile,
    range: ByteRange,
) -> Result<Option<Whole>> {
    match Room::of(inner, range.length) {
        Some(room) => read::whole(inner, object, file, range, room).await.map(Some),
        None => Ok(None),
    }
}

/// Reads parts, if there are any, by one request, from the first to the last, and hands them out.
async fn together(inner: &Inner, object: &Object<'_>, file: &SourceFile, parts: Vec<Part>) {
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return };
    let offset = first.offset;
    let range = ByteRange { offset, length: last.end() - offset };
    let Some(room) = Room::of(inner, range.length) else { return };
    let read = read::whole(inner, object, file, range, room).await;
    if read.is_ok() {
        telemetry::metrics().reads_merged_total.inc_by(parts.len() as u64 - 1);
    }
    for part in parts {
        let at = (part.offset - offset) as usize;
        // Of its own: what is kept of one part would else keep them all.
        let cut = |(whole, state): &Whole| (Bytes::copy_from_slice(&whole[at..at + part.length]), *state);
        let answer = read.as_ref().map(cut).map_err(Error::clone);
        part.answer(answer);
    }
}
