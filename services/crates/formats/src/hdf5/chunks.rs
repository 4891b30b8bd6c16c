//! Where the chunks of a variable are.

use std::{collections::HashMap, fs::File, os::unix::fs::FileExt};

use bytes::Bytes;
use model::{ByteRange, ChunkGrid, ChunkManifest, ChunkRef, Codec, FileId};

use super::{
    filters::without,
    native::{Dataset, StoredChunk},
    recode::recode,
    variable::{Context, Refusal},
};
use crate::ScanFault;

/// The references of a chunked variable, and the codecs that all its chunks share.
pub(super) struct References {
    pub(super) manifest: ChunkManifest,
    pub(super) codecs: Vec<Codec>,
}

/// A stored chunk, by its number.
struct Entry {
    number: u64,
    offset: u64,
    size: u64,
    mask: u32,
}

/// Chunks between two signs of life.
const PROGRESS_EVERY: u64 = 1 << 16;

/// Finds all chunks. `codecs` are those of the whole pipeline; none where a filter has no codec.
pub(super) fn find(
    context: &mut Context<'_>,
    path: &str,
    dataset: &Dataset,
    grid: &ChunkGrid,
    codecs: &[Option<Codec>],
) -> Result<References, Refusal> {
    let entries = visit(context, path, dataset, grid, codecs.len())?;
    let mask = commonest_mask(&entries);
    let shared: Option<Vec<Codec>> = without(codecs, mask).into_iter().collect();
    let Some(shared) = shared else {
        return Err(Refusal::LeftOut("a filter has no codec".to_owned()));
    };
    let count = usize::try_from(grid.chunk_count()).unwrap_or(usize::MAX);
    let mut manifest = ChunkManifest::missing(0, count);
    let mut recoder = Recoder { chunk_bytes: chunk_bytes(dataset, grid), recoded_bytes: 0, file: None };
    for entry in entries {
        let reference = if entry.mask == mask {
            let range = ByteRange { offset: entry.offset, length: entry.size };
            ChunkRef::Bytes { file: FileId(0), range }
        } else {
            let own: Option<Vec<Codec>> = without(codecs, entry.mask).into_iter().collect();
            ChunkRef::Inline(recoder.recode(context, &entry, own.as_deref(), &shared)?)
        };
        manifest.set(entry.number, reference);
    }
    Ok(References { manifest, codecs: shared })
}

/// Bytes of a decoded chunk; the greatest number where beyond it.
pub(super) fn chunk_bytes(dataset: &Dataset, grid: &ChunkGrid) -> u64 {
    let size = dataset.datatype.size() as u64;
    grid.chunk_shape().iter().fold(size, |product, n| product.saturating_mul(*n))
}

fn visit(
    context: &mut Context<'_>,
    path: &str,
    dataset: &Dataset,
    grid: &ChunkGrid,
    filter_count: usize,
) -> Result<Vec<Entry>, Refusal> {
    let rank = grid.shape().len();
    let filters = if filter_count >= 32 { u32::MAX } else { (1 << filter_count) - 1 };
    let plain_edges = filter_count > 0 && dataset.leaves_edge_chunks_unfiltered();
    let file_size = context.identity.size_bytes;
    let mut entries = Vec::new();
    let mut fault = None;
    let mut visited = 0_u64;
    let mut visit = |chunk: StoredChunk<'_>| {
        visited += 1;
        if visited.is_multiple_of(PROGRESS_EVERY) {
            context.alive();
        }
        // A damaged index can go round in circles.
        if visited > grid.chunk_count().max(file_size) {
            fault = Some(damaged(path, "its index has more chunks than there can be"));
            return false;
        }
        let Some(number) = number(grid, chunk.origin) else { return true };
        let end = chunk.offset.checked_add(chunk.size);
        if end.is_none_or(|end| end > file_size) {
            let end = end.unwrap_or(u64::MAX);
            fault = Some(ScanFault::TruncatedVariable { variable: path.to_owned(), size: file_size, end });
            return false;
        }
        let is_plain = plain_edges && reaches_over(dataset.extent.shape(), grid, chunk.origin);
        let mask = if is_plain { filters } else { chunk.filter_mask & filters };
        entries.push(Entry { number, offset: chunk.offset, size: chunk.size, mask });
        true
    };
    let walked = dataset.visit_chunks(rank, &mut visit);
    match (fault, walked) {
        (Some(fault), _) => Err(Refusal::Fault(fault)),
        (None, Err(error)) => Err(Refusal::Fault(damaged(path, &error.to_string()))),
        (None, Ok(())) => Ok(entries),
    }
}

fn damaged(path: &str, detail: &str) -> ScanFault {
    ScanFault::DamagedVariable { variable: path.to_owned(), detail: detail.to_owned() }
}

/// The number of the chunk that begins at `origin`; none where it lies outside, as chunks do after a dataset shrank.
fn number(grid: &ChunkGrid, origin: &[u64]) -> Option<u64> {
    let mut number = 0;
    for ((origin, length), count) in origin.iter().zip(grid.chunk_shape()).zip(grid.counts()) {
        let at = origin / length;
        if at >= *count {
            return None;
        }
        number = number * count + at;
    }
    Some(number)
}

fn reaches_over(shape: &[u64], grid: &ChunkGrid, origin: &[u64]) -> bool {
    let over = |((origin, length), end): ((&u64, &u64), &u64)| origin.saturating_add(*length) > *end;
    origin.iter().zip(grid.chunk_shape()).zip(shape).any(over)
}

fn commonest_mask(entries: &[Entry]) -> u32 {
    let mut counts = HashMap::<u32, u64>::new();
    for entry in entries {
        *counts.entry(entry.mask).or_default() += 1;
    }
    // Of equally common ones the smallest, so that a scan gives the same each time.
    counts.into_iter().max_by_key(|(mask, count)| (*count, u32::MAX - mask)).map_or(0, |(mask, _)| mask)
}

struct Recoder {
    chunk_bytes: u64,
    recoded_bytes: u64,
    file: Option<File>,
}

impl Recoder {
    fn recode(
        &mut self,
        context: &mut Context<'_>,
        entry: &Entry,
        from: Option<&[Codec]>,
        to: &[Codec],
    ) -> Result<Bytes, Refusal> {
        let limit = context.options.recoded_bytes_max;
        self.recoded_bytes += entry.size.max(self.chunk_bytes);
        if self.recoded_bytes > limit {
            let message = format!(
                "its chunks went through different filters, and more than {limit} bytes would have to be encoded again"
            );
            return Err(Refusal::LeftOut(message));
        }
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(File::open(context.path).map_err(ScanFault::Io)?),
        };
        let mut chunk = vec![0; entry.size as usize];
        file.read_exact_at(&mut chunk, entry.offset).map_err(ScanFault::Io)?;
        context.alive();
        from.and_then(|from| recode(chunk, from, to, self.chunk_bytes)).map(Bytes::from).ok_or_else(|| {
            Refusal::LeftOut(
                "its chunks went through different filters, one of which is not known".to_owned(),
            )
        })
    }
}
