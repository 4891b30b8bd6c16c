//! Messages made here, bit by bit; comparisons with ecCodes are in `integration-tests/tests/test_decoded.py`.

use super::*;

/// A GRIB 2 message of one section each; `bitmap` as in section 6.
fn message(packing: &[u8], bitmap: &[u8], data: &[u8], points: u32) -> Vec<u8> {
    let section = |number: u8, body: &[u8]| {
        let length = u32::try_from(body.len() + 5).unwrap();
        [&length.to_be_bytes()[..], &[number], body].concat()
    };
    let grid = [&[0][..], &points.to_be_bytes(), &[0, 0, 0, 0]].concat();
    let sections = [section(3, &grid), section(5, packing), section(6, bitmap), section(7, data)].concat();
    let mut message = b"GRIB\0\0\0\x02".to_vec();
    message.extend((16 + sections.len() as u64 + 4).to_be_bytes());
    message.extend(sections);
    message.extend(b"7777");
    message
}

/// Section 5 of simple packing: reference 1, binary scale 1, decimal scale 1.
fn simple(count: u32, bits: u8) -> Vec<u8> {
    let reference = 1_f32.to_be_bytes();
    [&count.to_be_bytes()[..], &[0, 0], &reference, &[0, 1, 0, 1, bits, 0]].concat()
}

#[test]
fn simple_packing_is_scaled_as_the_formula_says() {
    let values = |bits, data: &[u8]| values::<f64>(&message(&simple(3, bits), &[255], data, 3), 3).unwrap();
    let expected = [0.1, 0.3, 0.1 * 21.0];
    let close = |found: Vec<f64>| found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(close(values(8, &[0, 1, 10])));
    assert!(close(values(16, &[0, 0, 0, 1, 0, 10])));
    assert!(close(values(24, &[0, 0, 0, 0, 0, 1, 0, 0, 10])));
    assert!(close(values(4, &[0x01, 0xa0])));
    assert!(close(values(12, &[0x00, 0x00, 0x01, 0x00, 0xa0])));
    assert!(close(values(32, &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 10])));
}

#[test]
fn points_that_a_bitmap_leaves_out_are_nan() {
    let made = message(&simple(2, 8), &[0, 0b0101_0000], &[0, 1], 4);
    let values = values::<f32>(&made, 4).unwrap();
    assert!(values[0].is_nan() && values[2].is_nan());
    assert_eq!((values[1], values[3]), (0.1, 0.3));
}

#[test]
fn what_a_message_claims_is_checked_before_anything_is_allocated() {
    let fault = |made: &[u8], points| values::<f32>(made, points).unwrap_err();
    let corrupt = |error| matches!(error, CodecError::Corrupt(_));
    assert!(corrupt(fault(b"GRIB", 1)));
    assert!(corrupt(fault(b"no message at all", 1)));
    assert!(corrupt(fault(&message(&simple(3, 8), &[255], &[0, 1, 10], 3), 4)));
    assert!(corrupt(fault(&message(&simple(u32::MAX, 8), &[255], &[0], u32::MAX), u32::MAX as usize)));
    assert!(corrupt(fault(&message(&simple(3, 8), &[255], &[0, 1], 3), 3)));
    assert!(corrupt(fault(&message(&simple(2, 8), &[0, 0xff], &[0, 1], 4), 4)));
    let spectral = [&3_u32.to_be_bytes()[..], &[0, 50], &[0; 20]].concat();
    let error = fault(&message(&spectral, &[255], &[0], 3), 3);
    assert_eq!(error, CodecError::Unsupported("GRIB spherical harmonics".into()));
    assert!(matches!(fault(b"GRIB\0\0\0\x07", 1), CodecError::Unsupported(_)));
}

/// Section 5 of a packing of three values of eight bits; `more` is what only this packing has.
fn packing(template: u8, more: &[u8]) -> Vec<u8> {
    [&3_u32.to_be_bytes()[..], &[0, template], &[0; 8], &[8, 0], more].concat()
}

