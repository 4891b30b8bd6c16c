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
