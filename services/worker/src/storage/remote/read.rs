//! Lengths and ranges of remote objects.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use engine::ports::{ReadBytes, StoredBytes};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use model::{ByteRange, Error, ErrorKind, FileIdentity, Result, SourceFile};
use object_store::{GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fault::{self, Fault};
use super::{Inner, Object, absent_or, identity};

/// Longest range that is read before it is answered: then an error is an answer of its own, and all who want it at once have
/// it of one request.
pub(super) const WHOLE_BYTES_MAX: u64 = 8 << 20;
/// Longest of those that are always read so. Longer ones are where there is memory for them.
pub(super) const SHORT_BYTES_MAX: u64 = 1 << 20;
/// Memory for the longer ones, in bytes, and what it is counted in.
const ROOM_BYTES: u64 = 64 << 20;
const ROOM_UNIT_BYTES: u64 = 64 << 10;

/// How long ago an object was modified, by its server's clock, if no later state of it can have the same time: times are told
/// in whole seconds, and other answers than its own tell us what time it is.
const SETTLED: Duration = Duration::from_mins(1);

/// What an object was when it was last looked at.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    size_bytes: u64,
    etag: Option<String>,
}

/// What an object is now; none where there is none.
pub(super) async fn state(
    inner: &Inner,
    object: &Object<'_>,
    file: &SourceFile,
) -> Result<Option<FileIdentity>> {
    let meta = look(object, file).await?;
    if let Some(meta) = &meta {
        inner.seen.insert(file.path.clone(), Seen { size_bytes: meta.size, etag: strong(meta) });
    }
    Ok(meta.map(|meta| identity(&meta)))
}

/// Looks at an object. Nothing is remembered: some servers say of a whole object what does not hold for its ranges.
async fn look(object: &Object<'_>, file: &SourceFile) -> Result<Option<ObjectMeta>> {
    let meta = match head(object).await {
        Ok(meta) => meta,
        Err(fault) => {
            let absent = fault.as_ref().is_some_and(|fault| object.is_absence(fault));
            let error = fault.unwrap_or(Fault::NoRanges).error(object.url);
            return if absent { Ok(None) } else { absent_or(error) };
        }
    };
    check(file, identity(&meta))?;
    Ok(Some(meta))
}

/// What an object is, if that tells it from all that it may be later.
fn lasting(object: &Object<'_>, meta: &ObjectMeta) -> Option<FileIdentity> {
    let found = identity(meta);
    let since_1970 = Duration::from_nanos(u64::try_from(found.modified_ns).ok()?);
    let date = u64::try_from(object.prefix.transport.date.load(Ordering::Relaxed)).ok()?;
    // A server that is ahead of its time for a moment would have us believe that what it has now is old.
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let now = Duration::from_secs(date).min(ours);
    (!since_1970.is_zero() && since_1970 + SETTLED <= now).then_some(found)
}

/// Memory for a range that is read as a whole.
pub(super) struct Room(Option<OwnedSemaphorePermit>);

impl Room {
    /// All that there is.
    pub(super) fn all() -> Arc<Semaphore> {
        Arc::new(Semaphore::new((ROOM_BYTES / ROOM_UNIT_BYTES) as usize))
    }

    /// That of so many bytes; none where others have it. Short ranges always have some.
    pub(super) fn of(inner: &Inner, length: u64) -> Option<Self> {
        if length <= SHORT_BYTES_MAX {
            return Some(Self(None));
        }
        let units = u32::try_from(length.div_ceil(ROOM_UNIT_BYTES)).ok()?;
        Arc::clone(&inner.room).try_acquire_many_owned(units).ok().map(|permit| Self(Some(permit)))
    }
}

