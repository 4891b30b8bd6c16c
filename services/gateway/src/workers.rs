//! The workers as the gateway sees them: remote ones over gRPC, placement, retry.
//!
//! ```text
//! membership ─▶ Pools ─▶ Pool (by dataset) ─▶ Members ─▶ placement: rendezvous, bounded load
//!                                                │
//!                        attempts: retry within a budget, hedge what is late ─▶ Member: health, load
//! read ─▶ small: lane    one long-lived stream, many reads
//!         large: range   pieces passed through as they come; resumed elsewhere where the worker is lost
//! evaluate ─▶ tonic; a long reduction ─▶ spread: its sections by all members
//! catalog, registration ─▶ any live member ─▶ tonic
//! ```

mod announced;
mod budget;
mod call;
mod catalog;
mod catalog_id;
mod connection;
mod evaluation;
mod health;
mod lane;
mod latency;
mod load;
mod member;
mod members;
mod membership;
mod placement;
mod pool;
mod pools;
mod range;
mod recalls;
mod registration;
mod resumed;
mod spread;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use engine::pools::PoolStatus;
use engine::ports::{
    Amended, Amendment, ChunkPlan, EvaluatedChunk, Form, Listing, MadeChunk, PublishedDataset, ReadBytes,
    ReferenceRecord, Registration, RegistrationEvent, StoredBytes, VersionList, Worker,
};
use engine::recall::Recall;
use futures::stream::BoxStream;
use model::{ByteRange, DatasetId, Error, ErrorKind, NodePath, Result, SourceFile, Version};
use tier::Tier;

use crate::cache::Messages;
use crate::settings::{HttpSettings, PoolSettings, RoutingSettings};
use evaluation::Evaluated;
use load::Kind;
use member::Member;
use membership::Membership;
use pools::Pools;

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

/// The workers of all pools behind the port.
pub struct RemoteWorker {
    pools: Arc<Pools>,
    messages: Messages,
}

impl RemoteWorker {
    /// The workers of pools by their names, and those that announce themselves in Redis. Connects at once, in the background, and again after a loss.
    /// To be called within a tokio runtime.
    pub fn connect(
        pools: &BTreeMap<String, PoolSettings>,
        http: &HttpSettings,
        routing: &RoutingSettings,
        tier: Option<Tier>,
    ) -> Result<Arc<Self>> {
        Self::connect_tuned(pools, http, routing, tier, &Tuning::default())
    }

    /// The same with other figures.
    pub fn connect_tuned(
        pools: &BTreeMap<String, PoolSettings>,
        http: &HttpSettings,
        routing: &RoutingSettings,
        tier: Option<Tier>,
        tuning: &Tuning,
    ) -> Result<Arc<Self>> {
        let timeout = Duration::from_secs(http.worker_timeout_seconds.max(1));
        let messages = Messages::default();
        if let Some(tier) = &tier {
            messages.keep_in(tier.clone());
        }
        let membership = Membership::new(pools, tier)?;
        let pools = Arc::new(Pools::new(timeout, routing, tuning));
        pools.set(&membership.known())?;
        if !membership.is_fixed() {
            let every = Duration::from_millis(routing.membership_ms);
            tokio::spawn(membership.keep(Arc::downgrade(&pools), every));
        }
        Ok(Arc::new(Self { pools, messages }))
    }

