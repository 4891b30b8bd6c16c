//! Registering a dataset: files are found, scanned, joined, previewed and published.
//!
//! ```text
//! Registration ─▶ sources (globs, roots) ─▶ scans (child processes) ─▶ engine::join ─▶ preview ─▶ catalog
//!                          └────────────── events over a bounded channel ──────────────┘
//! ```
//! The work is one task that ends when its stream of events is dropped.

mod amend;
pub mod catalogs;
mod events;
mod refresh;
mod remote;
mod sampled;
mod scans;
mod sharing;
mod sources;

use std::collections::HashSet;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::{SystemTime, UNIX_EPOCH};

use engine::join::{Joined, join};
use engine::named_views;
use engine::ports::{IfExists, Registration, RegistrationEvent, RegistrationGoal, SourcesAre};
use engine::preview::{Preview, preview};
use futures::stream::BoxStream;
use model::{DatasetId, Error, ErrorKind, Result, Version};

use crate::catalog::{Catalog, Publication, ScansWriter};
use crate::scan::ScanPool;
use crate::settings::ScanSettings;
use crate::storage::{Remotes, Roots};
use crate::tape::{Look, Tape};
use events::Events;
use scans::Keeping;
use sources::Source;

/// Makes datasets of files.
pub struct Registrar {
    preparation: Preparation,
    catalog: Arc<Catalog>,
    under_way: Arc<Mutex<HashSet<DatasetId>>>,
}

impl Registrar {
    /// One that reads files under `roots` and what is remote, and publishes to `catalog`.
    pub fn new(
        (roots, remotes): (Arc<Roots>, Remotes),
        scans: Arc<ScanPool>,
        catalog: Arc<Catalog>,
        settings: &ScanSettings,
    ) -> Self {
        Self {
            preparation: Preparation::new(roots, remotes, scans, settings),
            catalog,
            under_way: Arc::default(),
        }
    }

    /// The same where files may be on tape: such are refused, since a scan would wait for them.
    #[must_use]
    pub fn with_tape(mut self, tape: Tape) -> Self {
        self.preparation.tape = tape;
        self
    }

