//! One dataset as a variable with its references.

use std::path::Path;

use bytes::Bytes;
use model::{
    AttributeValue, Attributes, ByteOrder, ByteRange, ChunkGrid, ChunkManifest, ChunkRef, Codec, DataType,
    FileId, FileIdentity, Layout, NodePath, ScannedVariable, Variable, Warning,
};

use super::{
    attributes, chunks,
    data_type::{ElementType, element_type, to_little_endian},
    filters, inline,
    native::{Dataset, Extent, Fault, Filter, StoredLayout},
};
use crate::{Progress, ScanFault, ScanOptions};

/// What holds for the whole scan.
pub(super) struct Context<'a> {
    pub(super) path: &'a Path,
    pub(super) identity: FileIdentity,
    pub(super) options: &'a ScanOptions,
    pub(super) progress: Progress<'a>,
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) warnings: Vec<Warning>,
}

impl Context<'_> {
    /// Says that the scan is not hung.
    pub(super) fn alive(&mut self) {
        (self.progress)(self.done, self.total);
    }

    /// Notes something of a variable or group.
    pub(super) fn warn(&mut self, subject: &str, message: impl Into<String>) {
        self.warnings.push(Warning { subject: subject.to_owned(), message: message.into() });
    }
}

/// Why there is no variable of a dataset.
pub(super) enum Refusal {
    /// The model cannot hold it.
    LeftOut(String),
    /// The file is at fault, and with it the scan.
    Fault(ScanFault),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::LeftOut(format!("it cannot be read: {fault}"))
    }
}

impl From<ScanFault> for Refusal {
    fn from(fault: ScanFault) -> Self {
        Self::Fault(fault)
    }
}

/// What is known of a variable before its data.
pub(super) struct Outline {
    /// Where it is.
    pub(super) path: NodePath,
    /// Names of its dimensions.
    pub(super) dimensions: Vec<String>,
    /// Its shape: longer than the dataset's where another variable made an unlimited dimension longer.
    pub(super) shape: Vec<u64>,
    /// Whether readers want it whole: it is a coordinate, or the attribute of another variable names it.
    pub(super) is_coordinate: bool,
}

/// Scans a dataset.
pub(super) fn scan(
    context: &mut Context<'_>,
    dataset: &Dataset,
    outline: Outline,
) -> Result<ScannedVariable, Refusal> {
    let element = element_type(&dataset.datatype)?
        .map_err(|kind| Refusal::LeftOut(format!("its type is {kind}, which Zarr cannot hold")))?;
    if dataset.extent == Extent::Null {
        return Err(Refusal::LeftOut("it has no extent (a null dataspace)".to_owned()));
    }
    let path = outline.path.as_str();
    let bytes_max = context.options.attribute_bytes_max;
    let mut attributes = attributes::read(dataset.object(), path, bytes_max, &mut context.warnings);
    explain_flags(&mut attributes, &element);
    let stored = stored(context, dataset, &element, &outline)?;
    let fill_value =
        (stored.manifest.missing_count() > 0).then(|| fill_value(dataset, &element)).transpose()?;
    Ok(ScannedVariable {
        variable: Variable {
            path: outline.path,
            dimensions: outline.dimensions,
            data_type: element.data_type,
            byte_order: if stored.layout == Layout::Inline { ByteOrder::Little } else { element.byte_order },
            grid: stored.grid,
            codecs: stored.codecs,
            fill_value,
            attributes,
        },
        layout: stored.layout,
        manifest: stored.manifest,
    })
}

/// How a variable is stored, and where.
struct Stored {
    layout: Layout,
    grid: ChunkGrid,
    codecs: Vec<Codec>,
    manifest: ChunkManifest,
}

fn stored(
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
    } else if outline.is_coordinate {
        context.options.coordinate_bytes_max
    } else if outline.shape.len() == 1 {
        context.options.small_bytes_max
    } else {
        0
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
            "no Zarr reader has its {filter}, and it is too large to inline"
        )));
    }
    match layout {
        StoredLayout::Chunked(chunk_shape) => {
            let grid = chunk_grid(context, outline, chunk_shape)?;
            let found = chunks::find(context, outline.path.as_str(), dataset, &grid, &codecs)?;
            Ok(Stored { layout: Layout::Chunked, grid, codecs: found.codecs, manifest: found.manifest })
        }
        _ => contiguous(context, dataset, outline, bytes),
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

/// What libhdf5 reads where nothing was written: zeros where the file does not say.
fn fill_value(dataset: &Dataset, element: &ElementType) -> Result<Vec<u8>, Refusal> {
    let mut value = dataset.fill_value()?.unwrap_or_else(|| vec![0; dataset.datatype.size()]);
    to_little_endian(&mut value, element.data_type, element.byte_order);
    Ok(value)
}

/// What an enumeration means goes into the attributes that CF has for it, unless they are there.
fn explain_flags(attributes: &mut Attributes, element: &ElementType) {
    let Some(enumeration) = element.enumeration.as_ref().filter(|enumeration| !enumeration.names.is_empty())
    else {
        return;
    };
    if attributes.get("flag_values").is_some() || attributes.get("flag_meanings").is_some() {
        return;
    }
    let words: Vec<String> =
        enumeration.names.iter().map(|name| name.split_whitespace().collect::<Vec<_>>().join("_")).collect();
    attributes.set("flag_values", AttributeValue::Numbers(enumeration.values.clone()));
    attributes.set("flag_meanings", AttributeValue::Text(words.join(" ")));
}
