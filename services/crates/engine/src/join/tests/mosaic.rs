//! Files that do not agree: what passes, what is computed, and from what.

use std::sync::Arc;

use model::{ByteOrder, ChunkRef, Codec, DataType, FileScan, MosaicSource, ScannedVariable};
use proptest::prelude::*;

use super::fixtures::*;
use crate::join::Joined;
use crate::preview::preview;

const DAYS: &str = "days since 1950-01-01";

/// Files of so many days, each with a `tas` that a function makes.
fn files(lengths: &[u64], tas: impl Fn(usize, u64) -> ScannedVariable) -> Vec<FileScan> {
    let mut begin = 0;
    let one = |(at, length): (usize, &u64)| {
        let times: Vec<f64> = (begin..begin + length).map(|day| day as f64).collect();
        begin += length;
        file(&format!("{at:02}.nc")).time(DAYS, &times).with(tas(at, *length))
    };
    lengths.iter().enumerate().map(one).collect()
}

fn tas(length: u64, chunk: u64) -> ScannedVariable {
    chunked("tas", &[("time", length), ("x", 4)], &[chunk, 4])
}

fn source<'j>(joined: &'j Joined, name: &str) -> Option<&'j MosaicSource> {
    let at = joined.dataset.variables.iter().position(|variable| variable.path.as_str() == name).unwrap();
    joined.mosaics[at].as_ref()
}

fn computed(joined: &Joined) -> Vec<u64> {
    let manifest = joined_variable(joined, "tas").1;
    manifest
        .iter()
        .filter(|(_, reference)| *reference == ChunkRef::Computed)
        .map(|(number, _)| number)
        .collect()
}

#[test]
fn one_file_with_other_chunks_is_computed_and_the_others_pass() {
    let joined = try_join(files(&[4, 4, 4], |at, length| tas(length, if at == 1 { 1 } else { 2 }))).unwrap();
    let (variable, manifest) = joined_variable(&joined, "tas");
    assert_eq!(variable.grid.chunk_shape(), [2, 4]);
    assert_eq!(computed(&joined), [2, 3]);
    assert_eq!(manifest.get(5), bytes_at(2, 1000, 100));
    let MosaicSource { mosaic, references } = source(&joined, "tas").unwrap();
    assert_eq!((mosaic.pieces.len(), mosaic.pieces[0].start, references.len()), (1, 4, 4));
    assert_eq!(references.get(3), bytes_at(1, 3000, 100));
    let array = preview(&joined).arrays.into_iter().find(|array| array.path == "tas").unwrap();
    assert_eq!((array.chunk_count, array.computed_chunks), (6, 2));
    let said = warnings(&joined).join("; ");
    assert!(
        said.contains("tas: 2 of 6 chunks are made on demand: chunk shapes differ in 1 file (\"01.nc\")"),
        "{said}"
    );
}

#[test]
fn whole_months_as_chunks_are_computed_from_two_each() {
    let joined = try_join(files(&[31, 28, 31, 30], |_, length| tas(length, length))).unwrap();
    let (variable, manifest) = joined_variable(&joined, "tas");
    assert_eq!(variable.grid.chunk_shape(), [31, 4]);
    assert_eq!((computed(&joined), manifest.get(0)), (vec![1, 2, 3], bytes_at(0, 0, 100)));
    let mosaic = &source(&joined, "tas").unwrap().mosaic;
    let spans: Vec<(u64, u64)> = mosaic.pieces.iter().map(|piece| (piece.start, piece.length)).collect();
    assert_eq!(spans, [(31, 28), (59, 31), (90, 30)]);
    assert_eq!(mosaic.encodings.len(), 3);
}

#[test]
fn a_file_that_ends_inside_a_chunk_makes_the_next_ones_computed() {
    let joined = try_join(files(&[4, 3, 4], |_, length| tas(length, 2))).unwrap();
    assert_eq!(computed(&joined), [3, 4, 5]);
    let joined = try_join(files(&[4, 3], |_, length| tas(length, 2))).unwrap();
    assert_eq!((computed(&joined), joined_variable(&joined, "tas").1.len()), (vec![], 4));
}

