//! The name of a chunk for all time: of one catalog, one version, one release of this program.

use std::sync::Arc;

use engine::ports::{EvaluatedChunk, Form};

/// The key of a chunk. No two chunks share one: what varies in length says how long it is.
pub(super) fn of(catalog_id: &str, chunk: &EvaluatedChunk) -> Arc<str> {
    let EvaluatedChunk { version, number, .. } = chunk;
    format!("chunk:{}:{catalog_id}:{version}:{number}:{}", env!("CARGO_PKG_VERSION"), variable(chunk)).into()
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
    use model::{DatasetId, NodePath, Version};

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
}
