//! A worker in memory: one dataset, one file, and faults on demand.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use engine::diagnostics::{self, Diagnostic};
use engine::named_views::NamedViews;
use engine::pools::PoolName;
use engine::ports::{
    Amended, Amendment, CatalogSummary, Comparison, EntryOutcome, EvaluatedChunk, Form, IfExists,
    ListedDataset, Listing, PublishedDataset, ReferenceRecord, RefreshReport, Registration,
    RegistrationEvent, RegistrationGoal, SourcesAre, StoredBytes, VersionList, VersionSummary, Worker,
};
use engine::preview::Preview;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use model::{
    AttributeValue, Attributes, ByteOrder, ByteRange, ChunkGrid, ChunkManifest, ChunkRef, Codec, DataType,
    Dataset, DatasetId, Error, ErrorKind, FileId, FileIdentity, Group, NodePath, Numbers, Result, SourceFile,
    Variable, Version,
};

/// The bytes of the one source file.
pub(super) fn file_bytes() -> Bytes {
    (0..4000_u32).map(|number| (number % 251) as u8).collect()
}

/// Where chunk 0 of `tas` lies in it; chunk 1 comes in pieces, chunk 2 is absent.
pub(super) const FIRST: ByteRange = ByteRange { offset: 100, length: 500 };
pub(super) const SECOND: ByteRange = ByteRange { offset: 600, length: 3000 };

/// What a read does.
#[derive(Debug, Clone)]
pub(super) enum Reads {
    Work,
    /// Pieces stop with an error after the first.
    Break,
    /// Pieces end early, without an error.
    EndEarly,
    Fail(Error),
    Hang,
    Panic,
}

pub(super) struct MemoryWorker {
    pub(super) reads: Mutex<Reads>,
    pub(super) read_count: AtomicU64,
    pub(super) reference_count: AtomicU64,
    /// Chunks made.
    pub(super) made_count: AtomicU64,
    /// Set: nothing but reads is answered.
    pub(super) down: Mutex<Option<Error>>,
    version: AtomicU32,
    ids: Mutex<Vec<DatasetId>>,
    /// Named views of the last registration.
    pub(super) registered_views: Mutex<NamedViews>,
    /// Diagnostics of all datasets.
    pub(super) diagnostics: Mutex<Vec<Diagnostic>>,
}

impl MemoryWorker {
    pub(super) fn new() -> Self {
        Self {
            reads: Mutex::new(Reads::Work),
            read_count: AtomicU64::new(0),
            reference_count: AtomicU64::new(0),
            made_count: AtomicU64::new(0),
            down: Mutex::new(None),
            version: AtomicU32::new(1),
            registered_views: Mutex::default(),
            diagnostics: Mutex::default(),
            ids: Mutex::new(vec![DatasetId::parse("atmos").unwrap(), DatasetId::parse("a b&<c>").unwrap()]),
        }
    }

    pub(super) fn set(&self, reads: Reads) {
        *self.reads.lock().unwrap() = reads;
    }

    pub(super) fn reads_so_far(&self) -> u64 {
        self.read_count.load(Ordering::SeqCst)
    }

    fn up(&self) -> Result<()> {
        self.down.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn known(&self, id: &DatasetId) -> Result<()> {
        let known = self.ids.lock().unwrap().contains(id);
        if known { Ok(()) } else { Err(Error::not_found(format!("Dataset '{id}' not found"))) }
    }
}

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::Text(text.into())
}

pub(super) fn variable(
    path: &str,
    dimensions: &[&str],
    data_type: DataType,
    shape: &[u64],
    chunks: &[u64],
) -> Variable {
    Variable {
        path: NodePath::parse(path).unwrap(),
        dimensions: dimensions.iter().map(ToString::to_string).collect(),
        data_type,
        byte_order: ByteOrder::Little,
        grid: ChunkGrid::new(shape.to_vec(), chunks.to_vec()).unwrap(),
        codecs: vec![],
        fill_value: None,
        attributes: Attributes::new(),
    }
}

