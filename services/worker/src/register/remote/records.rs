//! Records of a remote set of references: which are there.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use model::{FileIdentity, FileScan, InPlace, Result, SourceFile, Warning};

use crate::storage::Remotes;

/// Most records that are looked for.
const LOOKED_FOR_MAX: u64 = 20_000;
/// How many at once.
const AT_ONCE: usize = 16;

/// Looks which records that stay in place are not there: their chunks are missing, as fsspec reads them. Of a record
/// that goes away later the same must not be said, and nothing else tells the two apart.
pub(super) async fn note_absent(remotes: &Remotes, scan: &mut FileScan) -> Result<()> {
    let mut left = LOOKED_FOR_MAX;
    for scanned in &mut scan.variables {
        let Some(InPlace::Records { directory, record_size, absent, .. }) = &mut scanned.in_place else {
            continue;
        };
        let count = scanned.variable.grid.chunk_count().div_ceil(*record_size);
        let subject = scanned.variable.path.to_string();
        let Some(rest) = left.checked_sub(count) else {
            let message = format!(
                "its {count} records are too many to be looked for: reading a chunk of one that is not there is an error"
            );
            scan.warnings.push(Warning { subject, message });
            continue;
        };
        left = rest;
        *absent = absent_of(remotes, directory, count).await?;
        if !absent.is_empty() {
            let message =
                format!("{} of {count} records are not there: their chunks read as missing", absent.len());
            scan.warnings.push(Warning { subject, message });
        }
    }
    Ok(())
}

/// Which of the first `count` records below a URL are not there, in order.
async fn absent_of(remotes: &Remotes, directory: &str, count: u64) -> Result<Vec<u64>> {
    let directory: Arc<str> = directory.into();
    let looks = stream::iter(0..count).map(|record| {
        let (remotes, directory) = (remotes.clone(), Arc::clone(&directory));
        async move {
            let path = format!("{directory}/{}", zarr::kerchunk::record_name(record));
            let identity = FileIdentity::not_after(i64::MAX);
            let is_there = remotes.exists(&SourceFile { path, identity }).await?;
            Ok((!is_there).then_some(record))
        }
    });
    looks.buffered(AT_ONCE).try_filter_map(|absent| std::future::ready(Ok(absent))).try_collect().await
}
