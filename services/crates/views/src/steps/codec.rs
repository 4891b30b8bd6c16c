//! `codec=zstd:3`: how the result is compressed.

use std::fmt::{self, Display, Formatter};
use std::ops::RangeInclusive;

use model::{BloscCompressor, BloscShuffle};

use crate::describe::Description;
use crate::error::Fault;
use crate::keyword::{Keyword, keywords};
use crate::piece::Piece;
use crate::steps::Step;

/// How chunks of the result are compressed, with codecs that every reader of Zarr v2 and v3 has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// `none`.
    None,
    /// `zstd:3`: 1 to 22.
    Zstd {
        /// 3 if it is left out.
        level: u8,
    },
    /// `gzip:5`: 1 to 9.
    Gzip {
        /// 5 if it is left out.
        level: u8,
    },
    /// `blosc-lz4:5:shuffle`.
    Blosc {
        /// What compresses within Blosc.
        compressor: BloscCompressor,
        /// 0 to 9; 5 if it is left out.
        level: u8,
        /// By bytes if it is left out.
        shuffle: BloscShuffle,
    },
}

keywords! {
    /// What stands first.
    enum Word: "codec" {
        None = "none",
        Zstd = "zstd",
        Gzip = "gzip",
        BloscLz4 = "blosc-lz4",
        BloscLz4Hc = "blosc-lz4hc",
        BloscLz = "blosc-blosclz",
        BloscZstd = "blosc-zstd",
        BloscZlib = "blosc-zlib",
        BloscSnappy = "blosc-snappy",
    }
}

keywords! {
    /// As the codec `blosc` of Zarr v3 has it.
    enum Shuffle: "shuffle" {
        None = "noshuffle",
        Byte = "shuffle",
        Bit = "bitshuffle",
    }
}

const BLOSC: &[(Word, BloscCompressor)] = &[
    (Word::BloscLz4, BloscCompressor::Lz4),
    (Word::BloscLz4Hc, BloscCompressor::Lz4Hc),
    (Word::BloscLz, BloscCompressor::BloscLz),
    (Word::BloscZstd, BloscCompressor::Zstd),
    (Word::BloscZlib, BloscCompressor::Zlib),
    (Word::BloscSnappy, BloscCompressor::Snappy),
];

const SHUFFLES: &[(Shuffle, BloscShuffle)] = &[
    (Shuffle::None, BloscShuffle::None),
    (Shuffle::Byte, BloscShuffle::Byte),
    (Shuffle::Bit, BloscShuffle::Bit),
];

pub(super) const DESCRIPTIONS: &[Description] = &[Description {
    name: "codec",
    arguments: "none, zstd[:LEVEL], gzip[:LEVEL], or blosc-COMPRESSOR[:LEVEL[:shuffle|bitshuffle|noshuffle]]",
    summary: "Compresses the result's chunks: zstd (1 to 22), gzip (1 to 9), or Blosc (0 to 9) with lz4, lz4hc, blosclz, zstd, \
              zlib or snappy; or not at all.",
    examples: &["codec=zstd:3", "codec=blosc-lz4:5", "codec=blosc-zstd:7:bitshuffle", "codec=none"],
    synonyms: &["compress", "compression", "compressor", "codecs", "encoding"],
    alone: None,
    parse: |arguments| Compression::parse(arguments).map(Step::Compression),
}];

impl Compression {
    fn parse(arguments: Piece<'_>) -> Result<Self, Fault> {
        let (word, rest) = match arguments.split_once(':') {
            Some((word, rest)) => (word, Some(rest)),
            None => (arguments, None),
        };
        let read = Word::read(word)?;
        let blosc = BLOSC.iter().find(|(word, _)| *word == read);
        match (read, blosc, rest) {
            (Word::None, _, None) => Ok(Self::None),
            (Word::None, _, Some(rest)) => Err(rest.is_not("the end").expected("codec=none")),
            (Word::Zstd, ..) => Ok(Self::Zstd { level: level(rest, 3, "1 to 22", 1..=22)? }),
            (_, Some((_, compressor)), _) => Self::blosc(*compressor, rest),
            _ => Ok(Self::Gzip { level: level(rest, 5, "1 to 9", 1..=9)? }),
        }
    }

    fn blosc(compressor: BloscCompressor, rest: Option<Piece<'_>>) -> Result<Self, Fault> {
        let (level_piece, shuffle) = match rest.and_then(|rest| rest.split_once(':')) {
            Some((level, shuffle)) => (Some(level), Shuffle::read(shuffle)?),
            None => (rest, Shuffle::Byte),
        };
        let level = level(level_piece, 5, "0 to 9", 0..=9)?;
        let shuffle = SHUFFLES
            .iter()
            .find(|(word, _)| *word == shuffle)
            .map_or(BloscShuffle::Byte, |(_, known)| *known);
        Ok(Self::Blosc { compressor, level, shuffle })
    }
}

fn level(
    piece: Option<Piece<'_>>,
    usual: u8,
    range: &'static str,
    levels: RangeInclusive<u8>,
) -> Result<u8, Fault> {
    piece.map_or(Ok(usual), |piece| piece.whole(range, |level| levels.contains(level)))
}

impl Display for Compression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(f, "codec={}", Word::None),
            Self::Zstd { level } => write!(f, "codec={}:{level}", Word::Zstd),
            Self::Gzip { level } => write!(f, "codec={}:{level}", Word::Gzip),
            Self::Blosc { compressor, level, shuffle } => {
                let word = BLOSC
                    .iter()
                    .find(|(_, known)| known == compressor)
                    .map_or("", |(word, _)| word.spelling());
                write!(f, "codec={word}:{level}")?;
                let shuffle = SHUFFLES.iter().find(|(_, known)| known == shuffle).map(|(word, _)| *word);
                shuffle.filter(|word| *word != Shuffle::Byte).map_or(Ok(()), |word| write!(f, ":{word}"))
            }
        }
    }
}
