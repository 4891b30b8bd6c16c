//! Bytes as they are stored in source files.

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt as _;
use futures::stream::BoxStream;
use model::{Error, FileIdentity, Result};

/// Bytes as they are stored, at once or in pieces.
pub enum StoredBytes {
    /// All of them: small ranges.
    Whole(Bytes),
    /// Pieces in order, together as long as the range: large ranges, so that memory stays bounded. An error ends
    /// them early; an answer begun must then be broken off.
    Pieces(BoxStream<'static, Result<Bytes>>),
}

/// Bytes of a file, and of which state of it they are.
pub struct ReadBytes {
    /// The bytes.
    pub bytes: StoredBytes,
    /// What a remote file was when they were read, if that tells it from all that it may be later: who keeps them may serve
    /// them while the file is exactly that. None where nothing tells, as of a server that says no time, and of local files,
    /// which are fast.
    pub state: Option<FileIdentity>,
}

impl ReadBytes {
    /// Bytes that nobody may keep.
    pub fn not_to_keep(bytes: StoredBytes) -> Self {
        Self { bytes, state: None }
    }
}

impl StoredBytes {
    /// All of them, which are as many as were asked for.
    pub async fn together(self, length: u64) -> Result<Bytes> {
        let bytes = match self {
            Self::Whole(bytes) => bytes,
            Self::Pieces(pieces) => {
                let together = pieces.try_fold(BytesMut::new(), |mut together, piece| async move {
                    together.extend_from_slice(&piece);
                    Ok(together)
                });
                together.await?.freeze()
            }
        };
        if bytes.len() as u64 == length {
            return Ok(bytes);
        }
        Err(Error::internal(format!("asked a worker for {length} bytes, got {}", bytes.len())))
    }
}