/// Bytes and the memory that they take.
struct InRoom(Bytes, #[expect(dead_code, reason = "held as long as the bytes are")] OwnedSemaphorePermit);

impl AsRef<[u8]> for InRoom {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Reads a range as a whole.
pub(super) async fn whole(
    inner: &Inner,
    object: &Object<'_>,
    file: &SourceFile,
    range: ByteRange,
    Room(room): Room,
) -> Result<(Bytes, Option<FileIdentity>)> {
    if range.length == 0 {
        let meta = look(object, file).await?.ok_or_else(|| gone(file))?;
        let is_beyond = range.offset > meta.size;
        return if is_beyond { Err(beyond(file, range)) } else { Ok((Bytes::new(), lasting(object, &meta))) };
    }
    let (pieces, state) = asked(inner, object, file, range).await?;
    let pieces: Vec<Bytes> = pieces.try_collect().await?;
    let whole = match <[Bytes; 1]>::try_from(pieces) {
        Ok([only]) => only,
        Err(several) => {
            let mut joined = BytesMut::with_capacity(range.length as usize);
            for piece in &several {
                joined.extend_from_slice(piece);
            }
            joined.freeze()
        }
    };
    let whole = match room {
        Some(room) => Bytes::from_owner(InRoom(whole, room)),
        None => whole,
    };
    Ok((whole, state))
}

/// Begins to read a range.
pub(super) async fn begin(
    inner: &Inner,
    object: &Object<'_>,
    file: &SourceFile,
    range: ByteRange,
) -> Result<ReadBytes> {
    let (pieces, state) = asked(inner, object, file, range).await?;
    Ok(ReadBytes { bytes: begun(pieces).await?, state })
}

/// The bytes of a range, as they come, and of which lasting state of the object they are.
async fn asked(
    inner: &Inner,
    object: &Object<'_>,
    file: &SourceFile,
    range: ByteRange,
) -> Result<(BoxStream<'static, Result<Bytes>>, Option<FileIdentity>)> {
    let outside = || {
        Error::invalid("the range lies outside the source file")
            .with_internal(format!("{range:?} of {file:?}"))
    };
    let end = range.offset.checked_add(range.length).ok_or_else(outside)?;
    if file.identity.is_pinned() && end > file.identity.size_bytes {
        return Err(outside());
    }
    let seen = inner.seen.get(&file.path);
    if seen.as_ref().is_some_and(|seen| end > seen.size_bytes) {
        return Err(beyond(file, range));
    }
    let got = ask(object, range, seen.as_ref()).await.map_err(|error| {
        if error.kind == ErrorKind::Conflict {
            inner.seen.invalidate(&file.path);
        }
        failed(file, error)
    })?;
    check(file, identity(&got.meta))?;
    let is_other =
        |seen: &Seen| seen.etag.is_some() && strong(&got.meta).is_some_and(|tag| Some(tag) != seen.etag);
    if seen.as_ref().is_some_and(is_other) {
        inner.seen.invalidate(&file.path);
        return Err(changed(file, "has another entity tag than a moment ago"));
    }
    if got.range != (range.offset..end) {
        return Err(if end > got.meta.size { beyond(file, range) } else { lies(file, &got.range) });
    }
    let state = lasting(object, &got.meta);
    Ok((exactly(got, range.length, object.url.to_owned()), state))
}

/// What a server says of an object. Where it does not answer such questions, the first byte is asked for.
async fn head(object: &Object<'_>) -> Result<ObjectMeta, Option<Fault>> {
    let options = GetOptions { head: true, ..GetOptions::default() };
    let error = match object.prefix.store.get_opts(&object.path, options).await {
        Ok(got) => return Ok(got.meta),
        Err(error) => error,
    };
    match fault::of_chain(&error) {
        Some(Fault::Status { status, .. }) if matches!(status.as_u16(), 400 | 403 | 405 | 501) => {}
        Some(fault) => return Err(Some(fault.clone())),
        // No length in the answer.
        None => {}
    }
    let options = GetOptions { range: Some(GetRange::Bounded(0..1)), ..GetOptions::default() };
    match object.prefix.store.get_opts(&object.path, options).await {
        Ok(got) => Ok(got.meta),
        Err(error) => Err(fault::of_chain(&error).cloned()),
    }
}

/// Asks for a range; for the whole object without saying so, since some servers know no ranges.
async fn ask(object: &Object<'_>, range: ByteRange, seen: Option<&Seen>) -> Result<GetResult> {
    let end = range.offset + range.length;
    let is_whole = range.offset == 0 && seen.is_some_and(|seen| seen.size_bytes == range.length);
    let options = GetOptions {
        range: (!is_whole).then_some(GetRange::Bounded(range.offset..end)),
        if_match: seen.and_then(|seen| seen.etag.clone()),
        ..GetOptions::default()
    };
    let got = object.prefix.store.get_opts(&object.path, options).await;
    got.map_err(|error| fault::of_store(&error, object.url))
}

/// The bytes of an answer: as many as were asked for, or an error at their end.
fn exactly(got: GetResult, length: u64, url: String) -> BoxStream<'static, Result<Bytes>> {
    let pieces = got.into_stream();
    let counted = stream::try_unfold((pieces, length, url), |(mut pieces, left, url)| async move {
        match pieces.try_next().await.map_err(|error| fault::of_store(&error, &url))? {
            Some(piece) => {
                let left = left.checked_sub(piece.len() as u64).ok_or_else(|| {
                    Error::new(
                        ErrorKind::CorruptData,
                        "the remote source sends more bytes than were asked for",
                    )
                    .with_internal(&url)
                })?;
                Ok(Some((piece, (pieces, left, url))))
            }
            None if left > 0 => Err(Fault::Short.error(&url)),
            None => Ok(None),
        }
    });
    counted.try_filter(|piece| std::future::ready(!piece.is_empty())).boxed()
}

/// Waits for the first piece: until then a failure is an answer, not a broken one.
async fn begun(mut pieces: BoxStream<'static, Result<Bytes>>) -> Result<StoredBytes> {
    match pieces.next().await {
        None => Ok(StoredBytes::Whole(Bytes::new())),
        Some(first) => {
            let first = stream::iter([Ok(first?)]);
            Ok(StoredBytes::Pieces(first.chain(pieces).boxed()))
        }
    }
}

/// Whether an object is what the scan saw, or not younger than what refers to it. A server that tells no time is trusted.
pub(super) fn check(file: &SourceFile, found: FileIdentity) -> Result<()> {
    let FileIdentity { modified_ns, size_bytes, inode } = found;
    let known = file.identity;
    if !known.is_pinned() {
        return if modified_ns > known.modified_ns {
            Err(changed(file, &format!("was modified at {modified_ns}, after {}", known.modified_ns)))
        } else {
            Ok(())
        };
    }
    let is_other = |found: u64, known: u64| found != 0 && known != 0 && found != known;
    if size_bytes != known.size_bytes || is_other(inode, known.inode) || modified_ns > known.modified_ns {
        return Err(changed(file, &format!("is {found:?}")));
    }
    Ok(())
}

fn strong(meta: &ObjectMeta) -> Option<String> {
    meta.e_tag.clone().filter(|tag| tag.starts_with('"'))
}

impl Object<'_> {
    pub(super) fn is_absence(&self, fault: &Fault) -> bool {
        self.prefix.forbidden_means_absent
            && matches!(fault, Fault::Status { status, .. } if status.as_u16() == 403)
    }
}

/// Where bytes are asked for, an object that is not there is a fault: told as a missing chunk it would read as fill values.
fn failed(file: &SourceFile, error: Error) -> Error {
    if error.kind == ErrorKind::NotFound { gone(file) } else { error }
}

fn gone(file: &SourceFile) -> Error {
    changed(file, "is not there")
}

fn changed(file: &SourceFile, how: &str) -> Error {
    telemetry::metrics().source_changes_total.inc();
    Error::new(ErrorKind::Conflict, "the remote source changed since it was registered")
        .with_internal(format!("{} {how}", file.path))
}

fn beyond(file: &SourceFile, range: ByteRange) -> Error {
    Error::new(ErrorKind::CorruptData, "a reference points past the end of its source file")
        .with_internal(format!("{range:?} of {}", file.path))
}

fn lies(file: &SourceFile, got: &std::ops::Range<u64>) -> Error {
    Error::new(ErrorKind::CorruptData, "the remote source sends other bytes than were asked for")
        .with_internal(format!("{got:?} of {}", file.path))
}
