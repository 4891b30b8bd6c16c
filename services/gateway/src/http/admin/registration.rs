//! Running a registration: its events as they come, or its outcome at the end.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use engine::ports::{
    CatalogSummary, Comparison, EntryOutcome, Registration, RegistrationEvent, RegistrationGoal,
};
use engine::preview::Preview;
use futures::stream::{self, BoxStream, StreamExt as _};
use http::header::{ACCEPT, LOCATION};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use model::{DatasetId, Error, Result, Version};
use serde_json::{Value, json};

use super::{Answer, refresh};
use crate::http::error::{self, Problem};
use crate::http::state::GatewayState;

type Events = BoxStream<'static, Result<RegistrationEvent>>;

/// Starts a registration and answers with it. What is refused at once is a plain problem in both forms; the stream
/// dropped, because the client went away, ends the work.
pub(super) async fn run(
    state: Arc<GatewayState>,
    request: &Parts,
    by: &str,
    registration: Registration,
) -> Answer {
    if registration.sources.is_empty() {
        return Err(Error::invalid("sources is empty: name at least one file or glob").into());
    }
    let goal = registration.goal;
    tracing::info!(dataset = registration.id.as_str(), ?goal, by, sources = ?registration.sources, "registration began");
    let events = state.in_time(state.worker.register(registration)).await?;
    answer(state, request, by, events, goal).await
}

/// Starts a refresh and answers with it, as [`run`] does.
pub(super) async fn run_refresh(
    state: Arc<GatewayState>,
    request: &Parts,
    by: &str,
    id: &DatasetId,
) -> Answer {
    tracing::info!(dataset = id.as_str(), by, "refresh began");
    let events = state.in_time(state.worker.refresh(id)).await?;
    answer(state, request, by, events, RegistrationGoal::Publish).await
}

async fn answer(
    state: Arc<GatewayState>,
    request: &Parts,
    by: &str,
    events: Events,
    goal: RegistrationGoal,
) -> Answer {
    let events = watched(state, by.into(), events);
    if wants_events(request) {
        return Ok(stream_events(events));
    }
    outcome(events, goal).await
}

fn wants_events(request: &Parts) -> bool {
    let accepted = request.headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| kind.trim().starts_with("text/event-stream"))
}

/// The same events, with the list read anew before a publication is told, so that who hears of it can open it.
fn watched(state: Arc<GatewayState>, by: Arc<str>, events: Events) -> Events {
    events
        .then(move |event| {
            let (state, by) = (Arc::clone(&state), Arc::clone(&by));
            async move {
                match &event {
                    Ok(RegistrationEvent::Published { id, version }) => {
                        tracing::info!(dataset = id.as_str(), version = version.0, by = &*by, "published");
                        refresh(&state).await;
                    }
                    // A refresh by period or by another gateway may just have published what there was.
                    Ok(RegistrationEvent::Unchanged { .. }) => refresh(&state).await,
                    Ok(RegistrationEvent::Entry { id, outcome: EntryOutcome::Published { version, .. } }) => {
                        tracing::info!(dataset = id, version = version.0, by = &*by, "published");
                    }
                    Ok(RegistrationEvent::Summary(summary)) => {
                        tracing::info!(?summary, by = &*by, "catalog registered");
                        refresh(&state).await;
                    }
                    Err(error) => error::log(error),
                    Ok(_) => {}
                }
                event
            }
        })
        .boxed()
}

fn stream_events(events: Events) -> Response {
    // A registration ends with its outcome or its first error: what would follow is not sent.
    let events = events.scan(false, |failed, event| {
        let ended = std::mem::replace(failed, event.is_err());
        std::future::ready((!ended).then_some(event))
    });
    let events = events.map(|event| Ok::<_, Infallible>(encoded(event)));
    Sse::new(events.chain(stream::empty())).keep_alive(KeepAlive::default()).into_response()
}

