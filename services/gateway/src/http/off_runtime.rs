//! Work that takes long, or much memory, where it holds up no other answer.

use model::{Error, Result};

/// Does it in a thread beside the runtime.
pub(super) async fn off_runtime<T: Send + 'static>(
    make: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(make).await.map_err(Error::internal)?
}
