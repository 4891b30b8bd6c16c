//! The worker's services over gRPC. The router is the table of contents.
//!
//! Catalog, registration and health are ordinary tonic services. The two calls of `ChunkService` and `EvaluateChunk` are routes of their
//! own that write gRPC's framing around the bytes themselves, so that no payload is copied
//! (`docs/decisions/0003-bytes-between-worker-and-gateway.md`); any gRPC client reads them.

mod catalog;
mod connections;
mod deadline;
mod evaluate_chunk;
mod evaluation;
mod in_task;
mod lane;
mod operators;
mod read_range;
mod registration;
mod registration_events;
mod request;
mod same_catalog;
mod sections;

use std::future::Future;
use std::sync::Arc;

use axum::routing::post;
use cloudify_proto::v1::catalog_service_server::CatalogServiceServer;
use cloudify_proto::v1::evaluation_service_server::EvaluationServiceServer;
use cloudify_proto::v1::registration_service_server::RegistrationServiceServer;
use cloudify_proto::v1::source_service_server::SourceServiceServer;
use engine::ports::Worker;
use model::{Error, Result};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::local::LocalWorker;
use crate::storage::Files;

/// Largest message of a call, in bytes: a dataset's metadata, a record of references, a section of a reduction.
const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// What the routes of `ChunkService` need.
#[derive(Clone)]
struct ChunkState {
    files: Files,
    draining: CancellationToken,
}

/// Serves a worker until `shutdown` is done, then finishes the calls under way.
pub async fn serve(
    listener: tokio::net::TcpListener,
    worker: Arc<LocalWorker>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    let draining = CancellationToken::new();
    let chunks = ChunkState { files: worker.files().clone(), draining: draining.clone() };
    let router = router(worker, chunks).await;
    let shutdown = async {
        shutdown.await;
        // Lanes never end by themselves.
        draining.cancel();
    };
    connections::serve(listener, router, shutdown).await.map_err(Error::internal)
}

async fn router(worker: Arc<dyn Worker>, chunks: ChunkState) -> axum::Router {
    let (health_reporter, health) = tonic_health::server::health_reporter();
    health_reporter.set_service_status("", tonic_health::ServingStatus::Serving).await;
    let catalog = CatalogServiceServer::new(catalog::Catalog::new(Arc::clone(&worker)))
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let evaluation = EvaluationServiceServer::new(evaluation::Evaluation::new(Arc::clone(&worker)))
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let sources = SourceServiceServer::new(evaluation::Evaluation::new(Arc::clone(&worker)))
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let uncopied = axum::Router::new()
        .route("/cloudify.v1.EvaluationService/EvaluateChunk", post(evaluate_chunk::evaluate_chunk))
        .with_state(Arc::clone(&worker));
    let same_catalog = axum::middleware::from_fn_with_state(Arc::clone(&worker), same_catalog::check);
    let registration = RegistrationServiceServer::new(registration::Registration::new(worker))
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    Routes::new(health)
        .add_service(catalog)
        .add_service(registration)
        .add_service(evaluation)
        .add_service(sources)
        .into_axum_router()
        .merge(uncopied)
        .layer(axum::middleware::from_fn(deadline::bound))
        .merge(chunk_routes(chunks))
        .layer(same_catalog)
}

fn chunk_routes(state: ChunkState) -> axum::Router {
    axum::Router::new()
        .route("/cloudify.v1.ChunkService/ReadRange", post(read_range::read_range))
        .route("/cloudify.v1.ChunkService/ReadSmallRanges", post(lane::read_small_ranges))
        .with_state(state)
}

#[cfg(test)]
mod tests;
