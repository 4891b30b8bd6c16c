//! Calls of the admin API and what their failures mean for the person at the terminal.

use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::ServerOptions;
use crate::exit::Failure;

/// A server's API.
pub(crate) struct Api {
    http: reqwest::Client,
    base: Url,
    token: Option<String>,
}

impl Api {
    /// The API of the server of `options`.
    pub(crate) fn new(options: &ServerOptions) -> Result<Self, Failure> {
        let mut base = Url::parse(&options.server)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                Failure::Configuration(format!("{} is no http:// URL of a server", options.server))
            })?;
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(std::time::Duration::from_secs(10))
            .build()
            .map_err(|error| Failure::Failed(error.to_string()))?;
        Ok(Self { http, base, token: options.token.clone() })
    }

    /// A public document.
    pub(crate) async fn get_public<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let url = self.base.join(path).map_err(|error| Failure::Failed(error.to_string()))?;
        decode(self.send(self.http.get(url)).await?).await
    }

    /// A document of the admin API.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Failure> {
        decode(self.send(self.request(Method::GET, path)?).await?).await
    }

    /// Deletes something.
    pub(crate) async fn delete(&self, path: &[&str]) -> Result<(), Failure> {
        self.send(self.request(Method::DELETE, path)?).await.map(drop)
    }

    /// Posts a document and takes the answer.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &[&str], body: &Value) -> Result<T, Failure> {
        decode(self.send(self.request(Method::POST, path)?.json(body)).await?).await
    }

    /// Changes something by a document and takes the answer.
    pub(crate) async fn patch<T: DeserializeOwned>(&self, path: &[&str], body: &Value) -> Result<T, Failure> {
        decode(self.send(self.request(Method::PATCH, path)?.json(body)).await?).await
    }

    /// Posts a document and takes the answer as a stream of events.
    pub(crate) async fn post_for_events(&self, path: &[&str], body: &Value) -> Result<Response, Failure> {
        self.send(self.request(Method::POST, path)?.header("accept", "text/event-stream").json(body)).await
    }

    fn request(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, Failure> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::Configuration("the server's URL cannot have a path".into()))?
            .pop_if_empty()
            .extend(["admin", "v1"])
            .extend(path);
        let token = self.token.as_ref().ok_or_else(|| {
            Failure::Configuration(
                "no token: set CLOUDIFY_ADMIN_TOKEN to a token that the server knows".into(),
            )
        })?;
        Ok(self.http.request(method, url).bearer_auth(token))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| {
            let mut text = format!("no server answers at {}: {error}", self.base);
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            Failure::Unreachable(text)
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        Err(Failure::Failed(match problem_text(&text) {
            Some(detail) => format!("{detail} ({status})"),
            None => format!("the server answered {status}"),
        }))
    }
}

/// The `detail` of a problem document (RFC 9457).
pub(crate) fn problem_text(json: &str) -> Option<String> {
    let problem: Value = serde_json::from_str(json).ok()?;
    Some(problem["detail"].as_str().or(problem["title"].as_str())?.to_owned())
}

async fn decode<T: DeserializeOwned>(response: Response) -> Result<T, Failure> {
    response
        .json()
        .await
        .map_err(|error| Failure::Failed(format!("the server's answer is not as expected: {error}")))
}
