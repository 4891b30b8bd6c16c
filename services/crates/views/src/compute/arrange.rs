//! Dimensions in another order, and new ones along which all is the same.

use bytes::Bytes;
use model::Indices;

use super::gather::strides;

/// Elements of a box of `from` in the order of `axes`, as a box of `extent`. None where they are too few.
pub(super) fn arrange(
    elements: Bytes,
    from: &[u64],
    axes: &[Option<usize>],
    extent: &[u64],
    size: usize,
) -> Option<Bytes> {
    let is_in_order = axes.iter().flatten().is_sorted();
    if is_in_order && from.iter().product::<u64>() == extent.iter().product::<u64>() {
        return Some(elements);
    }
    let of_source = strides(from);
    let of_axis: Vec<usize> = axes.iter().map(|axis| axis.map_or(0, |axis| of_source[axis])).collect();
    let mut into = Vec::with_capacity(extent.iter().product::<u64>() as usize * size);
    let (Some(inner), Some(stride)) = (extent.last(), of_axis.last()) else { return Some(elements) };
    for index in Indices::new(extent[..extent.len() - 1].iter().map(|length| (0, *length)).collect()) {
        let begin: usize = index.iter().zip(&of_axis).map(|(at, stride)| *at as usize * stride).sum();
        match stride {
            1 => into.extend_from_slice(elements.get(begin * size..(begin + *inner as usize) * size)?),
            _ => {
                for at in 0..*inner as usize {
                    let source = (begin + at * stride) * size;
                    into.extend_from_slice(elements.get(source..source + size)?);
                }
            }
        }
    }
    Some(into.into())
}
