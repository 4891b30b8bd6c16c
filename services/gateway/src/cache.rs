//! Chunks that workers made, and short ranges of remote files, kept for the next request: in this process, and in Redis for
//! all gateways.
//!
//! ```text
//! chunk ─▶ memory ─▶ Redis ─▶ another gateway makes it? wait ─▶ worker ─▶ memory; Redis, if asked for twice or long to make
//!            └─ are the sources what they were? else a 409, as from the worker
//! ```
//! Requests for the same chunk at once ask once. Only chunks of which the version says what they are made of are kept: a
//! worker says so ([`Keeping`](engine::ports::Keeping)). Ranges are kept as those of the state in which the file was found.

mod admission;
mod kept;
mod key;
mod looks;
mod messages;
#[cfg(test)]
mod tests;
mod wanted;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use engine::ports::{EvaluatedChunk, StoredBytes, Worker};
use futures::{StreamExt as _, TryStreamExt as _};
use model::{ByteRange, DatasetId, Error, Result, SourceFile};
use moka::future::Cache;
use telemetry::metrics;
use tier::{Tier, Turn};

use crate::settings::CacheSettings;
use admission::Admission;
use kept::{Expiry, Kept};
use looks::{Looks, Seen};
use wanted::{RemoteRange, Wanted, What};

pub(crate) use messages::Messages;

/// Longest time for which a look at a remote file counts.
const RECHECK_MAX: Duration = Duration::from_hours(24 * 365);
/// Most sources of one chunk that are looked at once.
const CHECKS_AT_ONCE: usize = 8;

/// The chunks and ranges that a gateway keeps.
pub struct ChunkCache {
    inner: Option<Inner>,
    /// Not where the worker is in this process: it keeps them itself.
    keeps_chunks: bool,
}

struct Inner {
    memory: Cache<Arc<str>, Arc<Kept>>,
    tier: Option<Tier>,
    admission: Admission,
    recheck: Duration,
    remote_recheck: Duration,
    looks: Looks,
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
        let remote_recheck = Duration::from_secs(settings.remote_recheck_seconds).min(RECHECK_MAX);
        let (admission, looks) = (Admission::new(), Looks::new(remote_recheck));
        let inner = Inner { memory, tier, admission, recheck, remote_recheck, looks };
        Self { inner: Some(inner), keeps_chunks: true }
    }

    /// Keeps ranges of remote files alone: where the worker is in this process, and keeps chunks itself.
    pub fn of_ranges(settings: &CacheSettings) -> Self {
        Self { keeps_chunks: false, ..Self::new(settings, None) }
    }

    /// Keeps nothing.
    pub fn none() -> Self {
        Self { inner: None, keeps_chunks: false }
    }

    /// A chunk of a catalog's dataset, kept or made by `worker`; none where the sources have nothing of it.
    pub(crate) async fn chunk(
        &self,
        worker: &dyn Worker,
        catalog_id: &str,
        chunk: &EvaluatedChunk,
    ) -> Result<Option<Bytes>> {
        match &self.inner {
            Some(inner) if self.keeps_chunks && !catalog_id.is_empty() => {
                inner.serve(&Wanted::chunk(worker, catalog_id, chunk)).await
            }
            _ => worker.evaluate(chunk).await,
        }
    }

    /// Whether a range of a remote file is short enough to be kept.
    pub(crate) fn may_keep(range: ByteRange) -> bool {
        wanted::may_be_kept(range)
    }

    /// A range of a remote file of a catalog's dataset, kept or read by `worker`.
    pub(crate) async fn range(
        &self,
        worker: &Arc<dyn Worker>,
        catalog_id: &str,
        (id, file): (&DatasetId, &Arc<SourceFile>),
        range: ByteRange,
    ) -> Result<StoredBytes> {
        let of = RemoteRange { worker, id, file, range };
        match &self.inner {
            Some(inner) if Self::may_keep(range) && !catalog_id.is_empty() => {
                let bytes = inner.serve(&Wanted::range(catalog_id, of)).await?;
                bytes.map(StoredBytes::Whole).ok_or_else(|| Error::internal("a range has no bytes"))
            }
            _ => worker.read(id, file, range).await,
        }
    }
}

