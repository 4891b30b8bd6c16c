//! `bitround=9`: fewer bits of the mantissa.

use std::fmt::{self, Display, Formatter};

use crate::describe::Description;
use crate::per_variable::PerVariable;
use crate::steps::Step;

/// Keeps as many bits of the mantissa of floating-point numbers, rounded to nearest, halves to even, and sets the others to
/// zero, so that compressors find less to keep: Zarr's
/// [`bitround`](https://numcodecs.readthedocs.io/en/stable/bitround.html). A relative error of at most 2^−(bits+1).
#[derive(Debug, Clone, PartialEq)]
pub struct BitRound {
    /// Bits to keep, 1 to 52. float32 has 23: more change nothing.
    pub keep_bits: PerVariable<u8>,
}

pub(super) const DESCRIPTIONS: &[Description] = &[Description {
    name: "bitround",
    arguments: "BITS, or VARIABLE:BITS,…",
    summary: "Rounds floating-point numbers to so many bits of the mantissa, which makes them compress better.",
    examples: &["bitround=9", "bitround=tas:9,pr:7"],
    synonyms: &["bitrounding", "round", "keepbits", "bits"],
    alone: None,
    parse: |arguments| {
        let bits =
            PerVariable::parse(arguments, 1, |bits| bits.whole("1 to 52", |bits| (1..=52).contains(bits)));
        bits.map(|keep_bits| Step::BitRound(BitRound { keep_bits }))
    },
}];

impl Display for BitRound {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "bitround={}", self.keep_bits)
    }
}
