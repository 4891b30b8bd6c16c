//! When to stop: SIGTERM (Kubernetes, systemd) or SIGINT (Ctrl-C).

use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Failure;

/// A future that is done when the process is asked to stop. A second request ends the process at once.
pub(crate) fn requested() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let watch =
        |kind| signal(kind).map_err(|error| Failure::Failed(format!("cannot watch for signals: {error}")));
    let mut terminate = watch(SignalKind::terminate())?;
    let mut interrupt = watch(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tracing::info!("stopping: requests under way are finished first");
        tokio::spawn(async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            tracing::warn!("stopped at once");
            std::process::exit(1);
        });
    })
}
