//! `EvaluationService` and `SourceService` over a worker.

use std::sync::Arc;

use bytes::Bytes;
use cloudify_proto::convert::{file_from_wire, file_to_wire};
use cloudify_proto::status::to_status;
use cloudify_proto::v1;
use cloudify_proto::v1::evaluation_service_server::EvaluationService;
use cloudify_proto::v1::source_service_server::SourceService;
use engine::ports::{EvaluatedChunk, Form, Keeping, MadeChunk, Worker};
use engine::recall::{Recall, RecallState};
use fair::Flow;
use model::{DatasetId, Error, NodePath, Result, Version};
use tonic::{Request, Response, Status, Streaming};

use super::catalog::dataset_to_wire;
use super::sections;

/// Both services.
pub(super) struct Evaluation {
    worker: Arc<dyn Worker>,
}

impl Evaluation {
    pub(super) fn new(worker: Arc<dyn Worker>) -> Self {
        Self { worker }
    }
}

#[tonic::async_trait]
impl EvaluationService for Evaluation {
    async fn evaluate_chunk(
        &self,
        request: Request<v1::EvaluateChunkRequest>,
    ) -> Result<Response<v1::EvaluateChunkResponse>, Status> {
        // The router has a route of its own for it, which sends the bytes uncopied.
        let made = evaluated(self.worker.as_ref(), &request.into_inner()).await;
        made.map(Response::new).map_err(|error| to_status(&error))
    }

    async fn make_section(
        &self,
        request: Request<v1::MakeSectionRequest>,
    ) -> Result<Response<v1::MakeSectionResponse>, Status> {
        let made = async {
            let (wanted, section) = sections::section_from_wire(request.into_inner())?;
            Flow(wanted.flow).scope(self.worker.section(&chunk(&wanted)?, section)).await
        };
        let state = made.await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::MakeSectionResponse { state }))
    }

    async fn assemble_chunk(
        &self,
        request: Request<Streaming<v1::AssembleChunkRequest>>,
    ) -> Result<Response<v1::EvaluateChunkResponse>, Status> {
        let assembled = async {
            let (wanted, sections) = sections::received(request.into_inner()).await?;
            Flow(wanted.flow).scope(self.worker.assemble(&chunk(&wanted)?, sections)).await
        };
        assembled.await.map(chunk_to_wire).map(Response::new).map_err(|error| to_status(&error))
    }

    async fn plan_chunk(
        &self,
        request: Request<v1::PlanChunkRequest>,
    ) -> Result<Response<v1::PlanChunkResponse>, Status> {
        let planned = async {
            let wanted = request.into_inner().chunk.ok_or_else(|| Error::invalid("chunk is missing"))?;
            self.worker.plan(&chunk(&wanted)?).await
        };
        let plan = planned.await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::PlanChunkResponse {
            source_chunks: plan.source_chunks,
            missing_chunks: plan.missing_chunks,
            stored_bytes: plan.stored_bytes,
            decoded_bytes: plan.decoded_bytes,
            memory_bytes: plan.memory_bytes,
            files: plan.files,
            offline_files: plan.offline_files,
            decoded_bytes_max: plan.decoded_bytes_max,
            is_estimated: plan.is_estimated,
        }))
    }

    async fn open_view(
        &self,
        request: Request<v1::OpenViewRequest>,
    ) -> Result<Response<v1::OpenViewResponse>, Status> {
        let opened = async {
            let v1::OpenViewRequest { id, version: number, view, flow } = request.into_inner();
            let (id, number) = (DatasetId::parse(&id)?, version(number)?);
            Flow(flow).scope(self.worker.open_view(&id, number, steps(&view)?)).await
        };
        let view = opened.await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::OpenViewResponse { dataset: Some(dataset_to_wire(&view)) }))
    }
}

