//! A plain reader of scanned variables.

use std::{fs::File, os::unix::fs::FileExt, path::Path};

use model::{ChunkRef, DataType, ScannedVariable};
use sha2::{Digest, Sha256};
use zarr::codecs::ChunkCodecs;

/// Digest of a variable's values, little-endian, in C order; none of arrays without a size or a chunk of bytes.
pub(crate) fn sha256(file: &Path, scanned: &ScannedVariable) -> Option<String> {
    let variable = &scanned.variable;
    let bytes = match variable.data_type {
        DataType::Text => match scanned.manifest.get(0) {
            ChunkRef::Inline(bytes) => bytes.to_vec(),
            _ => 0_u32.to_le_bytes().to_vec(),
        },
        data_type => array(&File::open(file).ok()?, scanned, data_type.size()?)?,
    };
    Some(format!("{:x}", Sha256::digest(bytes)))
}

fn array(file: &File, scanned: &ScannedVariable, size: usize) -> Option<Vec<u8>> {
    let codecs = ChunkCodecs::new(&scanned.variable).unwrap();
    let grid = &scanned.variable.grid;
    let mut array = vec![0; grid.shape().iter().product::<u64>() as usize * size];
    for (number, reference) in scanned.manifest.iter() {
        let elements = grid.chunk_shape().iter().product::<u64>() as usize;
        let chunk = match reference {
            ChunkRef::Missing => scanned.variable.fill_value.clone()?.repeat(elements).into(),
            ChunkRef::Inline(bytes) => codecs.decode(bytes).unwrap(),
            ChunkRef::Bytes { range, .. } => {
                let mut bytes = vec![0; range.length as usize];
                file.read_exact_at(&mut bytes, range.offset).unwrap();
                codecs.decode(bytes.into()).unwrap()
            }
            ChunkRef::File(_) | ChunkRef::Computed => return None,
        };
        assert_eq!(chunk.len(), elements * size, "{}", scanned.variable.path);
        let index = grid.index(number);
        for (at, element) in chunk.chunks_exact(size).enumerate() {
            let (mut rest, mut place, mut stride, mut inside) = (at as u64, 0, 1, true);
            for axis in (0..index.len()).rev() {
                let (length, end) = (grid.chunk_shape()[axis], grid.shape()[axis]);
                let position = index[axis] * length + rest % length;
                rest /= length;
                inside &= position < end;
                place += position * stride;
                stride *= end;
            }
            if inside {
                array[place as usize * size..][..size].copy_from_slice(element);
            }
        }
    }
    Some(array)
}
