//! Which piece of a variable holds which places of the record dimension.

use std::collections::HashSet;
use std::ops::Range;

use model::{ChunkGrid, ChunkRef, Layout, Result, ScannedVariable, Warning};

use super::axis::Axis;
use super::collection::Collected;
use super::sources::Sources;

/// A piece, its places, and how many of the first ones earlier pieces hold already.
pub(super) struct Cover {
    /// Place among the variable's pieces.
    pub(super) piece: usize,
    /// Places of the axis.
    pub(super) span: Range<u64>,
    /// How many at its start are there already: to be compared, not to be put in.
    pub(super) known: u64,
}

/// All pieces of a variable, one behind the other.
pub(super) struct Covers {
    pub(super) pieces: Vec<Cover>,
    /// Places that no piece holds.
    pub(super) gaps: Vec<Range<u64>>,
    /// A piece of which places are shared with others, each of them with chunks in no more than one.
    pub(super) shares: Option<usize>,
}

/// Puts a variable's pieces one behind the other. A place may be held twice only where the values are inlined and can
/// be compared, or where all but one have no chunk there; and by nobody only where the values are numbers, which can be
/// missing.
pub(super) fn cover(variable: &Collected, axis: &Axis, sources: &Sources) -> Result<Covers> {
    let mut pieces: Vec<(usize, Range<u64>)> = Vec::with_capacity(variable.pieces.len());
    for (at, piece) in variable.pieces.iter().enumerate() {
        let span = axis.span(piece.file).ok_or_else(|| {
            let name = sources.name(piece.file);
            let message = format!(
                "{} in {name} lies along {}, but {name} has no coordinate of that name to put it in order by",
                variable.path, axis.dimension
            );
            sources.refuse(message, &[piece.file])
        })?;
        if !span.is_empty() {
            pieces.push((at, span));
        }
    }
    pieces.sort_by_key(|(_, span)| (span.start, std::cmp::Reverse(span.end)));
    let mut covers: Vec<Cover> = Vec::with_capacity(pieces.len());
    let mut gaps = Vec::new();
    let mut shares = None;
    let mut covered = 0;
    for (piece, span) in pieces {
        if span.start > covered {
            gaps.push(covered..span.start);
            covered = span.start;
        }
        let known = covered.min(span.end) - span.start;
        let is_comparable = variable.pieces[piece].scanned.layout == Layout::Inline;
        if known > 0 && !is_comparable {
            let mut twice_held = span.start..span.start + known;
            if twice_held.all(|place| is_held_once(variable, &covers, (piece, span.start), place, axis)) {
                shares = Some(piece);
                covered = covered.max(span.end);
                covers.push(Cover { piece, span, known });
                continue;
            }
            return Err(twice(variable, &covers, piece, span.start..span.start + known, axis, sources));
        }
        covered = covered.max(span.end);
        covers.push(Cover { piece, span, known });
    }
    if covered < axis.length() && !covers.is_empty() {
        gaps.push(covered..axis.length());
    }
    let is_numeric = variable.pieces.iter().all(|piece| piece.scanned.variable.data_type.is_numeric());
    match gaps.first() {
        Some(gap) if !is_numeric => Err(missing(variable, gap, axis, sources)),
        _ => Ok(Covers { pieces: covers, gaps, shares }),
    }
}

/// Whether no more than one of the pieces that reach a place has chunks there. A day of a forecast in GRIB ends with
/// accumulations at the time of which the next day has all else: each file leaves out what the other has.
fn is_held_once(
    variable: &Collected,
    covers: &[Cover],
    (piece, start): (usize, u64),
    place: u64,
    axis: &Axis,
) -> bool {
    let earlier = covers.iter().filter(|cover| cover.span.contains(&place));
    let all = earlier.map(|cover| (cover.piece, cover.span.start)).chain([(piece, start)]);
    let held = |(piece, start): &(usize, u64)| {
        holds(&variable.pieces[*piece].scanned, place - start, &axis.dimension)
    };
    all.filter(held).count() <= 1
}

