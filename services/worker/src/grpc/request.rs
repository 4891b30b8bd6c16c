//! Requests of the calls that we frame ourselves, and the ends of their answers.

use axum::body::Body;
use bytes::Bytes;
use cloudify_proto::framing::Messages;
use cloudify_proto::status::to_status;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body_util::BodyExt as _;
use model::{Error, Result};

/// Longest request message, in bytes: a path and a few numbers.
pub(super) const REQUEST_BYTES_MAX: usize = 64 << 10;

/// The one message of a request, of at most so many bytes.
pub(super) async fn only_message(body: Body, bytes_max: usize) -> Result<Bytes> {
    let body = http_body_util::Limited::new(body, bytes_max).collect();
    let body =
        body.await.map_err(|error| Error::invalid("the request cannot be read").with_internal(error))?;
    let mut messages = Messages::new(bytes_max);
    messages.push(body.to_bytes());
    let message = messages.next_message().map_err(|error| malformed(&error))?;
    message.ok_or_else(|| malformed(&"no whole message"))
}

/// The refusal of what is no message of ours.
pub(super) fn malformed(how: &dyn std::fmt::Display) -> Error {
    Error::invalid("the request is malformed").with_internal(how)
}

/// An answer whose status follows its body.
pub(super) fn answer(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// An answer that is only a failure.
pub(super) fn refusal(error: &Error) -> Response<Body> {
    to_status(error).into_http()
}

/// The end of an answer.
pub(super) fn trailers(outcome: std::result::Result<(), &Error>) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(4);
    let status = match outcome {
        Ok(()) => tonic::Status::new(tonic::Code::Ok, ""),
        Err(error) => to_status(error),
    };
    if status.add_header(&mut trailers).is_err() {
        trailers.insert(tonic::Status::GRPC_STATUS, HeaderValue::from_static("13"));
    }
    trailers
}
