//! The name of a chunk or range for all time: of one catalog, one version, one release of this program.

use std::sync::Arc;

use engine::ports::{EvaluatedChunk, Form};
use model::{ByteRange, DatasetId, FileIdentity, SourceFile};

/// The key of a chunk. No two chunks share one: what varies in length says how long it is.
pub(super) fn of(catalog_id: &str, chunk: &EvaluatedChunk) -> Arc<str> {
    let EvaluatedChunk { version, number, .. } = chunk;
    format!("chunk:{}:{catalog_id}:{version}:{number}:{}", env!("CARGO_PKG_VERSION"), variable(chunk)).into()
}

/// The key of a range of a file as it is registered: each registration has a time of its own, after which the file may not
/// have been modified. The same URL may name something else where another dataset's workers are.
pub(super) fn of_range(catalog_id: &str, id: &DatasetId, file: &SourceFile, range: ByteRange) -> Arc<str> {
    let FileIdentity { size_bytes, modified_ns, inode } = file.identity;
    let ByteRange { offset, length } = range;
    let (release, id_length) = (env!("CARGO_PKG_VERSION"), id.as_str().len());
    format!("range:{release}:{catalog_id}:{size_bytes}:{modified_ns}:{inode}:{offset}:{length}:{id_length}:{id}:{}", file.path)
        .into()
}

/// The dataset, variable and form that a chunk is of.
pub(super) fn variable(chunk: &EvaluatedChunk) -> String {
    let (id, path) = (chunk.id.as_str(), chunk.variable.as_str());
    let (form, steps) = match &chunk.form {
        Form::Stored => ("stored", ""),
        Form::Decoded => ("decoded", ""),
        Form::View(steps) => ("view", &**steps),
    };
    format!("{}:{id}:{}:{path}:{form}:{steps}", id.len(), path.len())
}

#[cfg(test)]
mod tests {
    use model::{NodePath, Version};

    use super::*;

    #[test]
    fn whatever_differs_makes_another_key() {
        let chunk = |id: &str, version, path: &str, number, form| EvaluatedChunk {
            id: DatasetId::parse(id).unwrap(),
            version: Version(version),
            variable: NodePath::parse(path).unwrap(),
            number,
            form,
        };
        let view = |steps: &str| Form::View(steps.into());
        let chunks = [
            ("c", chunk("a", 1, "b", 0, Form::Stored)),
            ("d", chunk("a", 1, "b", 0, Form::Stored)),
            ("c", chunk("a2", 1, "b", 0, Form::Stored)),
            ("c", chunk("a", 11, "b", 0, Form::Stored)),
            ("c", chunk("a", 1, "b", 1, Form::Stored)),
            ("c", chunk("a", 1, "b/b", 0, Form::Stored)),
            ("c", chunk("a", 1, "b", 0, Form::Decoded)),
            ("c", chunk("a", 1, "b", 0, view("mean=time"))),
            ("c", chunk("a", 1, "b", 0, view("mean=lat"))),
        ];
        let keys: std::collections::HashSet<_> =
            chunks.iter().map(|(catalog, chunk)| of(catalog, chunk)).collect();
        assert_eq!(keys.len(), chunks.len());
    }

    #[test]
    fn ranges_of_other_files_registrations_or_datasets_have_other_keys() {
        let key = |catalog: &str, id: &str, path: &str, modified_ns, offset, length| {
            let file = SourceFile { path: path.into(), identity: FileIdentity::not_after(modified_ns) };
            of_range(catalog, &DatasetId::parse(id).unwrap(), &file, ByteRange { offset, length })
        };
        let keys = std::collections::HashSet::from([
            key("c", "a", "s3://b/k", 1, 2, 3),
            key("d", "a", "s3://b/k", 1, 2, 3),
            key("c", "a2", "s3://b/k", 1, 2, 3),
            key("c", "a", "s3://b/k2", 1, 2, 3),
            key("c", "a", "s3://b/k", 11, 2, 3),
            key("c", "a", "s3://b/k", 1, 23, 3),
            key("c", "a", "s3://b/k", 1, 2, 33),
        ]);
        assert_eq!(keys.len(), 7);
    }
}
