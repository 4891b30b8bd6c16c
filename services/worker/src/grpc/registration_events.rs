//! Events of registrations as messages.

use cloudify_proto::status::to_failure;
use cloudify_proto::v1;
use cloudify_proto::v1::entry::Outcome;
use cloudify_proto::v1::register_response::Event;
use engine::ports::{CatalogSummary, Comparison, EntryOutcome, RegistrationEvent};
use engine::preview::Preview;
use model::{Error, Result};

/// An event as a message.
pub(super) fn event_to_wire(event: RegistrationEvent) -> Result<v1::RegisterResponse> {
    let event = match event {
        RegistrationEvent::Progress { stage, done, total, current } => {
            Event::Progress(v1::Progress { stage, done, total, current })
        }
        RegistrationEvent::Preview(preview) => Event::Preview(preview_to_wire(&preview)?),
        RegistrationEvent::Published { id, version } => {
            Event::Published(v1::Published { id: id.to_string(), version: version.0 })
        }
        RegistrationEvent::Compared(Comparison { added, changed, gone, unchanged }) => {
            Event::Compared(v1::Compared { added, changed, gone, unchanged })
        }
        RegistrationEvent::Unchanged { id, version } => {
            Event::Unchanged(v1::Unchanged { id: id.to_string(), version: version.0 })
        }
        RegistrationEvent::Entry { id, outcome } => Event::Entry(entry_to_wire(id, outcome)?),
        RegistrationEvent::Summary(CatalogSummary { published, previewed, skipped, failed }) => {
            Event::Summary(v1::Summary { published, previewed, skipped, failed })
        }
    };
    Ok(v1::RegisterResponse { event: Some(event) })
}

fn entry_to_wire(id: String, outcome: EntryOutcome) -> Result<v1::Entry> {
    let (outcome, notes) = match outcome {
        EntryOutcome::Published { version, notes } => {
            (Outcome::Published(v1::Published { id: id.clone(), version: version.0 }), notes)
        }
        EntryOutcome::Previewed { preview, notes } => (Outcome::Preview(preview_to_wire(&preview)?), notes),
        EntryOutcome::Skipped(reason) => (Outcome::Skipped(reason), Vec::new()),
        EntryOutcome::Failed(error) => (Outcome::Failure(to_failure(error)), Vec::new()),
    };
    Ok(v1::Entry { id, outcome: Some(outcome), notes })
}

fn preview_to_wire(preview: &Preview) -> Result<v1::Preview> {
    let document = serde_json::to_vec(preview).map_err(Error::internal)?;
    Ok(v1::Preview { document: document.into() })
}
