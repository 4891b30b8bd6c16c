//! `LocalWorker`: the real thing behind the port. Files, catalog and registrations of this process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use engine::ports::{
    Amended, Amendment, ChunkPlan, EvaluatedChunk, Listing, MadeChunk, PublishedDataset, ReadBytes,
    ReferenceRecord, Registration, RegistrationEvent, StoredBytes, VersionList, Worker,
};
use engine::recall::Recall;
use engine::sections::{LongReduction, Section, Sections};
use futures::stream::BoxStream;
use model::{ByteRange, DatasetId, Error, InPlace, NodePath, Result, SourceFile, Version};
use tokio::sync::watch;

use crate::catalog::Catalog;
use crate::evaluate::Evaluator;
use crate::register::Registrar;
use crate::scan::ScanPool;
use crate::settings::LocalSettings;
use crate::storage::{Files, Remotes, Roots};
use crate::tape::Tape;

/// The worker of this process.
pub struct LocalWorker {
    files: Files,
    catalog: Arc<Catalog>,
    registrar: Arc<Registrar>,
    evaluator: Evaluator,
}

impl LocalWorker {
    /// A worker over a catalog directory, which is made if it is not there, and the roots of source files.
    /// `scan_command` starts a scanning child process. Must be called within a tokio runtime.
    pub async fn open(
        catalog: PathBuf,
        roots: Vec<PathBuf>,
        settings: LocalSettings<'_>,
        scan_command: Vec<OsString>,
    ) -> Result<Arc<Self>> {
        let keep = settings.refresh.clone();
        let open = move || Ok((Arc::new(Catalog::open(&catalog)?.keeping(&keep)), Roots::new(roots)?));
        let (catalog, roots) = blocking(open).await?;
        let leftovers = Arc::clone(&catalog);
        tokio::task::spawn_blocking(move || leftovers.clear_leftovers());
        for fault in catalog.faults() {
            tracing::warn!(?fault, "a dataset of the catalog cannot be listed");
        }
        let tape = settings.tape.clone();
        let tape = blocking(move || Tape::new(&tape)).await?;
        let scans = Arc::new(ScanPool::new(settings.scan, scan_command));
        let remotes = Remotes::new(settings.remote)?;
        let registrar = Registrar::new(
            (Arc::new(roots.clone()), remotes.clone()),
            scans,
            Arc::clone(&catalog),
            settings.scan,
        )
        .with_tape(tape.clone());
        let registrar = Arc::new(registrar);
        if settings.refresh.periodic {
            let (registrar, catalog) = (Arc::downgrade(&registrar), Arc::clone(&catalog));
            tokio::spawn(crate::periodic::run(
                registrar,
                catalog,
                settings.pool.cloned(),
                settings.refresh.at_once,
            ));
        }
        let files = Files::with_tape(roots, settings.storage, tape).with_remotes(remotes);
        let (of, with, settings) = (Arc::clone(&catalog), files.clone(), settings.evaluate.clone());
        let evaluator = blocking(move || Ok(Evaluator::new(of, with, &settings))).await?;
        Ok(Arc::new(Self { files, catalog, registrar, evaluator }))
    }

    /// Changes of the catalog that this worker makes from now on.
    pub fn catalog_changes(&self) -> watch::Receiver<()> {
        self.catalog.changes()
    }

    /// How many chunks it makes at once.
    pub fn cores_count(&self) -> usize {
        self.evaluator.cores_count()
    }

    /// Its files.
    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// Asks the catalog where that may wait for the filesystem.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Catalog) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let catalog = Arc::clone(&self.catalog);
        blocking(move || question(&catalog)).await
    }
}

#[async_trait]
impl Worker for LocalWorker {
    async fn list(&self, known: Option<u64>) -> Result<Option<Listing>> {
        self.ask(move |catalog| Ok(catalog.list(known)?.map(|listing| Listing::clone(&listing)))).await
    }

    async fn dataset(&self, id: &DatasetId, version: Option<Version>) -> Result<PublishedDataset> {
        let id = id.clone();
        self.ask(move |catalog| catalog.dataset(&id, version)).await
    }

    fn catalog_id(&self) -> String {
        self.catalog.id()
    }

