//! Chains there and back, against what other implementations wrote, and with damaged input.

use model::{BloscCompressor, BloscShuffle, ByteOrder, ChunkGrid, Codec, Sharding};
use proptest::prelude::*;

use super::*;
use crate::test_datasets;

fn variable(shape: &[u64], data_type: DataType, codecs: Vec<Codec>) -> Variable {
    Variable {
        data_type,
        grid: ChunkGrid::new(shape.to_vec(), shape.to_vec()).unwrap(),
        codecs,
        fill_value: None,
        ..test_datasets::variable("tas")
    }
}

fn blosc(compressor: BloscCompressor, shuffle: BloscShuffle) -> Codec {
    Codec::Blosc { compressor, level: 5, shuffle, element_size: 4, block_size: 0 }
}

fn numcodecs(configuration: &str) -> Codec {
    Codec::Numcodecs { configuration: configuration.into(), is_compressor: false }
}

fn sharding(codecs: Vec<Codec>, index_at_end: bool) -> Codec {
    Codec::Sharding(Sharding {
        chunk_shape: vec![2, 2, 3],
        codecs,
        index_has_checksum: index_at_end,
        index_at_end,
    })
}

/// Chains for chunks of 4 by 6 by 3 floats.
fn chains() -> Vec<Vec<Codec>> {
    use BloscCompressor::{BloscLz, Lz4, Lz4Hc, Zlib, Zstd};
    let shuffle = || Codec::Shuffle { element_size: 4 };
    let deflate = || Codec::Deflate { level: 4 };
    vec![
        vec![],
        vec![shuffle()],
        vec![shuffle(), deflate()],
        vec![shuffle(), deflate(), Codec::Fletcher32],
        vec![Codec::Fletcher32, deflate()],
        vec![Codec::Gzip { level: 1 }],
        vec![Codec::Bzip2 { level: 9 }],
        vec![Codec::Zstd { level: 3 }, Codec::Crc32c],
        vec![Codec::Zstd { level: 3 }, deflate()],
        vec![Codec::Lz4Hdf5],
        vec![blosc(BloscLz, BloscShuffle::None)],
        vec![blosc(Lz4, BloscShuffle::Byte)],
        vec![blosc(Lz4Hc, BloscShuffle::Bit)],
        vec![blosc(Zlib, BloscShuffle::Byte)],
        vec![blosc(Zstd, BloscShuffle::Bit)],
        vec![Codec::Transpose { order: vec![2, 1, 0] }, deflate()],
        vec![Codec::Transpose { order: vec![1, 2, 0] }, Codec::Transpose { order: vec![1, 2, 0] }],
        vec![sharding(vec![shuffle(), deflate()], true)],
        vec![sharding(vec![Codec::Zstd { level: 1 }, Codec::Crc32c], false)],
        vec![sharding(vec![Codec::Transpose { order: vec![2, 0, 1] }], true)],
        vec![Codec::Transpose { order: vec![0, 1, 2] }, sharding(vec![], true)],
        vec![numcodecs(r#"{"id": "lz4", "acceleration": 1}"#)],
        vec![numcodecs(r#"{"id": "crc32"}"#), numcodecs(r#"{"id": "adler32"}"#)],
        vec![numcodecs(r#"{"id": "bitround", "keepbits": 23}"#), numcodecs(r#"{"id": "zlib", "level": 1}"#)],
        vec![Codec::Zarr3 { configuration: r#"{"name": "numcodecs.zstd", "configuration": {"level": 1}}"#.into() }],
        vec![Codec::Zarr3 {
            configuration: r#"{"name": "numcodecs.pcodec", "configuration": {"level": 8, "mode_spec": "auto", "delta_spec": "auto", "paging_spec": "equal_pages_up_to", "equal_pages_up_to": 262144}}"#
                .into(),
        }],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_encoded_decodes_again(numbers in prop::collection::vec(any::<f32>(), 72), is_big in any::<bool>()) {
        let elements: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        for codecs in chains() {
            let byte_order = if is_big { ByteOrder::Big } else { ByteOrder::Little };
            let of_nan = codecs.iter().any(|codec| format!("{codec:?}").contains("bitround"));
            let variable = Variable { byte_order, ..variable(&[4, 6, 3], DataType::F32, codecs) };
            let codecs = ChunkCodecs::new(&variable).unwrap();
            let stored = codecs.encode(elements.clone().into()).unwrap();
            if !of_nan || numbers.iter().all(|number| !number.is_nan()) {
                prop_assert_eq!(&codecs.decode(stored).unwrap()[..], &elements[..], "{:?}", variable.codecs);
            }
        }
    }

    #[test]
    fn damaged_chunks_are_refused_or_have_the_right_length(
        at in any::<prop::sample::Index>(), value in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let elements: Vec<u8> = (0..72_u32).flat_map(|number| (number * 37 % 11).to_le_bytes()).collect();
        for codecs in chains() {
            let codecs = ChunkCodecs::new(&variable(&[4, 6, 3], DataType::F32, codecs)).unwrap();
            let mut stored = codecs.encode(elements.clone().into()).unwrap().to_vec();
            let at = at.index(stored.len());
            stored[at] ^= value;
            for damaged in [stored[..cut.index(stored.len())].to_vec(), stored] {
                if let Ok(decoded) = codecs.decode(damaged.into()) {
                    prop_assert_eq!(decoded.len(), elements.len());
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_answered(stored in prop::collection::vec(any::<u8>(), 0..200)) {
        let szip = Codec::Szip { options_mask: 4 | 32 | 128, pixels_per_block: 16, bits_per_pixel: 32, pixels_per_scanline: 24 };
        for codecs in chains().into_iter().chain([vec![szip]]) {
            let codecs = ChunkCodecs::new(&variable(&[4, 6, 3], DataType::F32, codecs)).unwrap();
            if let Ok(decoded) = codecs.decode(stored.clone().into()) {
                prop_assert_eq!(decoded.len(), 288);
            }
        }
    }
}

#[test]
fn what_other_writers_made_is_read() {
    // numcodecs 0.16.6 of `np.arange(6, dtype="<i2")`.
    let elements: Vec<u8> = (0..6_i16).flat_map(i16::to_le_bytes).collect();
    for (codec, stored) in [
        (Codec::Fletcher32, "000001000200030004000500000f0023"),
        (Codec::Shuffle { element_size: 2 }, "000102030405000000000000"),
        (Codec::Deflate { level: 1 }, "7801636060646062606660616065000000520010"),
        (Codec::Gzip { level: 1 }, "1f8b08009deb0a6b04ff636060646062606660616065000090bbb3a20c000000"),
        (
            Codec::Bzip2 { level: 1 },
            "425a6831314159265359070009d5000000c0007e00200021800c0320e5d48e2ee48a70a1200e0013aa",
        ),
        (Codec::Zstd { level: 1 }, "28b52ffd200c610000000001000200030004000500"),
        (
            blosc(BloscCompressor::Lz4, BloscShuffle::Byte),
            "020133020c0000000c0000001c000000000001000200030004000500",
        ),
        (numcodecs(r#"{"id": "lz4"}"#), "0c000000c0000001000200030004000500"),
        (numcodecs(r#"{"id": "crc32"}"#), "90bbb3a2000001000200030004000500"),
        (numcodecs(r#"{"id": "adler32"}"#), "10005200000001000200030004000500"),
        (
            numcodecs(
                r#"{"id": "fixedscaleoffset", "offset": 0, "scale": 1, "dtype": "<i2", "astype": "|u1"}"#,
            ),
            "000102030405",
        ),
    ] {
        let codecs = ChunkCodecs::new(&variable(&[6], DataType::I16, vec![codec.clone()])).unwrap();
        let stored: Vec<u8> = (0..stored.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&stored[at..at + 2], 16).unwrap())
            .collect();
        assert_eq!(codecs.decode(stored.into()).unwrap(), elements, "{codec:?}");
    }
}

#[test]
fn a_chunk_that_claims_more_than_its_shape_is_refused_unallocated() {
    let large = vec![0_u8; 4 << 20];
    let bomb = |codec: Codec| {
        let writer =
            ChunkCodecs::new(&variable(&[large.len() as u64], DataType::U8, vec![codec.clone()])).unwrap();
        let reader = ChunkCodecs::new(&variable(&[100], DataType::U8, vec![codec])).unwrap();
        reader.decode(writer.encode(large.clone().into()).unwrap())
    };
    for codec in [
        Codec::Deflate { level: 9 },
        Codec::Gzip { level: 9 },
        Codec::Bzip2 { level: 9 },
        Codec::Zstd { level: 3 },
        blosc(BloscCompressor::Zstd, BloscShuffle::Byte),
        Codec::Lz4Hdf5,
        numcodecs(r#"{"id": "lz4"}"#),
    ] {
        assert!(matches!(bomb(codec.clone()), Err(CodecError::Corrupt(_))), "{codec:?}");
    }
}

#[test]
fn what_is_not_known_is_said() {
    let new = |codec| ChunkCodecs::new(&variable(&[4], DataType::F32, vec![codec]));
    let error = new(numcodecs(r#"{"id": "lzma"}"#)).unwrap_err();
    assert_eq!(error, CodecError::Unsupported(r#"the codec "lzma""#.into()));
    assert!(matches!(new(Codec::RawGrib), Err(CodecError::Unsupported(_))));
    assert!(matches!(new(Codec::Transpose { order: vec![1] }), Err(CodecError::Unsupported(_))));
    let huge = variable(&[1 << 40], DataType::F64, vec![]);
    assert!(matches!(ChunkCodecs::new(&huge), Err(CodecError::Unsupported(_))));
}
