//! Views over the wire: opened and evaluated with their steps.

use cloudify_proto::v1::assemble_chunk_request::Item;
use cloudify_proto::v1::evaluation_service_server::{EvaluationService, EvaluationServiceServer};
use engine::ports::Form;

use super::*;

const STEPS: &str = "var=ocean/tos|mean=time";

const LONG: &str = "mean=time";
/// The chunk of which a section cannot be made.
const BROKEN: u64 = 9;

/// Answers with what it is asked.
#[derive(Clone, Default)]
struct Echo {
    sections: Arc<AtomicUsize>,
}

fn answer(text: &str) -> Response<v1::EvaluateChunkResponse> {
    let data = text.to_owned().into();
    Response::new(v1::EvaluateChunkResponse { exists: true, data, ..Default::default() })
}

#[tonic::async_trait]
impl EvaluationService for Echo {
    async fn evaluate_chunk(
        &self,
        request: Request<v1::EvaluateChunkRequest>,
    ) -> Result<Response<v1::EvaluateChunkResponse>, Status> {
        let chunk = request.into_inner();
        if chunk.may_spread && chunk.view == LONG {
            let long =
                v1::LongReduction { array: 1, block: 2, sections: 5, state_bytes: 1 << 20, at_once: 1 };
            return Ok(Response::new(v1::EvaluateChunkResponse {
                reductions: vec![long],
                ..Default::default()
            }));
        }
        Ok(answer(&format!("{:?} {}", chunk.form(), chunk.view)))
    }

    async fn make_section(
        &self,
        request: Request<v1::MakeSectionRequest>,
    ) -> Result<Response<v1::MakeSectionResponse>, Status> {
        self.sections.fetch_add(1, Ordering::SeqCst);
        let v1::MakeSectionRequest { chunk, array, block, section } = request.into_inner();
        if chunk.unwrap_or_default().chunk == BROKEN && section == 3 {
            return Err(Status::failed_precondition("the source changed"));
        }
        Ok(Response::new(v1::MakeSectionResponse { state: format!("{array}.{block}.{section}").into() }))
    }

    async fn assemble_chunk(
        &self,
        request: Request<Streaming<v1::AssembleChunkRequest>>,
    ) -> Result<Response<v1::EvaluateChunkResponse>, Status> {
        let mut items = request.into_inner();
        let mut told = Vec::new();
        while let Some(item) = items.message().await? {
            match item.item {
                Some(Item::Chunk(chunk)) => told.push(format!("{}:", chunk.chunk)),
                Some(Item::Section(section)) => told.push(String::from_utf8(section.state.into()).unwrap()),
                Some(Item::End(_)) => return Ok(answer(&told.join(" "))),
                None => {}
            }
        }
        Err(Status::invalid_argument("broken off"))
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
        let v1::OpenViewRequest { id, version, view, .. } = request.into_inner();
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

async fn echo(echo: Echo) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let serving = tonic::transport::Server::builder()
        .add_service(EvaluationServiceServer::new(echo))
        .serve_with_incoming(incoming);
    tokio::spawn(async move { serving.await.unwrap() });
    url
}

#[tokio::test]
async fn a_view_is_opened_and_evaluated_with_its_steps() {
    let url = echo(Echo::default()).await;
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

#[tokio::test]
async fn long_reductions_are_made_by_all_and_put_together_in_order() {
    let workers = [Echo::default(), Echo::default()];
    let urls = [echo(workers[0].clone()).await, echo(workers[1].clone()).await];
    let chunk = |number| EvaluatedChunk {
        id: DatasetId::parse("tas").unwrap(),
        version: Version(3),
        variable: NodePath::parse("tas").unwrap(),
        number,
        form: Form::View(LONG.into()),
    };
    let both = connect(&[&urls[0], &urls[1]]);
    let made = both.evaluate(&chunk(7)).await.unwrap().unwrap();
    assert_eq!(made, "7: 1.2.0 1.2.1 1.2.2 1.2.3 1.2.4".as_bytes());
    let counts = workers.each_ref().map(|worker| worker.sections.load(Ordering::SeqCst));
    assert!(counts == [2, 3] || counts == [3, 2], "{counts:?}");
    // The failure of a section is that of the chunk, in its own words.
    let failed = both.evaluate(&chunk(BROKEN)).await.unwrap_err();
    assert_eq!((failed.kind, &*failed.message), (ErrorKind::Conflict, "the source changed"));
    // One alone makes all of it, and so does the other where one is away.
    let one = connect(&[&urls[0]]);
    assert_eq!(one.evaluate(&chunk(7)).await.unwrap().unwrap(), format!("View {LONG}").as_bytes());
    let with_dead = connect(&["http://127.0.0.1:1", &urls[0]]);
    assert_eq!(with_dead.evaluate(&chunk(7)).await.unwrap().unwrap(), made);
}
