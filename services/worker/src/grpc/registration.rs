//! `RegistrationService` over a worker.

use std::sync::Arc;

use cloudify_proto::status::to_status;
use cloudify_proto::v1;
use cloudify_proto::v1::amend_request::Amendment as Wanted;
use cloudify_proto::v1::registration_service_server::RegistrationService;
use engine::diagnostics::Diagnostic;
use engine::pools::PoolName;
use engine::ports::{
    self, Amended, Amendment, IfExists, RegistrationEvent, RegistrationGoal, SourcesAre, Worker,
};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use model::{DatasetId, Error, Version};
use tonic::{Request, Response, Status};

use super::registration_events::event_to_wire;

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
        let sources_are = match request.sources_are() {
            v1::SourcesAre::Unspecified => SourcesAre::Detected,
            v1::SourcesAre::Data => SourcesAre::Data,
            v1::SourcesAre::Catalog => SourcesAre::Catalog,
        };
        let begun = async {
            let if_exists = if request.replace { IfExists::Replace } else { IfExists::Refuse };
            let goal =
                if request.preview_only { RegistrationGoal::Preview } else { RegistrationGoal::Publish };
            let id = DatasetId::parse(&request.id)?;
            let registration = ports::Registration {
                id,
                sources: request.sources,
                if_exists,
                goal,
                refresh_seconds: request.refresh_seconds,
                view: request.view,
                named_views: request.named_views,
                sources_are,
                pool: request.pool.as_deref().map(PoolName::parse).transpose()?,
            };
            self.worker.register(registration).await
        };
        let events = begun.await.map_err(|error| to_status(&error))?;
        let events = events.map(|event| event.and_then(event_to_wire).map_err(|error| to_status(&error)));
        Ok(Response::new(events.boxed()))
    }

    type RefreshStream = BoxStream<'static, Result<v1::RefreshResponse, Status>>;

    async fn refresh(
        &self,
        request: Request<v1::RefreshRequest>,
    ) -> Result<Response<Self::RefreshStream>, Status> {
        let begun = async { self.worker.refresh(&DatasetId::parse(&request.into_inner().id)?).await };
        let events = begun.await.map_err(|error| to_status(&error))?;
        let wire = |event: model::Result<RegistrationEvent>| {
            let event = Some(event.and_then(event_to_wire).map_err(|error| to_status(&error))?);
            Ok(v1::RefreshResponse { event })
        };
        Ok(Response::new(events.map(wire).boxed()))
    }

    async fn amend(&self, request: Request<v1::AmendRequest>) -> Result<Response<v1::AmendResponse>, Status> {
        let v1::AmendRequest { id, version, amendment } = request.into_inner();
        let amended = async {
            let amendment = match amendment.ok_or_else(|| Error::invalid("amendment is missing"))? {
                Wanted::AddDiagnostic(v1::Diagnostic { variable, coord, action }) => {
                    Amendment::AddDiagnostic(Diagnostic { variable, coord, action })
                }
                Wanted::RemoveDiagnostic(name) => Amendment::RemoveDiagnostic(name),
                Wanted::NameViews(v1::NamedViews { steps }) => Amendment::NameViews(steps),
            };
            let of = (version > 0).then_some(Version(version));
            self.worker.amend(&DatasetId::parse(&id)?, of, amendment).await
        };
        let Amended { version, is_new } = amended.await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::AmendResponse { version: version.0, is_new }))
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