#[track_caller]
fn refused(packing: &[u8], data: &[u8], says: &str) {
    let error = values::<f32>(&message(packing, &[255], data, 3), 3).unwrap_err().to_string();
    assert!(error.contains(says), "{error}");
}

#[test]
fn images_of_more_pixels_than_values_are_refused_before_they_are_made() {
    let png = |width: u32, height: u32| {
        let mark = *b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR";
        [&mark[..], &width.to_be_bytes(), &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat()
    };
    refused(&packing(41, &[]), &png(0x7fff_ffff, 0x7fff_ffff), "2147483647 x 2147483647 pixels for 3 values");
    refused(&packing(41, &[]), &png(2, 2), "2 x 2 pixels");
    refused(&packing(41, &[]), b"\x89PNG", "ends early");
    let jpeg = |size: [u32; 8], components: u8, style: &[u8]| {
        let numbers: Vec<u8> = size.iter().flat_map(|number| number.to_be_bytes()).collect();
        [&[0xff, 0x4f, 0xff, 0x51, 0, 41, 0, 0][..], &numbers, &[0, components, 7, 1, 1], style].concat()
    };
    let end = [0xff, 0xd9];
    refused(&packing(40, &[0, 0]), &jpeg([60000, 60000, 0, 0, 9, 9, 0, 0], 1, &end), "60000 x 60000 pixels");
    refused(&packing(40, &[0, 0]), &jpeg([3, 1, 0, 0, 3, 1, 0, 0], 255, &end), "several components");
    let far = u32::MAX;
    refused(&packing(40, &[0, 0]), &jpeg([far, 1, far - 3, 0, 1, 1, 0, 0], 1, &end), "many tiles");
    let precincts = [0xff, 0x52, 0, 13, 1, 0, 0, 1, 0, 0, 4, 4, 0, 1, 0x00];
    refused(&packing(40, &[0, 0]), &jpeg([3, 1, 0, 0, 3, 1, 0, 0], 1, &precincts), "tiny precincts");
}

#[test]
fn groups_of_more_values_than_there_are_are_refused_before_they_are_made() {
    // Groups, bits of widths, reference, step, last and bits of lengths.
    let groups = |count: u32, widths: u8, reference: u32, last: u32, lengths: u8| {
        let lengths = [&reference.to_be_bytes()[..], &[1], &last.to_be_bytes(), &[lengths]].concat();
        [&[1, 0][..], &[0; 8], &count.to_be_bytes(), &[0, widths], &lengths].concat()
    };
    let says = "groups with other than 3 values";
    refused(&packing(2, &groups(1, 0, 0, u32::MAX, 0)), &[0; 9], says);
    refused(&packing(2, &groups(u32::MAX, 0, 0, 1, 0)), &[0; 9], says);
    refused(&packing(2, &groups(0, 0, 0, 3, 0)), &[0; 9], says);
    refused(&packing(2, &groups(2, 0, u32::MAX, 1, 8)), &[0, 0, 0xff], says);
    refused(&packing(2, &groups(2, 8, 0, 1, 8)), &[0; 2], "ends early");
    let differenced = [groups(1, 0, 0, u32::MAX, 0), vec![2, 2]].concat();
    refused(&packing(3, &differenced), &[0; 9], says);
    let three = values::<f32>(&message(&packing(2, &groups(1, 0, 0, 3, 0)), &[255], &[7, 0], 3), 3).unwrap();
    assert_eq!(three, [7.0; 3]);
}

#[test]
fn a_message_cut_or_flipped_anywhere_is_answered() {
    let whole = message(&simple(3, 12), &[255], &[0, 0, 1, 0, 0xa0], 3);
    for at in 0..whole.len() {
        let _ = values::<f32>(&whole[..at], 3);
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            if let Ok(values) = values::<f32>(&flipped, 3) {
                assert_eq!(values.len(), 3);
            }
        }
    }
}
