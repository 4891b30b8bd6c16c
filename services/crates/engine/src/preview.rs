//! What a registration makes, for people and scripts: arrays, chunks, codecs, sizes, warnings.

use model::{ChunkManifest, Variable, Warning};
use serde::{Deserialize, Serialize};

use crate::join::Joined;

/// The preview document. A wire type: JSON to clients of the admin API, text by `cloudify scan`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// Number of source files.
    pub files: u64,
    /// Bytes of all chunks as stored.
    pub stored_bytes: u64,
    /// Bytes of all arrays when decoded; variable-length text counts nothing.
    pub decoded_bytes: u64,
    /// Length of the record dimension along which files are joined, and its name; none for one file.
    pub record_dimension: Option<RecordDimension>,
    /// Groups, the root as "".
    pub groups: Vec<String>,
    /// Arrays in order.
    pub arrays: Vec<ArrayPreview>,
    /// What was left out or looks odd.
    pub warnings: Vec<WarningPreview>,
}

/// The dimension along which files are joined.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordDimension {
    /// Its name.
    pub name: String,
    /// Its length after joining.
    pub length: u64,
    /// First and last value of its coordinate in words, such as `1950-01-16T12:00:00`, where it is a time.
    pub first: Option<String>,
    /// See `first`.
    pub last: Option<String>,
}

/// One array.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ArrayPreview {
    /// Its path.
    pub path: String,
    /// Element type as Zarr v2 writes it, such as `<f4`.
    pub dtype: String,
    /// Names of its dimensions.
    pub dimensions: Vec<String>,
    /// Its shape.
    pub shape: Vec<u64>,
    /// Its chunk shape.
    pub chunks: Vec<u64>,
    /// Codecs in order of encoding, such as `shuffle`, `zlib`.
    pub codecs: Vec<String>,
    /// Number of chunks.
    pub chunk_count: u64,
    /// Whether its chunks are looked up in the source one by one when they are asked for: how many are absent, and
    /// how many bytes they have, is then not known, and given as 0.
    #[serde(default)]
    pub in_place: bool,
    /// How many of them are absent in the source.
    pub missing_chunks: u64,
    /// How many are kept in the catalog rather than in a source file.
    pub inlined_chunks: u64,
    /// Bytes of its chunks as stored.
    pub stored_bytes: u64,
}

/// One warning.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarningPreview {
    /// The variable, group or attribute; empty for the whole source.
    pub subject: String,
    /// What and why.
    pub message: String,
}

/// The preview of a joined dataset. Goes through all references: not for an async thread.
pub fn preview(joined: &Joined) -> Preview {
    let is_in_place = |at: usize| joined.in_place.get(at).is_some_and(Option::is_some);
    let arrays = joined.dataset.variables.iter().zip(&joined.manifests).enumerate();
    let arrays: Vec<ArrayPreview> = arrays
        .map(|(at, (variable, manifest))| ArrayPreview {
            in_place: is_in_place(at),
            ..array(variable, manifest)
        })
        .collect();
    let decoded = joined.dataset.variables.iter().filter_map(Variable::decoded_size_bytes);
    Preview {
        files: joined.files.len() as u64,
        stored_bytes: arrays.iter().map(|array| array.stored_bytes).sum(),
        decoded_bytes: decoded.fold(0, u64::saturating_add),
        record_dimension: joined.record_dimension.clone(),
        groups: joined.dataset.groups.iter().map(|group| group.path.to_string()).collect(),
        arrays,
        warnings: joined.warnings.iter().map(warning).collect(),
    }
}

fn array(variable: &Variable, manifest: &ChunkManifest) -> ArrayPreview {
    ArrayPreview {
        path: variable.path.to_string(),
        dtype: zarr::v2::dtype(variable.data_type, variable.byte_order),
        dimensions: variable.dimensions.clone(),
        shape: variable.grid.shape().to_vec(),
        chunks: variable.grid.chunk_shape().to_vec(),
        codecs: zarr::v2::codec_ids(&variable.codecs),
        chunk_count: variable.grid.chunk_count(),
        in_place: false,
        missing_chunks: manifest.missing_count(),
        inlined_chunks: manifest.inlined_count(),
        stored_bytes: manifest.stored_size_bytes(),
    }
}

fn warning(warning: &Warning) -> WarningPreview {
    WarningPreview { subject: warning.subject.clone(), message: warning.message.clone() }
}
