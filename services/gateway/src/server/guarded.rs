//! A client's stream that ends when the client stalls: a head sent byte by byte, an answer never taken, idleness.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt as _;
use priority::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::activity::{Activity, Progress, Timeouts};

/// The stream of one connection.
pub(super) struct Guarded {
    stream: Stream,
    timeouts: Timeouts,
    activity: Arc<Activity>,
    progress: Progress,
    tick: Pin<Box<Sleep>>,
}

impl Guarded {
    pub(super) fn new(stream: Stream, timeouts: Timeouts, activity: Arc<Activity>) -> Self {
        let tick = Box::pin(tokio::time::sleep(timeouts.tick()));
        Self { stream, timeouts, activity, progress: Progress::new(), tick }
    }

    /// To be called when nothing can be read or written: sees to it that the task looks again.
    fn look(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while self.tick.poll_unpin(context).is_ready() {
            if let Some(how) = self.progress.stalled(&self.timeouts, &self.activity) {
                return Err(io::Error::new(io::ErrorKind::TimedOut, how));
            }
            self.tick.as_mut().reset(Instant::now() + self.timeouts.tick());
        }
        Ok(())
    }

    fn written(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.progress.wrote(written.is_ready());
        if let Poll::Ready(Ok(bytes)) = &written {
            self.activity.wrote(*bytes);
        }
        if written.is_pending() {
            self.look(context)?;
        }
        written
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        let this = &mut *self;
        match &into.filled()[before..] {
            [] if read.is_pending() => this.look(context)?,
            [] => {}
            bytes => this.progress.read(bytes, &this.activity),
        }
        read
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
