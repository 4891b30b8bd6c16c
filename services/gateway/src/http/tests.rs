//! The router in front of a worker in memory.

mod admin;
mod answers;
mod bad_input;
mod batch;
mod chunks;
mod diagnostics;
mod dict;
mod groupby;
mod listing;
mod named_views;
mod pages;
mod views;
mod worker;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use self::worker::MemoryWorker;
use super::{GatewayState, router};
use crate::settings::{AdminSettings, HttpSettings, LimitsSettings, Role, TokenSettings};

/// A gateway and its worker.
struct Gateway {
    worker: Arc<MemoryWorker>,
    state: Arc<GatewayState>,
    router: Router,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Gateway {
    fn new() -> Self {
        Self::with(
            HttpSettings { worker_timeout_seconds: 1, body_bytes_max: 1000, ..HttpSettings::default() },
            tokens(),
        )
    }

    fn with(http: HttpSettings, admin: AdminSettings) -> Self {
        let worker = Arc::new(MemoryWorker::new());
        let state = GatewayState::new(Arc::clone(&worker) as Arc<_>, http, admin, &LimitsSettings::default())
            .unwrap();
        Self { router: router(Arc::clone(&state)), state, worker }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::GET, path, headers, "").await
    }

    async fn head(&self, path: &str) -> Answer {
        self.send(Method::HEAD, path, &[], "").await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let response = self.respond(method, path, headers, body).await;
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    async fn respond(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap()
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn detail(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        problem["detail"].as_str().unwrap().to_owned()
    }
}

/// Tokens `view`, `edit` and `rule`.
fn tokens() -> AdminSettings {
    use sha2::Digest as _;
    let token = |name: &str, role| TokenSettings {
        name: format!("{name}er"),
        sha256: format!("{:x}", sha2::Sha256::digest(name)),
        role,
    };
    AdminSettings {
        tokens: vec![
            token("view", Role::Viewer),
            token("edit", Role::Editor),
            token("rule", Role::Administrator),
        ],
    }
}
