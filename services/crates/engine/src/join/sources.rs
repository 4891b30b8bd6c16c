//! The source files, and how messages name them: the last part of the path to everybody, all of it to the log.

use model::{ChunkRef, Error, FileId, FileScan, Result, SourceFile};

use super::axis::Axis;

/// Most names in one message.
const NAMES_MAX: usize = 3;

/// The sources of a join, in its order.
pub(super) struct Sources {
    /// The sources themselves: what messages name.
    pub(super) files: Vec<SourceFile>,
    /// The files that references point into, source by source.
    pub(super) targets: Vec<SourceFile>,
    /// Where each source's targets begin.
    pub(super) first_targets: Vec<u32>,
}

impl Sources {
    /// No sources yet.
    pub(super) fn with_capacity(count: usize) -> Self {
        Self {
            files: Vec::with_capacity(count),
            targets: Vec::with_capacity(count),
            first_targets: Vec::with_capacity(count),
        }
    }

    /// Names of sources, in the order given, without what they refer to.
    pub(super) fn for_messages<'s>(scans: impl IntoIterator<Item = &'s FileScan>) -> Self {
        let files = scans.into_iter().map(|scan| scan.file.clone()).collect();
        Self { files, targets: Vec::new(), first_targets: Vec::new() }
    }

    /// Adds the next source with the files that its references point into.
    pub(super) fn add(&mut self, file: SourceFile, targets: Vec<SourceFile>) {
        self.files.push(file);
        self.first_targets.push(self.targets.len() as u32);
        self.targets.extend(targets);
    }

    /// A reference of a source's scan, with the file's place in the join.
    pub(super) fn in_join(&self, reference: ChunkRef, source: usize) -> ChunkRef {
        let moved = |FileId(file)| FileId(file + self.first_targets[source]);
        match reference {
            ChunkRef::Bytes { file, range } => ChunkRef::Bytes { file: moved(file), range },
            ChunkRef::File(file) => ChunkRef::File(moved(file)),
            other => other,
        }
    }

    /// The quoted name of a file.
    pub(super) fn name(&self, file: usize) -> String {
        format!("{:?}", tail(&self.files[file].path, 1))
    }

    /// The quoted names of two files, with as many directories as tell them apart.
    pub(super) fn pair(&self, a: usize, b: usize) -> (String, String) {
        let (a, b) = (&self.files[a].path, &self.files[b].path);
        let parts = (1..16).find(|parts| tail(a, *parts) != tail(b, *parts)).unwrap_or(1);
        (format!("{:?}", tail(a, parts)), format!("{:?}", tail(b, parts)))
    }

    /// The names of the first few files.
    pub(super) fn list(&self, files: impl IntoIterator<Item = usize>) -> String {
        let files: Vec<usize> = files.into_iter().collect();
        let mut text =
            files.iter().take(NAMES_MAX).map(|file| self.name(*file)).collect::<Vec<_>>().join(", ");
        if files.len() > NAMES_MAX {
            text = format!("{text} and {} more", files.len() - NAMES_MAX);
        }
        text
    }

    /// A refusal that is about some files.
    pub(super) fn refuse(&self, message: impl Into<String>, files: &[usize]) -> Error {
        let paths: Vec<&str> = files.iter().map(|file| self.files[*file].path.as_str()).collect();
        Error::invalid(message).with_internal(paths.join(", "))
    }

    /// Refuses files of which nothing came into the dataset: most likely copies.
    pub(super) fn check_used(&self, used: &[bool], axis: Option<&Axis>) -> Result<()> {
        let is_empty = |file: usize| axis.is_some_and(|axis| axis.is_empty(file));
        let unused: Vec<usize> =
            (0..used.len()).filter(|file| !used[*file] && !is_empty(*file)).take(NAMES_MAX + 1).collect();
        if unused.is_empty() {
            return Ok(());
        }
        let message = format!(
            "{} would add nothing: all variables are in the other files already, for the same times. Leave out what \
             is there twice, or register it as another dataset",
            self.list(unused.iter().copied())
        );
        Err(self.refuse(message, &unused))
    }
}

/// The last parts of a path.
fn tail(path: &str, parts: usize) -> &str {
    path.rmatch_indices('/').nth(parts - 1).map_or(path, |(at, _)| &path[at + 1..])
}
