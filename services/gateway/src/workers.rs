//! The workers as the gateway sees them: remote ones over gRPC, placement, retry.
//!
//! ```text
//! read ─▶ placement (rendezvous on the file's path) ─▶ Member ─▶ small: lane   one long-lived stream, many reads
//!             next worker where one is unavailable            └▶ large: range  pieces passed through as they come
//! evaluate ─▶ placement (on the chunk) ─▶ Member ─▶ tonic; a long reduction ─▶ spread: its sections by all members
//! catalog, registration ─▶ any live member ─▶ tonic
//! ```

mod call;
mod catalog;
mod connection;
mod evaluation;
mod health;
mod lane;
mod member;
mod members;
mod placement;
mod range;
mod recalls;
mod registration;
mod spread;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use engine::ports::{
    Amended, Amendment, ChunkPlan, EvaluatedChunk, Listing, MadeChunk, PublishedDataset, ReferenceRecord,
    Registration, RegistrationEvent, StoredBytes, VersionList, Worker,
};
use engine::recall::Recall;
use futures::stream::BoxStream;
use model::{ByteRange, DatasetId, Error, ErrorKind, NodePath, Result, SourceFile, Version};
use tier::Tier;

use crate::cache::Messages;
use crate::settings::HttpSettings;
use evaluation::Evaluated;
use member::Member;
use members::Members;
use spread::Spreading;

/// How many connections, and how much may be under way on them.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// Lanes to each worker for small ranges, each with a connection of its own.
    pub lanes: usize,
    /// Large ranges under way from each worker, each with a connection of its own; more wait.
    pub ranges_max: usize,
    /// Most bytes of one large range that a worker may send ahead of a slow client.
    pub window_bytes: u32,
    /// Longest frame that a worker may send, in bytes: a piece of the worker's goes as one.
    pub frame_bytes: u32,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { lanes: 2, ranges_max: 1024, window_bytes: 1 << 20, frame_bytes: 1 << 20 }
    }
}

/// The workers of one pool behind the port.
pub struct RemoteWorker {
    members: Arc<Members>,
    spreading: Spreading,
    messages: Messages,
}

impl RemoteWorker {
    /// The workers at `urls` (`http://host:port`). Connects when they are first needed, and again after a loss.
    /// To be called within a tokio runtime.
    pub fn connect(urls: &[String], settings: &HttpSettings) -> Result<Arc<Self>> {
        Self::connect_tuned(urls, settings, &Tuning::default())
    }

    /// The same with other figures.
    pub fn connect_tuned(urls: &[String], settings: &HttpSettings, tuning: &Tuning) -> Result<Arc<Self>> {
        let timeout = Duration::from_secs(settings.worker_timeout_seconds.max(1));
        if urls.is_empty() {
            return Err(Error::invalid("a gateway needs at least one worker"));
        }
        let members =
            urls.iter().map(|url| Member::new(url, timeout, tuning).map(Arc::new)).collect::<Result<_>>()?;
        Ok(Arc::new(Self {
            members: Arc::new(Members::new(members)),
            spreading: Spreading::new(),
            messages: Messages::default(),
        }))
    }

    /// Shares metadata with other gateways from now on.
    pub fn share(&self, tier: Tier) {
        self.messages.keep_in(tier);
    }
}

#[async_trait]
impl Worker for RemoteWorker {
    async fn list(&self, known: Option<u64>) -> Result<Option<Listing>> {
        let listing = self.members.ask("", |member| catalog::list(member, known)).await?;
        if let Some(listing) = &listing {
            self.messages.set_catalog(&listing.catalog_id);
        }
        Ok(listing)
    }

    async fn dataset(&self, id: &DatasetId, version: Option<Version>) -> Result<PublishedDataset> {
        let place = version.and_then(|version| self.messages.dataset(id, version));
        if let Some(place) = &place
            && let Some(got) = place.read().await
        {
            return catalog::dataset_from_wire(got).await;
        }
        let got = self.members.ask(id.as_str(), |member| catalog::dataset(member, id, version)).await?;
        if let Some(place) = &place {
            place.write(&got, &got.catalog_id);
        }
        catalog::dataset_from_wire(got).await
    }

    async fn versions(&self, id: &DatasetId) -> Result<VersionList> {
        self.members.ask(id.as_str(), |member| catalog::versions(member, id)).await
    }

