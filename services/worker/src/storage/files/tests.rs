//! Reading while files change, vanish, or are slow.

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use futures::StreamExt as _;
use model::FileIdentity;

use super::*;

struct Fixture {
    directory: tempfile::TempDir,
    files: Files,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("root")).unwrap();
        let roots = Roots::new(vec![directory.path().join("root")]).unwrap();
        let settings = StorageSettings { piece_bytes: 64 << 10, ..StorageSettings::default() };
        Self { files: Files::new(roots, &settings), directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) -> Arc<SourceFile> {
        std::fs::write(self.path(name), content).unwrap();
        source(&self.path(name))
    }

    async fn read(&self, file: &Arc<SourceFile>, offset: u64, length: u64) -> Result<Vec<u8>> {
        collect(self.files.read(file, ByteRange { offset, length }).await?).await
    }

    async fn conflict(&self, file: &Arc<SourceFile>) {
        for length in [0, 10] {
            let error = self.read(file, 0, length).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
            assert_eq!(error.message, "source file changed since it was registered");
        }
    }
}

async fn collect(stored: StoredBytes) -> Result<Vec<u8>> {
    match stored {
        StoredBytes::Whole(bytes) => Ok(bytes.to_vec()),
        StoredBytes::Pieces(mut pieces) => {
            let mut all = Vec::new();
            while let Some(piece) = pieces.next().await {
                all.extend_from_slice(&piece?);
            }
            Ok(all)
        }
    }
}

fn source(path: &Path) -> Arc<SourceFile> {
    let metadata = std::fs::metadata(path).unwrap();
    let identity = FileIdentity {
        size_bytes: metadata.len(),
        modified_ns: metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
        inode: metadata.ino(),
    };
    Arc::new(SourceFile { path: path.to_str().unwrap().into(), identity })
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + at / 251) as u8).collect()
}

#[tokio::test]
async fn ranges_of_any_length_come_as_they_are_stored() {
    let fixture = Fixture::new();
    let content = content(1 << 20);
    let file = fixture.write("root/a", &content);
    for (offset, length) in [(0, 1), (5, 65_536), (7, 65_537), (0, 1 << 20), (1 << 20, 0), ((1 << 20) - 3, 3)]
    {
        let read = fixture.read(&file, offset, length).await.unwrap();
        assert!(read == content[offset as usize..(offset + length) as usize], "{offset}+{length}");
    }
    let small = fixture.files.read(&file, ByteRange { offset: 0, length: 65_536 }).await.unwrap();
    assert!(matches!(small, StoredBytes::Whole(_)));
    for (offset, length) in [(0, (1 << 20) + 1), (u64::MAX, 2), ((1 << 20) + 1, 0)] {
        assert_eq!(fixture.read(&file, offset, length).await.unwrap_err().kind, ErrorKind::CorruptData);
    }
}

#[tokio::test]
async fn a_file_written_in_place_is_a_conflict() {
    let fixture = Fixture::new();
    let file = fixture.write("root/a", &content(100));
    fixture.read(&file, 0, 10).await.unwrap();
    std::thread::sleep(Duration::from_millis(20));
    fixture.write("root/a", &content(100));
    fixture.conflict(&file).await;
}

#[tokio::test]
async fn a_file_that_was_removed_replaced_or_cut_is_a_conflict_also_while_it_is_open() {
    type Spoil = fn(&Fixture);
    let spoils: [Spoil; 5] = [
        |fixture| std::fs::remove_file(fixture.path("root/a")).unwrap(),
        |fixture| {
            std::fs::write(fixture.path("root/new"), content(100)).unwrap();
            std::fs::rename(fixture.path("root/new"), fixture.path("root/a")).unwrap();
        },
        |fixture| {
            let file = std::fs::OpenOptions::new().write(true).open(fixture.path("root/a")).unwrap();
            file.set_len(50).unwrap();
        },
        |fixture| {
            std::fs::hard_link(fixture.path("root/a"), fixture.path("root/b")).unwrap();
            std::fs::write(fixture.path("root/new"), content(100)).unwrap();
            std::fs::rename(fixture.path("root/new"), fixture.path("root/a")).unwrap();
        },
        |fixture| std::fs::rename(fixture.path("root/a"), fixture.path("root/elsewhere")).unwrap(),
    ];
    for (number, spoil) in spoils.into_iter().enumerate() {
        for open_before in [true, false] {
            let fixture = Fixture::new();
            let file = fixture.write("root/a", &content(100));
            if open_before {
                fixture.read(&file, 0, 10).await.unwrap();
            }
            // Kernels before 6.13 stamp in steps of a clock tick.
            std::thread::sleep(Duration::from_millis(20));
            spoil(&fixture);
            eprintln!("spoil {number}, open before: {open_before}");
            fixture.conflict(&file).await;
        }
    }
}

