//! Chunks that workers made, kept for the next request: in this process, and in Redis for all gateways.
//!
//! ```text
//! chunk ─▶ memory ─▶ Redis ─▶ another gateway makes it? wait ─▶ worker ─▶ memory; Redis, if asked for twice or long to make
//!            └─ are the sources what they were? else a 409, as from the worker
//! ```
//! Requests for the same chunk at once ask once. Only chunks of which the version says what they are made of are kept: a
//! worker says so ([`Keeping`](engine::ports::Keeping)).

mod admission;
mod kept;
mod key;
mod messages;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use engine::ports::{EvaluatedChunk, Worker};
use futures::{StreamExt as _, TryStreamExt as _};
use model::{ByteRange, Error, ErrorKind, Result};
use moka::future::Cache;
use telemetry::metrics;
use tier::{Tier, Turn};

use crate::settings::CacheSettings;
use admission::Admission;
use kept::{Expiry, Kept};

pub(crate) use messages::Messages;

/// Most sources of one chunk that are looked at once.
const CHECKS_AT_ONCE: usize = 8;

/// The chunks that a gateway keeps.
pub struct ChunkCache {
    inner: Option<Inner>,
}

struct Inner {
    memory: Cache<Arc<str>, Arc<Kept>>,
    tier: Option<Tier>,
    admission: Admission,
    recheck: Duration,
}

/// One chunk that is asked for.
struct Wanted<'w> {
    worker: &'w dyn Worker,
    chunk: &'w EvaluatedChunk,
    catalog_id: &'w str,
    key: Arc<str>,
}

impl ChunkCache {
    /// Nothing kept yet.
    pub fn new(settings: &CacheSettings, tier: Option<Tier>) -> Self {
        let memory = Cache::builder()
            .weigher(|key: &Arc<str>, kept: &Arc<Kept>| kept.weight(key))
            .max_capacity(settings.bytes_max)
            .expire_after(Expiry)
            .build();
        let recheck = Duration::from_secs(settings.recheck_seconds);
        Self { inner: Some(Inner { memory, tier, admission: Admission::new(), recheck }) }
    }

    /// Keeps nothing: where the worker is in this process, and keeps chunks itself.
    pub fn none() -> Self {
        Self { inner: None }
    }

    /// A chunk of a catalog's dataset, kept or made by `worker`; none where the sources have nothing of it.
    pub(crate) async fn chunk(
        &self,
        worker: &dyn Worker,
        catalog_id: &str,
        chunk: &EvaluatedChunk,
    ) -> Result<Option<Bytes>> {
        match &self.inner {
            Some(inner) if !catalog_id.is_empty() => {
                let key = key::of(catalog_id, chunk);
                inner.serve(&Wanted { worker, chunk, catalog_id, key }).await
            }
            _ => worker.evaluate(chunk).await,
        }
    }
}

impl Inner {
    async fn serve(&self, wanted: &Wanted<'_>) -> Result<Option<Bytes>> {
        if let Some(kept) = self.memory.get(&wanted.key).await {
            self.check(wanted, &kept).await?;
            // Asked for twice: others may ask for it too.
            self.share(wanted, &kept);
            count("memory");
            return Ok(kept.bytes().cloned());
        }
        let kept = self.memory.try_get_with(Arc::clone(&wanted.key), Box::pin(self.fetch(wanted))).await;
        metrics()
            .shared
            .chunk_cache_bytes
            .set(i64::try_from(self.memory.weighted_size()).unwrap_or(i64::MAX));
        kept.map(|kept| kept.bytes().cloned()).map_err(|error| Error::clone(&error))
    }

    /// What is not in memory.
    async fn fetch(&self, wanted: &Wanted<'_>) -> Result<Arc<Kept>> {
        let Some(tier) = &self.tier else { return self.make(wanted).await };
        if let Some(value) = tier.get(&wanted.key).await
            && let Some(kept) = self.of_others(wanted, value, "redis").await?
        {
            return Ok(kept);
        }
        let Some(lasts) = self.admission.lock_lasts(wanted.chunk) else { return self.make(wanted).await };
        match tier.turn(&wanted.key, lasts, lasts).await {
            Turn::Made(value) => match self.of_others(wanted, value, "another gateway").await? {
                Some(kept) => Ok(kept),
                None => self.make(wanted).await,
            },
            Turn::Mine(_lock) => self.make(wanted).await,
            Turn::Unknown => self.make(wanted).await,
        }
    }

    /// What another gateway kept; none where that is not understood.
    async fn of_others(&self, wanted: &Wanted<'_>, value: Bytes, from: &str) -> Result<Option<Arc<Kept>>> {
        let Some(kept) = Kept::from_wire(value).filter(|kept| kept.is_of(wanted.catalog_id)) else {
            return Ok(None);
        };
        self.check(wanted, &kept).await?;
        count(from);
        Ok(Some(Arc::new(kept)))
    }

    async fn make(&self, wanted: &Wanted<'_>) -> Result<Arc<Kept>> {
        let begun = Instant::now();
        let made = wanted.worker.evaluate_to_keep(wanted.chunk).await?;
        let took = begun.elapsed();
        count("worker");
        let kept = Arc::new(Kept::new(made, wanted.catalog_id));
        if kept.may_be_kept() {
            self.admission.took(wanted.chunk, took);
            if self.admission.admits(&wanted.key, took) {
                self.share(wanted, &kept);
            }
        }
        Ok(kept)
    }

    /// Writes it to Redis, unless it came from there.
    fn share(&self, wanted: &Wanted<'_>, kept: &Kept) {
        if let Some(tier) = &self.tier
            && kept.is_to_be_shared()
        {
            tier.put(&wanted.key, kept.to_wire());
        }
    }

    /// Fails where a source is not what it was. Looked at again only after a while.
    async fn check(&self, wanted: &Wanted<'_>, kept: &Kept) -> Result<()> {
        if kept.is_fresh(self.recheck) {
            return Ok(());
        }
        let sources: Vec<_> = kept.sources().to_vec();
        let nothing = ByteRange { offset: 0, length: 0 };
        let looks = sources.iter().map(|file| wanted.worker.read(&wanted.chunk.id, file, nothing));
        let looks: Vec<_> = looks.collect();
        let looked =
            futures::stream::iter(looks).buffer_unordered(CHECKS_AT_ONCE).try_for_each(|_| async { Ok(()) });
        match looked.await {
            Ok(()) => {
                kept.is_checked();
                Ok(())
            }
            Err(error) => {
                // What keeps a worker from looking says nothing about the chunk.
                if matches!(error.kind, ErrorKind::Conflict | ErrorKind::NotFound | ErrorKind::Gone) {
                    self.forget(&wanted.key).await;
                }
                Err(error)
            }
        }
    }

    async fn forget(&self, key: &Arc<str>) {
        self.memory.invalidate(key).await;
        if let Some(tier) = &self.tier {
            tier.remove(key);
        }
    }
}

fn count(from: &str) {
    metrics().shared.chunk_cache_total.with_label_values(&[from]).inc();
}