#[test]
fn packed_and_unpacked_files_become_floats_and_the_unpacked_pass() {
    let packed = |at: usize, length: u64| {
        let mut made = tas(length, 1);
        if at != 1 {
            return number_attribute(made, "_FillValue", 1e20);
        }
        Arc::make_mut(&mut made.variable).data_type = DataType::I16;
        let fill = model::AttributeValue::Numbers(model::Numbers::I16(vec![-1]));
        Arc::make_mut(&mut made.variable).attributes.set("_FillValue", fill);
        number_attribute(number_attribute(made, "scale_factor", 0.5), "add_offset", 10.0)
    };
    let joined = try_join(files(&[2, 2, 2], packed)).unwrap();
    let variable = joined_variable(&joined, "tas").0;
    assert_eq!(variable.data_type, DataType::F32);
    assert_eq!(variable.attributes.get("scale_factor"), None);
    let mark = model::AttributeValue::Numbers(model::Numbers::F32(vec![1e20]));
    assert_eq!(variable.attributes.get("_FillValue"), Some(&mark));
    assert_eq!(computed(&joined), [2, 3]);
}

#[test]
fn a_mark_that_may_be_a_value_is_not_kept() {
    let marked =
        |at: usize, length: u64| number_attribute(tas(length, 1), "_FillValue", [0.0, 0.0, -9.0][at]);
    let joined = try_join(files(&[2, 2, 2], marked)).unwrap();
    let (variable, manifest) = joined_variable(&joined, "tas");
    assert_eq!(manifest.computed_count(), 6);
    let mark = variable.attributes.get("_FillValue").cloned();
    assert!(matches!(mark, Some(model::AttributeValue::Numbers(model::Numbers::F32(v))) if v[0].is_nan()));
}

#[test]
fn filters_byte_orders_and_types_are_brought_together() {
    let zipped = |at: usize, length: u64| {
        let mut made = tas(length, 1);
        match at {
            0 => Arc::make_mut(&mut made.variable).codecs.push(Codec::Deflate { level: 4 }),
            1 => Arc::make_mut(&mut made.variable).byte_order = ByteOrder::Big,
            2 => Arc::make_mut(&mut made.variable).data_type = DataType::F64,
            _ => {}
        }
        made
    };
    let joined = try_join(files(&[2, 2, 2], zipped)).unwrap();
    assert_eq!(joined_variable(&joined, "tas").0.data_type, DataType::F64);
    assert_eq!(computed(&joined), [0, 1, 2, 3]);
    let joined = try_join(files(&[2, 2, 2, 2], |at, n| zipped(if at == 2 { 3 } else { at }, n))).unwrap();
    assert_eq!(joined_variable(&joined, "tas").0.codecs, []);
    assert_eq!(computed(&joined), [0, 1, 2, 3]);
    let said = warnings(&joined).join("; ");
    assert!(
        said.contains("byte orders differ in 1 file") && said.contains("filters differ in 1 file"),
        "{said}"
    );
}

#[test]
fn contiguous_pieces_are_cut_wherever_they_begin() {
    let some = |at: usize, length: u64| {
        if at == 0 { tas(length, 2) } else { contiguous("tas", &[("time", length), ("x", 4)]) }
    };
    let joined = try_join(files(&[4, 3, 5], some)).unwrap();
    let manifest = joined_variable(&joined, "tas").1;
    assert_eq!(computed(&joined), [3]);
    // The third file begins at 7: its second element begins a chunk.
    assert_eq!(manifest.get(4), bytes_at(2, 4096 + 16, 32));
}

#[test]
fn absent_chunks_that_mean_another_value_are_computed() {
    let filled = |at: usize, length: u64| {
        let mut made = tas(length, 1);
        let fill = if at < 2 { 7_f32 } else { 8_f32 };
        Arc::make_mut(&mut made.variable).fill_value = Some(fill.to_le_bytes().to_vec());
        made.manifest.set(1, ChunkRef::Missing);
        made
    };
    let joined = try_join(files(&[2, 2, 2], filled)).unwrap();
    let (variable, manifest) = joined_variable(&joined, "tas");
    assert_eq!(variable.fill_value, Some(7_f32.to_le_bytes().to_vec()));
    assert_eq!((computed(&joined), manifest.get(1)), (vec![5], ChunkRef::Missing));
}

