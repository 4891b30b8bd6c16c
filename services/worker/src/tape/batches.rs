//! Passing orders on: collected for a while, in the order of the tape, a bounded number at once.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use super::{Inner, Look, command, now_ms};

/// Waits for orders as long as there is somebody to order.
pub(super) async fn run(inner: Weak<Inner>, ordered: Arc<Notify>) {
    let Some((pause, slots)) = inner.upgrade().map(|inner| {
        let slots = Semaphore::new(inner.settings.recalls_at_once.clamp(1, Semaphore::MAX_PERMITS));
        (Duration::from_millis(inner.settings.batch_ms), Arc::new(slots))
    }) else {
        return;
    };
    loop {
        ordered.notified().await;
        tokio::time::sleep(pause).await;
        loop {
            // A batch is closed when it can begin: until then orders join it.
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let Some(inner) = inner.upgrade() else { return };
            let batch = next(&inner).await;
            if batch.is_empty() {
                break;
            }
            tokio::spawn(async move {
                recall(&inner, &batch).await;
                drop(slot);
            });
        }
    }
}

/// The first files of all that wait, in the order of the tape; they are running from now on.
async fn next(inner: &Arc<Inner>) -> Vec<String> {
    let waiting = inner.lock().waiting();
    let mut batch = in_tape_order(inner, waiting).await;
    batch.truncate(inner.settings.batch_files_max.max(1));
    inner.lock().begin(&batch, now_ms());
    batch
}

async fn in_tape_order(inner: &Inner, waiting: Vec<String>) -> Vec<String> {
    let settings = &inner.settings;
    if settings.order_command.is_empty() || waiting.len() < 2 {
        return waiting;
    }
    let limit = Duration::from_secs(settings.command_timeout_seconds.max(1));
    let said = match command::with_paths(&settings.order_command, &waiting, limit).await {
        Ok(said) if said.status.success() => said,
        Ok(said) => {
            let complaint = said.complaint.trim();
            tracing::warn!(status = %said.status, complaint, "tape.order_command failed: files come as they were asked for");
            return waiting;
        }
        Err(error) => {
            tracing::warn!(%error, "tape.order_command failed: files come as they were asked for");
            return waiting;
        }
    };
    // Only what was asked for, each once, and what the command left out behind it.
    let mut left: HashSet<&str> = waiting.iter().map(String::as_str).collect();
    let mut sorted: Vec<String> =
        said.output.lines().filter(|line| left.remove(*line)).map(str::to_owned).collect();
    sorted.extend(waiting.iter().filter(|path| left.contains(path.as_str())).cloned());
    sorted
}

/// Runs the recall of a batch and looks which of its files are here.
async fn recall(inner: &Arc<Inner>, batch: &[String]) {
    let settings = &inner.settings;
    let limit = Duration::from_secs(settings.recall_timeout_seconds.max(1));
    tracing::info!(
        files = batch.len(),
        first = batch.first().map(String::as_str),
        "a recall from tape begins"
    );
    match command::with_paths(&settings.recall_command, batch, limit).await {
        Ok(said) if said.status.success() => {}
        Ok(said) => {
            let complaint = said.complaint.trim();
            tracing::warn!(files = batch.len(), status = %said.status, complaint, "a recall from tape failed");
        }
        Err(error) => tracing::warn!(files = batch.len(), %error, "a recall from tape failed"),
    }
    let (looking, paths) = (Arc::clone(inner), batch.to_vec());
    let looked = tokio::task::spawn_blocking(move || {
        for path in &paths {
            let is_online = is_online(&looking, Path::new(path));
            looking.lock().done(path, is_online, now_ms());
        }
    });
    if let Err(error) = looked.await {
        tracing::error!(%error, "recalled files cannot be looked at");
    }
}

/// Whether the command, whatever it said, brought the file.
fn is_online(inner: &Inner, path: &Path) -> bool {
    let Ok(status) = std::fs::metadata(path) else { return false };
    let look = Look::from(&status);
    inner.said.invalidate(&(path.to_owned(), look.changed_ns));
    inner.is_offline(path, look).is_ok_and(|offline| !offline)
}
