//! Strong entity tags made of what an answer is made of.

use model::{ByteRange, SourceFile};

use crate::ports::{EvaluatedChunk, Form};

/// The tag, without quotes, of a range of a file in a state: changes when the file, its size, modification time,
/// inode or the range do.
pub fn of_range(file: &SourceFile, range: ByteRange) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(file.path.as_bytes());
    for number in [
        file.identity.size_bytes,
        file.identity.modified_ns as u64,
        file.identity.inode,
        range.offset,
        range.length,
    ] {
        hasher.update(&number.to_le_bytes());
    }
    short(&hasher)
}

/// The tag, without quotes, of a chunk that a worker makes. A version never changes; how it is encoded may, with this
/// program.
pub fn of_evaluated(chunk: &EvaluatedChunk) -> String {
    let mut hasher = blake3::Hasher::new();
    for text in [env!("CARGO_PKG_VERSION"), chunk.id.as_str(), chunk.variable.as_str()] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let (form, view) = match &chunk.form {
        Form::Stored => (0, ""),
        Form::Decoded => (1, ""),
        Form::View(steps) => (2, &**steps),
    };
    for number in [chunk.version.0.into(), chunk.number, form] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(view.as_bytes());
    short(&hasher)
}

/// The tag, without quotes, of bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(bytes);
    short(&hasher)
}

/// 128 bits: no two answers will ever share a tag by chance.
fn short(hasher: &blake3::Hasher) -> String {
    hasher.finalize().to_hex()[..32].to_owned()
}