    async fn references(
        &self,
        id: &DatasetId,
        version: Version,
        variable: &NodePath,
        record: u64,
    ) -> Result<ReferenceRecord> {
        let place = self.messages.references(id, version, variable, record);
        if let Some(place) = &place
            && let Some(got) = place.read().await
        {
            return catalog::references_from_wire(got).await;
        }
        let got = self
            .members
            .ask(id.as_str(), |member| catalog::references(member, id, version, variable, record))
            .await?;
        if let Some(place) = &place {
            place.write(&got, &got.catalog_id);
        }
        catalog::references_from_wire(got).await
    }

    async fn read(&self, file: &Arc<SourceFile>, range: ByteRange) -> Result<StoredBytes> {
        self.members.ask(&file.path, |member| member.read(file, range)).await
    }

    async fn stat(&self, file: &Arc<SourceFile>, array: Option<&str>) -> Result<Option<u64>> {
        self.members.ask(&file.path, |member| evaluation::stat(member, file, array)).await
    }

    async fn evaluate(&self, chunk: &EvaluatedChunk) -> Result<Option<Bytes>> {
        self.evaluate_to_keep(chunk).await.map(|made| made.bytes)
    }

    async fn evaluate_to_keep(&self, chunk: &EvaluatedChunk) -> Result<MadeChunk> {
        let (key, may_spread) = (key_of(chunk), self.members.all().len() > 1);
        let made = self.members.ask(&key, |member| evaluation::evaluate(member, chunk, may_spread)).await?;
        match made {
            Evaluated::Chunk(chunk) => Ok(chunk),
            Evaluated::Reductions(reductions) => {
                let bytes = self.spreading.chunk(&self.members, chunk, reductions).await?;
                // Whoever put it together has it still, and says of what it was made when it is asked for again.
                Ok(MadeChunk { bytes, keeping: None })
            }
        }
    }

    async fn plan(&self, chunk: &EvaluatedChunk) -> Result<ChunkPlan> {
        self.members.ask(&key_of(chunk), |member| evaluation::plan(member, chunk)).await
    }

    async fn open_view(&self, id: &DatasetId, version: Version, steps: &str) -> Result<PublishedDataset> {
        self.members.ask(id.as_str(), |member| evaluation::open_view(member, id, version, steps)).await
    }

    async fn order_recall(&self, file: &Arc<SourceFile>) -> Result<Option<Recall>> {
        self.members.ask(&file.path, |member| recalls::order(member, file)).await
    }

    async fn recalls(&self, id: &DatasetId, version: Version) -> Result<Vec<Recall>> {
        recalls::list(self.members.all(), id, version).await
    }

    async fn register(&self, wanted: Registration) -> Result<BoxStream<'static, Result<RegistrationEvent>>> {
        let member = self.members.alive(wanted.id.as_str()).await?;
        registration::register(member, wanted).await
    }

    async fn refresh(&self, id: &DatasetId) -> Result<BoxStream<'static, Result<RegistrationEvent>>> {
        registration::refresh(self.members.alive(id.as_str()).await?, id).await
    }

    async fn amend(&self, id: &DatasetId, of: Option<Version>, amendment: Amendment) -> Result<Amended> {
        registration::amend(self.members.alive(id.as_str()).await?, id, of, amendment).await
    }

    async fn remove(&self, id: &DatasetId) -> Result<()> {
        catalog::remove(self.members.alive(id.as_str()).await?, id).await
    }

    async fn roll_back(&self, id: &DatasetId, version: Option<Version>) -> Result<Version> {
        catalog::roll_back(self.members.alive(id.as_str()).await?, id, version).await
    }

    async fn ready(&self) -> Result<()> {
        self.members.alive("").await.map(|_| ())
    }
}

/// By what the worker for a chunk is chosen: the same chunk goes to the same one, which may have it still.
fn key_of(chunk: &EvaluatedChunk) -> String {
    format!("{}/{}/{}", chunk.id, chunk.variable, chunk.number)
}

/// A failure to reach a worker: the public learns no host.
fn unavailable(cause: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unavailable, "no worker could answer").with_internal(cause)
}

/// A worker that was asked and says nothing.
fn silent() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, "the worker did not answer in time")
}

#[cfg(test)]
mod tests;
