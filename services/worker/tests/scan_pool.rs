//! Scans in child processes: good files, bad files, damaged files, children that crash or hang.
//!
//! This program is its own child, as the binary is: called with `scan-child` it scans what it is told to.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says where it is"
)]

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use formats::ScanOptions;
use model::{Error, ErrorKind, FileScan};
use worker::{
    scan::{ScanPool, ScanSource},
    settings::ScanSettings,
};

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|argument| argument == "scan-child") {
        return worker::scan::run_child();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        a_scan_survives_the_pipe().await;
        a_refused_file_leaves_its_process_in_use().await;
        a_crash_is_an_error_about_the_file().await;
        a_hang_is_ended().await;
        memory_is_bounded().await;
        damaged_files_give_a_scan_or_an_error().await;
    });
    ExitCode::SUCCESS
}

fn begin(name: &str) {
    println!("test {name} …");
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integration-tests/data/hdf5").canonicalize().unwrap()
}

fn cases() -> Vec<PathBuf> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|e| e == "h5" || e == "nc")).collect();
    files.sort();
    assert!(files.len() > 5);
    files
}

fn command() -> Vec<OsString> {
    vec![std::env::current_exe().unwrap().into(), "scan-child".into()]
}

fn settings() -> ScanSettings {
    ScanSettings { processes: 2, stall_seconds: 20, ..ScanSettings::default() }
}

async fn scan(pool: &ScanPool, path: &Path) -> Result<FileScan, Error> {
    let source = ScanSource { path: path.to_owned(), stand_alone: false, roots: Vec::new(), url: None };
    pool.scan(&source, &|_, _| {}).await
}

async fn a_scan_survives_the_pipe() {
    begin("a_scan_survives_the_pipe");
    let pool = ScanPool::new(&settings(), command());
    for path in cases() {
        let direct = formats::scan(&path, &ScanOptions::default(), &mut |_, _| {}).unwrap();
        let piped = scan(&pool, &path).await.unwrap();
        // NaN is not equal to itself: compared as text.
        assert_eq!(format!("{piped:?}"), format!("{direct:?}"), "{}", path.display());
    }
}

async fn a_refused_file_leaves_its_process_in_use() {
    begin("a_refused_file_leaves_its_process_in_use");
    let folder = tempfile::tempdir().unwrap();
    let pool = ScanPool::new(&ScanSettings { processes: 1, ..settings() }, command());
    let written = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    for (path, kind, text) in [
        (folder.path().join("absent.nc"), ErrorKind::NotFound, "absent.nc: no such file"),
        (written("empty.nc", b""), ErrorKind::CorruptData, "empty.nc: the file is empty"),
        (written("text.nc", b"hello"), ErrorKind::Unsupported, "text.nc: not a NetCDF-4/HDF5 file"),
        (folder.path().to_owned(), ErrorKind::InvalidRequest, "not a regular file"),
    ] {
        let error = scan(&pool, &path).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(text), "{error}");
        assert!(!error.message.contains('/') || error.message.contains("NetCDF-4/HDF5"), "{error}");
    }
    assert!(scan(&pool, &folder_case("model.nc")).await.is_ok());
}

fn folder_case(name: &str) -> PathBuf {
    folder().join(name)
}

async fn a_crash_is_an_error_about_the_file() {
    begin("a_crash_is_an_error_about_the_file");
    let crash = ["/bin/sh", "-c", "echo last words >&2; kill -SEGV $$"].map(OsString::from).to_vec();
    let pool = ScanPool::new(&settings(), crash);
    let error = scan(&pool, Path::new("/secret/a.nc")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::CorruptData, "{error}");
    assert_eq!(error.message, "a.nc: its scan crashed (signal 11): the file is damaged");
    let internal = error.internal.unwrap();
    assert!(internal.contains("/secret/a.nc") && internal.contains("last words"), "{internal}");
}

async fn a_hang_is_ended() {
    begin("a_hang_is_ended");
    let hang = ["sleep", "600"].map(OsString::from).to_vec();
    let pool = ScanPool::new(&ScanSettings { stall_seconds: 1, ..settings() }, hang);
    let start = Instant::now();
    let error = scan(&pool, Path::new("/secret/a.nc")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::DeadlineExceeded, "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

async fn memory_is_bounded() {
    begin("memory_is_bounded");
    let settings = ScanSettings { memory_bytes_max: 8 << 20, ..settings() };
    let pool = ScanPool::new(&settings, command());
    assert!(scan(&pool, &folder_case("model.nc")).await.is_err());
}

/// Cuts and spoils every case in many places. What a damaged file says is anything, but it is said: no panic, no
/// hang, and the pool goes on.
async fn damaged_files_give_a_scan_or_an_error() {
    begin("damaged_files_give_a_scan_or_an_error");
    let folder = tempfile::tempdir().unwrap();
    let pool = ScanPool::new(&settings(), command());
    let mut random = Random(20_260_721);
    let (mut whole, mut refused, mut crashed) = (0, 0, 0);
    for case in cases() {
        let good = fs::read(&case).unwrap();
        for round in 0..60 {
            let mut bytes = good.clone();
            if round % 3 == 0 {
                bytes.truncate(random.below(good.len()));
            } else {
                for _ in 0..=random.below(8) {
                    // Metadata is mostly in front.
                    let end = if round % 3 == 1 { good.len() } else { good.len().min(4096) };
                    bytes[random.below(end)] = random.next() as u8;
                }
            }
            let path = folder.path().join("damaged.nc");
            fs::write(&path, bytes).unwrap();
            match scan(&pool, &path).await {
                Ok(_) => whole += 1,
                Err(error) => {
                    refused += 1;
                    crashed += usize::from(error.message.contains("crashed"));
                    assert!(!error.message.contains("panic"), "{}: {error:?}", case.display());
                    assert_ne!(error.kind, ErrorKind::Internal, "{}: {error:?}", case.display());
                    assert!(!error.message.contains(folder.path().to_str().unwrap()), "{error:?}");
                }
            }
        }
    }
    println!("  {whole} scanned, {refused} refused, of these {crashed} crashed the library");
    assert!(scan(&pool, &folder_case("model.nc")).await.is_ok());
}

/// Marsaglia's xorshift: the same damage in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}
