//! The flow, with a worker that counts.

mod ranges;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use engine::ports::{
    Form, Keeping, Listing, MadeChunk, PublishedDataset, ReadBytes, ReferenceRecord, Registration,
    RegistrationEvent, StoredBytes, VersionList,
};
use futures::stream::BoxStream;
use model::{DatasetId, ErrorKind, FileIdentity, NodePath, SourceFile, Version};

use super::*;

/// Makes a chunk that says how many it made before.
#[derive(Default)]
struct Counting {
    made: AtomicUsize,
    looks: AtomicUsize,
    has_changed: AtomicBool,
    not_kept: AtomicBool,
    failure: Mutex<Option<ErrorKind>>,
    remote: ranges::Remote,
}

fn source() -> Arc<SourceFile> {
    let identity = FileIdentity { size_bytes: 1, modified_ns: 1, inode: 1 };
    Arc::new(SourceFile { path: "/a".into(), identity })
}

fn unsupported<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, "not of this test"))
}

#[async_trait]
impl Worker for Counting {
    async fn evaluate_to_keep(&self, chunk: &EvaluatedChunk) -> Result<MadeChunk> {
        let number = self.made.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        if let Some(kind) = *self.failure.lock().unwrap() {
            return Err(Error::new(kind, "scripted"));
        }
        let keeping = Keeping { catalog_id: "catalog".into(), sources: vec![source()] };
        let keeping = (!self.not_kept.load(Ordering::SeqCst)).then_some(keeping);
        Ok(MadeChunk { bytes: Some(format!("{} {number}", chunk.number).into()), keeping })
    }

    async fn evaluate(&self, chunk: &EvaluatedChunk) -> Result<Option<Bytes>> {
        self.evaluate_to_keep(chunk).await.map(|made| made.bytes)
    }

    async fn read(&self, _: &DatasetId, file: &Arc<SourceFile>, range: ByteRange) -> Result<StoredBytes> {
        if file.is_remote() {
            return self.remote.read(file, range).await.map(|read| read.bytes);
        }
        assert_eq!((file, range.length), (&source(), 0));
        self.looks.fetch_add(1, Ordering::SeqCst);
        if self.has_changed.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Conflict, "changed"));
        }
        Ok(StoredBytes::Whole(Bytes::new()))
    }

    async fn read_to_keep(
        &self,
        _: &DatasetId,
        file: &Arc<SourceFile>,
        range: ByteRange,
    ) -> Result<ReadBytes> {
        self.remote.read(file, range).await
    }

    async fn list(&self, _: Option<u64>) -> Result<Option<Listing>> {
        unsupported()
    }

    async fn dataset(&self, _: &DatasetId, _: Option<Version>) -> Result<PublishedDataset> {
        unsupported()
    }

    async fn versions(&self, _: &DatasetId) -> Result<VersionList> {
        unsupported()
    }

    async fn references(&self, _: &DatasetId, _: Version, _: &NodePath, _: u64) -> Result<ReferenceRecord> {
        unsupported()
    }

    async fn register(&self, _: Registration) -> Result<BoxStream<'static, Result<RegistrationEvent>>> {
        unsupported()
    }

    async fn remove(&self, _: &DatasetId) -> Result<()> {
        unsupported()
    }

    async fn roll_back(&self, _: &DatasetId, _: Option<Version>) -> Result<Version> {
        unsupported()
    }

    async fn ready(&self) -> Result<()> {
        Ok(())
    }
}

fn chunk(number: u64) -> EvaluatedChunk {
    EvaluatedChunk {
        id: DatasetId::parse("tas").unwrap(),
        version: Version(1),
        variable: NodePath::parse("tas").unwrap(),
        number,
        form: Form::Decoded,
    }
}

fn cache(recheck_seconds: u64) -> ChunkCache {
    ChunkCache::new(&CacheSettings { recheck_seconds, ..CacheSettings::default() }, None)
}

async fn ask(cache: &ChunkCache, worker: &Counting, catalog_id: &str) -> Result<Bytes> {
    cache.chunk(worker, catalog_id, &chunk(7)).await.map(Option::unwrap)
}

#[tokio::test]
async fn a_chunk_is_made_once_for_all_who_ask_at_once_and_later() {
    let (cache, worker) = (cache(60), Counting::default());
    let all = futures::future::join_all((0..100).map(|_| ask(&cache, &worker, "catalog"))).await;
    assert!(all.iter().all(|bytes| bytes.as_deref() == Ok(b"7 0")), "{all:?}");
    assert_eq!(ask(&cache, &worker, "catalog").await.unwrap(), "7 0");
    assert_eq!((worker.made.into_inner(), worker.looks.into_inner()), (1, 0));
}

