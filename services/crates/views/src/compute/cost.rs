//! What a region costs, before anything of it is read.

use model::Region;

use super::state_bytes;
use crate::array::{Array, Groups, Made, NO_GROUP, Places};

/// Bytes of decoded chunks that a region of these lengths is made of, roughly.
pub fn input_bytes(array: &Array, lengths: &[u64]) -> u64 {
    match &array.made {
        Made::Known(_) => 0,
        Made::Source { chunk_shape, .. } => {
            let size = array.data_type.size().unwrap_or(8) as u64;
            let whole = lengths.iter().zip(chunk_shape).zip(&array.shape);
            let whole =
                whole.map(|((length, chunk), shape)| (length.div_ceil(*chunk) * chunk).min((*shape).max(1)));
            whole.fold(size, u64::saturating_mul)
        }
        Made::Tiled { of, tile_shape } => {
            let tiles = lengths.iter().zip(tile_shape).zip(&array.shape);
            let whole = |((length, tile), shape): ((&u64, &u64), &u64)| {
                length.div_ceil(*tile).saturating_mul(*tile).min((*shape).max(1))
            };
            input_bytes(of, &tiles.map(whole).collect::<Vec<_>>())
        }
        Made::Unpacked { of, .. } => input_bytes(of, lengths),
        Made::Computed { of, .. } => {
            of.iter().fold(0, |sum, of| sum.saturating_add(input_bytes(of, lengths)))
        }
        Made::Arranged { of, axes } => {
            let mut of_lengths = vec![1; of.shape.len()];
            for (axis, of_axis) in axes.iter().enumerate() {
                if let Some(of_axis) = of_axis {
                    of_lengths[*of_axis] = lengths[axis];
                }
            }
            input_bytes(of, &of_lengths)
        }
        Made::Merged { of, from } => {
            let a_row = of.shape.iter().skip(from + 1).product::<u64>().max(1);
            let of_shape = of.shape.iter().enumerate();
            let along = |(axis, length): (usize, &u64)| match axis.cmp(from) {
                std::cmp::Ordering::Less => lengths[axis],
                std::cmp::Ordering::Equal => lengths[axis].div_ceil(a_row),
                std::cmp::Ordering::Greater => *length,
            };
            input_bytes(of, &of_shape.map(along).collect::<Vec<_>>())
        }
        Made::Taken { of, places } => {
            let mut lengths = lengths.iter();
            let along = |places: &Places| match places {
                Places::One(_) => 1,
                Places::Slice { stride, .. } => {
                    lengths.next().map_or(1, |length| length.saturating_mul(*stride))
                }
                Places::List(_) => lengths.next().copied().unwrap_or(1),
            };
            input_bytes(of, &places.iter().map(along).collect::<Vec<_>>())
        }
        Made::Reduced(reduced) => {
            let skipped = usize::from(reduced.has_quantiles());
            let mut lengths = lengths.iter().skip(skipped);
            let along = |(groups, length): (&Groups, &u64)| match groups {
                Groups::All => *length,
                Groups::Each => lengths.next().copied().unwrap_or(1),
                Groups::Labels { labels, count } => {
                    let used = labels.iter().filter(|label| **label != NO_GROUP).count() as u64;
                    let a_group = used.div_ceil(u64::from(*count).max(1));
                    lengths.next().map_or(used, |length| a_group.saturating_mul(*length))
                }
            };
            input_bytes(
                &reduced.of,
                &reduced.axes.iter().zip(&reduced.of.shape).map(along).collect::<Vec<_>>(),
            )
        }
    }
}

/// Bytes of the largest decoded chunk that an array is made of.
pub fn largest_leaf_bytes(array: &Array) -> u64 {
    match &array.made {
        Made::Known(_) => 0,
        Made::Source { chunk_shape, .. } => {
            let size = array.data_type.size().unwrap_or(8) as u64;
            chunk_shape.iter().fold(size, |product, length| product.saturating_mul(*length))
        }
        Made::Tiled { of, .. }
        | Made::Unpacked { of, .. }
        | Made::Arranged { of, .. }
        | Made::Merged { of, .. }
        | Made::Taken { of, .. } => largest_leaf_bytes(of),
        Made::Computed { of, .. } => of.iter().map(|of| largest_leaf_bytes(of)).max().unwrap_or(0),
        Made::Reduced(reduced) => largest_leaf_bytes(&reduced.of),
    }
}

/// Bytes of the state of all reductions that an array is made of, one block of each at once.
pub fn reductions_bytes(array: &Array) -> u64 {
    match &array.made {
        Made::Known(_) | Made::Source { .. } | Made::Tiled { .. } => 0,
        Made::Unpacked { of, .. }
        | Made::Arranged { of, .. }
        | Made::Merged { of, .. }
        | Made::Taken { of, .. } => reductions_bytes(of),
        Made::Computed { of, .. } => of.iter().map(|of| reductions_bytes(of)).sum(),
        Made::Reduced(reduced) => {
            let block = array.block(0).unwrap_or_else(|_| Region::whole(&array.shape));
            state_bytes(reduced, &reduced.groups_of(block)).saturating_add(reductions_bytes(&reduced.of))
        }
    }
}
