//! Why a file cannot be scanned.

use std::{io, path::PathBuf};

use model::{Error, ErrorKind};
use zarr::kerchunk::json::JsonError;

/// A file that cannot be scanned.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct ScanError {
    /// The file.
    pub path: PathBuf,
    /// What is the matter with it.
    pub fault: ScanFault,
}

/// What is the matter with a file.
#[derive(Debug, thiserror::Error)]
pub enum ScanFault {
    /// There is no such file.
    #[error("no such file")]
    NotFound,
    /// It is a directory, a pipe or a device.
    #[error("not a regular file")]
    NoFile,
    /// The filesystem refuses.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// No bytes.
    #[error("the file is empty")]
    Empty,
    /// A format that has no scanner.
    #[error("not a NetCDF-4/HDF5 file but {0}, which cannot be scanned")]
    OtherFormat(&'static str),
    /// No format that is known.
    #[error("not a NetCDF-4/HDF5 file: it has no HDF5 signature")]
    UnknownFormat,
    /// Bytes are missing at the end.
    #[error("the file is truncated: it has {size} bytes, its header says {end}")]
    Truncated {
        /// Its size, in bytes.
        size: u64,
        /// Where it should end.
        end: u64,
    },
    /// Bytes of one variable are missing.
    #[error("the file is truncated: variable {variable:?} has bytes up to {end}, the file {size}")]
    TruncatedVariable {
        /// Path of the variable.
        variable: String,
        /// Its size, in bytes.
        size: u64,
        /// Where the variable's bytes end.
        end: u64,
    },
    /// A writer has it open, or died with it open.
    #[error(
        "the file is open for writing, or its writer died: close it, or clear its flag with `h5clear -s`"
    )]
    OpenForWriting,
    /// It changed meanwhile.
    #[error("the file is being written: it changed during the scan")]
    Changed,
    /// libhdf5 refuses.
    #[error("the file is damaged: {operation} of the HDF5 library says: {detail}")]
    Library {
        /// The function.
        operation: &'static str,
        /// What it says.
        detail: String,
    },
    /// libhdf5 refuses one variable's index.
    #[error("the file is damaged: the chunks of variable {variable:?} cannot be found: {detail}")]
    DamagedVariable {
        /// Path of the variable.
        variable: String,
        /// What the library says.
        detail: String,
    },
    /// A GRIB message contradicts itself.
    #[error("the file is damaged: the GRIB message at byte {offset} cannot be read: {detail}")]
    DamagedMessage {
        /// Where it begins.
        offset: u64,
        /// What is wrong with it.
        detail: String,
    },
    /// A GRIB file without a message.
    #[error("there is no whole GRIB message in the file")]
    NoMessages,
    /// What a parser of ours finds wrong.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// More in it than a scan takes on.
    #[error("the file has more than {0} groups and variables")]
    TooManyObjects(usize),
    /// Larger than a scan takes on.
    #[error("{0} are more than {1}")]
    TooLarge(&'static str, u64),
    /// A set of references in JSON that cannot be read.
    #[error(transparent)]
    JsonReferences(#[from] JsonError),
    /// References that lead where nobody may read.
    #[error("{count} files that references point into lie outside the allowed roots: {names}")]
    TargetsOutside {
        /// How many.
        count: u64,
        /// The first names, without directories.
        names: String,
    },
    /// A set of references that cannot be read.
    #[error("the references are damaged: {0}")]
    References(String),
    /// Nothing of a Zarr store.
    #[error("there is no Zarr store: neither zarr.json nor .zgroup, .zarray or .zmetadata")]
    NoStore,
    /// A metadata document of a Zarr store.
    #[error("the Zarr document {key:?} cannot be read: {detail}")]
    Document {
        /// Its key, or that of its node.
        key: String,
        /// What is wrong with it.
        detail: String,
    },
    /// More chunks than a manifest holds.
    #[error(
        "variable {variable:?} has {count} chunks, more than the {most} that are looked up one by one: register the \
         store alone"
    )]
    TooManyChunks {
        /// Path of the variable.
        variable: String,
        /// Its chunks.
        count: u64,
        /// As many as may be.
        most: u64,
    },
    /// A link in a store.
    #[error("{0:?} in the store is a link that leads out of the allowed roots")]
    OutsideRoots(String),
    /// A store that gives values by key only.
    #[error("the store cannot be listed: consolidate its metadata, and register it alone")]
    CannotList,
    /// A zip file that cannot be read.
    #[error("the zip file is damaged: {0}")]
    Archive(String),
    /// A chunk that is no byte range of the zip file.
    #[error("the zip file compresses its members")]
    CompressedMember,
}

impl ScanFault {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::NoFile | Self::NoStore => ErrorKind::InvalidRequest,
            Self::OutsideRoots(_) | Self::TargetsOutside { .. } => ErrorKind::Forbidden,
            Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => ErrorKind::Forbidden,
            Self::Io(_) => ErrorKind::Unavailable,
            Self::OtherFormat(_) | Self::UnknownFormat | Self::CannotList | Self::CompressedMember => {
                ErrorKind::Unsupported
            }
            Self::Empty
            | Self::Truncated { .. }
            | Self::TruncatedVariable { .. }
            | Self::DamagedVariable { .. }
            | Self::DamagedMessage { .. }
            | Self::NoMessages
            | Self::Damaged(_)
            | Self::References(_)
            | Self::Document { .. }
            | Self::Archive(_)
            | Self::Library { .. } => ErrorKind::CorruptData,
            Self::OpenForWriting | Self::Changed => ErrorKind::Conflict,
            Self::TooManyObjects(_) | Self::TooLarge(..) | Self::TooManyChunks { .. } => ErrorKind::TooLarge,
            Self::JsonReferences(error) => match error {
                JsonError::TooLarge(..) => ErrorKind::TooLarge,
                JsonError::Version(_) | JsonError::Expression(_) | JsonError::NoReferences => {
                    ErrorKind::Unsupported
                }
                _ => ErrorKind::CorruptData,
            },
        }
    }

    /// The text for anybody. libhdf5's own text can hold paths.
    fn public(&self) -> String {
        match self {
            Self::Library { operation, .. } => {
                format!("the file is damaged: {operation} of the HDF5 library fails")
            }
            Self::DamagedVariable { variable, .. } => {
                format!("the file is damaged: the chunks of variable {variable:?} cannot be found")
            }
            Self::Io(_) => "cannot be read".to_owned(),
            other => other.to_string(),
        }
    }
}

impl From<ScanError> for Error {
    fn from(error: ScanError) -> Self {
        let name = error.path.file_name().unwrap_or_default().to_string_lossy();
        Self::new(error.fault.kind(), format!("{name}: {}", error.fault.public())).with_internal(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_texts_name_the_file_and_no_directory() {
        for fault in [
            ScanFault::Empty,
            ScanFault::Io(io::Error::other("/secret/disk")),
            ScanFault::Library { operation: "H5Fopen", detail: "unable to open '/secret/a.nc'".into() },
        ] {
            let error = Error::from(ScanError { path: "/secret/a.nc".into(), fault });
            assert!(error.message.starts_with("a.nc: "), "{error:?}");
            assert!(!error.message.contains("secret"), "{error:?}");
            assert!(error.internal.unwrap().starts_with("/secret/a.nc: "));
        }
    }
}
