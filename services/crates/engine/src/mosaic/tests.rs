//! Computed chunks are those of the whole array, however it was cut.

use model::{Attributes, ByteOrder, DataType, MosaicPiece, NodePath};
use proptest::prelude::*;

use super::*;

fn variable(shape: Vec<u64>, chunk_shape: Vec<u64>) -> Variable {
    Variable {
        path: NodePath::parse("v").unwrap(),
        dimensions: ["time", "y", "x"].map(str::to_owned).to_vec(),
        data_type: DataType::U32,
        byte_order: ByteOrder::Little,
        grid: ChunkGrid::new(shape, chunk_shape).unwrap(),
        codecs: vec![],
        fill_value: None,
        attributes: Attributes::new(),
    }
}

/// An array of `shape` whose elements are their own places in the whole array.
fn elements(whole: &[u64], region: &Region) -> Vec<u8> {
    let (firsts, run) = region.runs(whole);
    firsts.into_iter().flat_map(|first| (first..first + run).flat_map(|n| (n as u32).to_le_bytes())).collect()
}

/// A chunk as it is stored: whole, with a mark behind the array's end.
fn chunk(whole: &[u64], grid: &ChunkGrid, index: &[u64], start: u64, axis: usize) -> Vec<u8> {
    let inside = grid.region(index);
    let mut of_whole = inside.clone();
    of_whole.start[axis] += start;
    let length = grid.chunk_shape().iter().product::<u64>() as usize * 4;
    let mut bytes = vec![0xff; length];
    let region = Region { start: vec![0; inside.extent.len()], extent: inside.extent };
    region.paste(&elements(whole, &of_whole), &mut bytes, grid.chunk_shape(), 4).unwrap();
    bytes
}

proptest! {
    #[test]
    fn a_computed_chunk_is_that_of_the_whole_array(
        lengths in prop::collection::vec(1_u64..5, 1..6),
        chunkings in prop::collection::vec(prop::array::uniform3(1_u64..5), 1..4),
        canonical in prop::array::uniform3(1_u64..6),
        inner in prop::array::uniform2(1_u64..6),
        axis in 0_usize..3,
    ) {
        let shape = |along: u64| {
            let mut others = inner.iter().copied();
            (0..3).map(|at| if at == axis { along } else { others.next().unwrap() }).collect::<Vec<u64>>()
        };
        let whole = shape(lengths.iter().sum());
        let joined = variable(whole.clone(), canonical.to_vec());
        let mut mosaic = Mosaic { axis, ..Mosaic::default() };
        mosaic.encodings = chunkings.iter().map(|chunk| variable(shape(1), chunk.to_vec())).collect();
        let (mut start, mut first, mut stored) = (0, 0, Vec::new());
        for (at, length) in lengths.iter().enumerate() {
            let encoding = at % chunkings.len();
            let grid = piece_grid(&mosaic.encodings[encoding], axis, *length).unwrap();
            mosaic.pieces.push(MosaicPiece { encoding, start, length: *length, first });
            stored.extend((0..grid.chunk_count()).map(|n| chunk(&whole, &grid, &grid.index(n), start, axis)));
            (start, first) = (start + length, first + grid.chunk_count());
        }
        for number in 0..joined.grid.chunk_count() {
            let mut made = vec![0xff; canonical.iter().product::<u64>() as usize * 4];
            for source in sources(&mosaic, &joined, number).unwrap() {
                let chunk_shape = mosaic.encodings[source.encoding].grid.chunk_shape();
                let cut = source.from.cut(&stored[source.row as usize], chunk_shape, 4).unwrap();
                let into = Region { start: source.to, extent: source.from.extent };
                into.paste(&cut, &mut made, &canonical, 4).unwrap();
            }
            let expected = chunk(&whole, &joined.grid, &joined.grid.index(number), 0, axis);
            prop_assert_eq!(made, expected);
        }
    }
}
