//! The scan of classic files against what netCDF4 reads, and of damaged ones.
//!
//! The files and `expected.json` are written by `integration-tests/tools/make_netcdf3_cases.py`.

use std::path::{Path, PathBuf};

use formats::{ScanError, ScanFault, ScanOptions, scan};
use model::{ChunkRef, FileScan, Layout, ScannedVariable};
use serde_json::Value;

use crate::{decode, lengths, to_json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../integration-tests/data/netcdf3")
}

fn files() -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "nc")).collect()
}

fn scanned(path: &Path) -> Result<FileScan, ScanError> {
    scan(path, &ScanOptions::default(), &mut |_, _| {})
}

fn variable<'f>(found: &'f FileScan, name: &str) -> &'f ScannedVariable {
    found.variables.iter().find(|scanned| scanned.variable.path.as_str() == name).unwrap()
}

fn check(path: &Path, found: &FileScan, expected: &Value) {
    let label = path.display();
    assert!(found.warnings.is_empty(), "{label}: {:?}", found.warnings);
    assert_eq!(serde_json::json!(found.unlimited_dimensions), expected["unlimited"], "{label}");
    let variables = expected["variables"].as_object().unwrap();
    assert_eq!(found.variables.len(), variables.len(), "{label}");
    for (name, expected) in variables {
        let scanned = variable(found, name);
        let label = format!("{label}: {name}");
        assert_eq!(serde_json::json!(scanned.variable.dimensions), expected["dimensions"], "{label}");
        assert_eq!(scanned.variable.grid.shape(), lengths(&expected["shape"]), "{label}");
        assert_eq!(scanned.manifest.missing_count(), 0, "{label}");
        assert_eq!(decode::sha256(path, scanned).unwrap(), expected["sha256"], "{label}");
        compare(&scanned.variable.attributes, &expected["attributes"], &label);
    }
    compare(&found.groups[0].attributes, &expected["attributes"], &label.to_string());
}

fn compare(found: &model::Attributes, expected: &Value, label: &str) {
    let found: Vec<_> = found.iter().map(|(name, value)| (name.to_owned(), to_json(value))).collect();
    let expected: Vec<_> =
        expected.as_object().unwrap().iter().map(|(n, v)| (n.clone(), v.clone())).collect();
    let sorted = |mut list: Vec<(String, Value)>| {
        list.sort_by(|a, b| a.0.cmp(&b.0));
        list
    };
    assert_eq!(sorted(found), sorted(expected), "{label}");
}

#[test]
fn files_are_what_netcdf4_reads() {
    let expected: Value =
        serde_json::from_slice(&std::fs::read(folder().join("expected.json")).unwrap()).unwrap();
    assert_eq!(files().len(), expected.as_object().unwrap().len());
    for path in files() {
        let name = path.file_name().unwrap().to_str().unwrap();
        check(&path, &scanned(&path).unwrap(), &expected[name]);
    }
}

/// A file whose writer did not know how many records there would be; netCDF-C cannot read such.
#[test]
fn records_are_counted_where_the_writer_did_not() {
    let expected: Value =
        serde_json::from_slice(&std::fs::read(folder().join("expected.json")).unwrap()).unwrap();
    for (kind, width) in [("classic", 4), ("offset64", 4), ("data64", 8)] {
        let name = format!("types_{kind}.nc");
        let mut bytes = std::fs::read(folder().join(&name)).unwrap();
        bytes[4..4 + width].fill(0xff);
        let file = written(&bytes);
        check(file.path(), &scanned(file.path()).unwrap(), &expected[&name]);
        // What is left of the last record is no record, and said to be none.
        let file = written(&bytes[..bytes.len() - 100]);
        let found = scanned(file.path()).unwrap();
        assert_eq!(variable(&found, "time").variable.grid.shape(), [4]);
        assert_eq!(found.warnings.len(), 1);
    }
}

fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