    /// Registers files as a dataset, or goes as far as the preview. Events come as work goes on and end with the
    /// preview, the publication or an error; nothing is visible before the publication. Dropping the stream stops the
    /// work and leaves nothing, except where the new version is being written already: then it may still appear.
    /// Must be called within a tokio runtime.
    pub fn register(
        self: &Arc<Self>,
        registration: Registration,
    ) -> BoxStream<'static, Result<RegistrationEvent>> {
        let registrar = Arc::clone(self);
        events::stream(|events| async move { registrar.run(registration, events).await })
    }

    async fn run(self: &Arc<Self>, registration: Registration, events: Events) -> Result<()> {
        match self.preparation.catalog(&registration.sources, registration.sources_are).await? {
            Some(path) => self.run_catalog(registration, path, &events).await,
            None => self.run_one(registration, events).await,
        }
    }

    /// Registers each entry of a catalog.
    async fn run_catalog(
        self: &Arc<Self>,
        registration: Registration,
        path: PathBuf,
        events: &Events,
    ) -> Result<()> {
        let entries = self.preparation.entries(path, registration.id.as_str()).await?;
        catalogs::run(entries, events, |id, sources| {
            let one = Registration { id, sources, sources_are: SourcesAre::Data, ..registration.clone() };
            let registrar = Arc::clone(self);
            events::stream(|events| async move { registrar.run_one(one, events).await })
        })
        .await
    }

    async fn run_one(&self, registration: Registration, events: Events) -> Result<()> {
        if registration.sources.is_empty() {
            return Err(Error::invalid("name at least one source: a file or a glob"));
        }
        let view = registration.view.as_deref().unwrap_or_default();
        engine::encoding::steps(view)?;
        named_views::check(&registration.named_views)?;
        let claim = match registration.goal {
            RegistrationGoal::Publish => Some(self.claim(&registration.id)?),
            RegistrationGoal::Preview => None,
        };
        self.check_absent(&registration).await?;
        let mut keeping = Keeping::default();
        if claim.is_some() {
            let catalog = Arc::clone(&self.catalog);
            keeping.now = Some(blocking(move || catalog.new_scans()).await?);
        }
        let (joined, scans) = self.preparation.run(registration.sources.clone(), keeping, &events).await?;
        engine::encoding::check(view, &joined.dataset)?;
        let Some(claim) = claim else {
            return Ok(());
        };
        let id = registration.id.clone();
        let version = self.publish(registration, joined, scans, claim, &events).await?;
        tracing::info!(dataset = %id, version = version.0, "published");
        events.send(RegistrationEvent::Published { id, version }).await
    }

    /// Refuses an id that is there already before any work is done. The catalog checks again when it publishes.
    async fn check_absent(&self, registration: &Registration) -> Result<()> {
        if registration.if_exists == IfExists::Replace {
            return Ok(());
        }
        let (catalog, id) = (Arc::clone(&self.catalog), registration.id.clone());
        blocking(move || match catalog.versions(&id) {
            Ok(_) => {
                let message =
                    format!("{id} is registered already: use replace to publish a new version of it");
                Err(Error::new(ErrorKind::Conflict, message))
            }
            Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        })
        .await
    }

    async fn publish(
        &self,
        registration: Registration,
        joined: Joined,
        scans: Option<ScansWriter>,
        claim: Claim,
        events: &Events,
    ) -> Result<Version> {
        events.begin("publish", joined.manifests.len() as u64).await;
        let (catalog, events) = (Arc::clone(&self.catalog), events.clone());
        let published_ms = now_ms()?;
        blocking(move || {
            let publication = Publication {
                id: &registration.id,
                sources: &registration.sources,
                joined: &joined,
                if_exists: registration.if_exists,
                published_ms,
                refresh_seconds: registration.refresh_seconds,
                view: registration.view.as_deref(),
                named_views: &registration.named_views,
                pool: registration.pool.as_ref(),
            };
            let version =
                catalog.publish(&publication, &mut |done, total| events.progress("publish", done, total, ""));
            if let (Ok(version), Some(scans)) = (&version, scans)
                && let Err(error) = catalog.keep_scans(&registration.id, *version, scans) {
                    tracing::warn!(dataset = %registration.id, %error, "the scans are not kept: a refresh will scan all");
                }
            // Held to here, since this goes on where the task around it is stopped.
            drop(claim);
            version
        })
        .await
    }

    /// Keeps others from registering the same id at the same time.
    fn claim(&self, id: &DatasetId) -> Result<Claim> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if !under_way.insert(id.clone()) {
            let message = format!("{id} is being registered by another request: wait until that is done");
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        Ok(Claim { id: id.clone(), under_way: Arc::clone(&self.under_way) })
    }
}

/// What a registration of sources would make, without any catalog: `cloudify scan`. Events as of a registration
/// that ends with its preview.
pub fn preview_sources(
    (roots, remotes): (Arc<Roots>, Remotes),
    scans: Arc<ScanPool>,
    sources: Vec<String>,
    settings: &ScanSettings,
) -> BoxStream<'static, Result<RegistrationEvent>> {
    let preparation = Arc::new(Preparation::new(roots, remotes, scans, settings));
    events::stream(|events| async move {
        let Some(path) = preparation.catalog(&sources, SourcesAre::Detected).await? else {
            return preparation.run(sources, Keeping::default(), &events).await.map(drop);
        };
        let entries = preparation.entries(path, "").await?;
        catalogs::run(entries, &events, |_, sources| {
            let preparation = Arc::clone(&preparation);
            events::stream(|events| async move {
                preparation.run(sources, Keeping::default(), &events).await.map(drop)
            })
        })
        .await
    })
}

/// The part of a registration before anything is published: find files, scan them, join them, say what they make.
struct Preparation {
    roots: Arc<Roots>,
    remotes: Remotes,
    tape: Tape,
    scans: Arc<ScanPool>,
    files_max: usize,
    scans_at_once: usize,
}

