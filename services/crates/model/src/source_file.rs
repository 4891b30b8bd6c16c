//! Source files and how a change of them is noticed.

/// A file that chunks lie in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceFile {
    /// Absolute path on the parallel filesystem.
    pub path: String,
    /// What it was when scanned.
    pub identity: FileIdentity,
}

/// What tells one state of a file from another. Chunks are served only while it is what it was at the scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileIdentity {
    /// Bytes.
    pub size_bytes: u64,
    /// Time of the last modification, nanoseconds since 1970.
    pub modified_ns: i64,
    /// Inode number.
    pub inode: u64,
}
