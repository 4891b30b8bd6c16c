//! A large range: frames are passed on as they come, not put together.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use cloudify_proto::convert::{STATE_HEADER, file_to_wire, state_from_text};
use cloudify_proto::framing::Pieces;
use cloudify_proto::v1;
use engine::ports::{ReadBytes, StoredBytes};
use futures::{FutureExt as _, Stream, StreamExt as _};
use h2::RecvStream;
use model::{ByteRange, Error, Result, SourceFile};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;

use super::connection::{IdleLinks, Link, Target};
use super::{call, silent, unavailable};

/// Asks for a range; returns once its first bytes are there. Whatever fails later is an error in the stream.
pub(super) async fn read(
    (target, idle): (&Target, &Arc<IdleLinks>),
    head: &http::Request<()>,
    (file, range): (&SourceFile, ByteRange),
    timeout: Duration,
    permit: OwnedSemaphorePermit,
) -> Result<ReadBytes> {
    let message = call::framed(&v1::ReadRangeRequest {
        file: Some(file_to_wire(file)),
        offset: range.offset,
        length: range.length,
    });
    let asked = async {
        // A kept connection may have been closed by the worker just now: that says nothing of the worker.
        if let Some(link) = idle.take()
            && let Ok(asked) = ask(link, head, &message).await
        {
            return Ok(asked);
        }
        ask(target.connect().await?, head, &message).await
    };
    let (link, response) = tokio::time::timeout(timeout, asked).await.map_err(|_| silent())??;
    if let Err(error) = target.check_head(response.status(), response.headers()) {
        idle.give_back(link, response.into_body());
        return Err(error);
    }
    let state = response.headers().get(STATE_HEADER).and_then(|text| state_from_text(text.to_str().ok()?));
    let mut pieces = PassedThrough {
        body: Some(response.into_body()),
        parser: Pieces::default(),
        frame: Bytes::new(),
        left: range.length,
        timeout,
        stalled: None,
        link: Some(link),
        lost: None,
        ended: false,
        idle: Arc::clone(idle),
        _permit: permit,
    };
    let bytes = match pieces.next().await {
        None => StoredBytes::Whole(Bytes::new()),
        Some(first) => {
            let first = futures::stream::iter([Ok(first?)]);
            StoredBytes::Pieces(first.chain(pieces).boxed())
        }
    };
    Ok(ReadBytes { bytes, state })
}

/// Sends a call and waits for the head of its answer.
async fn ask(
    mut link: Link,
    head: &http::Request<()>,
    message: &Bytes,
) -> Result<(Link, http::Response<RecvStream>)> {
    let (response, mut body) = link.sender.send_request(head.clone(), false).map_err(unavailable)?;
    body.send_data(message.clone(), true).map_err(unavailable)?;
    let response = link.drive(response).await?;
    Ok((link, response))
}

/// The data of an answer, frame by frame. Dropping it before its end ends the connection, and so the call.
struct PassedThrough {
    /// None once it has been handed on with its connection.
    body: Option<RecvStream>,
    parser: Pieces,
    frame: Bytes,
    left: u64,
    timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    /// None once it has ended.
    link: Option<Link>,
    /// Why the connection has ended, until all that came over it is taken.
    lost: Option<Error>,
    ended: bool,
    idle: Arc<IdleLinks>,
    _permit: OwnedSemaphorePermit,
}

impl PassedThrough {
    /// The next data. None at the right end: the whole range has come, and a status that says so.
    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        let mut looked = false;
        loop {
            if let Some(data) = self.parser.next_data(&mut self.frame)? {
                let left = self.left.checked_sub(data.len() as u64);
                self.left = left.ok_or_else(|| unavailable("the worker sent more than was asked for"))?;
                return Poll::Ready(Ok(Some(data)));
            }
            let Some(body) = &mut self.body else { return Poll::Ready(Ok(None)) };
            match body.poll_data(context) {
                Poll::Ready(Some(frame)) => {
                    self.stalled = None;
                    self.frame = frame.map_err(unavailable)?;
                    // Asked for only when the client has taken what came before: so the window may go on.
                    body.flow_control().release_capacity(self.frame.len()).map_err(unavailable)?;
                    looked = false;
                }
                Poll::Ready(None) => return self.poll_end(context),
                Poll::Pending if looked => return self.poll_stalled(context),
                Poll::Pending => {
                    self.receive(context);
                    looked = true;
                }
            }
        }
    }

    /// Moves the connection, for as long as there is one.
    fn receive(&mut self, context: &mut Context<'_>) {
        if let Some(link) = &mut self.link
            && let Poll::Ready(error) = link.poll(context)
        {
            self.link = None;
            self.lost = Some(error);
        }
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        let trailers = self.body.as_mut().map_or(Poll::Ready(Ok(None)), |body| body.poll_trailers(context));
        let Poll::Ready(trailers) = trailers else { return self.poll_stalled(context) };
        call::check_trailers(trailers.map_err(unavailable)?.as_ref())?;
        self.parser.finish()?;
        if self.left > 0 {
            return Poll::Ready(Err(unavailable(format!("the worker kept {} bytes back", self.left))));
        }
        Poll::Ready(Ok(None))
    }

    fn poll_stalled(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        if let Some(lost) = self.lost.take() {
            return Poll::Ready(Err(lost));
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.timeout)));
        stalled.poll_unpin(context).map(|()| Err(silent()))
    }
}

impl Drop for PassedThrough {
    /// Who knows the length of an answer does not ask for more when it has come: the connection is still good.
    fn drop(&mut self) {
        if self.left == 0
            && let (Some(link), Some(body)) = (self.link.take(), self.body.take())
        {
            self.idle.give_back(link, body);
        }
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
