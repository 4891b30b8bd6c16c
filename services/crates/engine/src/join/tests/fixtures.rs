//! Scans made by hand.

use std::sync::Arc;

use bytes::Bytes;
use model::{
    AttributeValue, Attributes, ByteOrder, ByteRange, ChunkGrid, ChunkManifest, ChunkRef, DataType, Error,
    FileId, FileIdentity, FileScan, Group, Layout, NodePath, Numbers, ScannedVariable, SourceFile, Variable,
};

use crate::join::{Joined, join};

/// The scan of a file with nothing in it.
pub(super) fn file(name: &str) -> FileScan {
    let identity = FileIdentity { size_bytes: 1, modified_ns: 2, inode: 3 };
    FileScan {
        file: SourceFile { path: format!("/data/secret/{name}"), identity },
        files: vec![SourceFile { path: format!("/data/secret/{name}"), identity }],
        groups: vec![Group::default()],
        variables: vec![],
        unlimited_dimensions: vec!["time".into()],
        warnings: vec![],
    }
}

/// What a chain of calls adds to a scan.
pub(super) trait With: Sized {
    fn global(self, name: &str, value: &str) -> Self;
    fn with(self, scanned: ScannedVariable) -> Self;
    /// A `time` of doubles, unlimited.
    fn time(self, units: &str, values: &[f64]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.with(text_attribute(
            inline("time", &[("time", values.len() as u64)], DataType::F64, bytes),
            "units",
            units,
        ))
    }
    /// A chunked `f4` of one chunk a step over `(time, x)`.
    fn steps(self, name: &str, length: u64) -> Self {
        self.with(chunked(name, &[("time", length), ("x", 4)], &[1, 4]))
    }
}

impl With for FileScan {
    fn global(mut self, name: &str, value: &str) -> Self {
        self.groups[0].attributes.set(name, AttributeValue::Text(value.into()));
        self
    }

    fn with(mut self, scanned: ScannedVariable) -> Self {
        self.variables.push(scanned);
        self
    }
}

/// A year of two months, as a file of `variables` with one chunk a step.
pub(super) fn year(name: &str, year: u32, variables: &[&str]) -> FileScan {
    let first = f64::from(year - 1950) * 365.0;
    let scan = file(name).time("days since 1950-01-01", &[first, first + 180.0]);
    let scan = scan.with(doubles("x", &[("x", 4)], &[0.0, 1.0, 2.0, 3.0]));
    variables.iter().fold(scan, |scan, variable| scan.steps(variable, 2))
}

fn scanned(name: &str, dimensions: &[(&str, u64)], chunks: &[u64], data_type: DataType) -> ScannedVariable {
    let shape: Vec<u64> = dimensions.iter().map(|(_, length)| *length).collect();
    let variable = Variable {
        path: NodePath::parse(name).unwrap(),
        dimensions: dimensions.iter().map(|(name, _)| (*name).to_owned()).collect(),
        data_type,
        byte_order: ByteOrder::Little,
        grid: ChunkGrid::new(shape, chunks.to_vec()).unwrap(),
        codecs: vec![],
        fill_value: None,
        attributes: Attributes::new(),
    };
    let count = variable.grid.chunk_count() as usize;
    ScannedVariable {
        variable: variable.into(),
        layout: Layout::Chunked,
        manifest: ChunkManifest::missing(0, count),
        in_place: None,
    }
}

/// Floats in chunks: chunk n at byte 1000 n, 100 bytes long.
pub(super) fn chunked(name: &str, dimensions: &[(&str, u64)], chunks: &[u64]) -> ScannedVariable {
    let mut made = scanned(name, dimensions, chunks, DataType::F32);
    for number in 0..made.variable.grid.chunk_count() {
        made.manifest.set(number, bytes_at(0, number * 1000, 100));
    }
    made
}

/// Floats in one piece at byte 4096.
pub(super) fn contiguous(name: &str, dimensions: &[(&str, u64)]) -> ScannedVariable {
    let shape: Vec<u64> = dimensions.iter().map(|(_, length)| *length).collect();
    let mut made = scanned(name, dimensions, &shape, DataType::F32);
    made.manifest.set(0, bytes_at(0, 4096, shape.iter().product::<u64>() * 4));
    made.layout = Layout::Contiguous;
    made
}

/// Anything inlined.
pub(super) fn inline(
    name: &str,
    dimensions: &[(&str, u64)],
    data_type: DataType,
    bytes: Vec<u8>,
) -> ScannedVariable {
    let shape: Vec<u64> = dimensions.iter().map(|(_, length)| (*length).max(1)).collect();
    let mut made = scanned(name, dimensions, &shape, data_type);
    if made.variable.grid.chunk_count() > 0 {
        made.manifest.set(0, ChunkRef::Inline(Bytes::from(bytes)));
    }
    made.layout = Layout::Inline;
    made
}

/// Doubles inlined.
pub(super) fn doubles(name: &str, dimensions: &[(&str, u64)], values: &[f64]) -> ScannedVariable {
    inline(name, dimensions, DataType::F64, values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

pub(super) fn text_attribute(mut scanned: ScannedVariable, name: &str, value: &str) -> ScannedVariable {
    Arc::make_mut(&mut scanned.variable).attributes.set(name, AttributeValue::Text(value.into()));
    scanned
}

pub(super) fn number_attribute(mut scanned: ScannedVariable, name: &str, value: f32) -> ScannedVariable {
    Arc::make_mut(&mut scanned.variable)
        .attributes
        .set(name, AttributeValue::Numbers(Numbers::F32(vec![value])));
    scanned
}

pub(super) fn bytes_at(file: u32, offset: u64, length: u64) -> ChunkRef {
    ChunkRef::Bytes { file: FileId(file), range: ByteRange { offset, length } }
}

/// Joins, or gives the error; a public message never has a path.
pub(super) fn try_join(scans: Vec<FileScan>) -> Result<Joined, Error> {
    join(scans).inspect_err(|error| assert!(!error.message.contains("secret"), "{}", error.message))
}

/// The public message of a refusal, which must have all words and the paths for the log.
pub(super) fn refusal(scans: Vec<FileScan>, words: &[&str]) -> String {
    let error = try_join(scans).unwrap_err();
    for word in words {
        assert!(error.message.contains(word), "no {word:?} in: {}", error.message);
    }
    assert!(
        error.internal.unwrap_or_default().contains("/data/secret/"),
        "no path for the log: {}",
        error.message
    );
    error.message
}

/// Shape, chunk shape and references of a joined variable.
pub(super) fn joined_variable<'j>(joined: &'j Joined, name: &str) -> (&'j Variable, &'j ChunkManifest) {
    let at = joined.dataset.variables.iter().position(|variable| variable.path.as_str() == name).unwrap();
    (&joined.dataset.variables[at], &joined.manifests[at])
}

/// An inlined variable's doubles.
pub(super) fn doubles_of(joined: &Joined, name: &str) -> Vec<f64> {
    let ChunkRef::Inline(bytes) = joined_variable(joined, name).1.get(0) else {
        panic!("{name} is not inlined")
    };
    bytes.chunks_exact(8).map(|word| f64::from_le_bytes(word.try_into().unwrap())).collect()
}

/// All warnings as text.
pub(super) fn warnings(joined: &Joined) -> Vec<String> {
    joined.warnings.iter().map(ToString::to_string).collect()
}
