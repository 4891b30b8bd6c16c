//! A connection's stream that moves between the runtimes with the task that uses it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::Place;

/// Most bytes of bulk that are given to the kernel at once: it does not interrupt a write where it is built to finish calls.
const WRITE_BYTES_MAX: usize = 128 << 10;

/// A stream which the runtime that reads or writes it also waits for: else the other would have to wake it each time.
#[derive(Debug)]
pub struct Stream {
    /// None once it was lost in moving.
    tcp: Option<TcpStream>,
    in_bulk: bool,
    place: Arc<Place>,
}

impl Stream {
    /// A stream of this runtime, and the place of the task that uses it.
    pub fn new(stream: TcpStream, place: Arc<Place>) -> Self {
        Self { tcp: Some(stream), in_bulk: crate::is_bulk_thread(), place }
    }

    fn here(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        let in_bulk = crate::is_bulk_thread();
        if in_bulk != self.in_bulk
            && let Some(stream) = self.tcp.take()
        {
            self.tcp = Some(TcpStream::from_std(stream.into_std()?)?);
            self.in_bulk = in_bulk;
        }
        self.tcp.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Stream {
    fn counted(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.place.sent(*bytes);
        }
        written
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.here()?.poll_read(context, into)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let bytes = if crate::is_bulk_thread() { &bytes[..bytes.len().min(WRITE_BYTES_MAX)] } else { bytes };
        let written = self.here()?.poll_write(context, bytes);
        self.counted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let large =
            slices.iter().find(|slice| !slice.is_empty()).filter(|slice| slice.len() > WRITE_BYTES_MAX);
        if let Some(large) = large
            && crate::is_bulk_thread()
        {
            return self.poll_write(context, large);
        }
        let written = self.here()?.poll_write_vectored(context, slices);
        self.counted(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.here()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.here()?.poll_shutdown(context)
    }
}