pub(super) fn dataset() -> Dataset {
    let mut global = Attributes::new();
    global.set("title", text("Run <7> & more"));
    global.set("history", text(&"made by hand; ".repeat(9)));
    let mut tas = variable("tas", &["time", "lat"], DataType::I16, &[5, 40], &[2, 40]);
    tas.codecs = vec![Codec::Shuffle { element_size: 2 }, Codec::Deflate { level: 4 }];
    for (name, value) in [("long_name", "air temperature"), ("units", "K"), ("coordinates", "height")] {
        tas.attributes.set(name, text(value));
    }
    tas.attributes.set("scale_factor", AttributeValue::Numbers(Numbers::F64(vec![0.01])));
    tas.attributes.set("_FillValue", AttributeValue::Numbers(Numbers::I16(vec![-1])));
    let mut time = variable("time", &["time"], DataType::F64, &[5], &[5]);
    time.attributes.set("units", text("days since 1950-01-01"));
    let lat = variable("lat", &["lat"], DataType::F32, &[40], &[40]);
    let height = variable("height", &[], DataType::F64, &[], &[]);
    let station = variable("station", &["lat", "length"], DataType::FixedText(1), &[40, 12], &[40, 12]);
    let inner = variable("forecast/pr", &["time"], DataType::F32, &[5], &[5]);
    Dataset {
        groups: vec![
            Group { path: NodePath::root(), attributes: global },
            Group { path: NodePath::parse("forecast").unwrap(), attributes: Attributes::new() },
        ],
        variables: vec![time, lat, tas, height, station, inner],
    }
}

/// Those of one of the two datasets.
fn named_views(id: &DatasetId) -> NamedViews {
    let named =
        [("rounded".to_owned(), "var=tas|bitround=9".to_owned()), ("lost".to_owned(), "var=nope".to_owned())];
    named.into_iter().filter(|_| id.as_str() == "a b&<c>").collect()
}

/// What the steps of a view make of any dataset: their text is the title.
fn view(steps: &str) -> Dataset {
    let mut global = Attributes::new();
    global.set("title", text(steps));
    let tas = variable("tas", &["time"], DataType::F32, &[4], &[2]);
    let lost = variable("lost", &["time"], DataType::F32, &[4], &[4]);
    Dataset { groups: vec![Group { path: NodePath::root(), attributes: global }], variables: vec![tas, lost] }
}

#[async_trait]
impl Worker for MemoryWorker {
    async fn list(&self, known: Option<u64>) -> Result<Option<Listing>> {
        self.up()?;
        let version = self.version.load(Ordering::SeqCst);
        let ids = self.ids.lock().unwrap().clone();
        let revision = u64::from(version) * 100 + ids.len() as u64;
        if known == Some(revision) {
            return Ok(None);
        }
        let listed = |id| ListedDataset {
            id,
            version: Version(version),
            title: "Run <7>".into(),
            pool: PoolName::default(),
        };
        Ok(Some(Listing {
            revision,
            catalog_id: "c".into(),
            datasets: ids.into_iter().map(listed).collect(),
        }))
    }

    async fn dataset(&self, id: &DatasetId, version: Option<Version>) -> Result<PublishedDataset> {
        self.up()?;
        self.known(id)?;
        Ok(PublishedDataset {
            id: id.clone(),
            version: version.unwrap(),
            published_ms: 784_111_777_000,
            modified_ns: 784_111_776_000_000_000,
            record_size: 2,
            view: String::new(),
            named_views: Arc::new(named_views(id)),
            diagnostics: Arc::new(self.diagnostics.lock().unwrap().clone()),
            dataset: Arc::new(dataset()),
            in_place: Vec::new(),
        })
    }

    async fn open_view(&self, id: &DatasetId, version: Version, steps: &str) -> Result<PublishedDataset> {
        if steps.contains("nope") {
            return Err(Error::not_found("there is no variable nope"));
        }
        let published = self.dataset(id, Some(version)).await?;
        let made = super::groupby::view(steps).unwrap_or_else(|| view(steps));
        let (named_views, diagnostics) = (Arc::default(), Arc::default());
        Ok(PublishedDataset { dataset: Arc::new(made), named_views, diagnostics, ..published })
    }

