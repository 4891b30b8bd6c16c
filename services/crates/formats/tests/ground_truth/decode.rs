//! A plain reader of scanned variables, for the codecs that a few lines can decode.

use std::{fs::File, io::Read, os::unix::fs::FileExt, path::Path};

use model::{ByteOrder, ChunkRef, Codec, DataType, ScannedVariable};
use sha2::{Digest, Sha256};

/// Digest of a variable's values, little-endian, in C order; none where a codec is beyond this reader.
pub(crate) fn sha256(file: &Path, scanned: &ScannedVariable) -> Option<String> {
    let variable = &scanned.variable;
    let bytes = match variable.data_type {
        DataType::Text => match scanned.manifest.get(0) {
            ChunkRef::Inline(bytes) => bytes.to_vec(),
            _ => 0_u32.to_le_bytes().to_vec(),
        },
        data_type => {
            let mut bytes = array(&File::open(file).ok()?, scanned)?;
            if variable.byte_order == ByteOrder::Big && data_type.is_numeric() {
                bytes.chunks_exact_mut(data_type.size()?).for_each(<[u8]>::reverse);
            }
            bytes
        }
    };
    Some(format!("{:x}", Sha256::digest(bytes)))
}

fn array(file: &File, scanned: &ScannedVariable) -> Option<Vec<u8>> {
    let grid = &scanned.variable.grid;
    let size = scanned.variable.data_type.size()?;
    let mut array = vec![0; grid.shape().iter().product::<u64>() as usize * size];
    for (number, reference) in scanned.manifest.iter() {
        let elements = grid.chunk_shape().iter().product::<u64>() as usize;
        let chunk = match reference {
            ChunkRef::Missing => fill(scanned).repeat(elements),
            ChunkRef::Inline(bytes) => decode(bytes.to_vec(), &scanned.variable.codecs)?,
            ChunkRef::Bytes { range, .. } => {
                let mut bytes = vec![0; range.length as usize];
                file.read_exact_at(&mut bytes, range.offset).unwrap();
                decode(bytes, &scanned.variable.codecs)?
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

/// The fill value in the byte order of the stored elements.
fn fill(scanned: &ScannedVariable) -> Vec<u8> {
    let mut value = scanned.variable.fill_value.clone().unwrap();
    if scanned.variable.byte_order == ByteOrder::Big {
        value.reverse();
    }
    value
}

fn decode(mut bytes: Vec<u8>, codecs: &[Codec]) -> Option<Vec<u8>> {
    for codec in codecs.iter().rev() {
        bytes = match codec {
            Codec::Deflate { .. } => {
                let mut decoded = Vec::new();
                flate2::read::ZlibDecoder::new(&bytes[..]).read_to_end(&mut decoded).unwrap();
                decoded
            }
            Codec::Shuffle { element_size } => {
                let size = *element_size as usize;
                let count = bytes.len() / size;
                (0..bytes.len()).map(|at| bytes[at % size * count + at / size]).collect()
            }
            Codec::Fletcher32 => bytes[..bytes.len() - 4].to_vec(),
            _ => return None,
        };
    }
    Some(bytes)
}
