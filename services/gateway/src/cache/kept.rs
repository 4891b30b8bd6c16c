//! One chunk that is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use cloudify_proto::convert::{file_from_wire, file_to_wire};
use cloudify_proto::v1;
use engine::ports::{Keeping, MadeChunk};
use model::SourceFile;
use prost::Message as _;

/// A chunk, and on what conditions it is kept.
#[derive(Debug)]
pub(super) struct Kept {
    bytes: Option<Bytes>,
    keeping: Option<Keeping>,
    /// When its sources were last seen to be what they were, milliseconds since 1970.
    checked_ms: AtomicI64,
    is_shared: AtomicBool,
}

impl Kept {
    /// What a worker made just now. It is of the catalog that was asked for, or not kept.
    pub(super) fn new(made: MadeChunk, catalog_id: &str) -> Self {
        let keeping = made.keeping.filter(|keeping| keeping.catalog_id == catalog_id && made.bytes.is_some());
        Self { bytes: made.bytes, keeping, checked_ms: now_ms().into(), is_shared: false.into() }
    }

    /// What a gateway wrote to Redis; none where it is not understood.
    pub(super) fn from_wire(value: Bytes) -> Option<Self> {
        let v1::KeptChunk { data, keeping, checked_ms } = v1::KeptChunk::decode(value).ok()?;
        let v1::Keeping { catalog_id, sources } = keeping?;
        let sources = sources.into_iter().map(|file| file_from_wire(file).map(Arc::new).ok());
        let keeping = Keeping { catalog_id, sources: sources.collect::<Option<_>>()? };
        let checked_ms = checked_ms.into();
        Some(Self { bytes: Some(data), keeping: Some(keeping), checked_ms, is_shared: true.into() })
    }

    /// For Redis.
    pub(super) fn to_wire(&self) -> Bytes {
        let keeping = self.keeping.as_ref().map(|keeping| v1::Keeping {
            catalog_id: keeping.catalog_id.clone(),
            sources: keeping.sources.iter().map(|file| file_to_wire(file)).collect(),
        });
        let data = self.bytes.clone().unwrap_or_default();
        let checked_ms = self.checked_ms.load(Ordering::Relaxed);
        v1::KeptChunk { data, keeping, checked_ms }.encode_to_vec().into()
    }

    pub(super) fn bytes(&self) -> Option<&Bytes> {
        self.bytes.as_ref()
    }

    pub(super) fn sources(&self) -> &[Arc<SourceFile>] {
        self.keeping.as_ref().map_or(&[], |keeping| &keeping.sources)
    }

    /// Whether it is more than an answer to those who ask now.
    pub(super) fn may_be_kept(&self) -> bool {
        self.keeping.is_some()
    }

    pub(super) fn is_of(&self, catalog_id: &str) -> bool {
        self.keeping.as_ref().is_some_and(|keeping| keeping.catalog_id == catalog_id)
    }

    /// Whether its sources were looked at within this time. Clocks of several machines differ: what was looked at in the
    /// future was not.
    pub(super) fn is_fresh(&self, recheck: Duration) -> bool {
        let age_ms = now_ms() - self.checked_ms.load(Ordering::Relaxed);
        self.sources().is_empty()
            || (0..i64::try_from(recheck.as_millis()).unwrap_or(i64::MAX)).contains(&age_ms)
    }

    /// Its sources are what they were, now.
    pub(super) fn is_checked(&self) {
        self.checked_ms.store(now_ms(), Ordering::Relaxed);
    }

    /// Whether it may be kept by others and is not yet. Says so once.
    pub(super) fn is_to_be_shared(&self) -> bool {
        self.may_be_kept() && !self.is_shared.swap(true, Ordering::Relaxed)
    }

    /// It was not taken after all: the next time may be better.
    pub(super) fn is_not_shared(&self) {
        self.is_shared.store(false, Ordering::Relaxed);
    }

    /// How long it is for Redis, about.
    pub(super) fn wire_bytes(&self) -> usize {
        let sources = self.sources().iter().map(|file| size_of::<SourceFile>() + file.path.len());
        self.bytes.as_ref().map_or(0, Bytes::len) + sources.sum::<usize>()
    }

    /// For the bound of the memory, in bytes.
    pub(super) fn weight(&self, key: &str) -> u32 {
        u32::try_from(self.wire_bytes() + key.len() + 256).unwrap_or(u32::MAX)
    }
}

/// What may not be kept is gone as soon as those have it who asked at once.
pub(super) struct Expiry;

impl moka::Expiry<Arc<str>, Arc<Kept>> for Expiry {
    fn expire_after_create(&self, _key: &Arc<str>, kept: &Arc<Kept>, _now: Instant) -> Option<Duration> {
        (!kept.may_be_kept()).then_some(Duration::ZERO)
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