    /// Bytes that name the view. Chunk 1 is absent, and what `lost` is made of is not found.
    async fn evaluate(&self, chunk: &EvaluatedChunk) -> Result<Option<Bytes>> {
        self.up()?;
        self.made_count.fetch_add(1, Ordering::SeqCst);
        let Form::View(steps) = &chunk.form else { return Err(Error::internal("not asked here")) };
        if super::groupby::view(steps).is_some() {
            return Ok(Some(super::groupby::chunk(steps, chunk.variable.as_str(), chunk.number)));
        }
        match (chunk.variable.as_str(), chunk.number) {
            ("lost", _) => Err(Error::not_found("a file")),
            (_, 1) => Ok(None),
            (variable, number) => Ok(Some(format!("{steps} {variable} {number}").into())),
        }
    }

    async fn versions(&self, id: &DatasetId) -> Result<VersionList> {
        self.known(id)?;
        let version = Version(1);
        let sources = vec!["/data/a.nc".to_owned()];
        let summary = VersionSummary { version, published_ms: 1, sources, file_count: 1, warning_count: 0 };
        Ok(VersionList { current: version, versions: vec![summary], refresh: RefreshReport::default() })
    }

    async fn references(
        &self,
        id: &DatasetId,
        _: Version,
        variable: &NodePath,
        record: u64,
    ) -> Result<ReferenceRecord> {
        self.up()?;
        self.known(id)?;
        self.reference_count.fetch_add(1, Ordering::SeqCst);
        let mut manifest = ChunkManifest::missing(record * 2, 2);
        match (variable.as_str(), record) {
            ("tas", 0) => {
                manifest.set(0, ChunkRef::Bytes { file: FileId(0), range: FIRST });
                manifest.set(1, ChunkRef::Bytes { file: FileId(0), range: SECOND });
            }
            ("time", 0) => manifest.set(0, ChunkRef::Inline(Bytes::from_static(&[7; 40]))),
            // A record that does not hold what was asked for, and a file that is not there.
            ("lat", 0) => manifest = ChunkManifest::missing(7, 1),
            ("height", 0) => manifest.set(0, ChunkRef::Bytes { file: FileId(9), range: FIRST }),
            _ => {}
        }
        let identity = FileIdentity { size_bytes: 4000, modified_ns: 784_111_777_500_000_000, inode: 5 };
        Ok(ReferenceRecord {
            manifest,
            files: vec![Arc::new(SourceFile { path: "/secret/a.nc".into(), identity })],
        })
    }

    async fn read(&self, _: &DatasetId, _: &Arc<SourceFile>, range: ByteRange) -> Result<StoredBytes> {
        self.read_count.fetch_add(1, Ordering::SeqCst);
        let bytes = file_bytes().slice(range.offset as usize..(range.offset + range.length) as usize);
        let reads = self.reads.lock().unwrap().clone();
        let pieces =
            |bytes: &Bytes| bytes.chunks(999).map(Bytes::copy_from_slice).map(Ok).collect::<Vec<_>>();
        match reads {
            Reads::Fail(error) => Err(error),
            Reads::Hang => std::future::pending().await,
            Reads::Panic => panic!("a fault at /secret/place"),
            Reads::Work if range.length < 1000 => Ok(StoredBytes::Whole(bytes)),
            Reads::Work => Ok(StoredBytes::Pieces(stream::iter(pieces(&bytes)).boxed())),
            Reads::Break => {
                let broken = Err(Error::new(ErrorKind::Conflict, "the source changed"));
                Ok(StoredBytes::Pieces(
                    stream::iter(pieces(&bytes).into_iter().take(1).chain([broken])).boxed(),
                ))
            }
            Reads::EndEarly => {
                Ok(StoredBytes::Pieces(stream::iter(pieces(&bytes).into_iter().take(1)).boxed()))
            }
        }
    }

