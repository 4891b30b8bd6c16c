//! What the sources of a kept chunk were when it was made: it is served only while they are that still.

use std::collections::HashSet;
use std::sync::Arc;

use cloudify_proto::convert::{file_from_wire, file_to_wire, identity_from_wire, identity_to_wire};
use cloudify_proto::v1;
use engine::ports::Keeping;
use futures::{StreamExt as _, TryStreamExt as _};
use model::{Error, ErrorKind, FileIdentity, Result, SourceFile};

use super::Inner;
use super::made::Made;

/// Most sources of one chunk that are looked at once.
const LOOKS_AT_ONCE: usize = 8;
/// Most source files of a chunk that others may keep: they look at each of them again and again.
const KEPT_SOURCES_MAX: usize = 1024;

/// A source file, or a place where none was, when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Witness {
    pub(super) file: Arc<SourceFile>,
    /// The array of a store in place whose chunk it is.
    array: Option<String>,
    /// None where the chunk was missing.
    state: Option<FileIdentity>,
}

impl Witness {
    /// Whether there was a file.
    pub(super) fn length(&self) -> Option<u64> {
        self.state.map(|state| state.size_bytes)
    }

    /// For another worker.
    pub(super) fn to_wire(&self) -> v1::SectionSource {
        v1::SectionSource {
            file: Some(file_to_wire(&self.file)),
            array: self.array.clone().unwrap_or_default(),
            state: self.state.map(identity_to_wire),
        }
    }

    /// What another worker saw.
    pub(super) fn from_wire(source: v1::SectionSource) -> Result<Self> {
        let file = source.file.ok_or_else(|| Error::invalid("a section's source has no file"))?;
        Ok(Self {
            file: Arc::new(file_from_wire(file)?),
            array: Some(source.array).filter(|array| !array.is_empty()),
            state: source.state.map(identity_from_wire),
        })
    }
}

impl Made {
    /// On what conditions others may keep it. Not where a source may be replaced under the same version, or where something
    /// was missing: only a worker can look at that again.
    pub(super) fn keeping(&self, catalog_id: String) -> Option<Keeping> {
        let is_of_version = |source: &Witness| source.file.identity.is_pinned() && source.state.is_some();
        if self.bytes.is_none() || catalog_id.is_empty() || !self.sources.iter().all(is_of_version) {
            return None;
        }
        let mut seen = HashSet::new();
        let files = self.sources.iter().map(|source| &source.file);
        let sources: Vec<_> = files.filter(|file| seen.insert(Arc::clone(file))).cloned().collect();
        (sources.len() <= KEPT_SOURCES_MAX).then_some(Keeping { catalog_id, sources })
    }
}

impl Inner {
    /// A source that is about to be read. What a scan has seen is compared by each read, so that it need not be looked
    /// at first; of all else the state is what there is to compare with later. It is taken before the bytes: a file
    /// that is replaced in between makes the chunk anew, and never passes for the one that was there.
    pub(super) async fn witness(&self, file: Arc<SourceFile>, array: Option<String>) -> Result<Witness> {
        let state = if file.identity.is_pinned() {
            Some(file.identity)
        } else {
            self.files.state(&file, array.as_deref()).await?
        };
        Ok(Witness { file, array, state })
    }

    /// Whether all sources of a chunk are what they were. The error of one that may not be read any more, which is what
    /// making the chunk anew would end with.
    pub(super) async fn are_unchanged(&self, sources: &[Witness]) -> Result<bool> {
        let looks: Vec<_> = sources.iter().map(|source| self.is_unchanged(source)).collect();
        let looks = futures::stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE);
        looks.try_fold(true, |all, one| std::future::ready(Ok(all && one))).await
    }

    pub(super) async fn is_unchanged(&self, source: &Witness) -> Result<bool> {
        let found = self.files.state(&source.file, source.array.as_deref()).await?;
        if found.is_none() && source.state.is_some() {
            // A chunk of a store in place that was there does not become one that was never written.
            return Err(Error::new(ErrorKind::Conflict, "the source file is not there any more")
                .with_internal(&source.file.path));
        }
        Ok(source.file.identity.is_pinned() || found == source.state)
    }
}
