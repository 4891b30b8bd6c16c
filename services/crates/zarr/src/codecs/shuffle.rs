//! HDF5's byte shuffle: first bytes of all elements, then all second ones; what is left over stays at the end.

/// Bytes of elements together again.
pub(super) fn unshuffle(from: &[u8], size: usize) -> Vec<u8> {
    unshuffle_into(from, size, Vec::new())
}

/// The same in the memory of `into`.
pub(super) fn unshuffle_into(from: &[u8], size: usize, mut into: Vec<u8>) -> Vec<u8> {
    let count = from.len() / size.max(1);
    into.resize(from.len(), 0);
    match size {
        2 => join::<2>(from, &mut into, count),
        4 => join::<4>(from, &mut into, count),
        8 => join::<8>(from, &mut into, count),
        size => {
            for (place, element) in into.chunks_exact_mut(size.max(1)).enumerate() {
                for (byte, value) in element.iter_mut().enumerate() {
                    *value = from[byte * count + place];
                }
            }
        }
    }
    let whole = count * size;
    into[whole..].copy_from_slice(&from[whole..]);
    into
}

/// Elements' bytes taken apart.
pub(super) fn shuffle(from: &[u8], size: usize) -> Vec<u8> {
    let count = from.len() / size.max(1);
    let mut into = vec![0; from.len()];
    for byte in 0..size {
        let plane = &mut into[byte * count..][..count];
        for (value, element) in plane.iter_mut().zip(from.chunks_exact(size)) {
            *value = element[byte];
        }
    }
    let whole = count * size;
    into[whole..].copy_from_slice(&from[whole..]);
    into
}

/// With the size known, the compiler makes vector code of it.
fn join<const N: usize>(from: &[u8], into: &mut [u8], count: usize) {
    let planes: [&[u8]; N] = std::array::from_fn(|byte| &from[byte * count..][..count]);
    let elements = &mut into.as_chunks_mut::<N>().0[..count];
    for (place, element) in elements.iter_mut().enumerate() {
        *element = std::array::from_fn(|byte| planes[byte][place]);
    }
}
