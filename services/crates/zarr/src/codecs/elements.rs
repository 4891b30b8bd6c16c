//! Order of elements and of their bytes.

use super::{Result, unsupported};

/// Turns elements whose bytes are the other way round.
pub(super) fn swap_bytes(bytes: &mut [u8], size: usize) {
    fn turn<const N: usize>(bytes: &mut [u8]) {
        for element in bytes.as_chunks_mut::<N>().0 {
            element.reverse();
        }
    }
    match size {
        0 | 1 => {}
        2 => turn::<2>(bytes),
        4 => turn::<4>(bytes),
        8 => turn::<8>(bytes),
        other => bytes.chunks_exact_mut(other).for_each(<[u8]>::reverse),
    }
}

/// The order of dimensions in which a chunk's elements are stored.
#[derive(Debug, Clone)]
pub(super) struct Order {
    size: usize,
    shape: Vec<usize>,
    /// For each stored dimension, which of the array's it is.
    axes: Vec<usize>,
}

impl Order {
    /// All transposes of a chain as one; none where nothing changes place.
    pub(super) fn new<'c>(
        shape: &[u64],
        size: usize,
        transposes: impl Iterator<Item = &'c Vec<u32>>,
    ) -> Result<Option<Self>> {
        let mut order: Vec<usize> = (0..shape.len()).collect();
        for transpose in transposes {
            let mut seen = vec![false; shape.len()];
            let mut next = Vec::with_capacity(shape.len());
            for axis in transpose {
                match (order.get(*axis as usize), seen.get_mut(*axis as usize)) {
                    (Some(axis), Some(seen)) if !*seen => {
                        *seen = true;
                        next.push(*axis);
                    }
                    _ => return Err(unsupported("a transpose of other dimensions")),
                }
            }
            if next.len() != shape.len() {
                return Err(unsupported("a transpose of fewer dimensions"));
            }
            order = next;
        }
        if order.is_sorted() {
            return Ok(None);
        }
        Ok(Some(Self { size, shape: shape.iter().map(|length| *length as usize).collect(), axes: order }))
    }

    /// Shape of the stored array.
    pub(super) fn stored_shape(&self) -> Vec<u64> {
        self.axes.iter().map(|axis| self.shape[*axis] as u64).collect()
    }

    /// From the stored order into C order.
    pub(super) fn decode(&self, stored: &[u8]) -> Vec<u8> {
        let stored_shape: Vec<usize> = self.axes.iter().map(|axis| self.shape[*axis]).collect();
        let mut strides = vec![0; self.shape.len()];
        for (axis, stride) in self.axes.iter().zip(strides_of(&stored_shape)) {
            strides[*axis] = stride;
        }
        gather(stored, &self.shape, &strides, self.size)
    }

    /// From C order into the stored order.
    pub(super) fn encode(&self, elements: &[u8]) -> Vec<u8> {
        let strides = strides_of(&self.shape);
        let shape: Vec<usize> = self.axes.iter().map(|axis| self.shape[*axis]).collect();
        let strides: Vec<usize> = self.axes.iter().map(|axis| strides[*axis]).collect();
        gather(elements, &shape, &strides, self.size)
    }
}

/// Elements between neighbours along each dimension, in C order.
pub(super) fn strides_of(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// The elements of an array of `shape`, read at `strides` (elements) of `from`, which holds exactly as many.
fn gather(from: &[u8], shape: &[usize], strides: &[usize], size: usize) -> Vec<u8> {
    let mut into = Vec::with_capacity(from.len());
    let Some((last, outer)) = shape.split_last() else { return from.to_vec() };
    let step = strides[outer.len()];
    let mut index = vec![0; outer.len()];
    loop {
        let base: usize = index.iter().zip(strides).map(|(place, stride)| place * stride).sum();
        for place in 0..*last {
            let at = (base + place * step) * size;
            into.extend_from_slice(&from[at..at + size]);
        }
        if !advance(&mut index, outer) {
            return into;
        }
    }
}

/// The next index in C order; false after the last.
pub(super) fn advance(index: &mut [usize], shape: &[usize]) -> bool {
    for (place, length) in index.iter_mut().zip(shape).rev() {
        *place += 1;
        if *place < *length {
            return true;
        }
        *place = 0;
    }
    false
}