#[test]
fn inlined_values_of_other_types_and_gaps_are_brought_together_at_once() {
    let scan = |at: usize, length: u64| match at {
        0 => inline("v", &[("time", length)], DataType::I16, vec![1, 0, 2, 0]),
        _ => doubles("v", &[("time", length)], &[0.5, 0.25]),
    };
    let mut scans = files(&[2, 2, 1], scan);
    scans[2].variables.pop();
    let joined = try_join(scans).unwrap();
    let values = doubles_of(&joined, "v");
    assert_eq!(values[..4], [1.0, 2.0, 0.5, 0.25]);
    assert!(values[4].is_nan() && joined.mosaics.iter().all(Option::is_none));
}

/// What an element is in the file: file, chunk or piece, place.
fn code(file: u64, chunk: u64, place: u64) -> u32 {
    (file * 10_000 + chunk * 100 + place) as u32
}

fn bytes_of(codes: impl Iterator<Item = u32>) -> Vec<u8> {
    codes.flat_map(u32::to_le_bytes).collect()
}

/// The elements that a reference leads to.
fn behind(reference: &ChunkRef, elements: u64) -> Vec<u8> {
    let ChunkRef::Bytes { file, range } = reference else { panic!("{reference:?}") };
    let file = u64::from(file.0);
    if range.offset >= 4096 && range.length != 100 {
        let first = (range.offset - 4096) / 4;
        return bytes_of((first..first + range.length / 4).map(|place| code(file, 0, place)));
    }
    bytes_of((0..elements).map(|place| code(file, range.offset / 1000, place)))
}

proptest! {
    /// However files are chunked, each chunk of the join, stored or computed, has the elements of the files one behind
    /// the other.
    #[test]
    fn stored_or_computed_a_chunk_is_a_part_of_the_files_one_behind_the_other(
        shapes in prop::collection::vec((1_u64..9, 0_u64..5), 2..8),
    ) {
        let lengths: Vec<u64> = shapes.iter().map(|(length, _)| *length).collect();
        let scans = files(&lengths, |at, length| match shapes[at].1 {
            0 => contiguous("tas", &[("time", length), ("x", 4)]),
            chunk => tas(length, chunk.min(length)),
        });
        let joined = try_join(scans).unwrap();
        let (variable, manifest) = joined_variable(&joined, "tas");
        let truth: Vec<u8> = shapes.iter().enumerate().flat_map(|(file, (length, chunk))| {
            let chunk = (*chunk).min(*length);
            bytes_of((0..length * 4).map(move |element| match chunk {
                0 => code(file as u64, 0, element),
                chunk => code(file as u64, element / (chunk * 4), element % (chunk * 4)),
            }))
        }).collect();
        let chunk_shape = variable.grid.chunk_shape();
        let elements = chunk_shape.iter().product::<u64>();
        for (number, reference) in manifest.iter() {
            let made = if reference == ChunkRef::Computed {
                let MosaicSource { mosaic, references } = source(&joined, "tas").unwrap();
                let mut made = vec![0; elements as usize * 4];
                for part in crate::mosaic::sources(mosaic, variable, number).unwrap() {
                    let shape = mosaic.encodings[part.encoding].grid.chunk_shape();
                    let stored = behind(&references.get(part.row), shape.iter().product());
                    let cut = part.from.cut(&stored, shape, 4).unwrap();
                    let into = model::Region { start: part.to, extent: part.from.extent };
                    into.paste(&cut, &mut made, chunk_shape, 4).unwrap();
                }
                made
            } else {
                behind(&reference, elements)
            };
            let begin = (number * elements * 4) as usize;
            let end = truth.len().min(begin + elements as usize * 4);
            prop_assert_eq!(&made[..end - begin], &truth[begin..end], "chunk {} {:?}", number, reference);
        }
    }
}
