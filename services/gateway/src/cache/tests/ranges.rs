//! Ranges of a remote file.

use std::sync::atomic::AtomicU64;

use super::*;

/// A remote file whose bytes say how often it was read, and which does what a test says.
pub(super) struct Remote {
    reads: AtomicUsize,
    looks: AtomicUsize,
    state: Mutex<Option<FileIdentity>>,
    failure: Mutex<Option<ErrorKind>>,
    takes_ms: AtomicU64,
}

impl Default for Remote {
    fn default() -> Self {
        let (reads, looks, state) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Some(FIRST)));
        Self { reads, looks, state, failure: Mutex::default(), takes_ms: 0.into() }
    }
}

impl Remote {
    pub(super) async fn read(&self, file: &SourceFile, range: ByteRange) -> Result<ReadBytes> {
        assert_eq!(file, &*remote());
        let count = if range.length == 0 { &self.looks } else { &self.reads };
        let number = count.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(self.takes_ms.load(Ordering::SeqCst))).await;
        if let Some(kind) = *self.failure.lock().unwrap() {
            return Err(Error::new(kind, "scripted"));
        }
        let bytes = vec![number as u8; range.length as usize];
        Ok(ReadBytes { bytes: StoredBytes::Whole(bytes.into()), state: *self.state.lock().unwrap() })
    }
}

const FIRST: FileIdentity = FileIdentity { size_bytes: 9, modified_ns: 5, inode: 7 };

fn remote() -> Arc<SourceFile> {
    Arc::new(SourceFile { path: "https://h/a".into(), identity: FileIdentity::not_after(100) })
}

struct Asking {
    cache: ChunkCache,
    counting: Arc<Counting>,
}

fn asking(remote_recheck_seconds: u64) -> Asking {
    let settings = CacheSettings { remote_recheck_seconds, ..CacheSettings::default() };
    Asking { cache: ChunkCache::of_ranges(&settings), counting: Arc::default() }
}

impl Asking {
    /// Which reading the range is of.
    async fn range(&self) -> Result<u8> {
        self.of("catalog", 3).await
    }

    async fn of(&self, catalog_id: &str, length: u64) -> Result<u8> {
        let worker: Arc<dyn Worker> = Arc::clone(&self.counting) as _;
        let (id, range) = (DatasetId::parse("tas").unwrap(), ByteRange { offset: 4, length });
        let read = self.cache.range(&worker, catalog_id, (&id, &remote()), range).await?;
        let bytes = read.together(length).await?;
        assert!(bytes.iter().all(|byte| *byte == bytes[0]));
        Ok(bytes[0])
    }

    fn counts(&self) -> (usize, usize) {
        let Remote { reads, looks, .. } = &self.counting.remote;
        (reads.load(Ordering::SeqCst), looks.load(Ordering::SeqCst))
    }

    fn finds(&self, state: Option<FileIdentity>) {
        *self.counting.remote.state.lock().unwrap() = state;
    }

    fn fails(&self, kind: impl Into<Option<ErrorKind>>) {
        *self.counting.remote.failure.lock().unwrap() = kind.into();
    }
}

#[tokio::test]
async fn a_range_is_read_once_and_its_file_looked_at_as_often_as_is_set() {
    for (recheck, looks) in [(60, 0), (0, 2)] {
        let asking = asking(recheck);
        for _ in 0..3 {
            assert_eq!(asking.range().await, Ok(0));
        }
        assert_eq!(asking.counts(), (1, looks));
        let at_once = futures::future::join_all((0..100).map(|_| asking.of("catalog", 8))).await;
        assert!(at_once.iter().all(|bytes| *bytes == Ok(1)), "{at_once:?}");
    }
}

#[tokio::test]
async fn a_look_counts_from_when_it_was_made() {
    let asking = asking(1);
    for (wait_ms, looks) in [(0, 0), (700, 0), (500, 1), (700, 1), (500, 2)] {
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        assert_eq!(asking.range().await, Ok(0));
        assert_eq!(asking.counts(), (1, looks));
    }
}

