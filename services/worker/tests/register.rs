//! Registrations from files to the catalog: events, refusals, cancellation.
//!
//! This program is its own scanning child: called with `scan-child` it scans what it is told to.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test, with a main of its own"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use engine::named_views::NamedViews;
use engine::ports::{Comparison, IfExists, Registration, RegistrationEvent, RegistrationGoal, SourcesAre};
use futures::StreamExt as _;
use model::{DatasetId, Error, ErrorKind, Version};
use worker::{
    catalog::Catalog,
    register::Registrar,
    scan::ScanPool,
    settings::ScanSettings,
    storage::{Remotes, Roots},
};

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|argument| argument == "scan-child") {
        return worker::scan::run_child();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        a_file_is_registered_and_replaced().await;
        a_preview_publishes_nothing().await;
        failures_name_all_files().await;
        one_registration_of_an_id_at_a_time().await;
        a_dropped_stream_leaves_nothing().await;
        a_refresh_publishes_what_is_different().await;
    });
    ExitCode::SUCCESS
}

struct Place {
    directory: tempfile::TempDir,
    catalog: Arc<Catalog>,
    registrar: Arc<Registrar>,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let files = directory.path().join("files");
        std::fs::create_dir(&files).unwrap();
        std::fs::copy(data().join("model.nc"), files.join("model.nc")).unwrap();
        let catalog = Arc::new(Catalog::open(&directory.path().join("catalog")).unwrap());
        let settings = ScanSettings { processes: 2, ..ScanSettings::default() };
        let command = vec![std::env::current_exe().unwrap().into(), "scan-child".into()];
        let registrar = Arc::new(Registrar::new(
            (Arc::new(Roots::new(vec![files]).unwrap()), Remotes::none()),
            Arc::new(ScanPool::new(&settings, command)),
            Arc::clone(&catalog),
            &settings,
        ));
        Self { directory, catalog, registrar }
    }

    fn registration(&self, source: &str, if_exists: IfExists, goal: RegistrationGoal) -> Registration {
        let source = self.directory.path().canonicalize().unwrap().join("files").join(source);
        Registration {
            id: id(),
            sources: vec![source.to_str().unwrap().to_owned()],
            if_exists,
            goal,
            refresh_seconds: None,
            view: None,
            named_views: NamedViews::new(),
            sources_are: SourcesAre::Detected,
            pool: None,
        }
    }

    async fn events(&self, registration: Registration) -> Vec<Result<RegistrationEvent, Error>> {
        self.registrar.register(registration).collect().await
    }

    async fn publish(&self, source: &str, if_exists: IfExists) -> Vec<Result<RegistrationEvent, Error>> {
        self.events(self.registration(source, if_exists, RegistrationGoal::Publish)).await
    }

    fn listed(&self) -> usize {
        self.catalog.list(None).unwrap().unwrap().datasets.len()
    }
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integration-tests/data/hdf5").canonicalize().unwrap()
}

fn id() -> DatasetId {
    DatasetId::parse("model").unwrap()
}

