//! What the services run on.

use tokio::runtime::{Builder, Runtime};

/// The runtime of a command; of a service also that of bulk, which is to be kept as long as the other.
pub(crate) fn start(is_service: bool) -> std::io::Result<(Runtime, Option<Runtime>)> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let bulk = if is_service { Some(priority::start_bulk()?) } else { None };
    Ok((runtime, bulk))
}
