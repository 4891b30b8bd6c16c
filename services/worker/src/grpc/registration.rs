//! `RegistrationService` over a worker.

use std::sync::Arc;

use cloudify_proto::status::to_status;
use cloudify_proto::v1;
use cloudify_proto::v1::register_response::Event;
use cloudify_proto::v1::registration_service_server::RegistrationService;
use engine::ports::{self, IfExists, RegistrationEvent, RegistrationGoal, Worker};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use model::{DatasetId, Error, Version};
use tonic::{Request, Response, Status};

/// The service.
pub(super) struct Registration {
    worker: Arc<dyn Worker>,
}

impl Registration {
    pub(super) fn new(worker: Arc<dyn Worker>) -> Self {
        Self { worker }
    }
}

#[tonic::async_trait]
impl RegistrationService for Registration {
    type RegisterStream = BoxStream<'static, Result<v1::RegisterResponse, Status>>;

    async fn register(
        &self,
        request: Request<v1::RegisterRequest>,
    ) -> Result<Response<Self::RegisterStream>, Status> {
        let request = request.into_inner();
        let begun = async {
            let if_exists = if request.replace { IfExists::Replace } else { IfExists::Refuse };
            let goal =
                if request.preview_only { RegistrationGoal::Preview } else { RegistrationGoal::Publish };
            let id = DatasetId::parse(&request.id)?;
            self.worker.register(ports::Registration { id, sources: request.sources, if_exists, goal }).await
        };
        let events = begun.await.map_err(|error| to_status(&error))?;
        let events = events.map(|event| event.and_then(event_to_wire).map_err(|error| to_status(&error)));
        Ok(Response::new(events.boxed()))
    }

    async fn remove(
        &self,
        request: Request<v1::RemoveRequest>,
    ) -> Result<Response<v1::RemoveResponse>, Status> {
        let removed = async { self.worker.remove(&DatasetId::parse(&request.into_inner().id)?).await };
        removed.await.map(|()| Response::new(v1::RemoveResponse {})).map_err(|error| to_status(&error))
    }

    async fn roll_back(
        &self,
        request: Request<v1::RollBackRequest>,
    ) -> Result<Response<v1::RollBackResponse>, Status> {
        let v1::RollBackRequest { id, version } = request.into_inner();
        let done = async {
            let version = (version > 0).then_some(Version(version));
            self.worker.roll_back(&DatasetId::parse(&id)?, version).await
        };
        done.await
            .map(|version| Response::new(v1::RollBackResponse { version: version.0 }))
            .map_err(|error| to_status(&error))
    }
}

fn event_to_wire(event: RegistrationEvent) -> model::Result<v1::RegisterResponse> {
    let event = match event {
        RegistrationEvent::Progress { stage, done, total, current } => {
            Event::Progress(v1::Progress { stage, done, total, current })
        }
        RegistrationEvent::Preview(preview) => {
            let document = serde_json::to_vec(&preview).map_err(Error::internal)?;
            Event::Preview(v1::Preview { document: document.into() })
        }
        RegistrationEvent::Published { id, version } => {
            Event::Published(v1::Published { id: id.to_string(), version: version.0 })
        }
    };
    Ok(v1::RegisterResponse { event: Some(event) })
}
