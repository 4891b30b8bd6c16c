//! References that are not copied into the catalog, because the source can be asked for them, one by one.

/// Where the references of a variable stay. A store of a hundred million chunks is then registered in no time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InPlace {
    /// Each chunk is a file or object of its own, named by its index: a Zarr store. Where there is no such file, the
    /// chunk is missing ([Zarr v3, §"Stores"](https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html)).
    Keys {
        /// Path or URL of the array, without a slash at its end.
        array: String,
        /// How an index becomes the end of a path.
        encoding: ChunkKeyEncoding,
        /// Latest modification that a chunk's file may have, nanoseconds since 1970.
        not_after_ns: i64,
        /// Path or URL of the document that says that the array is there, where it had none of its own at the
        /// registration: the store's consolidated metadata.
        witness: Option<String>,
    },
    /// References lie in kerchunk's Parquet records.
    Records {
        /// Path or URL of the variable's directory of records, without a slash at its end.
        directory: String,
        /// Path or URL that relative targets begin at, with a slash at its end; empty where all are absolute.
        base: String,
        /// References a record.
        record_size: u64,
        /// Latest modification that a target may have, nanoseconds since 1970.
        not_after_ns: i64,
        /// Records of a remote set that were not there when it was registered, in order: only their chunks may be
        /// missing because the record is. On a filesystem the times of the directories tell as much.
        absent: Vec<u64>,
    },
}

/// How a chunk's index becomes a key below its array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkKeyEncoding {
    /// Whether keys begin with `c` (Zarr v3's `default`) or not (Zarr v2, and v3's `v2`).
    pub has_prefix: bool,
    /// `.` or `/`.
    pub separator: char,
}