#[tokio::test]
async fn what_is_long_or_of_no_known_catalog_or_state_is_not_kept() {
    let asking = asking(60);
    asking.finds(None);
    assert_eq!([asking.range().await, asking.range().await], [Ok(0), Ok(1)]);
    asking.finds(Some(FIRST));
    for (catalog_id, length) in [("", 3), ("catalog", (2 << 20) + 1)] {
        let before = asking.counts().0;
        for number in before..before + 2 {
            assert_eq!(asking.of(catalog_id, length).await, Ok(number as u8));
        }
    }
    let mut numbers = Vec::new();
    for catalog_id in ["catalog", "other", "catalog"] {
        numbers.push(asking.of(catalog_id, 2 << 20).await.unwrap());
    }
    assert_eq!(numbers, [6, 7, 6]);
}

#[tokio::test]
async fn of_another_state_the_range_is_read_anew() {
    let asking = asking(0);
    assert_eq!(asking.range().await, Ok(0));
    let others = [
        FileIdentity { size_bytes: 10, ..FIRST },
        FileIdentity { modified_ns: 4, ..FIRST },
        FileIdentity { inode: 8, ..FIRST },
    ];
    for (number, other) in others.into_iter().enumerate() {
        asking.finds(Some(other));
        let number = number as u8 + 1;
        assert_eq!([asking.range().await, asking.range().await], [Ok(number), Ok(number)]);
    }
    asking.finds(None);
    assert_eq!([asking.range().await, asking.range().await], [Ok(4), Ok(5)]);
}

#[tokio::test]
async fn a_conflict_is_the_answer_and_what_was_kept_is_forgotten() {
    let asking = asking(0);
    assert_eq!(asking.range().await, Ok(0));
    for _ in 0..2 {
        asking.fails(ErrorKind::Conflict);
        assert_eq!(asking.range().await.unwrap_err().kind, ErrorKind::Conflict);
    }
    asking.fails(None);
    assert_eq!(asking.range().await, Ok(3), "the worker decides");
}

#[tokio::test]
async fn a_server_out_of_reach_takes_nothing_away_and_one_that_answers_nonsense_is_an_error() {
    let asking = asking(0);
    assert_eq!(asking.range().await, Ok(0));
    for kind in
        [ErrorKind::Unavailable, ErrorKind::DeadlineExceeded, ErrorKind::Overloaded, ErrorKind::Offline]
    {
        asking.fails(kind);
        assert_eq!(asking.range().await, Ok(0));
        assert_eq!(asking.of("catalog", 5).await.unwrap_err().kind, kind, "not kept");
    }
    for kind in [ErrorKind::CorruptData, ErrorKind::Forbidden] {
        asking.fails(kind);
        assert_eq!(asking.range().await.unwrap_err().kind, kind);
    }
    asking.fails(None);
    assert_eq!(asking.range().await, Ok(0));
}

#[tokio::test]
async fn a_late_look_is_not_waited_for_and_counts_all_the_same() {
    let asking = asking(1);
    assert_eq!(asking.range().await, Ok(0));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    asking.counting.remote.takes_ms.store(2500, Ordering::SeqCst);
    asking.fails(ErrorKind::Conflict);
    assert_eq!(asking.range().await, Ok(0));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(asking.range().await.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(asking.counts(), (2, 1));
}

#[tokio::test]
async fn where_each_request_looks_each_waits() {
    let asking = asking(0);
    assert_eq!(asking.range().await, Ok(0));
    asking.counting.remote.takes_ms.store(2500, Ordering::SeqCst);
    asking.fails(ErrorKind::Conflict);
    assert_eq!(asking.range().await.unwrap_err().kind, ErrorKind::Conflict);
}

#[tokio::test]
async fn in_one_process_the_worker_keeps_chunks() {
    let asking = asking(60);
    for number in 0..2 {
        assert_eq!(ask(&asking.cache, &asking.counting, "catalog").await.unwrap(), format!("7 {number}"));
    }
}