#[test]
fn records_are_chunks_unless_they_are_tiny_or_one_piece() {
    let layout = |file: &str, name: &str| {
        let found = scanned(&folder().join(file)).unwrap();
        let scanned = variable(&found, name);
        (scanned.layout, scanned.variable.grid.chunk_shape().to_vec(), scanned.manifest.len())
    };
    assert_eq!(layout("types_data64.nc", "long_f4"), (Layout::Chunked, vec![1, 3, 101], 5));
    assert_eq!(layout("types_data64.nc", "wide_f4"), (Layout::Contiguous, vec![3, 101], 1));
    assert_eq!(layout("types_data64.nc", "record_u2"), (Layout::Inline, vec![5, 3], 1));
    assert_eq!(layout("types_data64.nc", "time"), (Layout::Inline, vec![5], 1));
    assert_eq!(layout("one_record_variable_i1.nc", "only"), (Layout::Contiguous, vec![7, 3], 1));
    assert_eq!(layout("no_records.nc", "long_f4").2, 0);
}

#[test]
fn too_many_tiny_records_are_left_out_and_said_to_be() {
    let options = ScanOptions {
        coordinate_bytes_max: 0,
        small_bytes_max: 0,
        tiny_records_bytes_max: 10_000,
        sparse_chunks_max: 3_000,
        ..ScanOptions::default()
    };
    let found = scan(&folder().join("many_records.nc"), &options, &mut |_, _| {}).unwrap();
    let layouts: Vec<_> = found.variables.iter().map(|v| (v.variable.path.as_str(), v.layout)).collect();
    // 16,000 bytes in 2,000 chunks; 8,000 and 2,000 bytes inlined.
    assert_eq!(layouts, [("time", Layout::Chunked), ("value", Layout::Inline), ("flag", Layout::Inline)]);
    let options = ScanOptions { tiny_records_bytes_max: 0, ..options };
    let found = scan(&folder().join("many_records.nc"), &options, &mut |_, _| {}).unwrap();
    assert_eq!(found.variables.len(), 1);
    assert!(
        found.warnings.iter().all(|warning| warning.message.starts_with("left out: it has 2000 records"))
    );
    assert_eq!(found.warnings.len(), 2);
}

#[test]
fn a_cut_file_is_truncated_at_every_length() {
    let whole = std::fs::read(folder().join("one_record_variable_f8.nc")).unwrap();
    for length in 5..whole.len() {
        let file = written(&whole[..length]);
        let fault = scanned(file.path()).unwrap_err().fault;
        let expected = matches!(fault, ScanFault::Truncated { .. } | ScanFault::TruncatedVariable { .. });
        assert!(expected, "{length}: {fault:?}");
    }
    assert!(scanned(written(&whole).path()).is_ok());
}

/// Random damage to real headers: an answer or an error, soon, and references inside the file.
#[test]
fn damaged_files_are_refused_or_scanned_within_their_bounds() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut dice = move |sides: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % sides as u64) as usize
    };
    let (mut refused, mut answered) = (0, 0);
    for path in files() {
        let whole = std::fs::read(&path).unwrap();
        for round in 0..150 {
            let mut bytes = whole.clone();
            for _ in 0..=dice(6) {
                let at = 4 + dice(bytes.len().min(6000) - 4);
                bytes[at] = [bytes[at] ^ (1 << dice(8)), 0, 0xff, 0x7f][dice(4)];
            }
            if round % 5 == 0 {
                bytes.truncate(4 + dice(whole.len()));
            }
            let file = written(&bytes);
            match scanned(file.path()) {
                Err(_) => refused += 1,
                Ok(found) => {
                    answered += 1;
                    inside(&found, bytes.len() as u64);
                }
            }
        }
    }
    assert!(refused > 100 && answered > 100, "{refused} {answered}");
}

fn inside(found: &FileScan, size: u64) {
    for scanned in &found.variables {
        assert_eq!(scanned.manifest.len() as u64, scanned.variable.grid.chunk_count());
        for (_, chunk) in scanned.manifest.iter() {
            if let ChunkRef::Bytes { range, .. } = chunk {
                assert!(range.offset + range.length <= size);
            }
        }
    }
}
