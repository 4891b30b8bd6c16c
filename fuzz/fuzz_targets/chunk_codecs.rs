//! Any bytes as a chunk behind each codec: elements of a chunk, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::{
    BloscCompressor, BloscShuffle, ByteOrder, ChunkGrid, Codec, DataType, NodePath, Sharding, Variable,
};
use zarr::codecs::ChunkCodecs;

fuzz_target!(|input: (u8, &[u8])| {
    let inner = vec![Codec::Zstd { level: 1 }];
    let codec = match input.0 % 10 {
        0 => Codec::Deflate { level: 1 },
        1 => Codec::Gzip { level: 1 },
        2 => Codec::Bzip2 { level: 1 },
        3 => Codec::Zstd { level: 1 },
        4 => Codec::Lz4Hdf5,
        5 => {
            Codec::Szip { options_mask: 32, pixels_per_block: 8, bits_per_pixel: 16, pixels_per_scanline: 20 }
        }
        6 => {
            Codec::Szip { options_mask: 4, pixels_per_block: 16, bits_per_pixel: 32, pixels_per_scanline: 32 }
        }
        7 => Codec::Sharding(Sharding {
            chunk_shape: vec![4, 5],
            codecs: inner,
            index_has_checksum: false,
            index_at_end: true,
        }),
        8 => Codec::Numcodecs { configuration: r#"{"id": "lz4"}"#.into(), is_compressor: true },
        _ => Codec::Blosc {
            compressor: BloscCompressor::Lz4,
            level: 5,
            shuffle: BloscShuffle::Bit,
            element_size: 4,
            block_size: 0,
        },
    };
    let variable = Variable {
        path: NodePath::root(),
        dimensions: vec!["y".into(), "x".into()],
        data_type: DataType::F32,
        byte_order: ByteOrder::Big,
        grid: ChunkGrid::new(vec![8, 10], vec![8, 10]).unwrap(),
        codecs: vec![codec],
        fill_value: None,
        attributes: model::Attributes::default(),
    };
    if let Ok(elements) = ChunkCodecs::new(&variable).unwrap().decode(input.1.to_vec().into()) {
        assert_eq!(elements.len(), 320);
    }
});
