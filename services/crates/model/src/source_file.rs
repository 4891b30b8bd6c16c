//! Source files and how a change of them is noticed.

/// A file that chunks lie in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceFile {
    /// Absolute path on the parallel filesystem, or URL of a remote object (`https://…`, `s3://bucket/key`).
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
    /// Inode number; of a remote object a number made of its entity tag.
    pub inode: u64,
}

impl FileIdentity {
    /// The identity of a file that no scan has seen, because a reference set or store names it and there may be
    /// millions: whatever is there, if it was not modified after this time, nanoseconds since 1970.
    pub const fn not_after(modified_ns: i64) -> Self {
        Self { size_bytes: 0, modified_ns, inode: 0 }
    }

    /// Whether this is the state of one file as it was seen, and not only the latest time of its modification.
    pub const fn is_pinned(&self) -> bool {
        self.size_bytes != 0 || self.inode != 0
    }
}

impl SourceFile {
    /// Whether it is reached over the network: its path is a URL.
    pub fn is_remote(&self) -> bool {
        is_url(&self.path)
    }
}

/// Whether a source is named by URL and not by path.
pub fn is_url(source: &str) -> bool {
    source.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+')
    })
}
