//! Where references lead that stay in place, as far as the first and last record of each variable tell. All others are
//! judged when they are followed, by the same rules: a set of a hundred million is not read through.

use std::sync::Arc;

use engine::ports::ReferenceRecord;
use futures::{StreamExt as _, stream};
use model::{Error, ErrorKind, FileScan, InPlace, Result, SourceFile, Variable, Warning};

use super::blocking;
use crate::catalog::{RemoteRecord, read_in_place};
use crate::storage::{Remotes, Roots};

/// Most records that are read.
const RECORDS_MAX: usize = 1000;
/// How many at once.
const AT_ONCE: usize = 4;
/// Most names in one message.
const NAMES_MAX: usize = 3;

/// What one record tells.
struct Sample {
    variable: String,
    record: u64,
    /// Names of targets outside what is allowed.
    outside: Vec<String>,
    /// Why the record cannot be read.
    unreadable: Option<String>,
}

/// Refuses a scan of which sampled references lead outside the roots and prefixes. Records that cannot be read are
/// warnings: only who asks for their chunks meets the fault.
pub(super) async fn check((roots, remotes): (&Arc<Roots>, &Remotes), scan: &mut FileScan) -> Result<()> {
    let records = scan.variables.iter().filter_map(|scanned| {
        let Some(in_place @ InPlace::Records { record_size, .. }) = &scanned.in_place else { return None };
        let last = scanned.variable.grid.chunk_count().div_ceil(*record_size).checked_sub(1)?;
        let numbers = if last == 0 { vec![0] } else { vec![0, last] };
        Some(numbers.into_iter().map(move |record| (in_place.clone(), Arc::clone(&scanned.variable), record)))
    });
    let records: Vec<_> = records.flatten().take(RECORDS_MAX).collect();
    let samples: Vec<Result<Sample>> = stream::iter(records)
        .map(|(in_place, variable, record)| sample((roots, remotes), in_place, variable, record))
        .buffered(AT_ONCE)
        .collect()
        .await;
    let samples = samples.into_iter().collect::<Result<Vec<_>>>()?;
    if let Some(refused) = samples.iter().find(|sample| !sample.outside.is_empty()) {
        return Err(outside(refused));
    }
    scan.warnings.extend(samples.into_iter().filter_map(|sample| {
        let message = format!("record {} cannot be read: {}", sample.record, sample.unreadable?);
        Some(Warning { subject: sample.variable, message })
    }));
    Ok(())
}

async fn sample(
    (roots, remotes): (&Arc<Roots>, &Remotes),
    in_place: InPlace,
    variable: Arc<Variable>,
    record: u64,
) -> Result<Sample> {
    let mut sample =
        Sample { variable: variable.path.to_string(), record, outside: Vec::new(), unreadable: None };
    let read = if let Some(remote) = RemoteRecord::new(&in_place, &variable, record) {
        remote.read(remotes).await.map(Some)
    } else {
        let (roots, chunk_count) = (Arc::clone(roots), variable.grid.chunk_count());
        blocking(move || read_in_place(&in_place, &roots, chunk_count, record)).await
    };
    let ReferenceRecord { files, .. } = match read {
        Ok(Some(read)) => read,
        Ok(None) => return Ok(sample),
        // What is said of a whole record is said of each of its references.
        Err(error) if error.kind == ErrorKind::Forbidden => return Err(error),
        Err(error) => {
            sample.unreadable = Some(error.message);
            return Ok(sample);
        }
    };
    let (roots, remotes) = (Arc::clone(roots), remotes.clone());
    sample.outside = blocking(move || {
        let is_outside = |file: &SourceFile| {
            let checked = if file.is_remote() {
                remotes.check(&file.path)
            } else {
                roots.resolve(&file.path).map(drop)
            };
            // Of one that is not there nothing is known but that it would be allowed.
            checked.is_err_and(|error| error.kind == ErrorKind::Forbidden)
        };
        let name = |file: &SourceFile| file.path.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(files.iter().filter(|file| is_outside(file)).map(|file| name(file)).collect())
    })
    .await?;
    Ok(sample)
}

fn outside(sample: &Sample) -> Error {
    let Sample { variable, record, outside, .. } = sample;
    let more = if outside.len() > NAMES_MAX { ", …" } else { "" };
    let names: Vec<&str> = outside.iter().take(NAMES_MAX).map(String::as_str).collect();
    let message = format!(
        "{} files that references of {variable} point into (record {record}) lie outside the allowed roots and prefixes: \
         {}{more}",
        outside.len(),
        names.join(", "),
    );
    Error::new(ErrorKind::Forbidden, message)
}
