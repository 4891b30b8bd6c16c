//! GRIB files, editions 1 and 2, as virtual datasets: an index is made of the headers of messages; values are not decoded.
//!
//! ```text
//! window ─▶ sections   where messages and their sections are
//!        ─▶ fields     what each is: parameter (by tables), level, times, variant; grid
//!        ─▶ separate   what would hide another is made a variable of its own
//!        ─▶ cube       dimensions: time, step, number, level     ─▶ chronology, vertical  their coordinates
//!                                                                ─▶ geography             the grid's coordinates
//!        ─▶ dataset    one variable a group, one chunk a message
//! ```
//! `docs/decisions/0008-grib.md` says why datasets look as they do.

mod chronology;
mod coordinates;
mod cube;
mod dataset;
pub mod decode;
mod fields;
mod geography;
mod grid;
mod keys;
mod level;
mod names;
mod notes;
mod octets;
mod parameter;
mod parts;
mod sections;
mod separate;
mod tables;
#[cfg(test)]
mod tests;
mod times;
mod variant;
mod vertical;
mod window;

use std::{fs::File, path::Path};

use model::{FileScan, SourceFile};

use crate::{Progress, ScanFault, ScanOptions, identity};
use fields::Fields;
use notes::Notes;
use parts::Parts;
use window::Window;

/// Bytes of the file between two reports of progress.
const REPORT_BYTES: u64 = 64 << 20;
/// Messages between two reports.
const REPORT_MESSAGES: u64 = 1000;

/// Scans a file that has messages.
pub(crate) fn scan(
    path: &Path,
    options: &ScanOptions,
    progress: Progress<'_>,
) -> Result<FileScan, ScanFault> {
    let before = identity::of(path)?;
    let mut window = Window::new(File::open(path)?, before.size_bytes);
    let (mut fields, mut notes) = (Fields::default(), Notes::default());
    let (mut reported, mut messages) = (0, 0);
    let skipped = sections::visit(
        &mut window,
        &mut |raw| {
            fields.add(raw, &mut notes);
            Ok(())
        },
        &mut |at| {
            messages += 1;
            if at >= reported + REPORT_BYTES || messages % REPORT_MESSAGES == 0 {
                reported = at;
                progress(at, before.size_bytes);
            }
        },
    )?;
    if fields.count == 0 {
        return Err(ScanFault::NoMessages);
    }
    if let Some(first) = skipped.first.filter(|_| skipped.bytes > 0) {
        notes.warn("", format!("{} bytes belong to no message, the first at byte {first}", skipped.bytes));
    }
    separate::separate(&mut fields);
    let absolute = std::path::absolute(path)?;
    let file = SourceFile { path: absolute.to_string_lossy().into_owned(), identity: before };
    let scan = dataset::build(&fields, file, &mut Parts::new(&mut window), options, notes)?;
    if identity::of(path)? != before {
        return Err(ScanFault::Changed);
    }
    Ok(scan)
}