    async fn versions(&self, id: &DatasetId) -> Result<VersionList> {
        let id = id.clone();
        self.ask(move |catalog| catalog.versions(&id)).await
    }

    async fn references(
        &self,
        id: &DatasetId,
        version: Version,
        variable: &NodePath,
        record: u64,
    ) -> Result<ReferenceRecord> {
        crate::references::read(&self.catalog, &self.files, (id, version), variable, record).await
    }

    async fn read(&self, _: &DatasetId, file: &Arc<SourceFile>, range: ByteRange) -> Result<StoredBytes> {
        self.files.read(file, range).await
    }

    async fn read_to_keep(
        &self,
        _: &DatasetId,
        file: &Arc<SourceFile>,
        range: ByteRange,
    ) -> Result<ReadBytes> {
        self.files.read_to_keep(file, range).await
    }

    async fn stat(&self, _: &DatasetId, file: &Arc<SourceFile>, array: Option<&str>) -> Result<Option<u64>> {
        self.files.stat(file, array).await
    }

    async fn evaluate(&self, chunk: &EvaluatedChunk) -> Result<Option<Bytes>> {
        self.evaluator.evaluate(chunk).await
    }

    async fn evaluate_to_keep(&self, chunk: &EvaluatedChunk) -> Result<MadeChunk> {
        self.evaluator.evaluate_to_keep(chunk).await
    }

    async fn plan(&self, chunk: &EvaluatedChunk) -> Result<ChunkPlan> {
        self.evaluator.plan(chunk).await
    }

    async fn open_view(&self, id: &DatasetId, version: Version, steps: &str) -> Result<PublishedDataset> {
        self.evaluator.open_view(id, version, steps).await
    }

    async fn long_reductions(&self, chunk: &EvaluatedChunk) -> Result<Vec<LongReduction>> {
        self.evaluator.long_reductions(chunk).await
    }

    async fn section(&self, chunk: &EvaluatedChunk, section: Section) -> Result<Bytes> {
        self.evaluator.section(chunk, section).await
    }

    async fn assemble(&self, chunk: &EvaluatedChunk, sections: Sections) -> Result<Option<Bytes>> {
        self.evaluator.assemble(chunk, sections).await
    }

    async fn order_recall(&self, _: &DatasetId, file: &Arc<SourceFile>) -> Result<Option<Recall>> {
        self.files.order_recall(file).await
    }

    async fn recalls(&self, id: &DatasetId, version: Version) -> Result<Vec<Recall>> {
        let (id, tape) = (id.clone(), self.files.tape().clone());
        self.ask(move |catalog| {
            let files = catalog.files(&id, version)?;
            let in_place = catalog.dataset(&id, Some(version))?.in_place;
            let places: Vec<&str> = in_place.iter().flatten().map(place).collect();
            let is_under = |path: &str| places.iter().any(|place| path.starts_with(place));
            Ok(tape.recalls(|path| files.contains_key(path) || is_under(path)))
        })
        .await
    }

    async fn register(
        &self,
        registration: Registration,
    ) -> Result<BoxStream<'static, Result<RegistrationEvent>>> {
        Ok(self.registrar.register(registration))
    }

    async fn refresh(&self, id: &DatasetId) -> Result<BoxStream<'static, Result<RegistrationEvent>>> {
        Ok(self.registrar.refresh(id.clone()))
    }

    async fn amend(&self, id: &DatasetId, of: Option<Version>, amendment: Amendment) -> Result<Amended> {
        self.registrar.amend(id.clone(), of, amendment).await
    }

    async fn remove(&self, id: &DatasetId) -> Result<()> {
        let id = id.clone();
        self.ask(move |catalog| catalog.remove(&id)).await
    }

    async fn roll_back(&self, id: &DatasetId, version: Option<Version>) -> Result<Version> {
        let id = id.clone();
        self.ask(move |catalog| catalog.roll_back(&id, version)).await
    }

    async fn ready(&self) -> Result<()> {
        self.files.ready()
    }
}

/// Under what the files of references that stay in place lie, as a rule.
fn place(in_place: &InPlace) -> &str {
    match in_place {
        InPlace::Keys { array, .. } => array,
        InPlace::Records { base, .. } => base,
    }
}

/// Runs what may wait for the filesystem where waiting harms nobody.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}