async fn a_file_is_registered_and_replaced() {
    println!("test a_file_is_registered_and_replaced …");
    let place = Place::new();
    let events = place.publish("*.nc", IfExists::Refuse).await;
    let events: Vec<RegistrationEvent> = events.into_iter().map(Result::unwrap).collect();
    let stage_begins = |stage: &str| {
        let is_begin = |event: &RegistrationEvent| matches!(event, RegistrationEvent::Progress { stage: s, done: 0, .. } if s == stage);
        events.iter().position(is_begin).unwrap()
    };
    assert!(stage_begins("scan") < stage_begins("join") && stage_begins("join") < stage_begins("publish"));
    let [.., RegistrationEvent::Published { version, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(*version, Version(1));
    let previews = events.iter().filter(|event| matches!(event, RegistrationEvent::Preview(_)));
    assert_eq!(previews.count(), 1);

    let refused = place.publish("*.nc", IfExists::Refuse).await.pop().unwrap().unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict);
    assert!(refused.message.contains("use replace"));
    let replaced = place.publish("*.nc", IfExists::Replace).await.pop().unwrap().unwrap();
    assert_eq!(replaced, RegistrationEvent::Published { id: id(), version: Version(2) });
}

async fn a_preview_publishes_nothing() {
    println!("test a_preview_publishes_nothing …");
    let place = Place::new();
    let registration = place.registration("model.nc", IfExists::Refuse, RegistrationGoal::Preview);
    let last = place.events(registration).await.pop().unwrap().unwrap();
    let RegistrationEvent::Preview(preview) = last else { panic!("{last:?}") };
    assert_eq!((preview.files, preview.arrays.is_empty()), (1, false));
    assert_eq!(place.listed(), 0);
}

async fn failures_name_all_files() {
    println!("test failures_name_all_files …");
    let place = Place::new();
    for name in ["broken.nc", "empty.nc"] {
        let bytes: &[u8] = if name == "empty.nc" { b"" } else { b"no file of that kind" };
        std::fs::write(place.directory.path().join("files").join(name), bytes).unwrap();
    }
    let error = place.publish("*.nc", IfExists::Refuse).await.pop().unwrap().unwrap_err();
    for says in ["2 of 3 files", "broken.nc", "empty.nc"] {
        assert!(error.message.contains(says), "{error}");
    }
    let path = place.directory.path().to_str().unwrap();
    assert!(!error.message.contains(path) && error.internal.unwrap().contains(path));
    assert_eq!(place.listed(), 0);
}

async fn one_registration_of_an_id_at_a_time() {
    println!("test one_registration_of_an_id_at_a_time …");
    let place = Place::new();
    let publish = || place.publish("model.nc", IfExists::Replace);
    let (one, other) = tokio::join!(publish(), publish());
    let mut lasts = [one, other].map(|mut events| events.pop().unwrap().map_err(|error| error.message));
    lasts.sort_by_key(Result::is_err);
    assert!(lasts[0].is_ok() && lasts[1].as_ref().unwrap_err().contains("being registered"), "{lasts:?}");
}

async fn a_dropped_stream_leaves_nothing() {
    println!("test a_dropped_stream_leaves_nothing …");
    let place = Place::new();
    let mut events =
        place.registrar.register(place.registration("model.nc", IfExists::Refuse, RegistrationGoal::Publish));
    assert!(events.next().await.unwrap().is_ok());
    drop(events);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(place.listed(), 0);
    // The id is free again.
    assert!(place.publish("model.nc", IfExists::Refuse).await.pop().unwrap().is_ok());
}

async fn a_refresh_publishes_what_is_different() {
    println!("test a_refresh_publishes_what_is_different …");
    let place = Place::new();
    assert!(place.publish("*.nc", IfExists::Refuse).await.pop().unwrap().is_ok());
    let refresh = || async { place.registrar.refresh(id()).collect::<Vec<_>>().await };
    let last = refresh().await.pop().unwrap().unwrap();
    assert_eq!(last, RegistrationEvent::Unchanged { id: id(), version: Version(1) });
    // The same file, written anew: it is scanned again and makes a version.
    let file = place.directory.path().join("files/model.nc");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, bytes).unwrap();
    let events: Vec<RegistrationEvent> = refresh().await.into_iter().map(Result::unwrap).collect();
    assert_eq!(events[0], RegistrationEvent::Compared(Comparison { changed: 1, ..Comparison::default() }));
    assert_eq!(events.last(), Some(&RegistrationEvent::Published { id: id(), version: Version(2) }));
    let report = place.catalog.versions(&id()).unwrap().refresh.last.unwrap();
    assert_eq!(report.outcome, "published");
    // It fails, and all stays as it is.
    std::fs::remove_file(&file).unwrap();
    let error = refresh().await.pop().unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidRequest);
    assert_eq!(place.catalog.versions(&id()).unwrap().current, Version(2));
    assert_eq!(place.catalog.versions(&id()).unwrap().refresh.last.unwrap().outcome, "failed");
    let (one, other) = tokio::join!(refresh(), refresh());
    let conflicts = [one, other].map(|mut events| events.pop().unwrap().unwrap_err().kind);
    assert!(conflicts.contains(&ErrorKind::Conflict), "{conflicts:?}");
    place.catalog.remove(&id()).unwrap();
    assert_eq!(refresh().await.pop().unwrap().unwrap_err().kind, ErrorKind::NotFound);
}
