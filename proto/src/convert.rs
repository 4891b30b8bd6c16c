//! Wire types to domain types and back. What comes in is checked here, once.

use std::sync::Arc;

use model::{
    ByteRange, ChunkKeyEncoding, ChunkManifest, ChunkRef, Error, FileId, FileIdentity, InPlace, Layout,
    Result, SourceFile, Warning,
};

use crate::v1;

/// The file number of a chunk that a worker makes.
const COMPUTED: u32 = u32::MAX - 1;

/// A manifest and the files that it points into, as a [`v1::ReferenceRecord`].
pub fn record_to_wire(manifest: &ChunkManifest, files: &[Arc<SourceFile>]) -> v1::ReferenceRecord {
    let mut record = v1::ReferenceRecord {
        first: manifest.first(),
        files: files.iter().map(|file| file_to_wire(file)).collect(),
        ..Default::default()
    };
    for (number, reference) in manifest.iter() {
        let (file, range) = match reference {
            ChunkRef::Bytes { file, range } => (file.0, range),
            ChunkRef::Inline(bytes) => {
                record.inline.insert(number, bytes);
                (u32::MAX, ByteRange { offset: 0, length: 0 })
            }
            ChunkRef::File(file) => (file.0, ByteRange { offset: 0, length: u64::MAX }),
            ChunkRef::Computed => (COMPUTED, ByteRange { offset: 0, length: 0 }),
            ChunkRef::Missing => (u32::MAX, ByteRange { offset: 0, length: 0 }),
        };
        record.file.push(file);
        record.offset.push(range.offset);
        record.length.push(range.length);
    }
    record
}

/// A record as a manifest and its files. Fails where the lists differ in length or a file number has no file;
/// `files` gives the table where the record brings none.
pub fn record_from_wire(record: v1::ReferenceRecord) -> Result<(ChunkManifest, Vec<Arc<SourceFile>>)> {
    let malformed = |what: &str| Error::internal(format!("malformed reference record: {what}"));
    let count = record.file.len();
    if record.offset.len() != count || record.length.len() != count {
        return Err(malformed("columns of different lengths"));
    }
    if record.first.checked_add(count as u64).is_none() {
        return Err(malformed("chunks beyond the last number"));
    }
    let files: Vec<_> =
        record.files.into_iter().map(|file| file_from_wire(file).map(Arc::new)).collect::<Result<_>>()?;
    let mut manifest = ChunkManifest::missing(record.first, count);
    for (at, file) in record.file.iter().enumerate() {
        let number = record.first + at as u64;
        if *file == u32::MAX {
            continue;
        }
        if *file == COMPUTED {
            manifest.set(number, ChunkRef::Computed);
            continue;
        }
        if !files.is_empty() && *file as usize >= files.len() {
            return Err(malformed("a file number without a file"));
        }
        let (file, range) =
            (FileId(*file), ByteRange { offset: record.offset[at], length: record.length[at] });
        let whole = range.length == u64::MAX;
        manifest.set(number, if whole { ChunkRef::File(file) } else { ChunkRef::Bytes { file, range } });
    }
    for (number, bytes) in record.inline {
        if number.checked_sub(record.first).is_none_or(|at| at >= count as u64) {
            return Err(malformed("an inlined chunk outside the record"));
        }
        manifest.set(number, ChunkRef::Inline(bytes));
    }
    Ok((manifest, files))
}

/// A source file.
pub fn file_to_wire(file: &SourceFile) -> v1::SourceFile {
    v1::SourceFile { path: file.path.clone(), identity: Some(identity_to_wire(file.identity)) }
}

/// The state of a file.
pub fn identity_to_wire(identity: FileIdentity) -> v1::FileIdentity {
    let FileIdentity { size_bytes, modified_ns, inode } = identity;
    v1::FileIdentity { size_bytes, modified_ns, inode }
}

/// The state of a file.
pub fn identity_from_wire(identity: v1::FileIdentity) -> FileIdentity {
    let v1::FileIdentity { size_bytes, modified_ns, inode } = identity;
    FileIdentity { size_bytes, modified_ns, inode }
}

/// A source file; path and identity are required.
pub fn file_from_wire(file: v1::SourceFile) -> Result<SourceFile> {
    let identity = file.identity.ok_or_else(|| Error::invalid("file.identity is missing"))?;
    if file.path.is_empty() {
        return Err(Error::invalid("file.path is missing"));
    }
    Ok(SourceFile { path: file.path, identity: identity_from_wire(identity) })
}

/// The header of an answer that says of which state of a file its bytes are.
pub const STATE_HEADER: &str = "cloudify-state";

/// A state as the header has it.
pub fn state_to_text(state: FileIdentity) -> String {
    let FileIdentity { size_bytes, modified_ns, inode } = state;
    format!("{size_bytes} {modified_ns} {inode}")
}

