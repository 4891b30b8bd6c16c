//! The data of a variable: left where they are in chunks or in one piece, or taken in.

use bytes::Bytes;
use model::{ByteRange, ChunkGrid, ChunkManifest, ChunkRef, Codec, DataType, FileId, Layout};

use super::{
    chunks,
    data_type::ElementType,
    filters, inline,
    native::{Dataset, Filter, StoredLayout},
    variable::{Context, Outline, Refusal},
};
use crate::ScanFault;

/// How a variable is stored, and where.
pub(super) struct Stored {
    pub(super) layout: Layout,
    pub(super) grid: ChunkGrid,
    pub(super) codecs: Vec<Codec>,
    pub(super) manifest: ChunkManifest,
}

/// Finds the data of a dataset, or takes them in.
pub(super) fn find(
    context: &mut Context<'_>,
    dataset: &Dataset,
    element: &ElementType,
    outline: &Outline,
) -> Result<Stored, Refusal> {
    let layout = dataset.layout()?;
    match layout {
        StoredLayout::External => return Err(Refusal::LeftOut("its values are in another file".to_owned())),
        StoredLayout::Virtual => return Err(Refusal::LeftOut("it is a virtual dataset".to_owned())),
        StoredLayout::Compact | StoredLayout::Contiguous | StoredLayout::Chunked(_) => {}
    }
    let filters = dataset.filters()?;
    let element_size = dataset.datatype.size();
    let codecs: Vec<_> = filters.iter().map(|filter| filters::codec(filter, element_size)).collect();
    let no_codec = codecs.iter().zip(&filters).find(|(codec, _)| codec.is_none()).map(|(_, filter)| filter);
    if element.data_type == DataType::Text {
        return texts(context, dataset, outline, &filters);
    }
    let must = outline.shape.is_empty() || layout == StoredLayout::Compact || no_codec.is_some();
    let bytes = outline.shape.iter().try_fold(element_size as u64, |product, n| product.checked_mul(*n));
    let bytes = bytes.ok_or_else(|| Refusal::LeftOut("it has more than 2^64 bytes".to_owned()))?;
    let limit = if must {
        context.options.decoded_bytes_max
    } else {
        context.options.inlined_bytes_max(outline.is_coordinate, outline.shape.len())
    };
    let decodable = is_decodable(context, dataset, &layout, &filters);
    let whole = outline.shape == dataset.extent.shape();
    if bytes <= limit && bytes > 0 && decodable && whole {
        match inline::elements(dataset, element, (bytes / element_size.max(1) as u64) as usize) {
            Ok(bytes) => return inlined(&outline.shape, bytes, Vec::new()),
            Err(fault) if must => return Err(fault.into()),
            Err(fault) => context.warn(outline.path.as_str(), format!("kept as stored: {fault}")),
        }
    }
    if let Some(filter) = no_codec.filter(|_| bytes > 0) {
        let filter = filters::describe(filter);
        return Err(Refusal::LeftOut(format!(
            "no Zarr reader has its {filter}, and it is too large, or cannot be decoded here, to be inlined"
        )));
    }
    match layout {
        StoredLayout::Chunked(chunk_shape) => {
            let grid = chunk_grid(context, outline, chunk_shape)?;
            let found = chunks::find(context, outline.path.as_str(), dataset, &grid, &codecs)?;
            warn_of_rare(context, outline, &found.codecs);
            Ok(Stored { layout: Layout::Chunked, grid, codecs: found.codecs, manifest: found.manifest })
        }
        _ => contiguous(context, dataset, outline, bytes),
    }
}

/// Says of a variable that most clients cannot read why not: it is no fault of the file, so it is served.
fn warn_of_rare(context: &mut Context<'_>, outline: &Outline, codecs: &[Codec]) {
    let rare = codecs.iter().find_map(|codec| match codec {
        Codec::Szip { .. } => Some("szip"),
        Codec::Lz4Hdf5 => Some("HDF5's LZ4"),
        _ => None,
    });
    if let Some(rare) = rare {
        let text = format!("compressed with {rare}: readable only by Zarr 2 clients that have imagecodecs");
        context.warn(outline.path.as_str(), text);
    }
}

