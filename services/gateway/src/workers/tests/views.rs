//! Views over the wire: opened and evaluated with their steps.

use cloudify_proto::v1::evaluation_service_server::{EvaluationService, EvaluationServiceServer};
use engine::ports::Form;

use super::*;

const STEPS: &str = "var=ocean/tos|mean=time";

/// Answers with what it is asked.
struct Echo;

#[tonic::async_trait]
impl EvaluationService for Echo {
    async fn evaluate_chunk(
        &self,
        request: Request<v1::EvaluateChunkRequest>,
    ) -> Result<Response<v1::EvaluateChunkResponse>, Status> {
        let chunk = request.into_inner();
        let data = format!("{:?} {}", chunk.form(), chunk.view).into();
        Ok(Response::new(v1::EvaluateChunkResponse { exists: true, data }))
    }

    async fn plan_chunk(
        &self,
        request: Request<v1::PlanChunkRequest>,
    ) -> Result<Response<v1::PlanChunkResponse>, Status> {
        let chunk = request.into_inner().chunk.unwrap_or_default();
        let source_chunks = chunk.chunk + chunk.view.len() as u64;
        Ok(Response::new(v1::PlanChunkResponse { source_chunks, is_estimated: true, ..Default::default() }))
    }

    async fn open_view(
        &self,
        request: Request<v1::OpenViewRequest>,
    ) -> Result<Response<v1::OpenViewResponse>, Status> {
        let v1::OpenViewRequest { id, version, view } = request.into_inner();
        if view != STEPS {
            return Err(Status::invalid_argument("no such variable"));
        }
        let document = zarr::document::to_json(&model::Dataset::default()).into();
        let dataset = v1::GetDatasetResponse {
            id,
            version,
            record_size: 1,
            document,
            ..v1::GetDatasetResponse::default()
        };
        Ok(Response::new(v1::OpenViewResponse { dataset: Some(dataset) }))
    }
}

async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let serving = tonic::transport::Server::builder()
        .add_service(EvaluationServiceServer::new(Echo))
        .serve_with_incoming(incoming);
    tokio::spawn(async move { serving.await.unwrap() });
    url
}

#[tokio::test]
async fn a_view_is_opened_and_evaluated_with_its_steps() {
    let url = echo().await;
    // The next worker is asked where one is away.
    let worker = connect(&["http://127.0.0.1:1", &url]);
    let (id, version) = (DatasetId::parse("tas").unwrap(), Version(3));
    let view = worker.open_view(&id, version, STEPS).await.unwrap();
    assert_eq!((&view.id, view.version, &*view.view), (&id, version, ""));
    let refused = worker.open_view(&id, version, "var=nope").await.unwrap_err();
    assert_eq!((refused.kind, &*refused.message), (ErrorKind::InvalidRequest, "no such variable"));
    for (form, expected) in [
        (Form::Stored, "Stored ".to_owned()),
        (Form::Decoded, "Decoded ".to_owned()),
        (Form::View(STEPS.into()), format!("View {STEPS}")),
    ] {
        let variable = NodePath::parse("tos").unwrap();
        let chunk = EvaluatedChunk { id: id.clone(), version, variable, number: 7, form };
        assert_eq!(worker.evaluate(&chunk).await.unwrap().unwrap(), expected.as_bytes());
        let plan = worker.plan(&chunk).await.unwrap();
        let steps = if let Form::View(steps) = &chunk.form { steps.len() } else { 0 };
        assert_eq!((plan.source_chunks, plan.is_estimated), (7 + steps as u64, true));
    }
}