/// Whether a file's variable has chunks at a place of a dimension; taken for so where chunks are longer than a place.
pub(super) fn holds(scanned: &ScannedVariable, place: u64, dimension: &str) -> bool {
    let ScannedVariable { variable, layout, manifest, .. } = scanned;
    let record = variable.dimensions.iter().position(|name| name == dimension);
    match record {
        Some(record) if *layout == Layout::Chunked && variable.grid.chunk_shape()[record] == 1 => {
            slab(&variable.grid, record, place).any(|number| manifest.get(number) != ChunkRef::Missing)
        }
        _ => true,
    }
}

/// Numbers of all chunks of one index along a dimension.
pub(super) fn slab(grid: &ChunkGrid, axis: usize, index: u64) -> impl Iterator<Item = u64> {
    let outer: u64 = grid.counts()[..axis].iter().product();
    let inner: u64 = grid.counts()[axis + 1..].iter().product();
    let along = grid.counts()[axis];
    (0..outer).flat_map(move |o| (0..inner).map(move |i| (o * along + index) * inner + i))
}

impl Covers {
    /// The refusal of places that two files have, where none may be.
    pub(super) fn refuse_shared(&self, variable: &Collected, axis: &Axis, sources: &Sources) -> Result<()> {
        let shared = self.pieces.iter().position(|cover| Some(cover.piece) == self.shares);
        let Some(at) = shared else { return Ok(()) };
        let Cover { piece, span, known } = &self.pieces[at];
        Err(twice(variable, &self.pieces[..at], *piece, span.start..span.start + known, axis, sources))
    }

    /// What is said of places that no file holds.
    pub(super) fn warning(&self, variable: &Collected, axis: &Axis, sources: &Sources) -> Option<Warning> {
        let first = self.gaps.first()?;
        let has: HashSet<usize> = variable.pieces.iter().map(|piece| piece.file).collect();
        let overlaps =
            |span: &Range<u64>| self.gaps.iter().any(|gap| span.start < gap.end && gap.start < span.end);
        let files: Vec<usize> = (0..sources.files.len())
            .filter(|file| axis.span(*file).is_some_and(|span| overlaps(&span)) && !has.contains(file))
            .collect();
        let message = format!(
            "missing for {} of {} values of {} (first from {} to {}): {} {} without it. They read as missing values",
            self.gaps.iter().map(|gap| gap.end - gap.start).sum::<u64>(),
            axis.length(),
            axis.dimension,
            axis.words(first.start),
            axis.words(first.end - 1),
            sources.list(files.iter().copied()),
            if files.len() == 1 { "is" } else { "are" },
        );
        Some(Warning { subject: variable.path.to_string(), message })
    }
}

/// The refusal of places that no file has.
fn missing(variable: &Collected, places: &Range<u64>, axis: &Axis, sources: &Sources) -> model::Error {
    let has: HashSet<usize> = variable.pieces.iter().map(|piece| piece.file).collect();
    let files: Vec<usize> = (0..sources.files.len())
        .filter(|file| {
            axis.span(*file).is_some_and(|span| span.start < places.end && places.start < span.end)
                && !has.contains(file)
        })
        .collect();
    let message = format!(
        "{} is missing from {} to {} ({} values of {}): {} {} without it. Register files that have it for all of {}, or \
         make a dataset of its own of it",
        variable.path,
        axis.words(places.start),
        axis.words(places.end - 1),
        places.end - places.start,
        axis.dimension,
        sources.list(files.iter().copied()),
        if files.len() == 1 { "is" } else { "are" },
        axis.dimension,
    );
    sources.refuse(message, &files[..files.len().min(10)])
}

/// The refusal of places that two files have.
fn twice(
    variable: &Collected,
    covers: &[Cover],
    piece: usize,
    places: Range<u64>,
    axis: &Axis,
    sources: &Sources,
) -> model::Error {
    let earlier = covers.iter().rev().find(|cover| cover.span.contains(&places.start));
    let b = variable.pieces[piece].file;
    let a = earlier.map_or(b, |cover| variable.pieces[cover.piece].file);
    let (a_name, b_name) = sources.pair(a, b);
    let message = format!(
        "{a_name} and {b_name} overlap: both hold {} from {} to {} ({} values of {}). Register one of them, or files that \
         do not overlap",
        variable.path,
        axis.words(places.start),
        axis.words(places.end - 1),
        places.end - places.start,
        axis.dimension
    );
    sources.refuse(message, &[a, b])
}