#[tokio::test]
async fn a_file_whose_mode_changed_or_that_got_a_second_name_is_still_served() {
    let fixture = Fixture::new();
    let file = fixture.write("root/a", &content(100));
    fixture.read(&file, 0, 10).await.unwrap();
    std::thread::sleep(Duration::from_millis(20));
    std::fs::hard_link(fixture.path("root/a"), fixture.path("root/b")).unwrap();
    assert_eq!(fixture.read(&file, 0, 10).await.unwrap(), content(10));
    assert_eq!(fixture.read(&file, 0, 0).await.unwrap(), b"");
}

#[tokio::test]
async fn a_change_in_the_middle_of_a_large_range_ends_it_with_a_conflict() {
    let fixture = Fixture::new();
    let file = fixture.write("root/a", &content(1 << 20));
    let range = ByteRange { offset: 0, length: 1 << 20 };
    let StoredBytes::Pieces(mut pieces) = fixture.files.read(&file, range).await.unwrap() else { panic!() };
    assert!(pieces.next().await.unwrap().is_ok());
    std::fs::remove_file(fixture.path("root/a")).unwrap();
    assert_eq!(pieces.next().await.unwrap().unwrap_err().kind, ErrorKind::Conflict);
    assert!(pieces.next().await.is_none());
}

#[tokio::test]
async fn links_out_of_the_roots_are_forbidden_also_when_swapped_in_later() {
    let fixture = Fixture::new();
    let outside = fixture.write("secret", &content(100));
    symlink(fixture.path("secret"), fixture.path("root/link")).unwrap();
    let through = Arc::new(SourceFile {
        path: fixture.path("root/link").to_str().unwrap().into(),
        ..(*outside).clone()
    });
    for file in [&outside, &through] {
        assert_eq!(fixture.read(file, 0, 10).await.unwrap_err().kind, ErrorKind::Forbidden);
    }

    let inside = fixture.write("root/a", &content(100));
    std::fs::remove_file(fixture.path("root/link")).unwrap();
    symlink(fixture.path("root/a"), fixture.path("root/link")).unwrap();
    let through = Arc::new(SourceFile {
        path: fixture.path("root/link").to_str().unwrap().into(),
        ..(*inside).clone()
    });
    assert_eq!(fixture.read(&through, 0, 10).await.unwrap(), content(10));
    std::fs::remove_file(fixture.path("root/link")).unwrap();
    symlink(fixture.path("secret"), fixture.path("root/link")).unwrap();
    // The handle still open is the registered file: its bytes are right. A new one is refused.
    assert_eq!(fixture.read(&through, 0, 10).await.unwrap(), content(10));
    fixture.files.inner.forget(&through);
    assert_eq!(fixture.read(&through, 0, 10).await.unwrap_err().kind, ErrorKind::Forbidden);
}

#[tokio::test]
async fn a_fifo_or_directory_neither_hangs_nor_is_read() {
    let fixture = Fixture::new();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        fixture.path("root/fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    std::fs::create_dir(fixture.path("root/directory")).unwrap();
    for name in ["root/fifo", "root/directory"] {
        let file = source(&fixture.path(name));
        let read = fixture.read(&file, 0, 0);
        let error = tokio::time::timeout(Duration::from_secs(5), read).await.unwrap().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict);
    }
}

