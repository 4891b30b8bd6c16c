//! Sources behind URLs: `http(s)://` and `s3://`, below allowed prefixes.
//!
//! ```text
//! URL ─▶ address (one spelling) ─▶ allowed? ─▶ prefix (store, secrets) ─▶ object_store ─▶ transport ─▶ body
//!                                                   paths, signatures, ranges      retries, bounds, redirects, pace
//! ```
//! The gateway's rule holds here too: only what a server says is not there is missing. Pages, redirects, other lengths,
//! silence are errors, and bytes that come too few break the answer off.

mod address;
mod body;
mod fault;
mod neighbours;
mod prefix;
mod read;
#[cfg(test)]
mod tests;
mod transport;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use engine::ports::{ReadBytes, StoredBytes};
use futures::TryStreamExt as _;
use model::{ByteRange, Error, ErrorKind, FileIdentity, Result, SourceFile};
use object_store::path::Path;
use object_store::{GetOptions, ObjectMeta, ObjectStore as _};
use tokio::sync::Semaphore;

use super::flights::Flights;
use crate::settings::RemoteSettings;
use address::Address;
use prefix::Prefix;
use read::Seen;
use transport::CollectMax;

/// Objects whose state is remembered between the question for their length and the read.
const SEEN_MAX: u64 = 100_000;
/// How long.
const SEEN_KEPT: Duration = Duration::from_mins(1);
/// Most names of one folder that are listed.
const LISTED_MAX: usize = 100_000;

/// Everything remote that may be read.
#[derive(Debug, Clone)]
pub struct Remotes {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    allowed: Vec<Address>,
    prefixes: Vec<Prefix>,
    document_bytes_max: u64,
    seen: moka::sync::Cache<String, Seen>,
    /// Objects that are being looked at.
    looking: Flights<SourceFile, Option<FileIdentity>>,
    /// Ranges that are being read as a whole.
    reading: Flights<(Arc<SourceFile>, u64, u64), Option<Whole>>,
    /// Short ones of them that wait for a request.
    pending: neighbours::Pending,
    /// Memory for long ones of them, in units.
    room: Arc<Semaphore>,
}

/// A range as a whole, and of which lasting state of its object it is.
type Whole = (Bytes, Option<FileIdentity>);

/// A small object as a whole.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its bytes.
    pub bytes: Bytes,
    /// What it was when it was read.
    pub identity: FileIdentity,
}

/// An object that may be read.
#[derive(Debug)]
struct Object<'r> {
    prefix: &'r Prefix,
    path: Path,
    url: &'r str,
}

impl Remotes {
    /// What the settings allow. Connects to nobody yet. An `InvalidRequest` says what is wrong in the settings.
    pub fn new(settings: &RemoteSettings) -> Result<Self> {
        if settings.prefixes.is_empty() && settings.access.is_empty() {
            return Ok(Self::none());
        }
        let (allowed, prefixes) = prefix::prefixes(settings)?;
        Ok(Self::with(allowed, prefixes, settings.document_bytes_max))
    }

    /// Nothing.
    pub fn none() -> Self {
        Self::with(Vec::new(), Vec::new(), 0)
    }

    fn with(allowed: Vec<Address>, prefixes: Vec<Prefix>, document_bytes_max: u64) -> Self {
        let seen = moka::sync::Cache::builder().max_capacity(SEEN_MAX).time_to_live(SEEN_KEPT).build();
        let (looking, reading, room) = (Flights::new(), Flights::of_reads(), read::Room::all());
        Self {
            inner: Arc::new(Inner {
                allowed,
                prefixes,
                document_bytes_max,
                seen,
                looking,
                reading,
                room,
                pending: neighbours::pending(),
            }),
        }
    }

    /// Refuses a URL that is malformed or that no prefix allows.
    pub fn check(&self, url: &str) -> Result<()> {
        self.object(url).map(drop)
    }

    /// Reads a range if the object is still what it was at the scan, or was not modified since; otherwise a `Conflict`.
    /// Small ranges come as a whole, and are asked for once for all who want them; large ones as they come.
    pub(super) async fn read(&self, file: &Arc<SourceFile>, range: ByteRange) -> Result<ReadBytes> {
        if range.length <= read::WHOLE_BYTES_MAX
            && let Some((whole, state)) = self.read_once(file, range).await?
        {
            return Ok(ReadBytes { bytes: StoredBytes::Whole(whole), state });
        }
        let object = self.object(&file.path)?;
        read::begin(&self.inner, &object, file, range).await
    }

    /// A range as a whole; none where there is no memory for it.
    async fn read_once(&self, file: &Arc<SourceFile>, range: ByteRange) -> Result<Option<Whole>> {
        let (remotes, of) = (self.clone(), Arc::clone(file));
        let read = async move {
            let object = remotes.object(&of.path)?;
            neighbours::read(&remotes.inner, &object, &of, range).await
        };
        let key = (Arc::clone(file), range.offset, range.length);
        self.inner.reading.once(key, read).await
    }

