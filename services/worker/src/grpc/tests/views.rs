//! Views as the service opens and evaluates them.

use async_trait::async_trait;
use bytes::Bytes;
use cloudify_proto::v1::evaluation_service_server::EvaluationService as _;
use engine::ports::{
    EvaluatedChunk, Form, Listing, PublishedDataset, ReferenceRecord, Registration, RegistrationEvent,
    StoredBytes, VersionList,
};
use futures::stream::BoxStream;
use model::{ByteRange, Dataset, DatasetId, NodePath, Version};
use tonic::Request;

use super::*;

const STEPS: &str = "var=tas|mean=time";

/// Opens any view, and evaluates it to its form.
struct Views;

fn unasked<T>() -> Result<T> {
    Err(Error::internal("not asked here"))
}

#[async_trait]
impl Worker for Views {
    async fn open_view(&self, id: &DatasetId, version: Version, steps: &str) -> Result<PublishedDataset> {
        assert_eq!(steps, STEPS);
        Ok(PublishedDataset {
            id: id.clone(),
            version,
            published_ms: 5,
            modified_ns: 6,
            record_size: 7,
            dataset: Arc::new(Dataset::default()),
            in_place: vec![None],
            view: String::new(),
            named_views: Arc::default(),
            diagnostics: Arc::default(),
        })
    }

    async fn evaluate(&self, chunk: &EvaluatedChunk) -> Result<Option<Bytes>> {
        Ok(Some(format!("{:?}", chunk.form).into()))
    }

    async fn list(&self, _: Option<u64>) -> Result<Option<Listing>> {
        unasked()
    }

    async fn dataset(&self, _: &DatasetId, _: Option<Version>) -> Result<PublishedDataset> {
        unasked()
    }

    async fn versions(&self, _: &DatasetId) -> Result<VersionList> {
        unasked()
    }

    async fn references(&self, _: &DatasetId, _: Version, _: &NodePath, _: u64) -> Result<ReferenceRecord> {
        unasked()
    }

    async fn read(&self, _: &DatasetId, _: &Arc<SourceFile>, _: ByteRange) -> Result<StoredBytes> {
        unasked()
    }

    async fn register(&self, _: Registration) -> Result<BoxStream<'static, Result<RegistrationEvent>>> {
        unasked()
    }

    async fn remove(&self, _: &DatasetId) -> Result<()> {
        unasked()
    }

    async fn roll_back(&self, _: &DatasetId, _: Option<Version>) -> Result<Version> {
        unasked()
    }

    async fn ready(&self) -> Result<()> {
        unasked()
    }
}

#[tokio::test]
async fn a_view_is_opened_and_evaluated_with_its_steps() {
    let service = evaluation::Evaluation::new(Arc::new(Views));
    let request = v1::OpenViewRequest { id: "tas".into(), version: 3, view: STEPS.into(), flow: 0 };
    let opened = service.open_view(Request::new(request.clone())).await.unwrap().into_inner();
    let dataset = opened.dataset.unwrap();
    assert_eq!((&*dataset.id, dataset.version, dataset.record_size, &*dataset.view), ("tas", 3, 7, ""));
    for malformed in [
        v1::OpenViewRequest { version: 0, ..request.clone() },
        v1::OpenViewRequest { view: String::new(), ..request.clone() },
        v1::OpenViewRequest { id: "a/b".into(), ..request },
    ] {
        let status = service.open_view(Request::new(malformed)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
    }

    let mut chunk = v1::EvaluateChunkRequest {
        id: "tas".into(),
        version: 3,
        variable: "tas".into(),
        form: v1::Form::View.into(),
        view: STEPS.into(),
        ..v1::EvaluateChunkRequest::default()
    };
    let made = service.evaluate_chunk(Request::new(chunk.clone())).await.unwrap().into_inner();
    assert_eq!(made.data, format!("{:?}", Form::View(STEPS.into())).as_bytes());
    chunk.view.clear();
    let status = service.evaluate_chunk(Request::new(chunk)).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "view is missing"));
}
