//! Adaptive entropy coding, decoded: [CCSDS 121.0-B](https://public.ccsds.org/Pubs/121x0b3.pdf), which GRIB 2 and szip use.
//!
//! Samples lie in blocks, blocks in intervals that begin with a reference sample. Each block names its code: all zero,
//! pairs, Rice's with so many low bits apart, or none.

mod bits;

use bits::Bits;

use crate::codecs::CodecError;

/// How a stream was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AecParameters {
    /// Bits a sample: 1 to 32.
    pub bits: u8,
    /// Samples a block.
    pub block: u32,
    /// Blocks between two reference samples.
    pub interval: u32,
    /// Whether samples were predicted by the one before.
    pub has_predictor: bool,
    /// Whether few bits have few codes.
    pub is_restricted: bool,
    /// Whether intervals begin with whole bytes.
    pub is_padded: bool,
}

/// Runs of zero blocks of this length go on to the end of a segment.
const REST_OF_SEGMENT: usize = 5;
/// Blocks a segment.
const SEGMENT: usize = 64;
/// Beyond the highest number that a pair of samples can have.
const PAIRS: u32 = 91;

/// `count` samples of a stream.
pub fn decode(stream: &[u8], parameters: AecParameters, count: usize) -> Result<Vec<u32>, CodecError> {
    let AecParameters { bits, block, interval, .. } = parameters;
    if !(1..=32).contains(&bits) || !(1..=256).contains(&block) || interval == 0 {
        return Err(CodecError::Unsupported(format!("adaptive entropy coding with {parameters:?}")));
    }
    let block = block as usize;
    let interval = block * interval as usize;
    let mut samples = vec![0; count.div_ceil(block) * block];
    let mut decoder =
        Decoder { input: Bits::new(stream), parameters, block, code_bits: code_bits(parameters) };
    let mut rest = &mut samples[..];
    while !rest.is_empty() {
        let (now, later) = rest.split_at_mut(interval.min(rest.len()));
        decoder.interval(now, interval).ok_or_else(damaged)?;
        if parameters.has_predictor {
            undo_prediction(now, bits);
        }
        rest = later;
    }
    samples.truncate(count);
    Ok(samples)
}

fn damaged() -> CodecError {
    CodecError::Corrupt("the entropy-coded stream ends early or contradicts itself".into())
}

/// Bits that name a block's code.
fn code_bits(parameters: AecParameters) -> u32 {
    match parameters.bits {
        1..=2 if parameters.is_restricted => 1,
        3..=4 if parameters.is_restricted => 2,
        1..=8 => 3,
        9..=16 => 4,
        _ => 5,
    }
}

struct Decoder<'s> {
    input: Bits<'s>,
    parameters: AecParameters,
    block: usize,
    code_bits: u32,
}

