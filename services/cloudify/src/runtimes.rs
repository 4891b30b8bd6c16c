//! What the services run on.

use tokio::runtime::{Builder, Runtime};

/// The runtime of a command; of a service also that of bulk, which is to be kept as long as the other.
pub(crate) fn start(is_service: bool) -> std::io::Result<(Runtime, Option<Runtime>)> {
    if is_service {
        return Ok((priority::start_small()?, Some(priority::start_bulk()?)));
    }
    Ok((Builder::new_multi_thread().enable_all().build()?, None))
}
