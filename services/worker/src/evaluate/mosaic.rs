//! Chunks made of several sources that do not agree: each part is read, decoded, unpacked and put in its place.
//!
//! Memory is that of the chunk and of a few of those that it is made of. Sources that share a chunk with the next one
//! asked for are kept decoded for a while; their files are looked at each time.

use std::sync::Arc;

use bytes::Bytes;
use cf::{Packing, Unpacking};
use engine::mosaic::{self, SourceChunk};
use engine::open::{Located, in_record};
use futures::{StreamExt as _, TryStreamExt as _};
use model::{
    ByteOrder, ByteRange, DatasetId, Error, ErrorKind, NodePath, Region, Result, SourceFile, Variable,
    Version,
};
use moka::future::Cache;

use super::decode::Decoder;
use super::locate::Source;
use super::witness::Witness;
use super::{Inner, Recipe};
use crate::catalog::PublishedMosaic;

/// Most sources of one chunk that are read at once.
const SOURCES_AT_ONCE: usize = 8;
/// Most reads for the part of one uncompressed chunk; where it would take more, it is read whole.
const RUNS_MAX: usize = 256;
/// Largest uncompressed chunk that is read whole for a part of it, in bytes.
const WHOLE_BYTES_MAX: u64 = 64 << 20;
/// Memory for decoded chunks of sources, in bytes.
const KEPT_BYTES_MAX: u64 = 128 << 20;
/// Most variables whose pieces are kept ready.
const VARIABLES_MAX: u64 = 1_000;

/// What is kept from one chunk to the next.
pub(super) struct Mosaics {
    pieces: Cache<(DatasetId, Version, NodePath), Arc<Pieces>>,
    decoded: Cache<(Witness, ByteRange), Bytes>,
}

impl Mosaics {
    pub(super) fn new() -> Self {
        let weight = |_: &_, bytes: &Bytes| u32::try_from(bytes.len() + 256).unwrap_or(u32::MAX);
        Self {
            pieces: Cache::new(VARIABLES_MAX),
            decoded: Cache::builder().weigher(weight).max_capacity(KEPT_BYTES_MAX).build(),
        }
    }
}

/// The pieces of a variable, ready for use.
struct Pieces {
    published: Arc<PublishedMosaic>,
    /// By encoding.
    ways: Vec<Way>,
    /// The element of places that no piece holds.
    blank: Vec<u8>,
}

/// From an encoding to elements of the variable.
struct Way {
    decoder: Decoder,
    unpacking: Unpacking,
    /// What absent chunks read as, as an element of the variable.
    fill: Vec<u8>,
}

impl Inner {
    /// Bytes of memory that composing a chunk takes, roughly.
    pub(super) async fn composing_bytes(&self, recipe: &Arc<Recipe>, number: u64) -> Result<usize> {
        let pieces = self.pieces(recipe).await?;
        let sources = mosaic::sources(&pieces.published.mosaic, recipe.own(), number)?;
        let largest = sources.iter().map(|source| pieces.ways[source.encoding].decoder.decoded_bytes()).max();
        let of_sources = largest.flatten().unwrap_or_default() * sources.len().min(SOURCES_AT_ONCE);
        Ok(recipe.decoder.decoded_bytes().unwrap_or_default().saturating_add(of_sources))
    }

