//! Pieces that do not agree as one variable: a chunk that fits the canonical grid and encoding passes untouched, any
//! other is computed from the pieces when it is asked for.
//!
//! ```text
//! pieces + Form ─▶ canonical  the encoding and chunk shape with which most passes
//!               ─▶ passing    which slabs of chunks are some piece's own
//!               ─▶ manifest: stored, computed or missing     ─▶ MosaicSource: what computed chunks are made of
//!               ─▶ reasons    what is said of it
//! ```
//! A slab: all chunks of one index along the record dimension.

mod canonical;
mod passing;
mod reasons;
mod source;

use model::{ChunkManifest, ChunkRef, MosaicSource, Result, ScannedVariable, Variable};

use super::collection::Collected;
use super::cover::{Covers, slab as slab_numbers};
use super::form::Form;
use super::sources::Sources;
use super::variable::grid;
use canonical::Canonical;

/// One piece with its place.
pub(super) struct Part<'p> {
    file: usize,
    scanned: &'p ScannedVariable,
    /// First place along the record dimension.
    start: u64,
    length: u64,
    /// Whether its elements are those of the joined variable as they are.
    is_copy: bool,
    /// What its absent chunks read as, as an element of the joined variable.
    fill_value: Option<Vec<u8>>,
}

/// The record dimension of a variable.
#[derive(Clone, Copy)]
pub(super) struct Record {
    /// Its place among the variable's dimensions.
    pub(super) axis: usize,
    /// Its length in the joined dataset.
    pub(super) length: u64,
}

/// A variable some of whose chunks are computed.
pub(super) struct Composed {
    pub(super) variable: Variable,
    pub(super) manifest: ChunkManifest,
    pub(super) source: Option<MosaicSource>,
    /// How many chunks are computed and why; none where none is.
    pub(super) warning: Option<String>,
}

/// Composes pieces that do not overlap.
pub(super) fn compose(
    variable: &Collected,
    covers: &Covers,
    record: Record,
    form: &Form,
    sources: &Sources,
) -> Result<Composed> {
    let parts = parts(variable, covers, form);
    let canonical = canonical::choose(&parts, form, record);
    let mut joined = form.variable.clone();
    let mut shape = joined.grid.shape().to_vec();
    shape[record.axis] = record.length;
    joined.grid = grid(&joined, shape, canonical.chunk_shape.clone())?;
    joined.byte_order = canonical.byte_order;
    joined.codecs.clone_from(&canonical.codecs);
    joined.fill_value = if covers.gaps.is_empty() { fill_value(&parts, form) } else { form.missing.clone() };
    let mut manifest = ChunkManifest::missing(
        0,
        usize::try_from(joined.grid.chunk_count()).map_err(model::Error::internal)?,
    );
    let computed = fill(&mut manifest, &parts, &canonical, &joined, record, sources);
    let source = source::collect(&parts, &computed, record, canonical.chunk_shape[record.axis], sources)?;
    let count = manifest.computed_count();
    let why = || reasons::tell(&parts, &canonical, form, record, sources);
    let warning = (count > 0)
        .then(|| format!("{count} of {} chunks are made on demand: {}", joined.grid.chunk_count(), why()));
    Ok(Composed { variable: joined, manifest, source: (count > 0).then_some(source), warning })
}

fn parts<'p>(variable: &'p Collected, covers: &Covers, form: &Form) -> Vec<Part<'p>> {
    let part = |cover: &super::cover::Cover| {
        let piece = &variable.pieces[cover.piece];
        // The form was made of the pieces: each can be brought to it.
        let unpacking = form.unpacking(&piece.scanned.variable).ok();
        let fill_value = piece.scanned.variable.fill_value.as_ref();
        Part {
            file: piece.file,
            scanned: &piece.scanned,
            start: cover.span.start,
            length: cover.span.end - cover.span.start,
            is_copy: unpacking.as_ref().is_some_and(cf::Unpacking::is_copy),
            fill_value: fill_value.and_then(|fill| unpacking.as_ref()?.apply(fill).ok()),
        }
    };
    covers.pieces.iter().map(part).collect()
}

/// What absent chunks read as where every place has a piece: what those say of whose chunks most pass.
fn fill_value(parts: &[Part<'_>], form: &Form) -> Option<Vec<u8>> {
    let of = |is_copy: bool| parts.iter().filter(move |part| part.is_copy == is_copy);
    of(true).chain(of(false)).find_map(|part| part.fill_value.clone()).or_else(|| form.missing.clone())
}

/// Sets every chunk's reference. Returns which slabs have computed chunks.
fn fill(
    manifest: &mut ChunkManifest,
    parts: &[Part<'_>],
    canonical: &Canonical,
    joined: &Variable,
    record: Record,
    sources: &Sources,
) -> Vec<bool> {
    let grid = &joined.grid;
    let length = canonical.chunk_shape[record.axis];
    // Places that nobody has are missing as they are already: absent chunks read so.
    let mut computed = vec![false; grid.counts()[record.axis] as usize];
    for part in parts {
        let reached = part.start / length..(part.start + part.length).div_ceil(length);
        computed[reached.start as usize..reached.end as usize].fill(true);
    }
    for part in parts {
        let passed = passing::slabs(part, canonical, record);
        computed[passed.start as usize..passed.end as usize].fill(false);
    }
    for slab in (0..).zip(&computed).filter(|(_, computed)| **computed).map(|(slab, _)| slab) {
        slab_numbers(grid, record.axis, slab).for_each(|number| manifest.set(number, ChunkRef::Computed));
    }
    for part in parts {
        for slab in passing::slabs(part, canonical, record) {
            for number in slab_numbers(grid, record.axis, slab) {
                let reference = passing::reference(part, grid, record.axis, number);
                let is_other_fill = reference == ChunkRef::Missing
                    && part.fill_value.is_some()
                    && part.fill_value != joined.fill_value;
                let reference = if is_other_fill { ChunkRef::Computed } else { reference };
                computed[slab as usize] |= is_other_fill;
                manifest.set(number, sources.in_join(reference, part.file));
            }
        }
    }
    computed
}
