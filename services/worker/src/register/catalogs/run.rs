//! Registering the entries of a catalog, some at once. One that fails does not keep the others from it.

use engine::ports::{CatalogSummary, EntryOutcome, RegistrationEvent};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use model::{DatasetId, Error, Result};

use super::read::{Entry, Wanted};
use crate::register::events::Events;

/// Entries under way at once. Their scans share one pool of processes.
const AT_ONCE: usize = 4;

/// Registers entries, each by the events that `one` makes of its id and sources.
pub(in crate::register) async fn run<F>(entries: Vec<Entry>, events: &Events, one: F) -> Result<()>
where
    F: Fn(DatasetId, Vec<String>) -> BoxStream<'static, Result<RegistrationEvent>>,
{
    let total = entries.len() as u64;
    events.begin("catalog", total).await;
    let mut summary = CatalogSummary::default();
    let outcome = |entry: Entry| {
        let begun = match entry.what {
            Ok(Wanted { sources, notes }) => {
                DatasetId::parse(&entry.id).map(|id| (one(id, sources), notes)).map_err(EntryOutcome::Failed)
            }
            Err(reason) => Err(EntryOutcome::Skipped(reason)),
        };
        async move {
            let outcome = match begun {
                Ok((events, notes)) => last_of(events, notes).await,
                Err(outcome) => outcome,
            };
            (entry.id, outcome)
        }
    };
    let mut outcomes = stream::iter(entries).map(outcome).buffer_unordered(AT_ONCE);
    let mut done = 0;
    while let Some((id, outcome)) = outcomes.next().await {
        match &outcome {
            EntryOutcome::Published { .. } => summary.published += 1,
            EntryOutcome::Previewed { .. } => summary.previewed += 1,
            EntryOutcome::Skipped(_) => summary.skipped += 1,
            EntryOutcome::Failed(error) => {
                summary.failed += 1;
                tracing::info!(dataset = id, %error, "an entry of a catalog cannot be registered");
            }
        }
        done += 1;
        events.progress("catalog", done, total, &id);
        events.send(RegistrationEvent::Entry { id, outcome }).await?;
    }
    events.send(RegistrationEvent::Summary(summary)).await
}

/// What the registration of an entry comes to.
async fn last_of(
    mut events: BoxStream<'static, Result<RegistrationEvent>>,
    notes: Vec<String>,
) -> EntryOutcome {
    let mut found = None;
    while let Some(event) = events.next().await {
        match event {
            Ok(RegistrationEvent::Preview(preview)) => found = Some(preview),
            Ok(RegistrationEvent::Published { version, .. }) => {
                return EntryOutcome::Published { version, notes };
            }
            Ok(_) => {}
            Err(error) => return EntryOutcome::Failed(error),
        }
    }
    match found {
        Some(preview) => EntryOutcome::Previewed { preview, notes },
        None => EntryOutcome::Failed(Error::internal("the registration ended without an outcome")),
    }
}