#[tokio::test]
async fn buffers_come_back_and_slow_readers_hold_one_piece() {
    let fixture = Fixture::new();
    let file = fixture.write("root/a", &content(1 << 20));
    let range = ByteRange { offset: 0, length: 1 << 20 };
    let stored = fixture.files.read(&file, range).await.unwrap();
    assert_eq!(fixture.files.buffers_in_use(), 1);
    let StoredBytes::Pieces(mut pieces) = stored else { panic!() };
    let first = pieces.next().await.unwrap().unwrap();
    assert_eq!(fixture.files.buffers_in_use(), 1);
    drop(first);
    while pieces.next().await.is_some() {}
    assert_eq!(fixture.files.buffers_in_use(), 0);
    assert_eq!(fixture.files.inner.buffers.kept_bytes(), 64 << 10, "one buffer served them all");
}

#[tokio::test]
async fn reads_beyond_the_queue_are_refused() {
    let fixture = Fixture::new();
    let file = fixture.write("root/a", &content(100));
    fixture.files.inner.turns.fill();
    let error = fixture.read(&file, 0, 10).await.unwrap_err();
    assert_eq!((error.kind, error.retry_after_seconds), (ErrorKind::Overloaded, Some(1)));
    assert!(fixture.files.ready().is_err());
}

/// A file that has to be waited for, and all turns taken.
async fn busy(fixture: &Fixture, content: &[u8]) -> (Arc<SourceFile>, Vec<crate::storage::turns::Turn>) {
    let file = fixture.write("root/a", content);
    let inner = &fixture.files.inner;
    inner.handle(&file).await.unwrap().always_wait();
    let place = inner.turns.enter(&inner.roots, &file.path).unwrap();
    (file, std::iter::from_fn(|| place.turn_now()).collect())
}

async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..2000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never so");
}

#[tokio::test]
async fn those_who_want_the_same_read_once_and_neighbours_together() {
    let fixture = Arc::new(Fixture::new());
    let content = content(1 << 20);
    let (file, turns) = busy(&fixture, &content).await;
    let read = |offset: u64, length: u64| {
        let (fixture, file) = (Arc::clone(&fixture), Arc::clone(&file));
        tokio::spawn(async move { fixture.read(&file, offset, length).await.map(|read| (offset, read)) })
    };
    let same: Vec<_> = (0..100).map(|_| read(7, 1000)).collect();
    let neighbours: Vec<_> = (1..20).map(|number| read(7 + number * 1000, 900)).collect();
    until(|| fixture.files.inner.pending.count() == 20).await;
    same[0].abort();
    drop(turns);
    for task in same.into_iter().skip(1).chain(neighbours) {
        let (offset, read) = task.await.unwrap().unwrap();
        assert!(read == content[offset as usize..][..read.len()], "{offset}");
    }
    assert_eq!(fixture.files.inner.pending.count(), 0);
    assert_eq!(fixture.files.buffers_in_use(), 0);
}

#[tokio::test]
async fn those_who_leave_leave_the_queue_and_an_error_goes_to_all_who_waited() {
    let fixture = Arc::new(Fixture::new());
    let (file, turns) = busy(&fixture, &content(1000)).await;
    let read = || {
        let (fixture, file) = (Arc::clone(&fixture), Arc::clone(&file));
        tokio::spawn(async move { fixture.read(&file, 0, 1000).await })
    };
    let lonely = read();
    until(|| fixture.files.inner.pending.count() == 1).await;
    lonely.abort();
    until(|| fixture.files.inner.pending.count() == 0).await;
    let tasks = [read(), read(), read()];
    until(|| fixture.files.inner.pending.count() == 1).await;
    std::thread::sleep(Duration::from_millis(20));
    fixture.write("root/a", &content(1000));
    drop(turns);
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap_err().kind, ErrorKind::Conflict);
    }
    let file = source(&fixture.path("root/a"));
    assert_eq!(fixture.read(&file, 0, 1000).await.unwrap(), content(1000), "and the next one reads anew");
}
