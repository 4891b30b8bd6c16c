//! Any bytes as an array's metadata and, behind a NUL, its chunk: elements of a chunk or an error; and elements that are
//! encoded are decoded again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::NodePath;
use zarr::codecs::ChunkCodecs;

/// Chunks that a document may claim here: larger ones only cost time.
const CHUNK_BYTES_MAX: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let (document, chunk) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (Ok(document), Ok(path)) = (zarr::read::parse(document), NodePath::parse("v")) else { return };
    let arrays = [zarr::v2::read::array(&path, &document, None), zarr::v3::read::array(&path, &document)];
    for array in arrays.into_iter().flatten() {
        let Ok(codecs) = ChunkCodecs::new(&array.variable) else { continue };
        if codecs.decoded_bytes().is_some_and(|bytes| bytes > CHUNK_BYTES_MAX) {
            continue;
        }
        let Ok(elements) = codecs.decode(chunk.to_vec().into()) else { continue };
        assert!(codecs.decoded_bytes().is_none_or(|bytes| bytes == elements.len()));
        // Some codecs lose digits, and some cannot be written.
        if let Ok(encoded) = codecs.encode(elements.clone()) {
            assert_eq!(codecs.decode(encoded).map(|again| again.len()), Ok(elements.len()));
        }
    }
});