impl Inner {
    async fn serve(&self, wanted: &Wanted<'_>) -> Result<Option<Bytes>> {
        if let Some(kept) = self.memory.get(&wanted.key).await
            && self.may_be_served(wanted, &kept).await?
        {
            // Asked for twice: others may ask for it too.
            self.share(wanted, &kept);
            wanted.count("memory");
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
        let lasts = wanted.of_variable().and_then(|chunk| self.admission.lock_lasts(chunk));
        let Some(lasts) = lasts else { return self.make(wanted).await };
        match tier.turn(&wanted.key, lasts, lasts).await {
            Turn::Made(value) => match self.of_others(wanted, value, "another gateway").await? {
                Some(kept) => Ok(kept),
                None => self.make(wanted).await,
            },
            Turn::Mine(_lock) => self.make(wanted).await,
            Turn::Unknown => self.make(wanted).await,
        }
    }

    /// What another gateway kept; none where that is not understood, or of what was before.
    async fn of_others(&self, wanted: &Wanted<'_>, value: Bytes, from: &str) -> Result<Option<Arc<Kept>>> {
        let Some(kept) = Kept::from_wire(value).filter(|kept| kept.is_of(wanted.catalog_id)) else {
            return Ok(None);
        };
        if !self.may_be_served(wanted, &kept).await? {
            return Ok(None);
        }
        wanted.count(from);
        Ok(Some(Arc::new(kept)))
    }

    async fn make(&self, wanted: &Wanted<'_>) -> Result<Arc<Kept>> {
        let begun = Instant::now();
        let made = wanted.make().await?;
        let mut took = begun.elapsed();
        wanted.count("worker");
        let kept = Arc::new(Kept::new(made, wanted.catalog_id));
        if kept.may_be_kept() {
            match &wanted.what {
                What::Chunk(_, chunk) => self.admission.took(chunk, took),
                What::Range(of) => {
                    self.looks.note(of, &kept).await;
                    // From a slow store all takes long: what nobody asks for again is not for Redis.
                    took = Duration::ZERO;
                }
            }
            if self.admission.admits(&wanted.key, took) {
                self.share(wanted, &kept);
            }
        }
        Ok(kept)
    }

    /// Writes it to Redis, unless it came from there.
    fn share(&self, wanted: &Wanted<'_>, kept: &Arc<Kept>) {
        if let Some(tier) = &self.tier
            && kept.is_to_be_shared()
        {
            let value = Arc::clone(kept);
            if !tier.put(&wanted.key, kept.wire_bytes(), move || value.to_wire()) {
                kept.is_not_shared();
            }
        }
    }

    /// Whether what is kept is of what there is now. An error is the answer of the worker, who would not make it any more.
    async fn may_be_served(&self, wanted: &Wanted<'_>, kept: &Kept) -> Result<bool> {
        let checked = match &wanted.what {
            What::Chunk(worker, chunk) => self.check(*worker, &chunk.id, kept).await.map(|()| true),
            What::Range(of) => self.is_of_state(of, kept).await,
        };
        let is_changed = match &checked {
            Ok(may_be_served) => !may_be_served,
            // What keeps a worker from looking says nothing about the chunk.
            Err(error) => looks::is_change(error.kind),
        };
        if is_changed {
            self.forget(&wanted.key).await;
        }
        checked
    }

    /// Whether a remote file is what it was when a range of it was kept; else the worker is to say what becomes of it. Looked at
    /// again only after a while; where it is out of reach, what is kept is what there is of the version.
    async fn is_of_state(&self, of: &RemoteRange<'_>, kept: &Kept) -> Result<bool> {
        let known = self.looks.known(of).await;
        if known.is_none() && kept.is_fresh(self.remote_recheck) {
            return Ok(true);
        }
        let seen = match known {
            Some(seen) => seen,
            None => self.looks.look(of).await?,
        };
        let Seen::State(state) = seen else { return Ok(true) };
        let is_same = state.is_some() && state == kept.sources().first().map(|file| file.identity);
        // What was seen before counts from then on, not from now.
        if is_same && known.is_none() {
            kept.is_checked();
        }
        Ok(is_same)
    }

    /// Fails where a source is not what it was. Looked at again only after a while.
    async fn check(&self, worker: &dyn Worker, id: &DatasetId, kept: &Kept) -> Result<()> {
        if kept.is_fresh(self.recheck) {
            return Ok(());
        }
        let sources: Vec<_> = kept.sources().to_vec();
        let nothing = ByteRange { offset: 0, length: 0 };
        let looks = sources.iter().map(|file| worker.read(id, file, nothing));
        let looks: Vec<_> = looks.collect();
        let looked =
            futures::stream::iter(looks).buffer_unordered(CHECKS_AT_ONCE).try_for_each(|_| async { Ok(()) });
        looked.await?;
        kept.is_checked();
        Ok(())
    }

    async fn forget(&self, key: &Arc<str>) {
        self.memory.invalidate(key).await;
        if let Some(tier) = &self.tier {
            tier.remove(key);
        }
    }
}
