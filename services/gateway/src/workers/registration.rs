//! Registrations and refreshes, whose answers are streams of events; amendments.

use cloudify_proto::status::{from_failure, from_status};
use cloudify_proto::v1;
use cloudify_proto::v1::amend_request::Amendment as Wanted;
use cloudify_proto::v1::entry::Outcome;
use cloudify_proto::v1::register_response::Event;
use engine::diagnostics::Diagnostic;
use engine::ports::{
    Amended, Amendment, CatalogSummary, Comparison, EntryOutcome, IfExists, Registration, RegistrationEvent,
    RegistrationGoal, SourcesAre,
};
use engine::preview::Preview;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use model::{DatasetId, Error, Result, Version};
use tonic::Status;

use super::catalog::{changer, finish, number};
use super::member::Member;

type Events = BoxStream<'static, Result<RegistrationEvent>>;

/// Registers; dropping the stream cancels.
pub(super) async fn register(member: &Member, registration: Registration) -> Result<Events> {
    let sources_are = match registration.sources_are {
        SourcesAre::Detected => v1::SourcesAre::Unspecified,
        SourcesAre::Data => v1::SourcesAre::Data,
        SourcesAre::Catalog => v1::SourcesAre::Catalog,
    };
    let call = v1::RegisterRequest {
        id: registration.id.to_string(),
        sources: registration.sources,
        replace: registration.if_exists == IfExists::Replace,
        preview_only: registration.goal == RegistrationGoal::Preview,
        refresh_seconds: registration.refresh_seconds,
        view: registration.view.clone(),
        named_views: registration.named_views,
        sources_are: sources_are.into(),
        pool: registration.pool.map(|pool| pool.to_string()),
    };
    let called = changer(member).register(member.request(call, None)).await;
    let events = finish(member, "Register", called)?;
    let event = |event: Result<v1::RegisterResponse, Status>| {
        event.map_err(|status| from_status(&status)).and_then(event_from_wire)
    };
    Ok(events.map(event).boxed())
}

/// Refreshes; dropping the stream cancels.
pub(super) async fn refresh(member: &Member, id: &DatasetId) -> Result<Events> {
    let call = v1::RefreshRequest { id: id.to_string() };
    let called = changer(member).refresh(member.request(call, None)).await;
    let events = finish(member, "Refresh", called)?;
    let event = |event: Result<v1::RefreshResponse, Status>| {
        let event = event.map_err(|status| from_status(&status))?.event;
        event_from_wire(event.ok_or_else(|| Error::internal("an empty event"))?)
    };
    Ok(events.map(event).boxed())
}

/// Publishes an amended version.
pub(super) async fn amend(
    member: &Member,
    id: &DatasetId,
    of: Option<Version>,
    amendment: Amendment,
) -> Result<Amended> {
    let amendment = match amendment {
        Amendment::AddDiagnostic(Diagnostic { variable, coord, action }) => {
            Wanted::AddDiagnostic(v1::Diagnostic { variable, coord, action })
        }
        Amendment::RemoveDiagnostic(name) => Wanted::RemoveDiagnostic(name),
        Amendment::NameViews(steps) => Wanted::NameViews(v1::NamedViews { steps }),
    };
    let call = v1::AmendRequest { id: id.to_string(), version: number(of), amendment: Some(amendment) };
    let called = changer(member).amend(member.request(call, Some(member.timeout()))).await;
    let v1::AmendResponse { version, is_new } = finish(member, "Amend", called)?;
    Ok(Amended { version: Version(version), is_new })
}

fn event_from_wire(event: v1::RegisterResponse) -> Result<RegistrationEvent> {
    match event.event {
        Some(Event::Progress(v1::Progress { stage, done, total, current })) => {
            Ok(RegistrationEvent::Progress { stage, done, total, current })
        }
        Some(Event::Preview(preview)) => Ok(RegistrationEvent::Preview(preview_from_wire(&preview)?)),
        Some(Event::Published(v1::Published { id, version })) => {
            Ok(RegistrationEvent::Published { id: id_from_wire(&id)?, version: Version(version) })
        }
        Some(Event::Compared(v1::Compared { added, changed, gone, unchanged })) => {
            Ok(RegistrationEvent::Compared(Comparison { added, changed, gone, unchanged }))
        }
        Some(Event::Unchanged(v1::Unchanged { id, version })) => {
            Ok(RegistrationEvent::Unchanged { id: id_from_wire(&id)?, version: Version(version) })
        }
        Some(Event::Entry(v1::Entry { id, outcome, notes })) => {
            Ok(RegistrationEvent::Entry { id, outcome: outcome_from_wire(outcome, notes)? })
        }
        Some(Event::Summary(v1::Summary { published, previewed, skipped, failed })) => {
            Ok(RegistrationEvent::Summary(CatalogSummary { published, previewed, skipped, failed }))
        }
        None => Err(Error::internal("an empty event")),
    }
}

fn outcome_from_wire(outcome: Option<Outcome>, notes: Vec<String>) -> Result<EntryOutcome> {
    Ok(match outcome.ok_or_else(|| Error::internal("an entry without outcome"))? {
        Outcome::Published(published) => {
            EntryOutcome::Published { version: Version(published.version), notes }
        }
        Outcome::Preview(preview) => EntryOutcome::Previewed { preview: preview_from_wire(&preview)?, notes },
        Outcome::Skipped(reason) => EntryOutcome::Skipped(reason),
        Outcome::Failure(failure) => EntryOutcome::Failed(from_failure(failure)),
    })
}

fn preview_from_wire(preview: &v1::Preview) -> Result<Box<Preview>> {
    serde_json::from_slice(&preview.document).map(Box::new).map_err(Error::internal)
}

fn id_from_wire(id: &str) -> Result<DatasetId> {
    DatasetId::parse(id).map_err(Error::internal)
}
