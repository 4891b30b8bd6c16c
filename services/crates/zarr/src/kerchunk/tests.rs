//! References survive the way to Parquet and back; damage is answered.

use bytes::Bytes;
use model::{ByteRange, ChunkManifest, ChunkRef, FileId};
use proptest::prelude::*;

use super::*;

fn reference() -> impl Strategy<Value = ChunkRef> {
    prop_oneof![
        3 => (0..3_u32, 1..1_u64 << 62, 0..1_u64 << 62).prop_map(|(file, offset, length)| ChunkRef::Bytes {
            file: FileId(file),
            range: ByteRange { offset, length }
        }),
        1 => prop::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| ChunkRef::Inline(bytes.into())),
        1 => Just(ChunkRef::Missing),
        1 => Just(ChunkRef::Computed),
    ]
}

fn manifest(first: u64, references: Vec<ChunkRef>) -> ChunkManifest {
    let mut manifest = ChunkManifest::missing(first, references.len());
    for (number, reference) in (first..).zip(references) {
        manifest.set(number, reference);
    }
    manifest
}

/// References with their paths in place of file ids.
fn resolved(manifest: &ChunkManifest, files: &[impl AsRef<str>]) -> Vec<(u64, String, ChunkRef)> {
    manifest
        .iter()
        .map(|(number, reference)| match reference {
            ChunkRef::Bytes { file, range } => {
                let path = files[file.0 as usize].as_ref().to_owned();
                (number, path, ChunkRef::Bytes { file: FileId(0), range })
            }
            other => (number, String::new(), other),
        })
        .collect()
}

const FILES: [&str; 3] = ["/pool/a.nc", "/pool/é b.nc", "/pool/c.nc"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_record_gives_back_its_references(
        first in 0..1_u64 << 40,
        references in prop::collection::vec(reference(), 0..50),
    ) {
        let written = manifest(first, references);
        let read = read_record(first, &write_record(&written, &FILES).unwrap().into()).unwrap();
        prop_assert_eq!(resolved(&read.manifest, &read.files), resolved(&written, &FILES));
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read_record(0, &bytes.into()).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_damaged_record_is_answered(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let references = (1..40).map(|at| match at % 7 {
            0 => ChunkRef::Missing,
            1 => ChunkRef::Inline(Bytes::from_static(b"inlined bytes")),
            _ => ChunkRef::Bytes { file: FileId(at % 3), range: ByteRange { offset: u64::from(at), length: 9 } },
        });
        let mut bytes = write_record(&manifest(0, references.collect()), &FILES).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = read_record(0, &bytes.into());
    }
}

#[test]
fn a_reference_to_an_unknown_file_is_an_error() {
    let references = vec![ChunkRef::Bytes { file: FileId(3), range: ByteRange { offset: 1, length: 1 } }];
    assert!(matches!(write_record(&manifest(5, references), &FILES), Err(KerchunkError::File(5))));
}

#[test]
fn many_rows_are_small_and_come_back() {
    let references = (0..100_000_u64).map(|number| ChunkRef::Bytes {
        file: FileId((number / 40_000) as u32),
        range: ByteRange { offset: 4096 + number * 11_463, length: 11_463 },
    });
    let written = manifest(200_000, references.collect());
    let bytes = write_record(&written, &FILES).unwrap();
    assert!(bytes.len() < 1_000_000, "{}", bytes.len());
    let read = read_record(200_000, &bytes.into()).unwrap();
    assert_eq!(read.manifest, written);
}
