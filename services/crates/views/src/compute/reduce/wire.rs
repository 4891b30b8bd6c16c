//! The state of a reduction as bytes, for another worker: a mark of the format, then the numbers of all cells. How many they
//! are follows from the reduction and its region, which both sides know.

use model::{Error, ErrorKind, Result};

use super::state::State;

/// The mark. To be changed with whatever changes states, or how inputs are cut into sections: workers of two versions
/// must not take each other's for theirs.
const MARK: &[u8; 8] = b"partial1";

/// The bytes of a state.
pub(super) fn to_bytes(state: &State) -> Result<Vec<u8>> {
    let mut bytes = MARK.to_vec();
    state.write(&mut bytes)?;
    Ok(bytes)
}

/// Puts what another worker wrote in place of what a new state holds.
pub(super) fn read(state: &mut State, bytes: &[u8]) -> Result<()> {
    let Some(mut rest) = bytes.strip_prefix(MARK) else {
        return Err(corrupt("it is of another format"));
    };
    state.read(&mut rest)?;
    if rest.is_empty() { Ok(()) } else { Err(corrupt("it is too long")) }
}

/// Writes numbers.
pub(super) fn write_numbers(numbers: impl IntoIterator<Item = f64>, into: &mut Vec<u8>) {
    numbers.into_iter().for_each(|number| into.extend_from_slice(&number.to_le_bytes()));
}

/// Writes counts.
pub(super) fn write_counts(counts: impl IntoIterator<Item = u64>, into: &mut Vec<u8>) {
    counts.into_iter().for_each(|count| into.extend_from_slice(&count.to_le_bytes()));
}

/// So many numbers.
pub(super) fn numbers<'a>(count: usize, from: &mut &'a [u8]) -> Result<impl Iterator<Item = f64> + 'a> {
    Ok(words(count, from)?.map(f64::from_le_bytes))
}

/// So many counts.
pub(super) fn counts<'a>(count: usize, from: &mut &'a [u8]) -> Result<impl Iterator<Item = u64> + 'a> {
    Ok(words(count, from)?.map(u64::from_le_bytes))
}

fn words<'a>(count: usize, from: &mut &'a [u8]) -> Result<impl Iterator<Item = [u8; 8]> + 'a> {
    let (head, rest) = count
        .checked_mul(8)
        .and_then(|length| from.split_at_checked(length))
        .ok_or_else(|| corrupt("it is too short"))?;
    *from = rest;
    Ok(head.as_chunks::<8>().0.iter().copied())
}

/// A state that is none.
pub(super) fn corrupt(why: &str) -> Error {
    Error::new(ErrorKind::CorruptData, "a part of a reduction that another worker made cannot be read")
        .with_internal(why)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use model::{DataType, Region};
    use proptest::prelude::*;

    use super::super::{Partial, travels};
    use super::*;
    use crate::array::{Array, Groups, Made, Reduced, Weights};
    use crate::steps::{Reduction, Statistic};

    /// Every kind of state, of three cells.
    fn reductions() -> Vec<Reduced> {
        let of = |data_type, shape: Vec<u64>| {
            Arc::new(Array { data_type, shape, made: Made::Known(Bytes::new()) })
        };
        let reduced = |statistic, weights| Reduced {
            of: of(DataType::F32, vec![5, 3]),
            axes: vec![Groups::All, Groups::Each],
            reduction: Reduction::Statistic(statistic),
            weights,
            block_shape: vec![3],
        };
        let weights = Weights { of: of(DataType::F64, vec![5]), axes: vec![0] };
        let plain =
            [Statistic::Sum, Statistic::Std, Statistic::Min, Statistic::First].map(|of| reduced(of, None));
        plain.into_iter().chain([reduced(Statistic::Mean, Some(weights))]).collect()
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_state_or_an_error(
            bytes in prop::collection::vec(any::<u8>(), 0..160), words in 0_usize..10, is_marked: bool,
        ) {
            let all = Region::whole(&[3]);
            for reduced in reductions() {
                prop_assert!(travels(&reduced));
                // As long as a state is, too.
                let body = bytes.iter().copied().cycle().take(if bytes.is_empty() { 0 } else { words * 24 });
                let state: Vec<u8> = if is_marked { MARK.iter().copied().chain(body).collect() } else { bytes.clone() };
                match Partial::from_bytes(&reduced, &all, &state) {
                    Err(error) => prop_assert_eq!(error.kind, ErrorKind::CorruptData),
                    Ok(partial) => {
                        prop_assert_eq!(partial.to_bytes().unwrap().len(), state.len());
                        let both = Partial::new(&reduced, &all).unwrap().with(partial);
                        prop_assert_eq!(both.finish(DataType::F32).unwrap().len(), 12);
                    }
                }
            }
        }
    }
}
