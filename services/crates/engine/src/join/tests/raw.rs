//! Raw joins: what must be alike, chunks, contiguous and inlined variables.

use std::sync::Arc;

use bytes::Bytes;
use model::{ChunkRef, Codec, DataType, FileScan, ScannedVariable};
use proptest::prelude::*;

use super::fixtures::*;
use crate::join::text;

/// Two files, a year each, with a variable changed in the second.
fn changed(change: impl Fn(&mut ScannedVariable)) -> Vec<FileScan> {
    let mut second = year("b.nc", 1951, &["tas"]);
    change(second.variables.last_mut().unwrap());
    vec![year("a.nc", 1950, &["tas"]), second]
}

#[test]
fn files_that_nothing_brings_together_are_refused_with_the_difference() {
    type Change = fn(&mut ScannedVariable);
    let cases: [(Change, &str); 4] = [
        (|s| *s = chunked("tas", &[("time", 2), ("y", 4)], &[1, 4]), "dimensions (time, x) and (time, y)"),
        (|s| *s = chunked("tas", &[("time", 2), ("x", 5)], &[1, 5]), "lengths of x 4 and 5"),
        (|s| Arc::make_mut(&mut s.variable).data_type = DataType::FixedText(4), "types F32 and FixedText(4)"),
        (|s| *s = number_attribute(s.clone(), "scale_factor", f32::NAN), "is not one number"),
    ];
    for (change, says) in &cases[..3] {
        refusal(changed(*change), &["tas in \"a.nc\" and \"b.nc\"", says, "as another dataset"]);
    }
    let other_units = |units: &str| {
        let mut scans = changed(|_| {});
        for (scan, units) in scans.iter_mut().zip(["K", units]) {
            let tas = scan.variables.pop().unwrap();
            scan.variables.push(text_attribute(tas, "units", units));
        }
        scans
    };
    refusal(other_units("degC"), &["tas in", "units \"K\" and \"degC\""]);
    try_join(other_units(" K")).unwrap();
    let two_scales = |s: &mut ScannedVariable| {
        let pair = model::AttributeValue::Numbers(model::Numbers::F32(vec![1.0, 2.0]));
        Arc::make_mut(&mut s.variable).attributes.set("scale_factor", pair);
    };
    refusal(changed(two_scales), &["tas in", cases[3].1]);
}

