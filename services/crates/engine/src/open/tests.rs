//! Opening against a worker that keeps count of what it is asked.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::stream::BoxStream;
use model::{
    Attributes, ByteOrder, ByteRange, ChunkGrid, ChunkManifest, ChunkRef, DataType, Dataset, FileId,
    FileIdentity, Group, NodePath, SourceFile, Variable,
};
use views::Steps;
use zarr::key::{Key, parse};

use super::*;
use crate::pools::PoolName;
use crate::ports::{
    EvaluatedChunk, Form, PublishedDataset, Registration, RegistrationEvent, StoredBytes, VersionList,
};

/// A catalog in memory that counts what it is asked.
struct Memory {
    ids: Mutex<Vec<(&'static str, u32)>>,
    revision: AtomicU64,
    opens: AtomicU64,
    records: AtomicU64,
    down: Mutex<bool>,
}

const RANGE: ByteRange = ByteRange { offset: 3, length: 4 };

impl Memory {
    fn set(&self, ids: &[(&'static str, u32)]) {
        *self.ids.lock().unwrap() = ids.to_vec();
        self.revision.fetch_add(1, Ordering::SeqCst);
    }

    fn up(&self) -> Result<()> {
        if *self.down.lock().unwrap() { Err(Error::new(ErrorKind::Unavailable, "down")) } else { Ok(()) }
    }
}

#[async_trait]
impl Worker for Memory {
    async fn list(&self, known: Option<u64>) -> Result<Option<Listing>> {
        self.up()?;
        let revision = self.revision.load(Ordering::SeqCst);
        if known == Some(revision) {
            return Ok(None);
        }
        let listed = |(id, version): &(&str, u32)| ListedDataset {
            id: DatasetId::parse(id).unwrap(),
            version: Version(*version),
            title: String::new(),
            pool: PoolName::default(),
        };
        Ok(Some(Listing {
            revision,
            catalog_id: String::new(),
            datasets: self.ids.lock().unwrap().iter().map(listed).collect(),
        }))
    }

    async fn dataset(&self, id: &DatasetId, version: Option<Version>) -> Result<PublishedDataset> {
        self.up()?;
        self.opens.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let tas = Variable {
            path: NodePath::parse("tas").unwrap(),
            dimensions: vec!["time".into()],
            data_type: DataType::F32,
            byte_order: ByteOrder::Little,
            grid: ChunkGrid::new(vec![10], vec![1]).unwrap(),
            codecs: vec![],
            fill_value: None,
            attributes: Attributes::new(),
        };
        let dataset = Dataset { groups: vec![Group::default()], variables: vec![tas] };
        let version = version.unwrap();
        let dataset = Arc::new(dataset);
        Ok(PublishedDataset {
            id: id.clone(),
            version,
            published_ms: 0,
            modified_ns: 0,
            record_size: 4,
            view: String::new(),
            named_views: Arc::default(),
            diagnostics: Arc::default(),
            dataset,
            in_place: Vec::new(),
        })
    }

    async fn open_view(&self, id: &DatasetId, version: Version, steps: &str) -> Result<PublishedDataset> {
        if steps == "var=nope" {
            return Err(Error::invalid("there is no variable nope"));
        }
        self.dataset(id, Some(version)).await
    }

    async fn references(
        &self,
        _: &DatasetId,
        _: Version,
        _: &NodePath,
        record: u64,
    ) -> Result<ReferenceRecord> {
        self.up()?;
        self.records.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let mut manifest = ChunkManifest::missing(record * 4, 4);
        manifest.set(record * 4, ChunkRef::Bytes { file: FileId(0), range: RANGE });
        let identity = FileIdentity { size_bytes: 9, modified_ns: 0, inode: 0 };
        Ok(ReferenceRecord { manifest, files: vec![Arc::new(SourceFile { path: "/a".into(), identity })] })
    }

    async fn versions(&self, _: &DatasetId) -> Result<VersionList> {
        Err(Error::internal("not asked here"))
    }

    async fn read(&self, _: &DatasetId, _: &Arc<SourceFile>, _: ByteRange) -> Result<StoredBytes> {
        Err(Error::internal("not asked here"))
    }

    async fn register(&self, _: Registration) -> Result<BoxStream<'static, Result<RegistrationEvent>>> {
        Err(Error::internal("not asked here"))
    }

    async fn remove(&self, _: &DatasetId) -> Result<()> {
        Err(Error::internal("not asked here"))
    }

    async fn roll_back(&self, _: &DatasetId, _: Option<Version>) -> Result<Version> {
        Err(Error::internal("not asked here"))
    }

    async fn ready(&self) -> Result<()> {
        self.up()
    }
}

fn opened() -> (Arc<Memory>, Datasets) {
    let memory = Arc::new(Memory {
        ids: Mutex::new(vec![("atmos", 1)]),
        revision: AtomicU64::new(1),
        opens: AtomicU64::new(0),
        records: AtomicU64::new(0),
        down: Mutex::new(false),
    });
    let limits = OpenLimits { datasets_max: 10, references_bytes_max: 1 << 20 };
    (Arc::clone(&memory), Datasets::new(memory, limits))
}

async fn locate(datasets: &Datasets, dataset: &OpenDataset, key: &str) -> Result<Located> {
    locate_in(&Form::Stored, datasets, dataset, key).await
}

async fn locate_in(form: &Form, datasets: &Datasets, dataset: &OpenDataset, key: &str) -> Result<Located> {
    let Ok(Key::Chunk { variable, index }) = parse(key, |path| dataset.variable(path).is_some()) else {
        panic!("{key} is no chunk")
    };
    datasets.locate_in(form, dataset, dataset.variable(variable).unwrap().0, &index).await
}

#[tokio::test]
async fn many_at_once_open_a_dataset_and_read_a_record_once() {
    let (memory, datasets) = opened();
    let all = (0..50).map(|_| async {
        let dataset = datasets.open("atmos").await.unwrap();
        locate(&datasets, &dataset, "tas/4").await.unwrap()
    });
    for located in futures::future::join_all(all).await {
        assert!(matches!(located, Located::Stored { range: RANGE, .. }));
    }
    assert_eq!(memory.opens.load(Ordering::SeqCst), 1);
    assert_eq!(memory.records.load(Ordering::SeqCst), 1);
    assert!(matches!(memory.list(Some(1)).await, Ok(None)));
}

#[tokio::test]
async fn chunks_are_stored_missing_or_outside() {
    let (memory, datasets) = opened();
    let dataset = datasets.open("atmos").await.unwrap();
    assert!(matches!(locate(&datasets, &dataset, "tas/8").await, Ok(Located::Stored { .. })));
    assert!(matches!(locate(&datasets, &dataset, "tas/c/9").await, Ok(Located::Missing)));
    assert!(matches!(locate(&datasets, &dataset, "tas/10").await, Ok(Located::Outside)));
    assert!(matches!(locate(&datasets, &dataset, "tas/0.0").await, Ok(Located::Outside)));
    assert_eq!(memory.records.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_replaced_dataset_is_opened_anew_and_requests_under_way_keep_theirs() {
    let (memory, datasets) = opened();
    let first = datasets.open("atmos").await.unwrap();
    memory.set(&[("atmos", 2), ("ocean", 1)]);
    assert_eq!(datasets.open("atmos").await.unwrap().published().version, Version(1));
    assert!(datasets.refresh().await.unwrap());
    assert!(!datasets.refresh().await.unwrap());
    assert_eq!(datasets.open("atmos").await.unwrap().published().version, Version(2));
    assert_eq!(first.published().version, Version(1));
    assert!(matches!(locate(&datasets, &first, "tas/0").await, Ok(Located::Stored { .. })));
    memory.set(&[("ocean", 1)]);
    datasets.refresh().await.unwrap();
    let gone = datasets.open("atmos").await.unwrap_err();
    assert_eq!((gone.kind, &*gone.message), (ErrorKind::NotFound, "Dataset 'atmos' not found"));
}

#[tokio::test]
async fn the_last_list_serves_while_the_worker_is_away_and_a_failure_is_not_kept() {
    let (memory, datasets) = opened();
    *memory.down.lock().unwrap() = true;
    assert_eq!(datasets.open("atmos").await.unwrap_err().kind, ErrorKind::Unavailable);
    *memory.down.lock().unwrap() = false;
    datasets.refresh().await.unwrap();
    *memory.down.lock().unwrap() = true;
    assert_eq!(datasets.open("atmos").await.unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(datasets.open("nope").await.unwrap_err().kind, ErrorKind::NotFound);
    *memory.down.lock().unwrap() = false;
    let dataset = datasets.open("atmos").await.unwrap();
    *memory.down.lock().unwrap() = true;
    assert!(datasets.refresh().await.is_err());
    assert!(datasets.open("atmos").await.is_ok());
    assert_eq!(locate(&datasets, &dataset, "tas/0").await.unwrap_err().kind, ErrorKind::Unavailable);
    *memory.down.lock().unwrap() = false;
    assert!(locate(&datasets, &dataset, "tas/0").await.is_ok());
    assert!(datasets.references_cached_bytes() < 1 << 20);
}

#[tokio::test]
async fn the_hierarchy_is_made_once_for_each_revision() {
    let (memory, datasets) = opened();
    let first = datasets.hierarchy(HierarchyDocument::Zmetadata).await.unwrap();
    assert!(String::from_utf8_lossy(&first.bytes).contains("atmos/kerchunk/tas/.zarray"));
    let again = datasets.hierarchy(HierarchyDocument::Zmetadata).await.unwrap();
    assert_eq!(first.bytes.as_ptr(), again.bytes.as_ptr());
    memory.set(&[("ocean", 1)]);
    datasets.refresh().await.unwrap();
    let other = datasets.hierarchy(HierarchyDocument::ZarrJson).await.unwrap();
    let text = String::from_utf8_lossy(&other.bytes);
    assert!(text.contains("ocean/kerchunk/tas") && !text.contains("atmos"));
}

async fn view(datasets: &Datasets, steps: &str) -> Result<Arc<OpenDataset>> {
    datasets.open_view("atmos", &Steps::parse(steps).unwrap()).await
}

#[tokio::test]
async fn a_view_is_opened_once_however_it_is_spelled_and_anew_with_a_version() {
    let (memory, datasets) = opened();
    let first = view(&datasets, "isel=time:0..10..1").await.unwrap();
    let same = view(&datasets, "isel=time~d0..10").await.unwrap();
    assert!(Arc::ptr_eq(&first, &same));
    assert_eq!(first.form(), &Form::View("isel=time:0..10".into()));
    assert!(!Arc::ptr_eq(&first, &view(&datasets, "isel=time:0..9").await.unwrap()));
    assert_eq!(memory.opens.load(Ordering::SeqCst), 2);
    memory.set(&[("atmos", 2)]);
    datasets.refresh().await.unwrap();
    let second = view(&datasets, "isel=time:0..10").await.unwrap();
    assert_eq!((first.published().version, second.published().version), (Version(1), Version(2)));
    memory.set(&[]);
    datasets.refresh().await.unwrap();
    assert_eq!(view(&datasets, "isel=time:0..10").await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_view_that_cannot_be_opened_is_asked_for_again() {
    let (memory, datasets) = opened();
    *memory.down.lock().unwrap() = true;
    assert_eq!(view(&datasets, "var=tas").await.unwrap_err().kind, ErrorKind::Unavailable);
    *memory.down.lock().unwrap() = false;
    assert_eq!(view(&datasets, "var=nope").await.unwrap_err().kind, ErrorKind::InvalidRequest);
    assert!(view(&datasets, "var=tas").await.is_ok());
}

#[tokio::test]
async fn every_chunk_of_a_view_is_made_by_a_worker_in_its_one_form() {
    let (memory, datasets) = opened();
    let view = view(&datasets, "var=tas").await.unwrap();
    for form in [view.form(), &Form::Stored, &Form::Decoded] {
        let Located::Computed(chunk) = locate_in(form, &datasets, &view, "tas/c/9").await.unwrap() else {
            panic!("{form:?}")
        };
        assert_eq!((chunk.number, &chunk.form), (9, view.form()));
        assert!(matches!(locate_in(form, &datasets, &view, "tas/10").await, Ok(Located::Outside)));
        assert_eq!(
            view.document_in(form, "tas/.zarray").unwrap().etag,
            view.document("tas/.zarray").unwrap().etag
        );
        let other = EvaluatedChunk { form: Form::View("var=pr".into()), ..chunk.clone() };
        assert_ne!(crate::etag::of_evaluated(&chunk), crate::etag::of_evaluated(&other));
    }
    assert_eq!(memory.records.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn documents_are_made_once_and_only_of_what_is_there() {
    let (_, datasets) = opened();
    let dataset = datasets.open("atmos").await.unwrap();
    let array = dataset.document("tas/.zarray").unwrap();
    assert_eq!(array.bytes.as_ptr(), dataset.document("tas/.zarray").unwrap().bytes.as_ptr());
    for key in [".zmetadata", ".zgroup", ".zattrs", "zarr.json", "tas/.zattrs", "tas/zarr.json"] {
        assert!(dataset.document(key).is_some(), "{key}");
    }
    for key in [".zarray", "tas/.zgroup", "tas/.zmetadata", "pr/.zarray", "tas", ""] {
        assert!(dataset.document(key).is_none(), "{key}");
    }
}