/// Whether libhdf5 as it is built here can decode the dataset, in bounded memory.
fn is_decodable(context: &Context<'_>, dataset: &Dataset, layout: &StoredLayout, filters: &[Filter]) -> bool {
    let chunk_bytes = match layout {
        StoredLayout::Chunked(shape) => {
            shape.iter().fold(dataset.datatype.size() as u64, |product, n| product.saturating_mul(*n))
        }
        _ => 0,
    };
    chunk_bytes <= context.options.decoded_chunk_bytes_max && filters.iter().all(|filter| filter.available)
}

fn chunk_grid(context: &Context<'_>, outline: &Outline, chunk_shape: Vec<u64>) -> Result<ChunkGrid, Refusal> {
    let grid = ChunkGrid::new(outline.shape.clone(), chunk_shape)
        .map_err(|error| Refusal::LeftOut(error.to_string()))?;
    let most = context.options.sparse_chunks_max.max(context.identity.size_bytes / 8).min(1 << 31);
    if grid.chunk_count() > most {
        let count = grid.chunk_count();
        return Err(Refusal::LeftOut(format!("it has {count} chunks, more than {most}")));
    }
    Ok(grid)
}

fn contiguous(
    context: &Context<'_>,
    dataset: &Dataset,
    outline: &Outline,
    bytes: u64,
) -> Result<Stored, Refusal> {
    let chunk_shape = outline.shape.iter().map(|length| (*length).max(1)).collect();
    let grid = ChunkGrid::new(outline.shape.clone(), chunk_shape)
        .map_err(|error| Refusal::LeftOut(error.to_string()))?;
    let mut manifest = ChunkManifest::missing(0, grid.chunk_count() as usize);
    if let Some(place) = dataset.allocation().filter(|_| bytes > 0) {
        let size = context.identity.size_bytes;
        let end = place.offset.saturating_add(bytes.max(place.size));
        if end > size {
            let variable = outline.path.to_string();
            return Err(ScanFault::TruncatedVariable { variable, size, end }.into());
        }
        let range = ByteRange { offset: place.offset, length: bytes };
        manifest.set(0, ChunkRef::Bytes { file: FileId(0), range });
    }
    Ok(Stored { layout: Layout::Contiguous, grid, codecs: Vec::new(), manifest })
}

/// Variable-length texts are in heaps all over the file, so always inlined.
fn texts(
    context: &mut Context<'_>,
    dataset: &Dataset,
    outline: &Outline,
    filters: &[Filter],
) -> Result<Stored, Refusal> {
    let limit = context.options.text_bytes_max;
    let too_long = || Refusal::LeftOut(format!("variable-length text of more than {limit} bytes"));
    if let Some(filter) = filters.iter().find(|filter| !filter.available) {
        let filter = filters::describe(filter);
        return Err(Refusal::LeftOut(format!(
            "variable-length text behind {filter}, which cannot be decoded here"
        )));
    }
    let places = |shape: &[u64]| shape.iter().try_fold(24_u64, |product, n| product.checked_mul(*n));
    places(&outline.shape).filter(|bytes| *bytes <= limit).ok_or_else(too_long)?;
    let count = dataset.extent.element_count().ok_or_else(too_long)? as usize;
    let texts = if count == 0 { Vec::new() } else { dataset.read_texts(count, limit as usize)? };
    let texts = inline::extend(texts, dataset.extent.shape(), &outline.shape, &Vec::new());
    let (bytes, faithful) = inline::vlen_utf8(&texts);
    if !faithful {
        context.warn(outline.path.as_str(), "text that is not UTF-8: unknown bytes are shown as \u{fffd}");
    }
    inlined(&outline.shape, bytes, vec![Codec::VlenUtf8])
}

fn inlined(shape: &[u64], bytes: Bytes, codecs: Vec<Codec>) -> Result<Stored, Refusal> {
    let chunk_shape = shape.iter().map(|length| (*length).max(1)).collect();
    let grid =
        ChunkGrid::new(shape.to_vec(), chunk_shape).map_err(|error| Refusal::LeftOut(error.to_string()))?;
    let manifest =
        if grid.chunk_count() == 0 { ChunkManifest::missing(0, 0) } else { ChunkManifest::inline(bytes) };
    Ok(Stored { layout: Layout::Inline, grid, codecs, manifest })
}