#[test]
fn all_differences_are_told_up_to_ten() {
    let names: Vec<String> = (0..12).map(|n| format!("v{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut second = year("b.nc", 1951, &names);
    for scanned in second.variables.iter_mut().skip(2) {
        Arc::make_mut(&mut scanned.variable).data_type = DataType::FixedText(4);
    }
    let message =
        refusal(vec![year("a.nc", 1950, &names), second], &["v0 in", "v9 in", "and 2 more differences"]);
    assert!(!message.contains("v10 in"));
}

#[test]
fn nan_is_the_same_fill_value_in_both_files() {
    let scan = |name, n| {
        let mut scan = year(name, n, &["tas"]);
        let tas = scan.variables.pop().unwrap();
        scan.with(number_attribute(tas, "_FillValue", f32::NAN))
    };
    let joined = try_join(vec![scan("a.nc", 1950), scan("b.nc", 1951)]).unwrap();
    assert_eq!(warnings(&joined), Vec::<String>::new());
}

#[test]
fn contiguous_variables_are_split_into_full_chunks() {
    for (dimensions, expected) in [
        (vec![("y", 100), ("x", 100)], vec![100, 100]),
        (vec![("y", 3600), ("x", 7200)], vec![144, 7200]),
        (vec![("z", 100), ("y", 1800), ("x", 3600)], vec![1, 225, 3600]),
        // A prime number of rows: one chunk of 16 MiB rather than a thousand tiny ones.
        (vec![("y", 1009), ("x", 4000)], vec![1009, 4000]),
        (vec![("y", 0), ("x", 4)], vec![1, 4]),
        (vec![], vec![]),
    ] {
        let joined = try_join(vec![file("a.nc").with(contiguous_or_empty(&dimensions))]).unwrap();
        let (variable, manifest) = joined_variable(&joined, "v");
        assert_eq!(variable.grid.chunk_shape(), expected);
        let chunk_bytes = expected.iter().product::<u64>() * 4;
        for (number, reference) in manifest.iter() {
            assert_eq!(reference, bytes_at(0, 4096 + number * chunk_bytes, chunk_bytes));
        }
        assert_eq!(manifest.len() as u64, variable.grid.chunk_count());
    }
}

fn contiguous_or_empty(dimensions: &[(&str, u64)]) -> ScannedVariable {
    if dimensions.iter().all(|(_, length)| *length > 0) {
        return contiguous("v", dimensions);
    }
    let mut made = chunked("v", dimensions, &vec![1; dimensions.len()]);
    made.layout = model::Layout::Contiguous;
    made
}

#[test]
fn contiguous_variables_of_several_files_get_chunks_that_divide_all() {
    let scan = |name: &str, from: u64, length: u64, x: u64| {
        let times: Vec<f64> = (from..from + length).map(|n| n as f64).collect();
        file(name).time("days since 1950-01-01", &times).with(contiguous("v", &[("time", length), ("x", x)]))
    };
    let joined = try_join(vec![scan("a.nc", 0, 12, 4), scan("b.nc", 12, 8, 4)]).unwrap();
    let (v, manifest) = joined_variable(&joined, "v");
    assert_eq!((v.grid.shape(), v.grid.chunk_shape()), (&[20, 4][..], &[4, 4][..]));
    assert_eq!(manifest.get(1), bytes_at(0, 4096 + 64, 64));
    assert_eq!(manifest.get(3), bytes_at(1, 4096, 64));
    // A step of 8 MiB is split along the next dimension.
    let joined = try_join(vec![scan("a.nc", 0, 2, 2 << 20), scan("b.nc", 2, 1, 2 << 20)]).unwrap();
    assert_eq!(joined_variable(&joined, "v").0.grid.chunk_shape(), [1, 1 << 20]);
}

#[test]
fn a_contiguous_file_fits_chunks_of_another_without_codecs() {
    let scans = changed(|s| *s = contiguous("tas", &[("time", 2), ("x", 4)]));
    let joined = try_join(scans).unwrap();
    let (tas, manifest) = joined_variable(&joined, "tas");
    assert_eq!((tas.grid.chunk_shape(), manifest.get(3)), (&[1, 4][..], bytes_at(1, 4096 + 16, 16)));
}

#[test]
fn inlined_variables_are_joined_along_any_dimension() {
    let scan = |name: &str, times: &[f64], values: &[f64]| {
        let length = times.len() as u64;
        file(name).time("days since 1950-01-01", times).with(doubles(
            "v",
            &[("z", 2), ("time", length)],
            values,
        ))
    };
    let joined =
        try_join(vec![scan("b.nc", &[2.0], &[3.0, 6.0]), scan("a.nc", &[0.0, 1.0], &[1.0, 2.0, 4.0, 5.0])])
            .unwrap();
    assert_eq!(joined_variable(&joined, "v").0.grid.shape(), [2, 3]);
    assert_eq!(doubles_of(&joined, "v"), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

#[test]
fn inlined_text_is_joined() {
    let scan = |name: &str, times: &[f64], texts: &[&str]| {
        let texts: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
        let mut v = inline("v", &[("time", times.len() as u64)], DataType::Text, text::encode(&texts));
        Arc::make_mut(&mut v.variable).codecs = vec![Codec::VlenUtf8];
        file(name).time("days since 1950-01-01", times).with(v)
    };
    let joined =
        try_join(vec![scan("b.nc", &[2.0], &["é"]), scan("a.nc", &[0.0, 1.0], &["", "abc"])]).unwrap();
    let expected = text::encode(&[b"", b"abc", "é".as_bytes()]);
    assert_eq!(joined_variable(&joined, "v").1.get(0), ChunkRef::Inline(Bytes::from(expected)));
}

#[test]
fn a_large_inlined_variable_is_cut_along_the_record_dimension() {
    let scan = |name: &str, from: f64| {
        let values: Vec<f64> = (0..3 << 19).map(|n| f64::from(n) + from).collect();
        let times = [from, from + 1.0, from + 2.0];
        file(name).time("days since 1950-01-01", &times).with(doubles(
            "v",
            &[("time", 3), ("x", 1 << 19)],
            &values,
        ))
    };
    let joined = try_join(vec![scan("a.nc", 0.0), scan("b.nc", 3.0)]).unwrap();
    let (v, manifest) = joined_variable(&joined, "v");
    assert_eq!(v.grid.chunk_shape(), [4, 1 << 19]);
    let lengths: Vec<u64> = (0..2)
        .map(|n| match manifest.get(n) {
            ChunkRef::Inline(bytes) => bytes.len() as u64,
            _ => 0,
        })
        .collect();
    assert_eq!(lengths, [16 << 20, 16 << 20]);
}

proptest! {
    #[test]
    fn pieces_of_an_array_make_the_manifest_of_the_whole(
        lengths in prop::collection::vec(1_u64..4, 1..6),
        last in 1_u64..6,
        chunk in prop::array::uniform3(1_u64..4),
        inner in prop::array::uniform2(1_u64..6),
        record in 0_usize..3,
        seed in any::<u64>(),
    ) {
        let mut lengths: Vec<u64> = lengths.iter().map(|length| length * chunk[record]).collect();
        lengths.push(last);
        let names = ["a", "b", "c"];
        let shape = |along: u64| -> Vec<(&str, u64)> {
            let mut others = inner.iter().copied();
            (0..3).map(|at| if at == record { ("time", along) } else { (names[at], others.next().unwrap()) }).collect()
        };
        let total: u64 = lengths.iter().sum();
        let whole = chunked("v", &shape(total), &chunk);
        let mut begin = 0;
        let mut scans: Vec<FileScan> = lengths.iter().enumerate().map(|(at, length)| {
            let times: Vec<f64> = (begin..begin + length).map(|n| n as f64).collect();
            let mut piece = chunked("v", &shape(*length), &chunk);
            for number in 0..piece.variable.grid.chunk_count() {
                let mut index = piece.variable.grid.index(number);
                index[record] += begin / chunk[record];
                let of_whole = whole.variable.grid.number(&index).unwrap();
                let reference = match of_whole % 5 {
                    0 => ChunkRef::Missing,
                    _ => bytes_at(0, of_whole * 1000, 100),
                };
                piece.manifest.set(number, reference);
            }
            begin += length;
            file(&format!("{at:03}.nc")).time("days since 1950-01-01", &times).with(piece)
        }).collect();
        let by_seed = |scan: &FileScan| blake3::hash(format!("{seed}{}", scan.file.path).as_bytes()).to_hex();
        scans.sort_by_key(|scan| by_seed(scan).to_string());

        let joined = try_join(scans).unwrap();
        let (variable, manifest) = joined_variable(&joined, "v");
        prop_assert_eq!(&variable.grid, &whole.variable.grid);
        for (number, reference) in manifest.iter() {
            match reference {
                ChunkRef::Missing => prop_assert_eq!(number % 5, 0),
                ChunkRef::Bytes { file, range } => {
                    prop_assert_eq!(range.offset, number * 1000);
                    let along = variable.grid.index(number)[record] * chunk[record];
                    let expected = lengths.iter().scan(0, |sum, n| { *sum += n; Some(*sum) }).position(|end| along < end);
                    prop_assert_eq!(Some(file.0 as usize), expected);
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }
}

/// Timed by `cargo test --release -p engine -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement: ten thousand files"]
fn ten_thousand_files_join_in_about_a_second() {
    let names: Vec<String> = (0..10).map(|n| format!("v{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let scans: Vec<FileScan> = (0..10_000).map(|n| year(&format!("{n}.nc"), 1950 + n, &names)).collect();
    let begin = std::time::Instant::now();
    let joined = try_join(scans).unwrap();
    println!("{:?} for {} files", begin.elapsed(), joined.files.len());
}
