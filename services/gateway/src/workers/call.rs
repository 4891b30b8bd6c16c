//! Heads and ends of gRPC calls that we make ourselves.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use cloudify_proto::CATALOG_HEADER;
use cloudify_proto::framing::put_message;
use cloudify_proto::status::from_status;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version, header};
use model::{Error, Result};
use tonic::Status;
use tonic::metadata::{MetadataKey, MetadataValue};

use super::catalog_id::CatalogId;
use super::connection::Target;
use super::unavailable;

/// A request with its deadline, the current trace and the catalog that it is for.
pub(super) fn request<T>(message: T, timeout: Option<Duration>, catalog: &CatalogId) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    if let Some(timeout) = timeout {
        request.set_timeout(timeout);
    }
    telemetry::propagation::pass_trace_on(|name, value| {
        if let (Ok(name), Ok(value)) =
            (MetadataKey::from_bytes(name.as_bytes()), MetadataValue::try_from(value))
        {
            request.metadata_mut().insert(name, value);
        }
    });
    if let Some(value) = catalog.now().and_then(|id| MetadataValue::try_from(&*id).ok()) {
        request.metadata_mut().insert(CATALOG_HEADER, value);
    }
    request
}

/// The head of a call of `ChunkService`, with the current trace and the catalog that it is for.
pub(super) fn head(target: &Target, method: &str) -> Result<Request<()>> {
    let uri = Uri::builder()
        .scheme("http")
        .authority(target.authority.clone())
        .path_and_query(format!("/cloudify.v1.ChunkService/{method}"))
        .build()
        .map_err(Error::internal)?;
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_2;
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    telemetry::propagation::pass_trace_on(|name, value| {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    });
    if let Some(value) = target.catalog.now().and_then(|id| HeaderValue::try_from(&*id).ok()) {
        headers.insert(CATALOG_HEADER, value);
    }
    Ok(request)
}

/// The current trace, for reads that have no head of their own; empty where there is none.
pub(super) fn traceparent() -> String {
    let mut traceparent = String::new();
    telemetry::propagation::pass_trace_on(|name, value| {
        if name == "traceparent" {
            traceparent = value;
        }
    });
    traceparent
}

/// A message as one frame.
pub(super) fn framed(message: &impl prost::Message) -> Bytes {
    let mut frame = BytesMut::new();
    put_message(message, &mut frame);
    frame.freeze()
}

/// Checks the head of an answer: a failure may be all of it.
pub(super) fn check_head(status: StatusCode, headers: &HeaderMap) -> Result<()> {
    if status != StatusCode::OK {
        return Err(unavailable(format!("HTTP status {status}")));
    }
    match Status::from_header_map(headers) {
        Some(status) => outcome(&status),
        None => Ok(()),
    }
}

/// Checks the end of an answer, which must have a status.
pub(super) fn check_trailers(trailers: Option<&HeaderMap>) -> Result<()> {
    match trailers.and_then(Status::from_header_map) {
        Some(status) => outcome(&status),
        None => Err(unavailable("the answer has no status")),
    }
}

fn outcome(status: &Status) -> Result<()> {
    if status.code() == tonic::Code::Ok { Ok(()) } else { Err(from_status(status)) }
}
