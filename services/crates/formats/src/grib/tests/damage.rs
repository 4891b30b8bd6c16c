//! Damaged files: each answers with a dataset or an error, soon and in little memory.

use std::{path::Path, time::Instant};

use super::files;
use crate::{ScanOptions, scan};

/// A generator of numbers that are the same in each run (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit.max(1) as u64) as usize
    }
}

fn check(directory: &Path, bytes: &[u8], what: &str, options: &ScanOptions) {
    let path = directory.join("damaged.grib");
    std::fs::write(&path, bytes).unwrap();
    let start = Instant::now();
    if let Ok(found) = scan(&path, options, &mut |_, _| {}) {
        for scanned in &found.variables {
            assert_eq!(scanned.manifest.len() as u64, scanned.variable.grid.chunk_count(), "{what}");
            assert_eq!(scanned.variable.dimensions.len(), scanned.variable.grid.shape().len(), "{what}");
            let inlined = scanned.manifest.stored_size_bytes();
            assert!(inlined < (64 << 20) + bytes.len() as u64, "{what}: {inlined} bytes");
        }
    }
    assert!(start.elapsed().as_secs() < 20, "{what} took {:?}", start.elapsed());
}

#[test]
fn damaged_files_end_in_an_answer() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random(20_260_214);
    for path in files() {
        let whole = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // Large files are damaged at their beginning, where the first headers are.
        let whole = &whole[..whole.len().min(60_000)];
        for round in 0..24 {
            let mut bytes = whole.to_vec();
            if round % 3 == 0 {
                bytes.truncate(random.below(bytes.len()));
            } else {
                for _ in 0..=random.below(6) {
                    let near = if round % 3 == 1 { bytes.len().min(400) } else { bytes.len() };
                    let at = random.below(near);
                    bytes[at] = random.below(256) as u8;
                }
            }
            // Working out where points are takes longest, so it is done now and then only.
            let coordinate_bytes_max = if round % 8 == 0 { 4 << 20 } else { 1 << 10 };
            let options = ScanOptions { coordinate_bytes_max, ..ScanOptions::default() };
            check(directory.path(), &bytes, &format!("{name}, round {round}"), &options);
        }
    }
}

#[test]
fn a_file_that_is_cut_is_an_error_and_no_dataset_with_holes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cut.grib");
    for file in files() {
        let mut bytes = std::fs::read(file).unwrap();
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        for cut in [1, 5, 100] {
            std::fs::write(&path, &bytes[..bytes.len().saturating_sub(cut)]).unwrap();
            let error = scan(&path, &ScanOptions::default(), &mut |_, _| {}).unwrap_err();
            assert!(error.to_string().contains("truncated"), "{error}");
        }
    }
}