#[tokio::test]
async fn another_catalog_has_other_chunks_and_none_keeps_nothing() {
    let (cache, worker) = (cache(60), Counting::default());
    assert_eq!(ask(&cache, &worker, "catalog").await.unwrap(), "7 0");
    // What the worker makes is of the catalog that it has: not kept as of the one that was asked for.
    for made in 1..3 {
        assert_eq!(ask(&cache, &worker, "other").await.unwrap(), format!("7 {made}"));
    }
    for made in 3..5 {
        assert_eq!(ask(&cache, &worker, "").await.unwrap(), format!("7 {made}"));
    }
    assert_eq!(ask(&cache, &worker, "catalog").await.unwrap(), "7 0");
}

#[tokio::test]
async fn what_a_worker_does_not_let_be_kept_is_made_again() {
    let (cache, worker) = (cache(60), Counting::default());
    worker.not_kept.store(true, Ordering::SeqCst);
    assert_eq!(ask(&cache, &worker, "catalog").await.unwrap(), "7 0");
    assert_eq!(ask(&cache, &worker, "catalog").await.unwrap(), "7 1");
}

#[tokio::test]
async fn a_source_that_changed_is_a_conflict_and_the_chunk_is_forgotten() {
    let (cache, worker) = (cache(0), Counting::default());
    for looks in 0..3 {
        assert_eq!(ask(&cache, &worker, "catalog").await.unwrap(), "7 0");
        assert_eq!(worker.looks.load(Ordering::SeqCst), looks);
    }
    worker.has_changed.store(true, Ordering::SeqCst);
    assert_eq!(ask(&cache, &worker, "catalog").await.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(ask(&cache, &worker, "catalog").await.unwrap(), "7 1", "the worker decides");
}

#[tokio::test]
async fn a_failure_is_everybodys_who_asked_at_once_and_is_not_kept() {
    let (cache, worker) = (cache(60), Counting::default());
    *worker.failure.lock().unwrap() = Some(ErrorKind::CorruptData);
    let all = futures::future::join_all((0..10).map(|_| ask(&cache, &worker, "catalog"))).await;
    assert!(all.iter().all(|made| made.as_ref().unwrap_err().kind == ErrorKind::CorruptData));
    assert_eq!(worker.made.load(Ordering::SeqCst), 1);
    *worker.failure.lock().unwrap() = None;
    assert_eq!(ask(&cache, &worker, "catalog").await.unwrap(), "7 1");
}

#[tokio::test]
async fn who_leaves_fails_nobody_else() {
    let (cache, worker) = (cache(60), Counting::default());
    let first = tokio::time::timeout(Duration::from_millis(5), ask(&cache, &worker, "catalog"));
    let (left, stayed) = futures::future::join(first, ask(&cache, &worker, "catalog")).await;
    assert!(left.is_err());
    assert_eq!(stayed.unwrap(), "7 1");
}

#[tokio::test]
async fn without_memory_requests_at_once_are_still_one() {
    let settings = CacheSettings { bytes_max: 0, ..CacheSettings::default() };
    let (cache, worker) = (ChunkCache::new(&settings, None), Counting::default());
    let all = futures::future::join_all((0..10).map(|_| ask(&cache, &worker, "catalog"))).await;
    assert!(all.iter().all(|bytes| bytes.as_deref() == Ok(b"7 0")), "{all:?}");
    cache.inner.as_ref().unwrap().memory.run_pending_tasks().await;
    assert_eq!(ask(&cache, &worker, "catalog").await.unwrap(), "7 1");
}

#[tokio::test]
async fn what_goes_to_redis_comes_back() {
    let keeping = Keeping { catalog_id: "c".into(), sources: vec![source()] };
    let made = MadeChunk { bytes: Some(Bytes::from_static(b"chunk")), keeping: Some(keeping) };
    let kept = Kept::new(made, "c");
    assert!(kept.is_to_be_shared() && !kept.is_to_be_shared());
    let read = Kept::from_wire(kept.to_wire()).unwrap();
    assert_eq!((read.bytes(), read.sources()), (kept.bytes(), kept.sources()));
    assert!(
        read.is_of("c")
            && !read.is_of("d")
            && read.is_fresh(Duration::from_mins(1))
            && !read.is_to_be_shared()
    );
    assert!(!read.is_fresh(Duration::ZERO));
    assert!(Kept::from_wire(Bytes::from_static(b"\x0a\x03abc")).is_none(), "kept on no condition");
}
