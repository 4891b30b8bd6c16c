//! Bounds of a scan.

use std::path::PathBuf;

/// How much a scan inlines and how much it believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanOptions {
    /// Largest coordinate that is inlined, in bytes when decoded: a variable named as its dimension, or by an
    /// attribute such as `bounds`.
    pub coordinate_bytes_max: u64,
    /// Largest other variable of one dimension that is inlined, in bytes when decoded.
    pub small_bytes_max: u64,
    /// Largest variable of variable-length text, in bytes; longer ones are left out.
    pub text_bytes_max: u64,
    /// Largest variable that is inlined because of a filter that no reader has, in bytes when decoded.
    pub decoded_bytes_max: u64,
    /// Most bytes of chunks of one variable that are encoded again because their filters differ from the others'.
    pub recoded_bytes_max: u64,
    /// Largest chunk that is decoded, in bytes.
    pub decoded_chunk_bytes_max: u64,
    /// Largest attribute, in bytes; longer ones are left out.
    pub attribute_bytes_max: usize,
    /// Most chunks of a variable, absent ones included, in a file of any size. Dense variables of large files have
    /// more: one for every eight bytes of the file, since an index takes as many.
    pub sparse_chunks_max: u64,
    /// Largest record of a variable that is inlined because its records, which lie apart, would each be a chunk.
    pub tiny_record_bytes_max: u64,
    /// Most bytes of variables of tiny records that are inlined of one file.
    pub tiny_records_bytes_max: u64,
    /// Most groups and variables of a file.
    pub objects_max: usize,
    /// Largest document of references or of consolidated metadata, in bytes.
    pub references_bytes_max: u64,
    /// Whether the source is the only one of its dataset, so that its references may stay where they are
    /// ([`model::InPlace`]) and need not be found one by one.
    pub stand_alone: bool,
    /// Directories, without symbolic links, that links within a store, and references, may lead into; none for any.
    pub roots: Option<Vec<PathBuf>>,
    /// Where the source was fetched from, if it was: what relative references in it are relative to.
    pub url: Option<String>,
}

impl ScanOptions {
    /// Largest variable that is inlined though it could be served from its file, in bytes when decoded.
    pub(crate) fn inlined_bytes_max(&self, is_coordinate: bool, rank: usize) -> u64 {
        match rank {
            _ if is_coordinate => self.coordinate_bytes_max,
            1 => self.small_bytes_max,
            _ => 0,
        }
    }
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self {
            coordinate_bytes_max: 4 << 20,
            small_bytes_max: 64 << 10,
            text_bytes_max: 64 << 20,
            decoded_bytes_max: 16 << 20,
            recoded_bytes_max: 64 << 20,
            decoded_chunk_bytes_max: 64 << 20,
            attribute_bytes_max: 16 << 20,
            sparse_chunks_max: 1 << 24,
            tiny_record_bytes_max: 256,
            tiny_records_bytes_max: 64 << 20,
            objects_max: 1_000_000,
            references_bytes_max: 2 << 30,
            stand_alone: false,
            roots: None,
            url: None,
        }
    }
}