fn encoded(event: Result<RegistrationEvent>) -> Event {
    let (name, data) = match event {
        Ok(RegistrationEvent::Progress { stage, done, total, current }) => {
            ("progress", json!({"stage": stage, "done": done, "total": total, "current": current}))
        }
        Ok(RegistrationEvent::Preview(preview)) => ("preview", shown(&preview)),
        Ok(RegistrationEvent::Published { id, version }) => {
            ("published", published(&id, version, &Told::default()))
        }
        Ok(RegistrationEvent::Compared(comparison)) => ("compared", compared(comparison)),
        Ok(RegistrationEvent::Unchanged { id, version }) => {
            ("unchanged", json!({"id": id.as_str(), "version": version.0}))
        }
        Ok(RegistrationEvent::Entry { id, outcome }) => ("entry", entry(&id, &outcome)),
        Ok(RegistrationEvent::Summary(summary)) => ("summary", summed(summary)),
        Err(error) => ("error", serde_json::to_value(Problem::full(&error)).unwrap_or_default()),
    };
    // JSON on one line: `data` has no line break to split at.
    Event::default().event(name).data(data.to_string())
}

/// What was told before the outcome.
#[derive(Default)]
struct Told {
    preview: Option<Box<Preview>>,
    comparison: Option<Comparison>,
    entries: Vec<Value>,
}

async fn outcome(mut events: Events, goal: RegistrationGoal) -> Answer {
    let mut told = Told::default();
    while let Some(event) = events.next().await {
        match event? {
            RegistrationEvent::Progress { .. } => {}
            RegistrationEvent::Preview(found) => told.preview = Some(found),
            RegistrationEvent::Compared(comparison) => told.comparison = Some(comparison),
            RegistrationEvent::Entry { id, outcome } => told.entries.push(entry(&id, &outcome)),
            RegistrationEvent::Published { id, version } => {
                let location = HeaderValue::from_str(&format!(
                    "/admin/v1/datasets/{}",
                    crate::http::page::segment(id.as_str())
                ));
                let location = location.map_err(Error::internal)?;
                let body = Json(published(&id, version, &told));
                return Ok((StatusCode::CREATED, [(LOCATION, location)], body).into_response());
            }
            RegistrationEvent::Unchanged { id, version } => {
                let mut body = published(&id, version, &told);
                body["unchanged"] = true.into();
                return Ok(Json(body).into_response());
            }
            RegistrationEvent::Summary(summary) => {
                let body = json!({"summary": summed(summary), "entries": told.entries});
                return Ok(Json(body).into_response());
            }
        }
    }
    match (goal, told.preview) {
        (RegistrationGoal::Preview, Some(preview)) => {
            Ok(Json(json!({"preview": shown(&preview)})).into_response())
        }
        _ => Err(Error::internal("the registration ended without an outcome").into()),
    }
}

fn entry(id: &str, outcome: &EntryOutcome) -> Value {
    match outcome {
        EntryOutcome::Published { version, notes } => {
            json!({"id": id, "outcome": "published", "version": version.0, "notes": notes})
        }
        EntryOutcome::Previewed { preview, notes } => {
            json!({"id": id, "outcome": "previewed", "preview": shown(preview), "notes": notes})
        }
        EntryOutcome::Skipped(reason) => json!({"id": id, "outcome": "skipped", "reason": reason}),
        EntryOutcome::Failed(error) => {
            let problem = serde_json::to_value(Problem::full(error)).unwrap_or_default();
            json!({"id": id, "outcome": "failed", "problem": problem})
        }
    }
}

fn summed(summary: CatalogSummary) -> Value {
    let CatalogSummary { published, previewed, skipped, failed } = summary;
    json!({"published": published, "previewed": previewed, "skipped": skipped, "failed": failed})
}

fn compared(comparison: Comparison) -> Value {
    let Comparison { added, changed, gone, unchanged } = comparison;
    json!({"added": added, "changed": changed, "gone": gone, "unchanged": unchanged})
}

fn published(id: &DatasetId, version: Version, told: &Told) -> Value {
    let mut body = json!({"id": id.as_str(), "version": version.0});
    if let Some(comparison) = told.comparison {
        body["compared"] = compared(comparison);
    }
    if let Some(preview) = &told.preview {
        body["preview"] = shown(preview);
    }
    body
}

fn shown(preview: &Preview) -> Value {
    // Numbers, texts and lists only: making a value of them cannot fail.
    serde_json::to_value(preview).unwrap_or_default()
}