impl Preparation {
    fn new(roots: Arc<Roots>, remotes: Remotes, scans: Arc<ScanPool>, settings: &ScanSettings) -> Self {
        let processes = match settings.processes {
            0 => available_parallelism().map_or(1, NonZero::get),
            processes => processes,
        };
        // One more than there are processes: the next file waits where a process comes free.
        let scans_at_once = processes.saturating_add(1);
        Self { roots, remotes, tape: Tape::off(), scans, files_max: settings.files_max, scans_at_once }
    }

    /// The file of a catalog, if sources are one.
    async fn catalog(&self, sources: &[String], sources_are: SourcesAre) -> Result<Option<PathBuf>> {
        let (roots, sources) = (Arc::clone(&self.roots), sources.to_vec());
        blocking(move || catalogs::detect(&roots, &sources, sources_are)).await
    }

    /// The entries of a catalog, their ids behind a prefix.
    async fn entries(&self, path: PathBuf, prefix: &str) -> Result<Vec<catalogs::Entry>> {
        let (roots, prefix) = (Arc::clone(&self.roots), prefix.to_owned());
        blocking(move || catalogs::read(&roots, &path, &prefix)).await
    }

    async fn run(
        &self,
        sources: Vec<String>,
        keeping: Keeping,
        events: &Events,
    ) -> Result<(Joined, Option<ScansWriter>)> {
        let files = self.files(sources).await?;
        self.join(files, keeping, events).await
    }

    /// The files and stores of sources.
    async fn files(&self, sources: Vec<String>) -> Result<Vec<Source>> {
        if sources.is_empty() {
            return Err(Error::invalid("name at least one source: a file or a glob"));
        }
        let (roots, remotes, files_max) = (Arc::clone(&self.roots), self.remotes.clone(), self.files_max);
        blocking(move || sources::expand((&roots, &remotes), &sources, files_max)).await
    }

    /// Scans files, joins them and tells what they make.
    async fn join(
        &self,
        files: Vec<Source>,
        keeping: Keeping,
        events: &Events,
    ) -> Result<(Joined, Option<ScansWriter>)> {
        let tape = self.tape.clone();
        let (files, keeping) = blocking(move || {
            // What is known of a file need not be read from it.
            let unknown: Vec<Source> = files.iter().filter(|file| !keeping.knows(file)).cloned().collect();
            on_disk(&tape, &unknown)?;
            Ok((files, keeping))
        })
        .await?;
        let from = (&*self.scans, &self.roots, &self.remotes);
        let (scanned, kept) = scans::scan(from, files, self.scans_at_once, keeping, events).await?;
        events.begin("join", scanned.len() as u64).await;
        let (joined, preview) = blocking(move || join(scanned).map(with_preview)).await?;
        events.send(RegistrationEvent::Preview(Box::new(preview))).await?;
        Ok((joined, kept))
    }
}

/// Refuses files that are on tape. Nothing is ordered: a glob may match an archive of years.
fn on_disk(tape: &Tape, found: &[Source]) -> Result<()> {
    let mut offline = Vec::new();
    for source in found {
        let Source::Path(path) = source else { continue };
        if !tape.governs(path) {
            continue;
        }
        let status = std::fs::metadata(path).map_err(Error::internal)?;
        if status.is_file() && tape.is_offline(path, Look::from(&status))? {
            offline.push(source);
        }
    }
    let Some(first) = offline.first() else { return Ok(()) };
    let message = format!(
        "{} and {} more of {} files are on tape: recall them first, or register references (kerchunk) that were \
         made while they were on disk",
        first.name(),
        offline.len() - 1,
        found.len(),
    );
    Err(Error::new(ErrorKind::Conflict, message))
}

/// An id that is being registered, until it is dropped.
struct Claim {
    id: DatasetId,
    under_way: Arc<Mutex<HashSet<DatasetId>>>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

fn with_preview(joined: Joined) -> (Joined, Preview) {
    let preview = preview(&joined);
    (joined, preview)
}

/// Does what waits for the filesystem where it may.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}

fn now_ms() -> Result<i64> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).map_err(Error::internal)?;
    i64::try_from(since_1970.as_millis()).map_err(Error::internal)
}
