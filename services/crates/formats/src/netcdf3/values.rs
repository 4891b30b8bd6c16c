//! Values that are read at the scan and kept with the references.

use std::{fs::File, io, os::unix::fs::FileExt};

use super::places::Place;

/// Bytes that are read at once where small runs lie close together.
const BLOCK: u64 = 1 << 20;
/// Distance of runs from which each is read by itself.
const FAR: u64 = 16 << 10;

/// The bytes of a variable, one run behind the other. The caller has bounded them. `alive` is called now and then.
pub(super) fn read(file: &File, place: Place, mut alive: impl FnMut()) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; place.bytes() as usize];
    if bytes.is_empty() {
        return Ok(bytes);
    }
    if place.is_one_piece() {
        file.read_exact_at(&mut bytes, place.begin)?;
        return Ok(bytes);
    }
    let run = place.run as usize;
    let runs_at_once = if place.stride > FAR { 1 } else { BLOCK / place.stride };
    let mut block = vec![0; ((runs_at_once - 1) * place.stride + place.run) as usize];
    for (number, part) in (0_u64..).zip(bytes.chunks_mut(run * runs_at_once as usize)) {
        let runs = part.len() / run;
        let block = &mut block[..(runs - 1) * place.stride as usize + run];
        file.read_exact_at(block, place.begin + number * runs_at_once * place.stride)?;
        for (run_bytes, start) in part.chunks_mut(run).zip(block.chunks(place.stride as usize)) {
            run_bytes.copy_from_slice(&start[..run]);
        }
        if number % 1024 == 0 {
            alive();
        }
    }
    Ok(bytes)
}
