//! Stores as they lie on disks; values are compared with zarr-python in `tests/zarr_stores`.

use std::io::Write as _;

use model::{ChunkKeyEncoding, ChunkRef, InPlace};

use super::*;

const ARRAY: &str = r#"{"zarr_format": 2, "shape": [4, 6], "chunks": [2, 6], "dtype": "<i2", "order": "C",
    "fill_value": NaN, "filters": null, "compressor": {"id": "zlib", "level": 1}}"#;

/// A store of two groups and two arrays, one of them damaged by what `documents` says.
fn store(documents: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let array = ARRAY.replace("NaN", "-9");
    for (key, text) in [
        (".zgroup", r#"{"zarr_format": 2}"#),
        (".zattrs", r#"{"title": "a store", "nested": {"a": [1, NaN]}}"#),
        ("tas/.zarray", array.as_str()),
        ("tas/.zattrs", r#"{"_ARRAY_DIMENSIONS": ["y", "x"]}"#),
        ("tas/0.0", "first"),
        ("tas/0.0.tmp", "no chunk"),
        ("sub/.zgroup", r#"{"zarr_format": 2}"#),
        ("sub/pr/.zarray", array.as_str()),
        ("sub/pr/1.0", "second"),
    ]
    .iter()
    .chain(documents)
    {
        let path = directory.path().join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    directory
}

fn scanned(path: &Path, options: &ScanOptions) -> Result<FileScan, ScanFault> {
    scan(path, options, &mut |_, _| {})
}

fn alone() -> ScanOptions {
    ScanOptions { stand_alone: true, ..ScanOptions::default() }
}

#[test]
fn a_store_alone_keeps_its_references() {
    let store = store(&[]);
    let scan = scanned(store.path(), &alone()).unwrap();
    let groups: Vec<&str> = scan.groups.iter().map(|group| group.path.as_str()).collect();
    assert_eq!(groups, ["", "sub"]);
    let paths: Vec<&str> = scan.variables.iter().map(|one| one.variable.path.as_str()).collect();
    assert_eq!(paths, ["sub/pr", "tas"]);
    let Some(InPlace::Keys { array, encoding, not_after_ns, witness: None }) = &scan.variables[0].in_place
    else {
        panic!()
    };
    assert_eq!(*array, format!("{}/sub/pr", store.path().display()));
    assert_eq!(*encoding, ChunkKeyEncoding { has_prefix: false, separator: '.' });
    assert!(*not_after_ns > 1_600_000_000_000_000_000);
    assert_eq!(scan.variables[0].variable.dimensions, ["dim_4", "dim_6"]);
    assert_eq!(scan.warnings, []);
}

#[test]
fn among_others_each_chunk_is_looked_up() {
    let store = store(&[]);
    let scan = scanned(store.path(), &ScanOptions::default()).unwrap();
    let tas = &scan.variables[1];
    assert_eq!((tas.manifest.len(), tas.manifest.missing_count()), (2, 1));
    let ChunkRef::Bytes { file, range } = tas.manifest.get(0) else { panic!() };
    assert_eq!((range.offset, range.length), (0, 5));
    let file = &scan.files[file.0 as usize];
    assert!(file.path.ends_with("tas/0.0") && file.identity.is_pinned());
    let few = ScanOptions { sparse_chunks_max: 1, ..ScanOptions::default() };
    assert!(matches!(scanned(store.path(), &few), Err(ScanFault::TooManyChunks { count: 2, .. })));
}

#[test]
fn a_damaged_document_is_named_and_one_that_is_too_new_left_out() {
    let broken = store(&[("tas/.zarray", "{")]);
    let Err(ScanFault::Document { key, .. }) = scanned(broken.path(), &alone()) else { panic!() };
    assert_eq!(key, "tas/.zarray");
    let complex = store(&[("tas/.zarray", &ARRAY.replace("<i2", "<c8"))]);
    let scan = scanned(complex.path(), &alone()).unwrap();
    assert_eq!(scan.variables.len(), 1);
    assert!(
        scan.warnings[0].to_string().contains("tas: left out: its type is \"<c8\""),
        "{:?}",
        scan.warnings
    );
    assert!(matches!(scanned(tempfile::tempdir().unwrap().path(), &alone()), Err(ScanFault::NoStore)));
}

#[test]
fn links_may_not_lead_out_of_the_roots() {
    let (inside, outside) = (store(&[]), store(&[]));
    std::os::unix::fs::symlink(outside.path().join("sub"), inside.path().join("linked")).unwrap();
    let roots = |paths: &[&Path]| ScanOptions {
        roots: Some(paths.iter().map(|path| path.canonicalize().unwrap()).collect()),
        ..alone()
    };
    let both = scanned(inside.path(), &roots(&[inside.path(), outside.path()])).unwrap();
    assert_eq!(both.variables.len(), 3);
    let one = scanned(inside.path(), &roots(&[inside.path()]));
    assert!(matches!(one, Err(ScanFault::OutsideRoots(key)) if key.starts_with("linked")));
    std::os::unix::fs::symlink(inside.path(), inside.path().join("sub/loop")).unwrap();
    assert!(scanned(inside.path(), &ScanOptions { objects_max: 1000, ..alone() }).is_err());
}

#[test]
fn a_root_that_is_an_array_is_called_by_the_stores_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("height.zarr");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join(".zarray"), ARRAY.replace("NaN", "null")).unwrap();
    let scan = scanned(&path, &alone()).unwrap();
    assert_eq!(scan.variables[0].variable.path.as_str(), "height");
    let Some(InPlace::Keys { array, .. }) = &scan.variables[0].in_place else { panic!() };
    assert_eq!(*array, path.display().to_string());
}

/// The store as a zip file, its members below `prefix`.
fn zipped(store: &Path, prefix: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".zarr.zip").tempfile().unwrap();
    let mut writer = zip::ZipWriter::new(file.reopen().unwrap());
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for key in [
        ".zgroup",
        ".zattrs",
        "tas/.zarray",
        "tas/.zattrs",
        "tas/0.0",
        "sub/.zgroup",
        "sub/pr/.zarray",
        "sub/pr/1.0",
    ] {
        writer.start_file(format!("{prefix}{key}"), stored).unwrap();
        writer.write_all(&std::fs::read(store.join(key)).unwrap()).unwrap();
    }
    writer.finish().unwrap();
    file
}

#[test]
fn a_zip_file_is_read_in_place() {
    let store = store(&[]);
    for prefix in ["", "a.zarr/"] {
        let file = zipped(store.path(), prefix);
        let scan = scanned(file.path(), &alone()).unwrap();
        assert_eq!(scan.files.len(), 1);
        assert_eq!((scan.groups.len(), scan.variables.len()), (2, 2));
        let ChunkRef::Bytes { range, .. } = scan.variables[1].manifest.get(0) else { panic!() };
        let bytes = std::fs::read(file.path()).unwrap();
        assert_eq!(&bytes[range.offset as usize..][..range.length as usize], b"first");
        assert_eq!(scan.variables[1].manifest.get(1), ChunkRef::Missing);
    }
}

#[test]
fn names_in_a_zip_file_that_are_no_chunks_are_told() {
    let store = store(&[]);
    let file = zipped(store.path(), "");
    let good = std::fs::read(file.path()).unwrap();
    assert_eq!(scanned(file.path(), &alone()).unwrap().warnings, []);
    let renamed = |from: &[u8], to: &[u8]| {
        assert_eq!(from.len(), to.len());
        let mut bytes = good.clone();
        // In the member's header and in the table of contents.
        while let Some(at) = bytes.windows(from.len()).position(|window| window == from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
        std::fs::write(file.path(), bytes).unwrap();
        scanned(file.path(), &alone()).unwrap().warnings
    };
    let within = renamed(b"tas/0.0", b"tas/0,0");
    assert_eq!((within.len(), within[0].subject.as_str()), (1, "tas"));
    assert!(within[0].message.starts_with("1 values are no chunks of the array, the first is \"0,0\""));
    let outside = renamed(b"tas/0.0", b"tax/0.0");
    assert_eq!((outside.len(), outside[0].subject.as_str()), (1, ""));
    assert!(outside[0].message.contains("of any array, the first is \"tax/0.0\""));
}

/// Marsaglia's xorshift: the same damage in each run.
fn random(state: &mut u64, end: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state % end as u64) as usize
}

#[test]
fn a_damaged_zip_file_gives_a_scan_or_an_error() {
    let store = store(&[]);
    let good = std::fs::read(zipped(store.path(), "").path()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("damaged.zarr.zip");
    let (mut state, mut refused) = (20_261_128, 0);
    for round in 0..2000 {
        let mut bytes = good.clone();
        if round % 4 == 0 {
            bytes.truncate(random(&mut state, good.len()));
        } else {
            for _ in 0..=random(&mut state, 4) {
                bytes[random(&mut state, good.len())] = random(&mut state, 256) as u8;
            }
        }
        std::fs::write(&path, &bytes).unwrap();
        match scanned(&path, &alone()) {
            Ok(scan) => {
                for (_, reference) in scan.variables.iter().flat_map(|one| one.manifest.iter()) {
                    let ChunkRef::Bytes { range, .. } = reference else { continue };
                    assert!(range.offset + range.length <= bytes.len() as u64);
                }
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 500, "{refused}");
}

#[test]
fn damaged_documents_give_a_scan_or_an_error() {
    let store = store(&[]);
    let mut state = 20_261_128;
    for key in [".zgroup", ".zattrs", "tas/.zarray", "tas/.zattrs"] {
        let path = store.path().join(key);
        let good = std::fs::read(&path).unwrap();
        for _ in 0..300 {
            let mut bytes = good.clone();
            bytes[random(&mut state, good.len())] = random(&mut state, 256) as u8;
            bytes.truncate(good.len() - random(&mut state, 2) * random(&mut state, good.len()));
            std::fs::write(&path, &bytes).unwrap();
            let _ = scanned(store.path(), &ScanOptions { sparse_chunks_max: 1000, ..ScanOptions::default() });
        }
        std::fs::write(&path, &good).unwrap();
    }
}
