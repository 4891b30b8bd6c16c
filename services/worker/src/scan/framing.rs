//! Messages over a pipe, each behind its length in eight bytes, little-endian.
//!
//! A scan of a file with millions of chunks is one large message: the length bounds nothing, the memory limit of the
//! child does. Buffers grow with what really arrives.

use std::io::{self, Read, Write};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Reads a message; none where the pipe ends before one begins.
pub(super) async fn read(pipe: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Bytes>> {
    let mut length = [0; 8];
    if pipe.read(&mut length[..1]).await? == 0 {
        return Ok(None);
    }
    pipe.read_exact(&mut length[1..]).await?;
    let length = u64::from_le_bytes(length);
    let mut message = Vec::new();
    pipe.take(length).read_to_end(&mut message).await?;
    whole(message, length).map(Some)
}

/// Writes a message.
pub(super) async fn write(pipe: &mut (impl AsyncWrite + Unpin), message: &[u8]) -> io::Result<()> {
    pipe.write_all(&(message.len() as u64).to_le_bytes()).await?;
    pipe.write_all(message).await?;
    pipe.flush().await
}

/// [`read`] for the child, which has no runtime.
pub(super) fn read_blocking(pipe: &mut impl Read) -> io::Result<Option<Bytes>> {
    let mut length = [0; 8];
    if pipe.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    pipe.read_exact(&mut length[1..])?;
    let length = u64::from_le_bytes(length);
    let mut message = Vec::new();
    pipe.take(length).read_to_end(&mut message)?;
    whole(message, length).map(Some)
}

/// [`write`] for the child.
pub(super) fn write_blocking(pipe: &mut impl Write, message: &[u8]) -> io::Result<()> {
    pipe.write_all(&(message.len() as u64).to_le_bytes())?;
    pipe.write_all(message)?;
    pipe.flush()
}

fn whole(message: Vec<u8>, length: u64) -> io::Result<Bytes> {
    if message.len() as u64 == length { Ok(message.into()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_come_out_as_they_went_in() {
        let mut pipe = Vec::new();
        write(&mut pipe, b"one").await.unwrap();
        write_blocking(&mut pipe, b"").unwrap();
        let mut blocking = &pipe[..];
        assert_eq!(read_blocking(&mut blocking).unwrap().unwrap(), "one");
        let mut rest = &pipe[11..];
        assert_eq!(read(&mut rest).await.unwrap().unwrap(), "");
        assert_eq!(read(&mut rest).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_pipe_that_breaks_inside_a_message_is_an_error() {
        let mut pipe: &[u8] = &[9, 0, 0, 0, 0, 0, 0, 0, 1];
        assert!(read(&mut pipe).await.is_err());
        let mut pipe: &[u8] = &[9, 0];
        assert!(read_blocking(&mut pipe).is_err());
    }
}
