//! What operators ask of a worker over HTTP/1.1, on the port where gateways speak HTTP/2: metrics and health.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

/// How HTTP/2 connections begin ([RFC 9113 §3.4](https://www.rfc-editor.org/rfc/rfc9113#section-3.4)), as far as no
/// HTTP/1.1 method does.
const PREFACE: &[u8] = b"PRI ";
/// Longest time for a connection to say its first bytes, and for a request's head.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether the connection is an HTTP/2 one. A connection that stays silent counts as one: its handler has limits.
pub(super) async fn is_http2(stream: &TcpStream) -> bool {
    let mut begun = [0; PREFACE.len()];
    let looked = async {
        loop {
            match stream.peek(&mut begun).await {
                Ok(0) | Err(_) => return true,
                Ok(count) if begun[..count] != PREFACE[..count] => return false,
                Ok(count) if count == PREFACE.len() => return true,
                // The rest is on its way.
                Ok(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, looked).await.unwrap_or(true)
}

/// Answers `GET /metrics` and `GET /healthz/live` on a connection.
pub(super) async fn serve(stream: TcpStream) {
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    if let Err(error) = connection.await {
        tracing::debug!(%error, "an operator's connection ended");
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, text) = match request.uri().path() {
        "/metrics" => (StatusCode::OK, telemetry::metrics_text()),
        "/healthz/live" => (StatusCode::OK, "live\n".to_owned()),
        _ => (
            StatusCode::NOT_FOUND,
            "this is a worker: it has /metrics and /healthz/live, and gRPC\n".to_owned(),
        ),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let plain = header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    Ok(response)
}
