//! `EvaluationService` and `SourceService` over a worker.

use std::sync::Arc;

use cloudify_proto::convert::file_from_wire;
use cloudify_proto::status::to_status;
use cloudify_proto::v1;
use cloudify_proto::v1::evaluation_service_server::EvaluationService;
use cloudify_proto::v1::source_service_server::SourceService;
use engine::ports::{EvaluatedChunk, Form, Worker};
use model::{DatasetId, Error, NodePath, Result, Version};
use tonic::{Request, Response, Status};

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
        let made = async { self.worker.evaluate(&chunk(&request.into_inner())?).await };
        let data = made.await.map_err(|error| to_status(&error))?;
        let exists = data.is_some();
        Ok(Response::new(v1::EvaluateChunkResponse { exists, data: data.unwrap_or_default() }))
    }
}

#[tonic::async_trait]
impl SourceService for Evaluation {
    async fn stat_file(
        &self,
        request: Request<v1::StatFileRequest>,
    ) -> Result<Response<v1::StatFileResponse>, Status> {
        let looked = async {
            let file = request.into_inner().file.ok_or_else(|| Error::invalid("file is missing"))?;
            self.worker.stat(&Arc::new(file_from_wire(file)?)).await
        };
        let size = looked.await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::StatFileResponse {
            exists: size.is_some(),
            size_bytes: size.unwrap_or_default(),
        }))
    }
}

fn chunk(request: &v1::EvaluateChunkRequest) -> Result<EvaluatedChunk> {
    if request.version == 0 {
        return Err(Error::invalid("version is missing"));
    }
    Ok(EvaluatedChunk {
        id: DatasetId::parse(&request.id)?,
        version: Version(request.version),
        variable: NodePath::parse(&request.variable)?,
        number: request.chunk,
        form: match request.form() {
            v1::Form::Stored => Form::Stored,
            v1::Form::Decoded => Form::Decoded,
            v1::Form::Unspecified => return Err(Error::invalid("form is missing")),
        },
    })
}