impl Decoder<'_> {
    /// Fills the samples of one interval, the last of which may be cut short of its `length`.
    fn interval(&mut self, samples: &mut [u32], length: usize) -> Option<()> {
        let bits = u32::from(self.parameters.bits);
        let uncoded = (1 << self.code_bits) - 1;
        let mut at = 0;
        while at < samples.len() {
            let code = self.input.read(self.code_bits)?;
            let is_pairs = code == 0 && self.input.read(1)? == 1;
            let mut into = &mut samples[at..at + self.block];
            if self.parameters.has_predictor && at == 0 && code != uncoded {
                let (first, others) = into.split_first_mut()?;
                *first = self.input.read(bits)?;
                into = others;
            }
            at += self.block;
            if is_pairs {
                self.pairs(into)?;
            } else if code == 0 {
                // All samples are zero already.
                at += (self.zero_blocks(at / self.block - 1, length / self.block)? - 1) * self.block;
            } else if code == uncoded {
                for sample in into {
                    *sample = self.input.read(bits)?;
                }
            } else {
                self.split(into, code - 1)?;
            }
        }
        if self.parameters.is_padded {
            self.input.align();
        }
        (at <= length).then_some(())
    }

    /// How many blocks are zero, from the block of number `at` of an interval on.
    fn zero_blocks(&mut self, at: usize, interval: usize) -> Option<usize> {
        let run = self.input.unary()? as usize + 1;
        Some(match run {
            REST_OF_SEGMENT => (interval - at).min(SEGMENT - at % SEGMENT),
            run if run > REST_OF_SEGMENT => run - 1,
            run => run,
        })
    }

    /// Two samples in one number: row and place of Cantor's triangle. Where a reference sample took the place of the
    /// first, its half of the pair is dropped.
    fn pairs(&mut self, into: &mut [u32]) -> Option<()> {
        let odd = into.len() % 2;
        let (lone, pairs) = into.split_at_mut(odd);
        for sample in lone {
            *sample = self.pair()?.1;
        }
        for pair in pairs.as_chunks_mut::<2>().0 {
            let (first, second) = self.pair()?;
            *pair = [first, second];
        }
        Some(())
    }

    fn pair(&mut self) -> Option<(u32, u32)> {
        let number = self.input.unary().filter(|number| *number < PAIRS)?;
        let (mut row, mut begin) = (0, 0);
        while begin + row < number {
            begin += row + 1;
            row += 1;
        }
        let second = number - begin;
        Some((row - second, second))
    }

    /// Rice's code: the upper bits of all samples in unary, then the `low` bits of all.
    fn split(&mut self, into: &mut [u32], low: u32) -> Option<()> {
        for sample in &mut *into {
            *sample = self.input.unary()?.wrapping_shl(low);
        }
        if low > 0 {
            for sample in into {
                *sample |= self.input.read(low)?;
            }
        }
        Some(())
    }
}

/// Differences to the sample before, folded so that small ones of both signs are small, become samples.
fn undo_prediction(samples: &mut [u32], bits: u8) {
    let max = u32::MAX >> (32 - u32::from(bits));
    let half = max / 2 + 1;
    let Some((first, others)) = samples.split_first_mut() else { return };
    let mut sample = *first;
    for difference in others {
        let folded = *difference;
        // Distance to the nearer end, and the other end.
        let mask = if sample & half == 0 { 0 } else { max };
        let nearer = mask ^ sample;
        sample = if (folded >> 1) + (folded & 1) <= nearer {
            sample.wrapping_add(folded >> 1 ^ (folded & 1).wrapping_neg())
        } else {
            mask ^ folded
        };
        *difference = sample;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: AecParameters = AecParameters {
        bits: 8,
        block: 8,
        interval: 2,
        has_predictor: false,
        is_restricted: false,
        is_padded: false,
    };

    #[test]
    fn each_code_is_read() {
        // 111, then eight samples as they are.
        let uncoded =
            [0b1110_0000, 0b0010_0000, 0b0100_0000, 0b0110_0000, 0b1000_0000, 0b1010_0000, 0b1100_0000];
        let uncoded = [&uncoded[..], &[0b1110_0001, 0b0000_0000]].concat();
        assert_eq!(decode(&uncoded, PLAIN, 8).unwrap(), [1, 2, 3, 4, 5, 6, 7, 8]);
        // 010, eight times "1", low bits 10101010.
        assert_eq!(
            decode(&[0b0101_1111, 0b1111_0101, 0b0100_0000], PLAIN, 8).unwrap(),
            [1, 0, 1, 0, 1, 0, 1, 0]
        );
        // 000 0, run "1": one block of zeros.
        assert_eq!(decode(&[0b0000_1000], PLAIN, 8).unwrap(), [0; 8]);
        // 000 1, four pairs: 0, 1, 2, 4 are (0, 0), (1, 0), (0, 1), (1, 1).
        assert_eq!(decode(&[0b0001_1010, 0b0100_0010], PLAIN, 8).unwrap(), [0, 0, 1, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn what_ends_early_or_goes_on_too_long_is_refused() {
        assert!(decode(&[], PLAIN, 8).is_err());
        assert!(decode(&[0b0101_1111], PLAIN, 8).is_err());
        assert!(decode(&[0b0000_0001, 0x80], PLAIN, 8).is_err(), "more zero blocks than an interval has");
        assert!(decode(&[0; 9], PLAIN, 8).is_err());
        assert!(decode(&[0; 9], AecParameters { bits: 33, ..PLAIN }, 8).is_err());
        assert_eq!(decode(&[], PLAIN, 0).unwrap(), [0; 0]);
    }
}