    /// The elements of a computed chunk, and what they were read of; none where the sources have nothing of it and it
    /// reads as the fill value. Its memory is held by who asks.
    pub(super) async fn compose(
        &self,
        recipe: &Arc<Recipe>,
        number: u64,
    ) -> Result<(Option<Vec<u8>>, Arc<[Witness]>)> {
        let own = recipe.own();
        let pieces = self.pieces(recipe).await?;
        let size = own.data_type.size().ok_or_else(|| Error::internal("a mosaic of text"))?;
        let sources = mosaic::sources(&pieces.published.mosaic, own, number)?;
        let chunk_shape = own.grid.chunk_shape();
        let count = chunk_shape.iter().product::<u64>() as usize;
        let mut elements = pieces.blank.repeat(count);
        let (mut has_data, mut read_of) = (false, Vec::new());
        let parts: Vec<_> = sources.into_iter().map(|source| self.part(recipe, &pieces, source)).collect();
        let mut parts = futures::stream::iter(parts).buffer_unordered(SOURCES_AT_ONCE);
        while let Some((source, Part { elements: part, witness })) = parts.try_next().await? {
            has_data |= part.is_some();
            read_of.extend(witness);
            let region = Region { start: source.to, extent: source.from.extent };
            let part =
                part.unwrap_or_else(|| pieces.ways[source.encoding].fill.repeat(region.elements() as usize));
            region
                .paste(&part, &mut elements, chunk_shape, size)
                .ok_or_else(|| Error::internal(format!("a part of {} does not fit", own.path)))?;
        }
        let is_fill = || {
            let fill = own.fill_value.as_deref();
            elements.chunks_exact(size).all(|element| Some(element) == fill)
        };
        Ok(((has_data || !is_fill()).then_some(elements), read_of.into()))
    }

    async fn pieces(&self, recipe: &Arc<Recipe>) -> Result<Arc<Pieces>> {
        let published = &recipe.published;
        let key = (published.id.clone(), published.version, recipe.own().path.clone());
        if let Some(pieces) = self.mosaics.pieces.get(&key).await {
            return Ok(pieces);
        }
        let (catalog, recipe) = (Arc::clone(&self.catalog), Arc::clone(recipe));
        let make = crate::local::blocking(move || {
            let own = recipe.own();
            let published = catalog.mosaic(&recipe.published.id, recipe.published.version, own)?;
            let blank = blank(own)?;
            let ways = published.mosaic.encodings.iter().map(|encoding| way(encoding, own, &blank));
            Ok(Arc::new(Pieces { ways: ways.collect::<Result<_>>()?, published, blank }))
        });
        self.mosaics.pieces.try_get_with(key, make).await.map_err(|error| Error::clone(&error))
    }

    /// One part of a chunk.
    async fn part(
        &self,
        recipe: &Arc<Recipe>,
        pieces: &Arc<Pieces>,
        source: SourceChunk,
    ) -> Result<(SourceChunk, Part)> {
        let encoding = &pieces.published.mosaic.encodings[source.encoding];
        let (stored, witness) = match self.locate_piece(recipe, &pieces.published, source.row).await? {
            Source::Missing(witness) => return Ok((source, Part { elements: None, witness })),
            Source::Inline(bytes) => (self.decode(pieces, source.encoding, bytes).await?, None),
            Source::Stored(witness, range) => {
                if let Some(elements) = self.runs(encoding, &witness.file, range, &source.from).await? {
                    let unpacked = pieces.ways[source.encoding].unpack(&elements)?;
                    return Ok((source, Part { elements: Some(unpacked), witness: Some(witness) }));
                }
                (self.decoded(pieces, source.encoding, &witness, range).await?, Some(witness))
            }
            Source::Computed => return Err(Error::internal("a piece of a mosaic is computed itself")),
        };
        let (pieces, from, at) = (Arc::clone(pieces), source.from.clone(), source.encoding);
        let cut = move || {
            let encoding = &pieces.published.mosaic.encodings[at];
            let size = encoding.data_type.size().unwrap_or(1);
            let elements = from.cut(&stored, encoding.grid.chunk_shape(), size).ok_or_else(short)?;
            pieces.ways[at].unpack(&elements)
        };
        let elements = Some(self.pool.run_admitted(cut).await?);
        Ok((source, Part { elements, witness }))
    }

    async fn locate_piece(
        &self,
        recipe: &Recipe,
        published: &Arc<PublishedMosaic>,
        row: u64,
    ) -> Result<Source> {
        let (catalog, mosaic) = (Arc::clone(&self.catalog), Arc::clone(published));
        let (id, version) = (recipe.published.id.clone(), recipe.published.version);
        let (variable, record) = (recipe.own().path.clone(), row / published.record_size.max(1));
        let read = move || catalog.piece_references(&id, version, &variable, &mosaic, record);
        let references = crate::local::blocking(read).await?;
        match in_record(&references, row)? {
            Some(Located::Missing) => Ok(Source::Missing(None)),
            Some(Located::Inline(bytes)) => Ok(Source::Inline(bytes)),
            Some(Located::Computed(_) | Located::Outside) | None => Ok(Source::Computed),
            Some(located) => self.stored(located).await,
        }
    }