#[tonic::async_trait]
impl SourceService for Evaluation {
    async fn stat_file(
        &self,
        request: Request<v1::StatFileRequest>,
    ) -> Result<Response<v1::StatFileResponse>, Status> {
        let looked = async {
            let v1::StatFileRequest { file, array, id } = request.into_inner();
            let file = file.ok_or_else(|| Error::invalid("file is missing"))?;
            let array = Some(array.as_str()).filter(|array| !array.is_empty());
            self.worker.stat(&DatasetId::parse(&id)?, &Arc::new(file_from_wire(file)?), array).await
        };
        let size = looked.await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::StatFileResponse {
            exists: size.is_some(),
            size_bytes: size.unwrap_or_default(),
        }))
    }

    async fn order_recall(
        &self,
        request: Request<v1::OrderRecallRequest>,
    ) -> Result<Response<v1::OrderRecallResponse>, Status> {
        let ordered = async {
            let v1::OrderRecallRequest { file, id } = request.into_inner();
            let file = file.ok_or_else(|| Error::invalid("file is missing"))?;
            self.worker.order_recall(&DatasetId::parse(&id)?, &Arc::new(file_from_wire(file)?)).await
        };
        let ordered = ordered.await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::OrderRecallResponse { recall: ordered.map(recall) }))
    }

    async fn list_recalls(
        &self,
        request: Request<v1::ListRecallsRequest>,
    ) -> Result<Response<v1::ListRecallsResponse>, Status> {
        let request = request.into_inner();
        let listed =
            async { self.worker.recalls(&DatasetId::parse(&request.id)?, Version(request.version)).await };
        let recalls = listed.await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::ListRecallsResponse { recalls: recalls.into_iter().map(recall).collect() }))
    }
}

/// A chunk, or what it could be assembled of.
pub(super) async fn evaluated(
    worker: &dyn Worker,
    request: &v1::EvaluateChunkRequest,
) -> Result<v1::EvaluateChunkResponse> {
    let wanted = chunk(request)?;
    if request.may_spread {
        let reductions = worker.long_reductions(&wanted).await?;
        if !reductions.is_empty() {
            return Ok(sections::reductions_to_wire(reductions));
        }
    }
    Flow(request.flow).scope(worker.evaluate_to_keep(&wanted)).await.map(made_to_wire)
}

fn recall(recall: Recall) -> v1::Recall {
    let state = match recall.state {
        RecallState::Ordered => v1::RecallState::Ordered,
        RecallState::Running => v1::RecallState::Running,
        RecallState::Online => v1::RecallState::Online,
        RecallState::Failed => v1::RecallState::Failed,
    };
    v1::Recall {
        file: recall.file,
        state: state.into(),
        ordered_ms: recall.ordered_ms,
        started_ms: recall.started_ms,
        finished_ms: recall.finished_ms,
        expected_seconds: recall.expected_seconds,
        position: recall.position,
    }
}

fn chunk_to_wire(data: Option<Bytes>) -> v1::EvaluateChunkResponse {
    v1::EvaluateChunkResponse { exists: data.is_some(), data: data.unwrap_or_default(), ..Default::default() }
}

fn made_to_wire(made: MadeChunk) -> v1::EvaluateChunkResponse {
    let keeping = |keeping: Keeping| v1::Keeping {
        catalog_id: keeping.catalog_id,
        sources: keeping.sources.iter().map(|file| file_to_wire(file)).collect(),
    };
    v1::EvaluateChunkResponse { keeping: made.keeping.map(keeping), ..chunk_to_wire(made.bytes) }
}

fn chunk(request: &v1::EvaluateChunkRequest) -> Result<EvaluatedChunk> {
    Ok(EvaluatedChunk {
        id: DatasetId::parse(&request.id)?,
        version: version(request.version)?,
        variable: NodePath::parse(&request.variable)?,
        number: request.chunk,
        form: match request.form() {
            v1::Form::Stored => Form::Stored,
            v1::Form::Decoded => Form::Decoded,
            v1::Form::View => Form::View(steps(&request.view)?.into()),
            v1::Form::Unspecified => return Err(Error::invalid("form is missing")),
        },
    })
}

fn version(number: u32) -> Result<Version> {
    if number > 0 { Ok(Version(number)) } else { Err(Error::invalid("version is missing")) }
}

fn steps(view: &str) -> Result<&str> {
    if view.is_empty() { Err(Error::invalid("view is missing")) } else { Ok(view) }
}
