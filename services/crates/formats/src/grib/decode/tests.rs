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
