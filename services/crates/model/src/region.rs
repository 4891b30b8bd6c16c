//! Boxes of elements, and the runs of memory that they are.

use crate::ChunkGrid;

/// A box of elements.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Region {
    /// First element in each dimension.
    pub start: Vec<u64>,
    /// Elements in each dimension.
    pub extent: Vec<u64>,
}

impl Region {
    /// All of an array of a shape.
    pub fn whole(shape: &[u64]) -> Self {
        Self { start: vec![0; shape.len()], extent: shape.to_vec() }
    }

    /// Elements in it.
    pub fn elements(&self) -> u64 {
        self.extent.iter().product()
    }

    /// What a chunk and a region have in common: within the chunk, and where it begins in the array.
    pub fn overlap(&self, region: &Self) -> (Self, Vec<u64>) {
        let begin: Vec<u64> = self.start.iter().zip(&region.start).map(|(a, b)| *a.max(b)).collect();
        let ends = self.start.iter().zip(&self.extent).zip(region.start.iter().zip(&region.extent));
        let ends = ends.map(|((a, a_length), (b, b_length))| (a + a_length).min(b + b_length));
        let extent = ends.zip(&begin).map(|(end, begin)| end.saturating_sub(*begin)).collect();
        let start = begin.iter().zip(&self.start).map(|(begin, start)| begin - start).collect();
        (Self { start, extent }, begin)
    }

    /// Runs of elements that lie one behind the other in an array of `shape`, over this region of it: the first element
    /// of each run, and how many each has.
    pub fn runs(&self, shape: &[u64]) -> (Vec<u64>, u64) {
        // Dimensions behind this one are whole.
        let is_whole = |axis: usize| self.start[axis] == 0 && self.extent[axis] == shape[axis];
        let split = (0..shape.len()).rev().find(|axis| !is_whole(*axis)).unwrap_or(0);
        if self.elements() == 0 {
            return (Vec::new(), 0);
        }
        let run = self.extent.get(split..).map_or(1, |extents| extents.iter().product());
        let lengths = self.start.iter().zip(&self.extent).take(split);
        let ranges: Vec<(u64, u64)> = lengths.map(|(start, extent)| (*start, start + extent)).collect();
        let inner: u64 = shape.get(split + 1..).map_or(1, |lengths| lengths.iter().product());
        let mut firsts = Vec::new();
        for index in Indices::new(ranges) {
            let outer = index.iter().zip(shape).fold(0, |element, (at, length)| element * length + at);
            let along = shape.get(split).map_or(0, |length| outer * length + self.start[split]);
            firsts.push(along * inner);
        }
        (firsts, run)
    }

    /// The elements of this region of an array of `shape`, one behind the other. None where the array is shorter than its
    /// shape says.
    pub fn cut(&self, elements: &[u8], shape: &[u64], size: usize) -> Option<Vec<u8>> {
        let (firsts, run) = self.runs(shape);
        let length = run as usize * size;
        let mut cut = Vec::with_capacity(firsts.len() * length);
        for first in firsts {
            let begin = first as usize * size;
            cut.extend_from_slice(elements.get(begin..begin + length)?);
        }
        Some(cut)
    }

    /// Puts the elements of this region into an array of `shape`. None where one of the two is too short.
    pub fn paste(&self, elements: &[u8], into: &mut [u8], shape: &[u64], size: usize) -> Option<()> {
        let (firsts, run) = self.runs(shape);
        let length = run as usize * size;
        for (at, first) in firsts.into_iter().enumerate() {
            let begin = first as usize * size;
            let from = elements.get(at * length..(at + 1) * length)?;
            into.get_mut(begin..begin + length)?.copy_from_slice(from);
        }
        Some(())
    }
}

impl ChunkGrid {
    /// The places that the chunk of an index holds, cut at the array's end.
    pub fn region(&self, index: &[u64]) -> Region {
        let start: Vec<u64> = index.iter().zip(self.chunk_shape()).map(|(at, length)| at * length).collect();
        let lengths = start.iter().zip(self.chunk_shape()).zip(self.shape());
        let extent =
            lengths.map(|((start, chunk), shape)| (*chunk).min(shape.saturating_sub(*start))).collect();
        Region { start, extent }
    }

    /// Indices of all chunks that reach into a region, in C order.
    pub fn within(&self, region: &Region) -> Indices {
        let ranges = region.start.iter().zip(&region.extent).zip(self.chunk_shape());
        let ranges = ranges.map(|((start, extent), chunk)| match extent {
            0 => (0, 0),
            _ => (start / chunk, (start + extent).div_ceil(*chunk)),
        });
        Indices::new(ranges.collect())
    }
}

/// All indices of a box, in C order.
#[derive(Debug, Clone)]
pub struct Indices {
    ranges: Vec<(u64, u64)>,
    next: Option<Vec<u64>>,
}

impl Indices {
    /// From the first of each range to the one before its second.
    pub fn new(ranges: Vec<(u64, u64)>) -> Self {
        let is_empty = ranges.iter().any(|(begin, end)| begin >= end);
        let next = (!is_empty).then(|| ranges.iter().map(|(begin, _)| *begin).collect());
        Self { ranges, next }
    }
}

impl Iterator for Indices {
    type Item = Vec<u64>;

    fn next(&mut self) -> Option<Vec<u64>> {
        let now = self.next.take()?;
        let mut index = now.clone();
        for (at, (begin, end)) in index.iter_mut().zip(&self.ranges).rev() {
            *at += 1;
            if *at < *end {
                self.next = Some(index);
                break;
            }
            *at = *begin;
        }
        Some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_cut_and_pasted() {
        let shape = [3, 4];
        let elements: Vec<u8> = (0..12).collect();
        let region = Region { start: vec![1, 1], extent: vec![2, 2] };
        let cut = region.cut(&elements, &shape, 1).unwrap();
        assert_eq!(cut, [5, 6, 9, 10]);
        let mut into = vec![0; 12];
        region.paste(&cut, &mut into, &shape, 1).unwrap();
        assert_eq!(into, [0, 0, 0, 0, 0, 5, 6, 0, 0, 9, 10, 0]);
        assert_eq!(region.cut(&elements[..10], &shape, 1), None);
        assert_eq!(Region::whole(&[]).cut(&[7], &[], 1).unwrap(), [7]);
    }

    #[test]
    fn indices_are_in_order_and_end() {
        let all: Vec<_> = Indices::new(vec![(0, 2), (3, 5)]).collect();
        assert_eq!(all, [[0, 3], [0, 4], [1, 3], [1, 4]]);
        assert_eq!(Indices::new(vec![]).count(), 1);
        assert_eq!(Indices::new(vec![(2, 2), (0, 3)]).count(), 0);
    }

    #[test]
    fn a_region_of_whole_rows_is_one_run() {
        let region =
            |start: [u64; 3], extent: [u64; 3]| Region { start: start.to_vec(), extent: extent.to_vec() };
        assert_eq!(region([1, 0, 0], [2, 5, 6]).runs(&[4, 5, 6]), (vec![30], 60));
        assert_eq!(region([1, 2, 0], [2, 2, 6]).runs(&[4, 5, 6]), (vec![42, 72], 12));
        assert_eq!(region([0, 0, 0], [4, 5, 6]).runs(&[4, 5, 6]), (vec![0], 120));
        assert_eq!(region([0, 0, 1], [1, 2, 2]).runs(&[4, 5, 6]), (vec![1, 7], 2));
        assert_eq!(Region::whole(&[]).runs(&[]), (vec![0], 1));
    }
}
