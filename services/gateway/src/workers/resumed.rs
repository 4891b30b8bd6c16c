//! Large ranges that outlive their worker: where one is lost in the middle, another sends the rest. The file's identity is
//! checked by each, so that the two parts are of the same state of it: of a remote file, that which the first one found.

use std::sync::Arc;

use bytes::Bytes;
use engine::ports::{ReadBytes, StoredBytes};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use model::{ByteRange, Error, ErrorKind, Result, SourceFile};

use super::load::{Kind, UnderWay};
use super::member::Member;
use super::pool::Pool;

/// How many times the rest of a range is asked for.
const LOSSES_MAX: usize = 8;

/// A range that is being read.
struct Reading {
    pool: Arc<Pool>,
    file: Arc<SourceFile>,
    /// What has not come yet.
    left: ByteRange,
    source: Source,
    /// Workers that were lost on the way, once for each time.
    lost: Vec<Arc<Member>>,
}

/// Whence the bytes come.
struct Source {
    member: Arc<Member>,
    pieces: BoxStream<'static, Result<Bytes>>,
    _under_way: UnderWay,
}

/// A range of a file from the pool's workers.
pub(super) async fn read(pool: Arc<Pool>, file: &Arc<SourceFile>, range: ByteRange) -> Result<ReadBytes> {
    let (member, ReadBytes { bytes, state }) = begin(&pool, file, range, &[]).await?;
    let bytes = match bytes {
        whole @ StoredBytes::Whole(_) => whole,
        StoredBytes::Pieces(pieces) => {
            let source = Source::new(member, pieces);
            let file = match state {
                Some(identity) => Arc::new(SourceFile { path: file.path.clone(), identity }),
                None => Arc::clone(file),
            };
            let reading = Reading { pool, file, left: range, source, lost: Vec::new() };
            let pieces = stream::try_unfold(reading, |mut reading| async move {
                Ok(reading.next().await?.map(|piece| (piece, reading)))
            });
            StoredBytes::Pieces(pieces.boxed())
        }
    };
    Ok(ReadBytes { bytes, state })
}

/// Asks a worker, and says which it was; those that were lost last of all.
async fn begin(
    pool: &Pool,
    file: &Arc<SourceFile>,
    range: ByteRange,
    lost: &[Arc<Member>],
) -> Result<(Arc<Member>, ReadBytes)> {
    let members = pool.now();
    let asked = members.ask_others(Kind::Read, (&file.path, lost), |member| async move {
        let read = member.read(file, range).await?;
        Ok((Arc::clone(member), read))
    });
    asked.await
}

impl Reading {
    /// The next piece; none at the end.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let next = async { self.source.pieces.try_next().await };
            match self.source.member.answered(None, next).await {
                Ok(Some(piece)) => {
                    self.left.offset = self.left.offset.saturating_add(piece.len() as u64);
                    self.left.length = self.left.length.saturating_sub(piece.len() as u64);
                    return Ok(Some(piece));
                }
                Err(error) if self.may_go_on_after(&error) => self.go_on(&error).await?,
                ended => return ended,
            }
        }
    }

    fn may_go_on_after(&self, error: &Error) -> bool {
        let is_lost = matches!(error.kind, ErrorKind::Unavailable | ErrorKind::DeadlineExceeded);
        is_lost && self.left.length > 0 && self.lost.len() < LOSSES_MAX
    }

    async fn go_on(&mut self, lost: &Error) -> Result<()> {
        self.lost.push(Arc::clone(&self.source.member));
        telemetry::metrics().worker_resumed_total.inc();
        let worker = self.source.member.url();
        tracing::warn!(worker, error = %lost, "a range was broken off: its rest is asked for anew");
        let (member, rest) = begin(&self.pool, &self.file, self.left, &self.lost).await?;
        let pieces = match rest.bytes {
            StoredBytes::Whole(rest) => stream::iter([Ok(rest)]).boxed(),
            StoredBytes::Pieces(pieces) => pieces,
        };
        self.source = Source::new(member, pieces);
        Ok(())
    }
}

impl Source {
    fn new(member: Arc<Member>, pieces: BoxStream<'static, Result<Bytes>>) -> Self {
        Self { _under_way: member.load.begin(Kind::Read), member, pieces }
    }
}
