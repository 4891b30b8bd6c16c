//! Filter pipelines as codecs ([registered filters](https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/RegisteredFilterPlugins.md)).

use model::{BloscCompressor, BloscShuffle, Codec};

use super::native::Filter;

/// The codec of a filter; none for filters that Zarr readers do not have. `element_size` in bytes.
pub(super) fn codec(filter: &Filter, element_size: usize) -> Option<Codec> {
    let parameter = |at: usize| filter.parameters.get(at).copied();
    let size = u32::try_from(element_size).unwrap_or(1);
    Some(match filter.id {
        1 => Codec::Deflate { level: parameter(0).unwrap_or(6).min(9) as u8 },
        2 => Codec::Shuffle { element_size: parameter(0).filter(|size| *size > 0).unwrap_or(size) },
        3 => Codec::Fletcher32,
        4 => Codec::Szip {
            options_mask: parameter(0)?,
            pixels_per_block: parameter(1)?,
            bits_per_pixel: parameter(2)?,
            pixels_per_scanline: parameter(3)?,
        },
        307 => Codec::Bzip2 { level: parameter(0).unwrap_or(9).clamp(1, 9) as u8 },
        32001 => blosc(filter, size),
        32004 => Codec::Lz4Hdf5,
        32015 => Codec::Zstd { level: parameter(0).map_or(3, u32::cast_signed) },
        _ => return None,
    })
}

/// Parameters of hdf5-blosc: its revision, Blosc's format, element size, chunk size, level, shuffle, compressor.
fn blosc(filter: &Filter, element_size: u32) -> Codec {
    let parameter = |at: usize| filter.parameters.get(at).copied();
    Codec::Blosc {
        compressor: match parameter(6) {
            Some(1) => BloscCompressor::Lz4,
            Some(2) => BloscCompressor::Lz4Hc,
            Some(3) => BloscCompressor::Snappy,
            Some(4) => BloscCompressor::Zlib,
            Some(5) => BloscCompressor::Zstd,
            _ => BloscCompressor::BloscLz,
        },
        level: parameter(4).unwrap_or(5).min(9) as u8,
        shuffle: match parameter(5) {
            Some(0) => BloscShuffle::None,
            Some(2) => BloscShuffle::Bit,
            _ => BloscShuffle::Byte,
        },
        element_size: parameter(2).filter(|size| *size > 0).unwrap_or(element_size),
        block_size: 0,
    }
}

/// What a user calls a filter.
pub(super) fn describe(filter: &Filter) -> String {
    let known = match filter.id {
        5 => "nbit",
        6 => "scaleoffset",
        // Its stream does not say how long the data is, and no Zarr codec is told.
        32000 => "lzf",
        // Names go on about where to find the filter.
        _ => filter.name.split(';').next().unwrap_or_default().trim(),
    };
    if known.is_empty() { format!("filter {}", filter.id) } else { format!("filter {} ({known})", filter.id) }
}

/// The codecs of chunks from which the filters of `mask` were left out.
pub(super) fn without<T: Clone>(codecs: &[T], mask: u32) -> Vec<T> {
    let kept = |at: usize| at >= 32 || mask >> at & 1 == 0;
    codecs.iter().enumerate().filter(|(at, _)| kept(*at)).map(|(_, codec)| codec.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(id: i32, parameters: &[u32]) -> Filter {
        Filter { id, name: String::new(), parameters: parameters.to_vec(), available: true }
    }

    #[test]
    fn parameters_become_settings() {
        assert_eq!(codec(&filter(1, &[4]), 8), Some(Codec::Deflate { level: 4 }));
        assert_eq!(codec(&filter(2, &[]), 8), Some(Codec::Shuffle { element_size: 8 }));
        assert_eq!(codec(&filter(32015, &[u32::MAX]), 8), Some(Codec::Zstd { level: -1 }));
        let blosc = codec(&filter(32001, &[2, 2, 4, 1000, 7, 2, 5]), 8);
        let expected = Codec::Blosc {
            compressor: BloscCompressor::Zstd,
            level: 7,
            shuffle: BloscShuffle::Bit,
            element_size: 4,
            block_size: 0,
        };
        assert_eq!(blosc, Some(expected));
        assert_eq!(codec(&filter(6, &[]), 8), None);
        assert_eq!(codec(&filter(4, &[1]), 8), None);
    }

    #[test]
    fn a_mask_takes_codecs_out() {
        assert_eq!(without(&["shuffle", "deflate"], 0b10), ["shuffle"]);
    }
}
