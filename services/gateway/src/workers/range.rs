//! A large range: frames are passed on as they come, not put together.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use cloudify_proto::framing::Pieces;
use cloudify_proto::v1;
use engine::ports::StoredBytes;
use futures::{FutureExt as _, Stream, StreamExt as _};
use h2::RecvStream;
use model::{ByteRange, Result, SourceFile};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;

use super::connection::{Call, Slot};
use super::{call, silent, unavailable};

/// Asks for a range over a connection; returns once its first bytes are there. Whatever fails later is an error
/// in the stream.
pub(super) async fn read(
    slot: &Arc<Slot>,
    head: http::Request<()>,
    (file, range): (&SourceFile, ByteRange),
    timeout: Duration,
    permit: OwnedSemaphorePermit,
) -> Result<StoredBytes> {
    let under_way = slot.enter();
    let mut sender = slot.sender().await?;
    let message = v1::ReadRangeRequest {
        file: Some(cloudify_proto::convert::file_to_wire(file)),
        offset: range.offset,
        length: range.length,
    };
    let (response, mut body) = sender.send_request(head, false).map_err(unavailable)?;
    body.send_data(call::framed(&message), true).map_err(unavailable)?;
    let response =
        tokio::time::timeout(timeout, response).await.map_err(|_| silent())?.map_err(unavailable)?;
    call::check_head(response.status(), response.headers())?;
    let mut pieces = PassedThrough {
        body: response.into_body(),
        parser: Pieces::default(),
        frame: Bytes::new(),
        left: range.length,
        timeout,
        stalled: None,
        ended: false,
        _under_way: (under_way, permit),
    };
    match pieces.next().await {
        None => Ok(StoredBytes::Whole(Bytes::new())),
        Some(first) => {
            let first = futures::stream::iter([Ok(first?)]);
            Ok(StoredBytes::Pieces(first.chain(pieces).boxed()))
        }
    }
}

/// The data of an answer, frame by frame. Dropping it cancels the call.
struct PassedThrough {
    body: RecvStream,
    parser: Pieces,
    frame: Bytes,
    left: u64,
    timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    ended: bool,
    _under_way: (Call, OwnedSemaphorePermit),
}

impl PassedThrough {
    /// The next data. None at the right end: the whole range has come, and a status that says so.
    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            if let Some(data) = self.parser.next_data(&mut self.frame)? {
                let left = self.left.checked_sub(data.len() as u64);
                self.left = left.ok_or_else(|| unavailable("the worker sent more than was asked for"))?;
                return Poll::Ready(Ok(Some(data)));
            }
            match self.body.poll_data(context) {
                Poll::Ready(Some(frame)) => {
                    self.stalled = None;
                    self.frame = frame.map_err(unavailable)?;
                    // Asked for only when the client has taken what came before: so the window may go on.
                    self.body.flow_control().release_capacity(self.frame.len()).map_err(unavailable)?;
                }
                Poll::Ready(None) => return self.poll_end(context),
                Poll::Pending => return self.poll_stalled(context),
            }
        }
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        let Poll::Ready(trailers) = self.body.poll_trailers(context) else {
            return self.poll_stalled(context);
        };
        call::check_trailers(trailers.map_err(unavailable)?.as_ref())?;
        self.parser.finish()?;
        if self.left > 0 {
            return Poll::Ready(Err(unavailable(format!("the worker kept {} bytes back", self.left))));
        }
        Poll::Ready(Ok(None))
    }

    fn poll_stalled(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.timeout)));
        stalled.poll_unpin(context).map(|()| Err(silent()))
    }
}

impl Stream for PassedThrough {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.poll_data(context).map(|data| {
            self.ended = !matches!(data, Ok(Some(_)));
            data.transpose()
        })
    }
}