    /// The elements of a region of an uncompressed chunk, read without the rest of it, as they are stored. None where it
    /// is better read whole.
    async fn runs(
        &self,
        encoding: &Variable,
        file: &Arc<SourceFile>,
        range: ByteRange,
        region: &Region,
    ) -> Result<Option<Vec<u8>>> {
        let Some(size) = encoding.data_type.size().filter(|_| encoding.codecs.is_empty()) else {
            return Ok(None);
        };
        let (firsts, run) = region.runs(encoding.grid.chunk_shape());
        if firsts.len() > RUNS_MAX && range.length <= WHOLE_BYTES_MAX {
            return Ok(None);
        }
        let length = run * size as u64;
        let mut elements = Vec::with_capacity(firsts.len() * length as usize);
        for first in firsts {
            let offset = first * size as u64;
            if offset + length > range.length {
                return Err(short());
            }
            let wanted = ByteRange { offset: range.offset + offset, length };
            elements.extend_from_slice(&self.read(file, wanted).await?);
        }
        if encoding.byte_order == ByteOrder::Big
            && let Some(ordered) = encoding.data_type.ordered_size()
        {
            elements.chunks_exact_mut(ordered).for_each(<[u8]>::reverse);
        }
        Ok(Some(elements))
    }

    /// A whole decoded chunk of a source, kept or new.
    async fn decoded(
        &self,
        pieces: &Arc<Pieces>,
        encoding: usize,
        source: &Witness,
        range: ByteRange,
    ) -> Result<Bytes> {
        let key = (source.clone(), range);
        if let Some(elements) = self.mosaics.decoded.get(&key).await
            && self.is_unchanged(source).await?
        {
            return Ok(elements);
        }
        let make = async {
            let stored = self.read(&source.file, range).await?;
            self.decode(pieces, encoding, stored).await
        };
        self.mosaics.decoded.try_get_with(key, make).await.map_err(|error| Error::clone(&error))
    }

    async fn decode(&self, pieces: &Arc<Pieces>, encoding: usize, stored: Bytes) -> Result<Bytes> {
        let pieces = Arc::clone(pieces);
        self.pool.run_admitted(move || pieces.ways[encoding].decoder.decode(stored)).await
    }
}

/// A part of a chunk.
struct Part {
    /// None where its source has none.
    elements: Option<Vec<u8>>,
    /// What it was read of; none where that was no file.
    witness: Option<Witness>,
}

impl Way {
    fn unpack(&self, elements: &[u8]) -> Result<Vec<u8>> {
        let failed = |error: cf::PackingError| format!("values of a source cannot be unpacked: {error}");
        self.unpacking.apply(elements).map_err(|error| Error::new(ErrorKind::CorruptData, failed(error)))
    }
}

fn way(encoding: &Variable, own: &Variable, blank: &[u8]) -> Result<Way> {
    let unpacking = Unpacking::between(encoding, own).map_err(Error::internal)?;
    let fill = match &encoding.fill_value {
        Some(fill) => unpacking.apply(fill).map_err(Error::internal)?,
        None => blank.to_vec(),
    };
    Ok(Way { decoder: Decoder::to_elements(encoding)?, unpacking, fill })
}

/// What places read as that no piece holds: missing, where the type has a number for that.
fn blank(own: &Variable) -> Result<Vec<u8>> {
    let missing = Packing::of(own).map_err(Error::internal)?.missing_element();
    let zeros = || vec![0; own.data_type.size().unwrap_or(1)];
    Ok(missing.or_else(|| own.fill_value.clone()).unwrap_or_else(zeros))
}

fn short() -> Error {
    Error::new(ErrorKind::CorruptData, "a stored chunk is shorter than its shape says")
}
