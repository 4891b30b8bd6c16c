//! Coordinates as variables: small, so inlined.

use std::io::Write;

use bytes::Bytes;
use model::{
    AttributeValue, Attributes, ByteOrder, ChunkGrid, ChunkManifest, ChunkRef, Codec, DataType, Layout,
    NodePath, Numbers, ScannedVariable, Variable,
};

/// Elements of a chunk of a long coordinate.
const CHUNK: u64 = 1 << 19;

/// Attributes of texts.
pub(super) fn texts(items: &[(&str, &str)]) -> Attributes {
    items.iter().map(|(name, text)| ((*name).to_owned(), AttributeValue::Text((*text).to_owned()))).collect()
}

/// A coordinate of floats.
pub(super) fn floats(
    name: &str,
    dimensions: &[&str],
    shape: &[u64],
    values: &[f64],
    attributes: Attributes,
) -> Option<ScannedVariable> {
    inlined(name, dimensions, shape, DataType::F64, Numbers::F64(values.to_vec()).to_le_bytes(), attributes)
}

/// A coordinate of integers.
pub(super) fn integers(
    name: &str,
    dimensions: &[&str],
    shape: &[u64],
    values: &[i64],
    attributes: Attributes,
) -> Option<ScannedVariable> {
    inlined(name, dimensions, shape, DataType::I64, Numbers::I64(values.to_vec()).to_le_bytes(), attributes)
}

fn inlined(
    name: &str,
    dimensions: &[&str],
    shape: &[u64],
    data_type: DataType,
    bytes: Vec<u8>,
    attributes: Attributes,
) -> Option<ScannedVariable> {
    let chunk_shape = shape.iter().map(|length| (*length).max(1)).collect();
    let variable = variable(name, dimensions, shape, chunk_shape, data_type, Vec::new(), attributes)?;
    let manifest = ChunkManifest::inline(Bytes::from(bytes));
    Some(ScannedVariable { variable: variable.into(), layout: Layout::Inline, manifest, in_place: None })
}

/// Many floats, in chunks of whole rows that are compressed: neighbours on a grid are alike.
pub(super) fn compressed(
    name: &str,
    dimensions: &[&str],
    shape: &[u64],
    values: &[f64],
    attributes: Attributes,
) -> Option<ScannedVariable> {
    let row = shape.get(1..)?.iter().product::<u64>().max(1);
    let mut chunk_shape = shape.to_vec();
    chunk_shape[0] = (CHUNK / row).clamp(1, shape[0].max(1));
    let length = (chunk_shape[0] * row) as usize;
    let codecs = vec![Codec::Shuffle { element_size: 8 }, Codec::Deflate { level: 1 }];
    let variable = variable(name, dimensions, shape, chunk_shape, DataType::F64, codecs, attributes)?;
    let mut manifest = ChunkManifest::missing(0, variable.grid.chunk_count() as usize);
    for (number, part) in values.chunks(length).enumerate() {
        // The last chunk is as long as the others.
        let mut shuffled = vec![0; 8 * length];
        for (at, value) in part.iter().enumerate() {
            for (place, byte) in value.to_le_bytes().into_iter().enumerate() {
                shuffled[place * length + at] = byte;
            }
        }
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(1));
        encoder.write_all(&shuffled).ok()?;
        manifest.set(number as u64, ChunkRef::Inline(encoder.finish().ok()?.into()));
    }
    Some(ScannedVariable { variable: variable.into(), layout: Layout::Chunked, manifest, in_place: None })
}

fn variable(
    name: &str,
    dimensions: &[&str],
    shape: &[u64],
    chunk_shape: Vec<u64>,
    data_type: DataType,
    codecs: Vec<Codec>,
    attributes: Attributes,
) -> Option<Variable> {
    Some(Variable {
        path: NodePath::root().join(name).ok()?,
        dimensions: dimensions.iter().map(|name| (*name).to_owned()).collect(),
        data_type,
        byte_order: ByteOrder::Little,
        grid: ChunkGrid::new(shape.to_vec(), chunk_shape).ok()?,
        codecs,
        fill_value: None,
        attributes,
    })
}
