//! Records of a remote set of references, each read when one of its chunks is asked for.

use engine::ports::ReferenceRecord;
use model::{Error, ErrorKind, FileIdentity, InPlace, NodePath, Result, SourceFile, Variable, is_url};

use super::records::{RECORD_BYTES_MAX, Records, Span, gone};
use crate::local::blocking;
use crate::storage::Remotes;

/// One record, and what was known of it at the registration.
#[derive(Debug)]
pub(crate) struct RemoteRecord {
    /// URL of the variable's directory.
    directory: String,
    /// Where relative targets begin.
    base: String,
    /// References a record.
    record_size: u64,
    /// Latest modification of the record and its targets, nanoseconds since 1970.
    not_after_ns: i64,
    /// The variable, whose path ends the directory's.
    variable: NodePath,
    /// Its number.
    record: u64,
    /// Its chunks.
    span: Span,
    /// Whether it was not there at the registration.
    was_absent: bool,
}

impl RemoteRecord {
    /// A record of a variable whose references stay in a remote set; none where they do not, or there is no such record.
    pub(crate) fn new(in_place: &InPlace, variable: &Variable, record: u64) -> Option<Self> {
        let InPlace::Records { directory, base, record_size, not_after_ns, absent } = in_place else {
            return None;
        };
        if !is_url(directory) {
            return None;
        }
        Some(Self {
            directory: directory.clone(),
            base: base.clone(),
            record_size: *record_size,
            not_after_ns: *not_after_ns,
            variable: variable.path.clone(),
            record,
            span: Span::of(record, *record_size, variable.grid.chunk_count())?,
            was_absent: absent.binary_search(&record).is_ok(),
        })
    }

    /// Reads it.
    pub(crate) async fn read(self, remotes: &Remotes) -> Result<ReferenceRecord> {
        let file = self.records().file(self.record);
        if let Some(bytes) = remotes.whole(&file, RECORD_BYTES_MAX).await? {
            return blocking(move || self.parsed(&file, &bytes)).await;
        }
        self.check_absence(remotes).await?;
        Ok(self.span.missing())
    }

    fn records(&self) -> Records<'_> {
        let Self { directory, base, record_size, not_after_ns, .. } = self;
        Records { directory, base, record_size: *record_size, not_after_ns: *not_after_ns }
    }

    fn parsed(&self, file: &SourceFile, bytes: &bytes::Bytes) -> Result<ReferenceRecord> {
        let read = self.records().parsed(self.span, file, bytes)?;
        // What comes from elsewhere may not point to files of this machine.
        if let Some(target) = read.files.iter().find(|target| !target.is_remote()) {
            let message = "remote references point to paths and not to URLs: these are not followed";
            let internal = format!("{}: {}", file.path, target.path);
            return Err(Error::new(ErrorKind::Forbidden, message).with_internal(internal));
        }
        Ok(read)
    }

    /// A record that is not there stands for missing chunks if it never was, and its set is there and as it was. Told
    /// otherwise, a store that goes away would read as fill values.
    async fn check_absence(&self, remotes: &Remotes) -> Result<()> {
        let gone = |what: &str| gone(&self.directory, what);
        if !self.was_absent {
            return Err(gone("a record is no longer there"));
        }
        let below = self.variable.as_str().split('/').count();
        let set = (0..below).try_fold(self.directory.as_str(), |url, _| Some(url.rsplit_once('/')?.0));
        let set = set.ok_or_else(|| gone("it lies in no set"))?;
        let identity = FileIdentity::not_after(self.not_after_ns);
        let metadata = SourceFile { path: format!("{set}/.zmetadata"), identity };
        if remotes.exists(&metadata).await? { Ok(()) } else { Err(gone("its .zmetadata is not there")) }
    }
}
