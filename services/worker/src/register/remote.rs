//! Scanning what is named by URL: Zarr stores and sets of kerchunk references. Only their metadata and coordinates come
//! here; references stay in place and name URLs.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use formats::{ReadStore, ScanFault, ScanOptions, StoreObject, scan_zarr};
use model::{Error, ErrorKind, FileIdentity, FileScan, InPlace, Result, SourceFile};
use tokio::runtime::Handle;

use crate::scan::{ScanPool, ScanSource};
use crate::storage::{Document, Remotes};

/// What a URL leads to.
enum Kind {
    Zarr,
    References(Document),
}

/// Scans the store or references of a URL.
pub(super) async fn scan(
    remotes: &Remotes,
    pool: &ScanPool,
    url: &str,
    stand_alone: bool,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<FileScan> {
    let url = url.trim_end_matches('/');
    let mut scan = match kind(remotes, url).await? {
        Kind::Zarr => {
            let mut scan = zarr(remotes.clone(), url.to_owned(), stand_alone).await?;
            for variable in &mut scan.variables {
                let path = variable.variable.path.as_str();
                if let Some(InPlace::Keys { array, .. }) = &mut variable.in_place
                    && *array == format!("{url}/{path}")
                {
                    *array = format!("{url}/{}", encoded(path));
                }
            }
            scan
        }
        Kind::References(document) => references(pool, url, stand_alone, &document, progress).await?,
    };
    let not_after_ns = remotes.not_after_ns(url)?;
    allow_until(&mut scan, not_after_ns);
    check_targets(remotes, &scan)?;
    Ok(scan)
}

/// Refuses a dataset that refers to URLs which may not be read: better now than at each chunk.
pub(super) fn check_targets(remotes: &Remotes, scan: &FileScan) -> Result<()> {
    let files = scan.files.iter().filter(|file| file.is_remote()).map(|file| &file.path);
    let refused: Vec<_> = files.filter_map(|url| remotes.check(url).err()).collect();
    let Some(first) = refused.first() else { return Ok(()) };
    let message = format!("{} of its references cannot be followed: {}", refused.len(), first.message);
    Err(Error { message, ..first.clone() })
}

/// Looks what is there.
async fn kind(remotes: &Remotes, url: &str) -> Result<Kind> {
    let name = url.rsplit('/').next().unwrap_or_default();
    if has_extension(name, "json") && name != "zarr.json" {
        let document = remotes.document(url).await?;
        return document.map(Kind::References).ok_or_else(|| absent(url));
    }
    for name in ["zarr.json", ".zmetadata", ".zgroup", ".zarray"] {
        let Some(document) = remotes.document(&format!("{url}/{name}")).await? else { continue };
        let has_records = document.bytes.windows(RECORD_SIZE.len()).any(|window| window == RECORD_SIZE);
        if name == ".zmetadata" && has_records {
            let message = format!(
                "{url} is a set of kerchunk references in Parquet: these are read from the filesystem only. Copy the \
                 set, which may refer to URLs, or make JSON references"
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        return Ok(Kind::Zarr);
    }
    let whatever = SourceFile { path: url.to_owned(), identity: FileIdentity::not_after(i64::MAX) };
    if remotes.exists(&whatever).await? {
        let message = format!(
            "{url} is a remote file: of these only Zarr stores and kerchunk references are read. Make kerchunk \
             references of it"
        );
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    Err(absent(url))
}

const RECORD_SIZE: &[u8] = b"\"record_size\"";

fn has_extension(name: &str, extension: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, found)| found.eq_ignore_ascii_case(extension))
}

fn absent(url: &str) -> Error {
    Error::invalid(format!("{url} is no Zarr store and no set of references: nothing is there that says so"))
}

/// Scans a Zarr store by its keys.
async fn zarr(remotes: Remotes, url: String, stand_alone: bool) -> Result<FileScan> {
    let not_after_ns = remotes.not_after_ns(&url)?;
    let store =
        RemoteStore { remotes, url, not_after_ns, runtime: Handle::current(), failure: Mutex::default() };
    let scanned = tokio::task::spawn_blocking(move || {
        let options = ScanOptions { stand_alone, ..ScanOptions::default() };
        let scanned = scan_zarr(&store, &options, &mut |_, _| {});
        let failure = store.failure.into_inner().unwrap_or_else(PoisonError::into_inner);
        match (scanned, failure) {
            (Ok(scan), _) => Ok(scan),
            // What really happened, not what the scanner made of it.
            (Err(_), Some(failure)) => Err(failure),
            (Err(fault), None) => Err(formats::ScanError { path: PathBuf::from(&store.url), fault }.into()),
        }
    });
    scanned.await.map_err(Error::internal)?
}

/// Scans a set of references in a process of its own, where any other damaged file is read.
async fn references(
    pool: &ScanPool,
    url: &str,
    stand_alone: bool,
    document: &Document,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<FileScan> {
    let bytes = document.bytes.clone();
    let name = url.rsplit('/').next().unwrap_or_default().to_owned();
    let staged = tokio::task::spawn_blocking(move || {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join(if name.len() > 100 { "references.json".into() } else { name });
        std::fs::write(&path, &bytes)?;
        Ok::<_, std::io::Error>((directory, path))
    });
    let (directory, path) = staged.await.map_err(Error::internal)?.map_err(Error::internal)?;
    // No roots: what comes from elsewhere may not point to files of this machine.
    let source = ScanSource { path, stand_alone, roots: Vec::new(), url: Some(url.to_owned()) };
    let scanned = pool.scan(&source, progress).await;
    let removed = tokio::task::spawn_blocking(move || directory.close());
    removed.await.map_err(Error::internal)?.map_err(Error::internal)?;
    let mut scan = scanned?;
    scan.file = SourceFile { path: url.to_owned(), identity: document.identity };
    Ok(scan)
}

/// A key as a part of a URL. Spaces may stay; what would mean something else may not.
fn encoded(key: &str) -> String {
    key.replace('%', "%25").replace('?', "%3F").replace('#', "%23")
}

/// Lets what is referred to be as young as it may be now.
fn allow_until(scan: &mut FileScan, latest_ns: i64) {
    for file in scan.files.iter_mut().filter(|file| file.is_remote() && !file.identity.is_pinned()) {
        file.identity.modified_ns = file.identity.modified_ns.max(latest_ns);
    }
    for in_place in scan.variables.iter_mut().filter_map(|variable| variable.in_place.as_mut()) {
        let (InPlace::Keys { not_after_ns, .. } | InPlace::Records { not_after_ns, .. }) = in_place;
        *not_after_ns = (*not_after_ns).max(latest_ns);
    }
}

/// A remote store as the scanner sees it. Its calls wait for the network.
struct RemoteStore {
    remotes: Remotes,
    url: String,
    not_after_ns: i64,
    runtime: Handle,
    failure: Mutex<Option<Error>>,
}

impl RemoteStore {
    fn wait<T>(&self, question: impl Future<Output = Result<T>>) -> Result<T, ScanFault> {
        self.runtime.block_on(question).map_err(|error| {
            let fault = std::io::Error::other(error.message.clone());
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            ScanFault::Io(fault)
        })
    }

    fn url_of(&self, key: &str) -> String {
        if key.is_empty() { self.url.clone() } else { format!("{}/{}", self.url, encoded(key)) }
    }
}

impl ReadStore for RemoteStore {
    fn source(&self) -> SourceFile {
        SourceFile { path: self.url.clone(), identity: FileIdentity::not_after(self.not_after_ns) }
    }

    fn get(&self, key: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, ScanFault> {
        let url = self.url_of(key);
        let document = self.wait(self.remotes.document_of(&url, bytes_max))?;
        Ok(document.map(|document| document.bytes.into()))
    }

    fn children(&self, key: &str) -> Result<Option<Vec<String>>, ScanFault> {
        let url = self.url_of(key);
        self.wait(self.remotes.folders(&url))
    }

    fn objects(
        &self,
        _key: &str,
        _visit: &mut dyn FnMut(StoreObject<'_>) -> Result<(), ScanFault>,
    ) -> Result<bool, ScanFault> {
        // A store among others would need each of its chunks looked up; alone, none.
        Ok(false)
    }

    fn base(&self) -> Option<(String, i64)> {
        Some((self.url.clone(), self.not_after_ns))
    }
}
