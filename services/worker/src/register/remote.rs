//! Scanning what is named by URL: Zarr stores and sets of kerchunk references. Only their metadata and coordinates come
//! here; references stay in place and name URLs.

mod records;
mod store;

use model::{Error, ErrorKind, FileIdentity, FileScan, InPlace, Result, SourceFile};

use crate::scan::{ScanPool, ScanSource};
use crate::storage::{Document, Remotes};

/// What a URL leads to, with the document that says so.
enum Kind {
    Zarr(&'static str, Document),
    Records(&'static str, Document),
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
        Kind::Zarr(name, Document { bytes, .. }) => {
            store::scan(remotes, url, (name, bytes), stand_alone, formats::scan_zarr).await?
        }
        Kind::Records(name, Document { bytes, .. }) => {
            store::scan(remotes, url, (name, bytes), stand_alone, formats::scan_kerchunk_set).await?
        }
        Kind::References(document) => references(pool, url, stand_alone, &document, progress).await?,
    };
    check_targets(remotes, &scan)?;
    records::note_absent(remotes, &mut scan).await?;
    allow_until(&mut scan, remotes.not_after_ns(url)?);
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
        // A large document is not read through where others wait.
        let (is_set, document) = crate::local::blocking(move || {
            Ok((name == ".zmetadata" && formats::is_kerchunk_set(&document.bytes), document))
        })
        .await?;
        return Ok(if is_set { Kind::Records(name, document) } else { Kind::Zarr(name, document) });
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

fn has_extension(name: &str, extension: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, found)| found.eq_ignore_ascii_case(extension))
}

fn absent(url: &str) -> Error {
    Error::invalid(format!("{url} is no Zarr store and no set of references: nothing is there that says so"))
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