    /// The list as any worker has it.
    async fn list_of_any(&self, known: Option<u64>) -> Result<Option<Listing>> {
        let mut last = unavailable("no workers");
        for pool in self.pools.for_catalog() {
            match pool.now().ask(Kind::Catalog, "", |member| catalog::list(member, known)).await {
                Ok(listing) => {
                    if let Some(listing) = &listing {
                        self.pools.learn(listing);
                        self.messages.set_catalog(&listing.catalog_id);
                    }
                    return Ok(listing);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// A member of a dataset's pool that answers, for calls that must not be made twice.
    async fn alive(&self, id: &DatasetId) -> Result<Arc<Member>> {
        self.pools.of(id)?.now().alive(id.as_str()).await
    }
}

#[async_trait]
impl Worker for RemoteWorker {
    async fn list(&self, known: Option<u64>) -> Result<Option<Listing>> {
        let listed = self.list_of_any(known).await;
        if listed.is_err() && self.pools.adopt().await { self.list_of_any(known).await } else { listed }
    }

    async fn dataset(&self, id: &DatasetId, version: Option<Version>) -> Result<PublishedDataset> {
        let place = version.and_then(|version| self.messages.dataset(id, version));
        if let Some(place) = &place
            && let Some(got) = place.read().await
        {
            return catalog::dataset_from_wire(got).await;
        }
        let members = self.pools.of(id)?.now();
        let got =
            members.ask(Kind::Catalog, id.as_str(), |member| catalog::dataset(member, id, version)).await?;
        if let Some(place) = &place {
            place.write(&got, &got.catalog_id);
        }
        catalog::dataset_from_wire(got).await
    }

    async fn versions(&self, id: &DatasetId) -> Result<VersionList> {
        let members = self.pools.of(id)?.now();
        members.ask(Kind::Catalog, id.as_str(), |member| catalog::versions(member, id)).await
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
        let members = self.pools.of(id)?.now();
        let got = members
            .ask(Kind::Catalog, id.as_str(), |member| {
                catalog::references(member, id, version, variable, record)
            })
            .await?;
        if let Some(place) = &place {
            place.write(&got, &got.catalog_id);
        }
        catalog::references_from_wire(got).await
    }

    async fn read(&self, id: &DatasetId, file: &Arc<SourceFile>, range: ByteRange) -> Result<StoredBytes> {
        self.read_to_keep(id, file, range).await.map(|read| read.bytes)
    }

    async fn read_to_keep(
        &self,
        id: &DatasetId,
        file: &Arc<SourceFile>,
        range: ByteRange,
    ) -> Result<ReadBytes> {
        resumed::read(self.pools.of(id)?, file, range).await
    }

    async fn stat(&self, id: &DatasetId, file: &Arc<SourceFile>, array: Option<&str>) -> Result<Option<u64>> {
        let members = self.pools.of(id)?.now();
        members.ask(Kind::Read, &file.path, |member| evaluation::stat(member, id, file, array)).await
    }

    async fn evaluate(&self, chunk: &EvaluatedChunk) -> Result<Option<Bytes>> {
        self.evaluate_to_keep(chunk).await.map(|made| made.bytes)
    }

    async fn evaluate_to_keep(&self, chunk: &EvaluatedChunk) -> Result<MadeChunk> {
        let pool = self.pools.of(&chunk.id)?;
        let (members, key) = (pool.now(), key_of(chunk));
        let may_spread = members.all().len() > 1;
        let made =
            members.ask(Kind::Evaluation, &key, |member| evaluation::evaluate(member, chunk, may_spread));
        match made.await? {
            Evaluated::Chunk(chunk) => Ok(chunk),
            Evaluated::Reductions(reductions) => {
                let bytes = pool.spreading.chunk(&members, chunk, reductions).await?;
                // Whoever put it together has it still, and says of what it was made when it is asked for again.
                Ok(MadeChunk { bytes, keeping: None })
            }
        }
    }

    async fn plan(&self, chunk: &EvaluatedChunk) -> Result<ChunkPlan> {
        let members = self.pools.of(&chunk.id)?.now();
        members.ask(Kind::Catalog, &key_of(chunk), |member| evaluation::plan(member, chunk)).await
    }

    async fn open_view(&self, id: &DatasetId, version: Version, steps: &str) -> Result<PublishedDataset> {
        let members = self.pools.of(id)?.now();
        members
            .ask(Kind::Evaluation, id.as_str(), |member| evaluation::open_view(member, id, version, steps))
            .await
    }

    async fn order_recall(&self, id: &DatasetId, file: &Arc<SourceFile>) -> Result<Option<Recall>> {
        let members = self.pools.of(id)?.now();
        members.ask(Kind::Evaluation, &file.path, |member| recalls::order(member, id, file)).await
    }

    async fn recalls(&self, id: &DatasetId, version: Version) -> Result<Vec<Recall>> {
        recalls::list(self.pools.of(id)?.now().all(), id, version).await
    }

    async fn register(&self, wanted: Registration) -> Result<BoxStream<'static, Result<RegistrationEvent>>> {
        let pool = match &wanted.pool {
            Some(name) => self.pools.named(name)?,
            None => self.pools.of(&wanted.id)?,
        };
        let members = pool.now();
        let member = members.alive(wanted.id.as_str()).await?;
        registration::register(&member, wanted).await
    }

    async fn refresh(&self, id: &DatasetId) -> Result<BoxStream<'static, Result<RegistrationEvent>>> {
        registration::refresh(&*self.alive(id).await?, id).await
    }

    async fn amend(&self, id: &DatasetId, of: Option<Version>, amendment: Amendment) -> Result<Amended> {
        registration::amend(&*self.alive(id).await?, id, of, amendment).await
    }

    async fn remove(&self, id: &DatasetId) -> Result<()> {
        catalog::remove(&*self.alive(id).await?, id).await
    }

    async fn roll_back(&self, id: &DatasetId, version: Option<Version>) -> Result<Version> {
        catalog::roll_back(&*self.alive(id).await?, id, version).await
    }

    async fn ready(&self) -> Result<()> {
        let mut last = unavailable("no workers");
        for pool in self.pools.for_catalog() {
            match pool.now().alive_now("").await {
                Ok(_) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn pools(&self) -> Vec<PoolStatus> {
        self.pools.status()
    }
}

/// By what the worker for a chunk is chosen: the same chunk goes to the same one, which may have it still.
fn key_of(chunk: &EvaluatedChunk) -> String {
    let view = if let Form::View(steps) = &chunk.form { steps } else { "" };
    format!("{}/{}/{}/{view}", chunk.id, chunk.variable, chunk.number)
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
