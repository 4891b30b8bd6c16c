//! Mosaics of a version on disk: what computed chunks are made of.
//!
//! One directory for each variable that has computed chunks, read when the first of them is asked for:
//! `mosaic.json` (pieces along which dimension), `encodings.json` (a catalog document whose variables are the
//! encodings, called by their places) and `refs.<n>.parq` (references of all pieces, one piece behind the other, in
//! records as those of datasets are).

use std::path::{Path, PathBuf};

use bytes::Bytes;
use engine::join::Joined;
use engine::ports::ReferenceRecord;
use model::{Dataset, Error, Group, Mosaic, MosaicPiece, MosaicSource, NodePath, Result, Variable};
use serde::{Deserialize, Serialize};

use super::layout::names;
use super::read::record_of;
use super::{RECORD_SIZE, disk};

/// `mosaic.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MosaicDocument {
    format: u32,
    axis: usize,
    /// References a record.
    record_size: u64,
    /// How many references there are.
    references: u64,
    pieces: Vec<PieceDocument>,
}

/// `[encoding, start, length, first reference]`: there are as many as files.
#[derive(Debug, Serialize, Deserialize)]
struct PieceDocument(usize, u64, u64, u64);

const FORMAT: u32 = 1;

/// A mosaic as published, without references.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedMosaic {
    /// The pieces.
    pub mosaic: Mosaic,
    /// References a record.
    pub record_size: u64,
    /// How many references all pieces have.
    pub references: u64,
    /// Bytes of its documents, roughly what it takes in memory.
    pub(super) weight: u32,
}

/// Writes all mosaics of a dataset below its version's directory; nothing where there are none.
pub(super) fn write(version: &Path, joined: &Joined) -> Result<()> {
    let paths: Vec<&str> = joined.files.iter().map(|file| file.path.as_str()).collect();
    for (variable, source) in joined.dataset.variables.iter().zip(&joined.mosaics) {
        if let Some(source) = source {
            write_one(&directory(version, &variable.path), source, &paths)?;
        }
    }
    Ok(())
}

fn write_one(directory: &Path, source: &MosaicSource, paths: &[&str]) -> Result<()> {
    let MosaicSource { mosaic, references } = source;
    disk::create_directory(directory)?;
    let piece = |piece: &MosaicPiece| PieceDocument(piece.encoding, piece.start, piece.length, piece.first);
    let document = MosaicDocument {
        format: FORMAT,
        axis: mosaic.axis,
        record_size: RECORD_SIZE,
        references: references.len() as u64,
        pieces: mosaic.pieces.iter().map(piece).collect(),
    };
    disk::write(&directory.join(names::MOSAIC), &serde_json::to_vec(&document).map_err(Error::internal)?)?;
    let mut encodings = Dataset { groups: vec![Group::default()], variables: Vec::new() };
    for (place, encoding) in mosaic.encodings.iter().enumerate() {
        let path = NodePath::parse(&place.to_string())?;
        encodings.variables.push(Variable { path, ..encoding.clone() });
    }
    disk::write(&directory.join(names::ENCODINGS), &zarr::document::to_json(&encodings))?;
    let count = references.len() as u64;
    for record in 0..count.div_ceil(RECORD_SIZE) {
        let first = record * RECORD_SIZE;
        let run = record_of(references, first, RECORD_SIZE.min(count - first));
        let parquet = zarr::kerchunk::write_record(&run, paths).map_err(Error::internal)?;
        disk::write(&directory.join(zarr::kerchunk::record_name(record)), &parquet)?;
    }
    disk::sync_directory(directory)
}

/// Reads the mosaic of a variable of a version's directory.
pub(super) fn read(version: &Path, variable: &Variable) -> Result<PublishedMosaic> {
    let directory = directory(version, &variable.path);
    let path = directory.join(names::MOSAIC);
    // Not a missing chunk: that would read as fill values.
    let json = disk::read(&path)?.ok_or_else(|| disk::damaged(&path, "is missing"))?;
    let document: MosaicDocument =
        serde_json::from_slice(&json).map_err(|error| disk::damaged(&path, error))?;
    if document.format != FORMAT || document.record_size == 0 {
        return Err(disk::damaged(&path, format!("format {} is not {FORMAT}", document.format)));
    }
    let encodings_path = directory.join(names::ENCODINGS);
    let encodings_json = disk::read(&encodings_path)?;
    let encodings_json = encodings_json.ok_or_else(|| disk::damaged(&encodings_path, "is missing"))?;
    let encodings = zarr::document::from_json(&encodings_json)
        .map_err(|error| disk::damaged(&encodings_path, error))?
        .variables;
    let MosaicDocument { axis, record_size, references, pieces, .. } = document;
    let pieces = pieces.into_iter().map(|PieceDocument(encoding, start, length, first)| MosaicPiece {
        encoding,
        start,
        length,
        first,
    });
    let mosaic = Mosaic { axis, encodings, pieces: pieces.collect() };
    check(&mosaic, variable).map_err(|cause| disk::damaged(&path, cause))?;
    let weight = u32::try_from(json.len() + 3 * encodings_json.len() + 1024).unwrap_or(u32::MAX);
    Ok(PublishedMosaic { mosaic, record_size, references, weight })
}

/// What does not fit together would be served as wrong values.
fn check(mosaic: &Mosaic, variable: &Variable) -> Result<(), &'static str> {
    let rank = variable.grid.shape().len();
    if mosaic.axis >= rank || mosaic.encodings.iter().any(|encoding| encoding.grid.shape().len() != rank) {
        return Err("an encoding has another rank than its variable");
    }
    let mut end = 0;
    for piece in &mosaic.pieces {
        if piece.encoding >= mosaic.encodings.len() {
            return Err("a piece has no encoding");
        }
        if piece.start < end {
            return Err("pieces overlap");
        }
        end = piece.start.checked_add(piece.length).ok_or("a piece is too long")?;
    }
    if end > variable.grid.shape()[mosaic.axis] { Err("a piece lies outside") } else { Ok(()) }
}

/// One record of the references of all pieces, with the paths of its files.
pub(super) fn read_record(
    version: &Path,
    variable: &NodePath,
    published: &PublishedMosaic,
    record: u64,
) -> Result<(PathBuf, zarr::kerchunk::KerchunkRecord)> {
    let path = directory(version, variable).join(zarr::kerchunk::record_name(record));
    let first = record.checked_mul(published.record_size).filter(|first| *first < published.references);
    let Some(first) = first else {
        return Err(disk::damaged(&path, "a piece has more chunks than references"));
    };
    let bytes = disk::read(&path)?.ok_or_else(|| disk::damaged(&path, "is missing"))?;
    let read = zarr::kerchunk::read_record(first, &Bytes::from(bytes))
        .map_err(|error| disk::damaged(&path, error))?;
    let expected = (published.references - first).min(published.record_size);
    if read.manifest.len() as u64 != expected {
        return Err(disk::damaged(&path, format!("has not {expected} rows")));
    }
    Ok((path, read))
}

/// Bytes of memory of a record, as caches count them.
pub(super) fn weight(record: &ReferenceRecord) -> u32 {
    let files: usize = record.files.iter().map(|file| 64 + file.path.len()).sum();
    u32::try_from(record.manifest.memory_bytes() + files + 128).unwrap_or(u32::MAX)
}

fn directory(version: &Path, variable: &NodePath) -> PathBuf {
    version.join(names::PIECES).join(variable.as_str())
}
