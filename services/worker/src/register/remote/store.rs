//! Stores that are read by key over the network: Zarr's, and kerchunk's sets of records.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use formats::{Progress, ReadStore, ScanError, ScanFault, ScanOptions};
use model::{Error, FileIdentity, FileScan, InPlace, Result, SourceFile};
use tokio::runtime::Handle;

use crate::storage::Remotes;

/// One of the scanners of `formats`.
pub(super) type Scanner = fn(&dyn ReadStore, &ScanOptions, Progress<'_>) -> Result<FileScan, ScanFault>;

/// Scans the store of a URL, of which one document has been read already, by its keys. The scanner waits for the
/// network in a thread of its own.
pub(super) async fn scan(
    remotes: &Remotes,
    url: &str,
    read: (&'static str, Bytes),
    stand_alone: bool,
    scan_by: Scanner,
) -> Result<FileScan> {
    let store = RemoteStore {
        remotes: remotes.clone(),
        url: url.to_owned(),
        not_after_ns: remotes.not_after_ns(url)?,
        runtime: Handle::current(),
        failure: Mutex::default(),
        read,
    };
    let scanned = tokio::task::spawn_blocking(move || {
        // No roots: what comes from elsewhere may not point to files of this machine.
        let options = ScanOptions { stand_alone, roots: Some(Vec::new()), ..ScanOptions::default() };
        let scanned = scan_by(&store, &options, &mut |_, _| {});
        let failure = store.failure.into_inner().unwrap_or_else(PoisonError::into_inner);
        match (scanned, failure) {
            (Ok(scan), _) => Ok(scan),
            // What really happened, not what the scanner made of it.
            (Err(_), Some(failure)) => Err(failure),
            (Err(fault), None) => Err(ScanError { path: PathBuf::from(&store.url), fault }.into()),
        }
    });
    let mut scan = scanned.await.map_err(Error::internal)??;
    encode_places(&mut scan, url);
    Ok(scan)
}

/// Makes parts of URLs of the keys that places end with.
fn encode_places(scan: &mut FileScan, url: &str) {
    for variable in &mut scan.variables {
        let path = variable.variable.path.as_str();
        let place = match &mut variable.in_place {
            Some(InPlace::Keys { array, .. }) => array,
            Some(InPlace::Records { directory, .. }) => directory,
            None => continue,
        };
        if *place == format!("{url}/{path}") {
            *place = format!("{url}/{}", encoded(path));
        }
    }
}

/// A key as a part of a URL. Spaces may stay; what would mean something else may not.
fn encoded(key: &str) -> String {
    key.replace('%', "%25").replace('?', "%3F").replace('#', "%23")
}

/// A remote store as the scanner sees it. Its calls wait for the network.
pub(super) struct RemoteStore {
    remotes: Remotes,
    url: String,
    not_after_ns: i64,
    runtime: Handle,
    failure: Mutex<Option<Error>>,
    /// A document that has been read already, by its key.
    read: (&'static str, Bytes),
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
        let (known, bytes) = &self.read;
        if *known == key && bytes.len() as u64 <= bytes_max {
            return Ok(Some(bytes.to_vec()));
        }
        let url = self.url_of(key);
        let document = self.wait(self.remotes.document_of(&url, bytes_max))?;
        Ok(document.map(|document| document.bytes.into()))
    }

    fn children(&self, key: &str) -> Result<Option<Vec<String>>, ScanFault> {
        let url = self.url_of(key);
        self.wait(self.remotes.folders(&url))
    }

    // Not listed: a store among others would need each of its chunks looked up; alone, none.

    fn base(&self) -> Option<(String, i64)> {
        Some((self.url.clone(), self.not_after_ns))
    }
}