    async fn register(&self, it: Registration) -> Result<BoxStream<'static, Result<RegistrationEvent>>> {
        *self.registered_views.lock().unwrap() = it.named_views.clone();
        if self.ids.lock().unwrap().contains(&it.id) && it.if_exists == IfExists::Refuse {
            return Err(Error::new(ErrorKind::Conflict, format!("dataset '{}' exists: send replace", it.id)));
        }
        let progress =
            RegistrationEvent::Progress { stage: "scan".into(), done: 1, total: 2, current: "a.nc".into() };
        let mut events = vec![Ok(progress)];
        if it.sources_are == SourcesAre::Catalog {
            let failed = Error::new(ErrorKind::CorruptData, "truncated").with_internal("/data/bad.nc");
            let outcomes = [
                ("cat.a", EntryOutcome::Published { version: Version(1), notes: vec!["a note".into()] }),
                ("cat.b", EntryOutcome::Skipped("on tape".into())),
                ("cat.c", EntryOutcome::Failed(failed)),
            ];
            let entries = outcomes.map(|(id, outcome)| RegistrationEvent::Entry { id: id.into(), outcome });
            events.extend(entries.map(Ok));
            let summary = CatalogSummary { published: 1, skipped: 1, failed: 1, ..CatalogSummary::default() };
            events.push(Ok(RegistrationEvent::Summary(summary)));
            return Ok(stream::iter(events).boxed());
        }
        if it.sources[0].contains("bad") {
            events.push(Err(
                Error::new(ErrorKind::CorruptData, "a source is truncated").with_internal("/data/bad.nc")
            ));
        } else {
            events.push(Ok(RegistrationEvent::Preview(Box::new(Preview { files: 1, ..Preview::default() }))));
            if it.goal == RegistrationGoal::Publish {
                let mut ids = self.ids.lock().unwrap();
                if !ids.contains(&it.id) {
                    ids.push(it.id.clone());
                }
                let version = Version(self.version.fetch_add(1, Ordering::SeqCst) + 1);
                events.push(Ok(RegistrationEvent::Published { id: it.id, version }));
            }
        }
        Ok(stream::iter(events).boxed())
    }

    async fn refresh(&self, id: &DatasetId) -> Result<BoxStream<'static, Result<RegistrationEvent>>> {
        self.known(id)?;
        let compared = Comparison { added: 1, changed: 2, gone: 3, unchanged: 4 };
        let last = match id.as_str() {
            "atmos" => RegistrationEvent::Published { id: id.clone(), version: Version(2) },
            _ => RegistrationEvent::Unchanged { id: id.clone(), version: Version(1) },
        };
        Ok(stream::iter([Ok(RegistrationEvent::Compared(compared)), Ok(last)]).boxed())
    }

    async fn amend(&self, id: &DatasetId, of: Option<Version>, amendment: Amendment) -> Result<Amended> {
        self.known(id)?;
        let current = Version(self.version.load(Ordering::SeqCst));
        assert!(of.is_none_or(|of| of == current));
        let mut held = self.diagnostics.lock().unwrap();
        let amended = match amendment {
            Amendment::AddDiagnostic(new) => diagnostics::added(&held, &new)?,
            Amendment::RemoveDiagnostic(name) => diagnostics::removed(&held, &name)?,
            Amendment::NameViews(given) => {
                *self.registered_views.lock().unwrap() = given;
                held.clone()
            }
        };
        let is_new = amended != *held;
        *held = amended;
        self.version.fetch_add(is_new.into(), Ordering::SeqCst);
        Ok(Amended { version: Version(self.version.load(Ordering::SeqCst)), is_new })
    }

    async fn remove(&self, id: &DatasetId) -> Result<()> {
        self.known(id)?;
        self.ids.lock().unwrap().retain(|known| known != id);
        Ok(())
    }

    async fn roll_back(&self, id: &DatasetId, version: Option<Version>) -> Result<Version> {
        self.known(id)?;
        Ok(version.unwrap_or(Version(1)))
    }

    async fn ready(&self) -> Result<()> {
        self.up()
    }
}
