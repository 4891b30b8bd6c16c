//! Pages for people: the landing page and one for each dataset. Complete without scripts, in light and dark.

mod view;

use std::borrow::Cow;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::response::Response;
use engine::open::{Document, OpenDataset};
use http::HeaderMap;
use http::header::{ACCEPT, HOST};
use http::request::Parts;
use http::uri::Authority;
use model::Error;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use self::view::{DatasetPage, LandingPage};
use super::address::Address;
use super::document::{self, Representation};
use super::error::Failure;
use super::off_runtime::off_runtime;
use super::opened::Opened;
use super::state::GatewayState;

/// What stays as it is in one segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A short page with all datasets.
#[utoipa::path(get, path = "/", tag = "Datasets", responses((status = 200, body = String, content_type = "text/html", description = "The page")))]
pub(super) async fn landing(
    State(state): State<Arc<GatewayState>>,
    request: Request,
) -> Result<Response, Failure> {
    let catalog = state.in_time(state.datasets.catalog()).await?;
    let (request, _) = request.into_parts();
    let page = LandingPage::new(root(&request), &catalog);
    answer(&state, &request, page.render(), None).await
}

/// A dataset for people: dimensions, coordinates, data variables, attributes, and how to open it.
#[utoipa::path(
    get, path = "/datasets/{id}/", tag = "Datasets",
    params(("id" = String, Path, description = "Dataset id")),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "The page"),
    )
)]
pub(super) async fn dataset(
    State(state): State<Arc<GatewayState>>,
    Opened(dataset): Opened,
    request: Request,
) -> Result<Response, Failure> {
    let (request, _) = request.into_parts();
    let (root, place) = (root(&request), asked_place(&request, &dataset));
    let published_ms = Some(dataset.published().published_ms);
    let page = off_runtime(move || Ok(DatasetPage::new(root, place, &dataset).render())).await?;
    answer(&state, &request, page, published_ms).await
}

async fn answer(
    state: &GatewayState,
    request: &Parts,
    page: askama::Result<String>,
    published_ms: Option<i64>,
) -> Result<Response, Failure> {
    let document = Cow::Owned(Document::new(page.map_err(Error::internal)?));
    document::answer(state, request, Representation::metadata(state, document, published_ms).page()).await
}

/// This server's address as the client knows it, without a slash at the end: from `Host`, and from what a proxy says
/// in `X-Forwarded-Proto` and `X-Forwarded-Prefix`. Empty, so that links are of this server, where no name is given.
pub(super) fn root(request: &Parts) -> String {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let host = header(HOST.as_str()).or_else(|| request.uri.authority().map(Authority::as_str));
    let prefix = header("x-forwarded-prefix")
        .map(|prefix| prefix.trim_end_matches('/'))
        .filter(|prefix| is_path(prefix));
    let prefix = prefix.unwrap_or_default();
    let Some(host) =
        host.and_then(|host| host.parse::<Authority>().ok()).filter(|host| !host.as_str().contains('@'))
    else {
        return prefix.to_owned();
    };
    let protocol = match header("x-forwarded-proto") {
        Some(protocol) if protocol.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    };
    format!("{protocol}://{host}{prefix}")
}

fn is_path(prefix: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~');
    prefix.starts_with('/') && !prefix.starts_with("//") && prefix.bytes().all(is_plain)
}

/// Browsers name HTML first; scripts name JSON, anything, or nothing.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let place = |kind: &str| accept.find(kind).unwrap_or(usize::MAX);
    place("text/html") < place("application/json")
}

/// Where what a request asks for is below `/datasets/`, for links: a view that it names, by its name.
pub(super) fn asked_place(request: &Parts, dataset: &OpenDataset) -> String {
    let id = || segment(dataset.published().id.as_str());
    let address = Address::of(request.uri.path()).ok();
    let name = address.as_ref().and_then(Address::name);
    name.map_or_else(|| place(dataset), |name| format!("{}/views/{}", id(), segment(name)))
}

/// Where a dataset or a view of one is below `/datasets/`, for links; a view by its steps.
pub(super) fn place(dataset: &OpenDataset) -> String {
    let id = segment(dataset.published().id.as_str());
    match dataset.steps() {
        Some(steps) => format!("{id}/view/{}", steps.unreserved()),
        None => id,
    }
}

pub(super) fn segment(id: &str) -> String {
    utf8_percent_encode(id, SEGMENT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root_of(headers: &[(&str, &str)]) -> String {
        let mut request = http::Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        root(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn the_address_is_the_one_that_the_client_used() {
        assert_eq!(root_of(&[("host", "data.org:8080")]), "http://data.org:8080");
        assert_eq!(root_of(&[("host", "[::1]:80"), ("x-forwarded-proto", "HTTPS")]), "https://[::1]:80");
        assert_eq!(root_of(&[("host", "d.org"), ("x-forwarded-prefix", "/cmor/")]), "http://d.org/cmor");
        assert_eq!(root_of(&[]), "");
    }

    #[test]
    fn an_address_that_is_none_is_not_repeated() {
        assert_eq!(root_of(&[("host", "a\"><script>")]), "");
        assert_eq!(root_of(&[("host", "user@d.org")]), "");
        assert_eq!(root_of(&[("host", "d.org"), ("x-forwarded-proto", "javascript")]), "http://d.org");
        assert_eq!(root_of(&[("host", "d.org"), ("x-forwarded-prefix", "//evil.org")]), "http://d.org");
    }

    #[test]
    fn ids_are_one_segment_of_a_link() {
        assert_eq!(segment("icon-esm.v2024_1"), "icon-esm.v2024_1");
        assert_eq!(segment("a b?c#é%"), "a%20b%3Fc%23%C3%A9%25");
    }
}