/// A state as the header has it; none where it is malformed.
pub fn state_from_text(text: &str) -> Option<FileIdentity> {
    let mut words = text.split(' ');
    let state = FileIdentity {
        size_bytes: words.next()?.parse().ok()?,
        modified_ns: words.next()?.parse().ok()?,
        inode: words.next()?.parse().ok()?,
    };
    words.next().is_none().then_some(state)
}

/// A layout.
pub fn layout_to_wire(layout: Layout) -> v1::Layout {
    match layout {
        Layout::Chunked => v1::Layout::Chunked,
        Layout::Contiguous => v1::Layout::Contiguous,
        Layout::Inline => v1::Layout::Inline,
    }
}

/// A layout; "unspecified" is refused.
pub fn layout_from_wire(layout: v1::Layout) -> Result<Layout> {
    match layout {
        v1::Layout::Chunked => Ok(Layout::Chunked),
        v1::Layout::Contiguous => Ok(Layout::Contiguous),
        v1::Layout::Inline => Ok(Layout::Inline),
        v1::Layout::Unspecified => Err(Error::internal("layout is missing")),
    }
}

/// Where references stay; none where they are in the catalog.
pub fn in_place_to_wire(in_place: Option<&InPlace>) -> v1::InPlace {
    use v1::in_place::{Keys, Place, Records};
    let place = in_place.cloned().map(|in_place| match in_place {
        InPlace::Keys { array, encoding, not_after_ns, witness } => Place::Keys(Keys {
            array,
            has_prefix: encoding.has_prefix,
            separator: encoding.separator.to_string(),
            not_after_ns,
            witness: witness.unwrap_or_default(),
        }),
        InPlace::Records { directory, base, record_size, not_after_ns, absent } => {
            Place::Records(Records { directory, base, record_size, not_after_ns, absent })
        }
    });
    v1::InPlace { place }
}

/// Where references stay.
pub fn in_place_from_wire(in_place: v1::InPlace) -> Result<Option<InPlace>> {
    use v1::in_place::{Keys, Place, Records};
    Ok(match in_place.place {
        None => None,
        Some(Place::Keys(Keys { array, has_prefix, separator, not_after_ns, witness })) => {
            let separator = match separator.as_str() {
                "." => '.',
                "/" => '/',
                _ => return Err(Error::internal("a chunk key has no such separator")),
            };
            let encoding = ChunkKeyEncoding { has_prefix, separator };
            let witness = Some(witness).filter(|witness| !witness.is_empty());
            Some(InPlace::Keys { array, encoding, not_after_ns, witness })
        }
        Some(Place::Records(Records { directory, base, record_size, not_after_ns, absent })) => {
            if record_size == 0 {
                return Err(Error::internal("records of no references"));
            }
            Some(InPlace::Records { directory, base, record_size, not_after_ns, absent })
        }
    })
}

/// A warning.
pub fn warning_to_wire(warning: &Warning) -> v1::Warning {
    v1::Warning { subject: warning.subject.clone(), message: warning.message.clone() }
}

/// A warning.
pub fn warning_from_wire(warning: v1::Warning) -> Warning {
    Warning { subject: warning.subject, message: warning.message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn file() -> Arc<SourceFile> {
        let identity = FileIdentity { size_bytes: 9, modified_ns: -1, inode: 3 };
        Arc::new(SourceFile { path: "/data/a.nc".into(), identity })
    }

    #[test]
    fn a_record_survives_the_wire() {
        let mut manifest = ChunkManifest::missing(4, 5);
        manifest.set(4, ChunkRef::Bytes { file: FileId(0), range: ByteRange { offset: 1, length: 2 } });
        manifest.set(6, ChunkRef::Inline(Bytes::from_static(b"x")));
        manifest.set(7, ChunkRef::Computed);
        manifest.set(8, ChunkRef::File(FileId(0)));
        let files = vec![file()];
        assert_eq!(record_from_wire(record_to_wire(&manifest, &files)).unwrap(), (manifest, files));
    }

    #[test]
    fn a_state_survives_a_header() {
        let state = file().identity;
        assert_eq!(state_from_text(&state_to_text(state)), Some(state));
        for malformed in ["", "1", "1 2", "1 2 3 4", "-1 2 3", "1 2 x"] {
            assert_eq!(state_from_text(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn malformed_records_are_refused() {
        let good = record_to_wire(&ChunkManifest::missing(0, 2), &[file()]);
        for spoil in [
            (|r: &mut v1::ReferenceRecord| r.offset.clear()) as fn(&mut v1::ReferenceRecord),
            |r| r.file[0] = 1,
            |r| drop(r.inline.insert(2, Bytes::new())),
            |r| r.files[0].identity = None,
            |r| r.first = u64::MAX,
        ] {
            let mut bad = good.clone();
            spoil(&mut bad);
            assert!(record_from_wire(bad).is_err());
        }
    }
}
