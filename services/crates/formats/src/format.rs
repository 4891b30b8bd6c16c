//! Which format a source has, by its first bytes or, for a directory, by what lies in it.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use crate::ScanFault;

/// A format that has a scanner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// HDF5, and so NetCDF-4; also what is none of the others: the HDF5 scanner says what is wrong with it.
    Hdf5,
    /// Classic, 64-bit offset or CDF-5.
    NetCdf3,
    /// GRIB messages, perhaps behind something else.
    Grib,
    /// A directory with Zarr's documents.
    ZarrDirectory,
    /// A zip file with a Zarr store in it.
    ZarrZip,
    /// kerchunk's references as one JSON document.
    KerchunkJson,
    /// kerchunk's references as a directory of Parquet records.
    KerchunkParquet,
}

/// How far behind a file's start a GRIB message may begin: some archives put a header of their own before it.
const GRIB_BEGINS_WITHIN: usize = 4096;

/// The format of a source.
pub(crate) fn of(path: &Path) -> Result<Format, ScanFault> {
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ScanFault::NotFound,
        _ => ScanFault::Io(error),
    })?;
    if metadata.is_dir() {
        return of_directory(path);
    }
    if !metadata.is_file() {
        return Err(ScanFault::NoFile);
    }
    Ok(of_bytes(&head(path)?))
}

fn head(path: &Path) -> Result<Vec<u8>, ScanFault> {
    let file = File::open(path)?;
    let mut head = vec![0; GRIB_BEGINS_WITHIN];
    let mut length = 0;
    while length < head.len() {
        match file.read_at(&mut head[length..], length as u64)? {
            0 => break,
            count => length += count,
        }
    }
    head.truncate(length);
    Ok(head)
}

fn of_bytes(head: &[u8]) -> Format {
    match head {
        [0x89, b'H', b'D', b'F', ..] => return Format::Hdf5,
        [b'C', b'D', b'F', 1 | 2 | 5, ..] => return Format::NetCdf3,
        [b'G', b'R', b'I', b'B', ..] => return Format::Grib,
        [b'P', b'K', 3 | 5 | 6, ..] => return Format::ZarrZip,
        _ => {}
    }
    if head.trim_ascii_start().starts_with(b"{") {
        return Format::KerchunkJson;
    }
    // HDF5 too can begin behind a block of somebody else's: at 512, 1024, 2048.
    let is_hdf5 =
        [512, 1024, 2048].iter().any(|at| head.get(*at..).is_some_and(|h| h.starts_with(b"\x89HDF")));
    if !is_hdf5 && head.windows(4).any(|four| four == b"GRIB") { Format::Grib } else { Format::Hdf5 }
}

fn of_directory(path: &Path) -> Result<Format, ScanFault> {
    let has = |name: &str| path.join(name).is_file();
    if has(".zmetadata") {
        let text = std::fs::read(path.join(".zmetadata"))?;
        return Ok(if crate::kerchunk::is_set(&text) {
            Format::KerchunkParquet
        } else {
            Format::ZarrDirectory
        });
    }
    let is_zarr = has("zarr.json") || has(".zgroup") || has(".zarray");
    if is_zarr { Ok(Format::ZarrDirectory) } else { Err(ScanFault::NoFile) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell() {
        let behind = |count: usize, text: &[u8]| [vec![b'-'; count], text.to_vec()].concat();
        for (bytes, format) in [
            (b"\x89HDF\r\n\x1a\n".to_vec(), Format::Hdf5),
            (behind(512, b"\x89HDF\r\n\x1a\nGRIB"), Format::Hdf5),
            (b"CDF\x05".to_vec(), Format::NetCdf3),
            (b"GRIB....".to_vec(), Format::Grib),
            (behind(40, b"GRIB...."), Format::Grib),
            (b"PK\x03\x04".to_vec(), Format::ZarrZip),
            (b" \n{\"version\": 1}".to_vec(), Format::KerchunkJson),
            (b"hello".to_vec(), Format::Hdf5),
            (b"".to_vec(), Format::Hdf5),
        ] {
            assert_eq!(of_bytes(&bytes), format, "{:?}", String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn documents_tell_what_a_directory_is() {
        let of = |name: &str, text: &str| {
            let directory = tempfile::tempdir().unwrap();
            std::fs::write(directory.path().join(name), text).unwrap();
            super::of(directory.path()).ok()
        };
        assert_eq!(of(".zmetadata", r#"{"metadata": {}, "record_size": 10}"#), Some(Format::KerchunkParquet));
        assert_eq!(of(".zmetadata", r#"{"metadata": {}}"#), Some(Format::ZarrDirectory));
        assert_eq!(of("zarr.json", "{}"), Some(Format::ZarrDirectory));
        assert_eq!(of("a.nc", ""), None);
    }
}