    /// What an object is now, its length included; none where its server says that there is none.
    pub(super) async fn state(&self, file: &SourceFile) -> Result<Option<FileIdentity>> {
        let (remotes, of) = (self.clone(), file.clone());
        let look = async move { read::state(&remotes.inner, &remotes.object(&of.path)?, &of).await };
        self.inner.looking.once(file.clone(), look).await
    }

    /// Whether there is such an object.
    pub async fn exists(&self, file: &SourceFile) -> Result<bool> {
        Ok(self.state(file).await?.is_some())
    }

    /// A document; none where there is none. `TooLarge` beyond the configured length.
    pub async fn document(&self, url: &str) -> Result<Option<Document>> {
        self.document_of(url, u64::MAX).await
    }

    /// A document of at most so many bytes, and at most the configured length.
    pub async fn document_of(&self, url: &str, bytes_max: u64) -> Result<Option<Document>> {
        let object = self.object(url)?;
        let max = self.inner.document_bytes_max.min(bytes_max);
        let mut options = GetOptions::default();
        options.extensions.insert(CollectMax(max));
        let got = match object.prefix.store.get_opts(&object.path, options).await {
            Ok(got) => got,
            Err(error) if fault::of_chain(&error).is_some_and(|fault| object.is_absence(fault)) => {
                return Ok(None);
            }
            Err(error) => return absent_or(fault::of_store(&error, url)),
        };
        let too_large = || fault::Fault::TooLarge(max).error(url);
        if got.meta.size > max {
            return Err(too_large());
        }
        let (meta, mut pieces) = (got.meta.clone(), got.into_stream());
        let mut bytes = BytesMut::new();
        while let Some(piece) = pieces.try_next().await.map_err(|error| fault::of_store(&error, url))? {
            bytes.extend_from_slice(&piece);
            if bytes.len() as u64 > max {
                return Err(too_large());
            }
        }
        if bytes.len() as u64 != meta.size {
            return Err(fault::Fault::Short.error(url));
        }
        Ok(Some(Document { bytes: bytes.freeze(), identity: identity(&meta) }))
    }

    /// All bytes of an object of at most so many, if it is still what it was at the scan, or was not modified since;
    /// none where there is none.
    pub async fn whole(&self, file: &SourceFile, bytes_max: u64) -> Result<Option<Bytes>> {
        let Some(document) = self.document_of(&file.path, bytes_max).await? else { return Ok(None) };
        read::check(file, document.identity)?;
        Ok(Some(document.bytes))
    }

    /// Names of the folders right below a folder; none where the server cannot list.
    pub async fn folders(&self, url: &str) -> Result<Option<Vec<String>>> {
        let object = self.object(url)?;
        if !object.prefix.lists {
            return Ok(None);
        }
        let listed = object.prefix.store.list_with_delimiter(Some(&object.path)).await;
        let listed = listed.map_err(|error| fault::of_store(&error, url))?;
        if listed.common_prefixes.len() > LISTED_MAX {
            let message = format!("the remote source has more than {LISTED_MAX} folders in one");
            return Err(Error::new(ErrorKind::TooLarge, message).with_internal(url));
        }
        let names = listed.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned));
        Ok(Some(names.collect()))
    }

    /// Latest modification that objects below a URL may have which are referred to now: this moment, by our clock or by
    /// their server's, whichever is ahead.
    pub fn not_after_ns(&self, url: &str) -> Result<i64> {
        let object = self.object(url)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(Error::internal)?;
        let now_ns = i64::try_from(now.as_nanos()).map_err(Error::internal)?;
        let date = object.prefix.transport.date.load(Ordering::Relaxed);
        // `Date` counts whole seconds.
        Ok(now_ns.max(date.saturating_add(1).saturating_mul(1_000_000_000)))
    }

    /// Finds the prefix of a URL. The list of what is allowed is asked each time: a catalog may be older than it.
    fn object<'r>(&'r self, url: &'r str) -> Result<Object<'r>> {
        let address = Address::parse(url)?;
        if !self.inner.allowed.iter().any(|prefix| prefix.contains(&address)) {
            return Err(address::refused(url));
        }
        let prefix = self.inner.prefixes.iter().find(|prefix| prefix.address.contains(&address));
        let prefix = prefix.ok_or_else(|| address::refused(url))?;
        Ok(Object { prefix, path: address.path()?, url })
    }
}

/// None for an object that is not there, as its server says it; other errors stay.
fn absent_or<T>(error: Error) -> Result<Option<T>> {
    if error.kind == ErrorKind::NotFound { Ok(None) } else { Err(error) }
}

/// What an object is, as its server describes it.
fn identity(meta: &ObjectMeta) -> FileIdentity {
    FileIdentity {
        size_bytes: meta.size,
        modified_ns: meta.last_modified.timestamp_nanos_opt().unwrap_or_default(),
        inode: meta.e_tag.as_deref().map_or(0, hash_of_etag),
    }
}

/// An entity tag as a number: FNV-1a, which is the same in every process.
fn hash_of_etag(tag: &str) -> u64 {
    let hash = tag.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash.max(1)
}
