//! `/datasets/{id}/groupby/{variable}/{coord}/{action}`: one value for each group of places, for people and scripts.
//!
//! ```text
//! path ── question ─▶ Steps of a view ── open_view ─▶ chunks, a few at once ── values ─▶ Table ─▶ page, JSON, CSV, NetCDF
//! ```
//! It is the view `var=…|groupby=…` rendered, so whatever is too large for an answer is there as Zarr.

mod csv;
mod format;
mod json;
mod netcdf;
mod page;
mod table;
mod values;

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use engine::diagnostics::Question;
use engine::etag;
use engine::open::{Document, OpenDataset};
use fair::Admitted;
use futures::stream;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, LOCATION, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use model::Error;
use serde::Deserialize;
use utoipa::IntoParams;
use views::steps::Compression as Encoded;
use views::{Step, Steps};

use self::format::Format;
pub(super) use self::table::BYTES_MAX;
use super::conditional::Validators;
use super::document::{self, Compression, HTML, JSON, Representation};
use super::error::Failure;
use super::off_runtime::off_runtime;
use super::opened::Opened;
use super::page as pages;
use super::state::GatewayState;

/// Answers of more values than this are sent as they are written, without a length.
const WHOLE_VALUES_MAX: usize = 1 << 16;

/// What is beside the path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Options {
    /// In which form; left out, as `Accept` says.
    #[param(inline, example = "json")]
    format: Option<String>,
}

/// The group-by diagnostic of a variable.
///
/// One value for each group of places that share a part of their time (`time.month`, also year, season, day, dayofyear,
/// hour), a value of a coordinate (`lat`) or a bin (`lat:bins(0;30;60)`). Actions are mean, min, max, sum, count, first,
/// last, std, variance, median and `quantile(0.9)`; missing values are left out, as xarray leaves them out. For people it is
/// a page; JSON, CSV and NetCDF hold all values, up to a limit; `zarr` is a redirect to the same as a Zarr store, the view
/// by URL `var={variable}|groupby={coord}:{action}|codec=none`, which has none.
#[utoipa::path(
    get, path = "/datasets/{id}/groupby/{variable}/{coord}/{action}", tag = "Views", operation_id = "groupby",
    params(
        ("id" = String, Path, description = "Dataset id"),
        ("variable" = String, Path, description = "The variable", example = "tas"),
        ("coord" = String, Path, description = "What its groups share", example = "time.month"),
        ("action" = String, Path, description = "What is made of a group", example = "mean"),
        Options,
    ),
    responses(
        (status = 200, description = "The values of the groups", content(
            (String = "text/html"),
            (serde_json::Value = "application/json", example = json!({
                "name": "tas", "dims": ["month"], "shape": [2], "attrs": {"units": "K"},
                "coords": {"month": {"dims": ["month"], "attrs": {}, "values": [1, 2]}}, "values": [280.5, null]})),
            (String = "text/csv", example = "month,tas\n1,280.5\n2,\n"),
            (Vec<u8> = "application/netcdf"))),
        (status = 304, description = "The client has it"),
        (status = 307, description = "Where it is as a Zarr store"),
        (status = 400, body = super::error::Problem, content_type = "application/problem+json",
            description = "The variable cannot be grouped so, and why"),
        (status = 404, body = super::error::Problem, content_type = "application/problem+json",
            description = "No such dataset, variable, coordinate or action"),
        (status = 413, body = super::error::Problem, content_type = "application/problem+json",
            description = "The values are too many for one answer: they can be read as Zarr"),
    )
)]
pub(super) async fn answer(
    State(state): State<Arc<GatewayState>>,
    Opened(dataset): Opened,
    path: Result<Path<(String, String, String, String)>, PathRejection>,
    options: Result<Query<Options>, QueryRejection>,
    request: Request,
) -> Result<Response, Failure> {
    let (request, _) = request.into_parts();
    let Path((_, variable, coord, action)) =
        path.map_err(|_| Error::invalid("the path is not UTF-8 after percent-decoding"))?;
    let Query(options) =
        options.map_err(|error| Error::invalid(format!("the query: {}", error.body_text())))?;
    let format = Format::wanted(options.format.as_deref(), &request.headers)?;
    let question = Question::new(dataset.dataset(), &variable, &coord, &action)?;
    let flow = state.client(&request.headers, &request.extensions).flow();
    let rendered = flow.scope(render(&state, &request, &dataset, question, format));
    let mut response = state.in_time(rendered).await?;
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

async fn render(
    state: &GatewayState,
    request: &Parts,
    dataset: &OpenDataset,
    question: Question,
    format: Format,
) -> Result<Response, Failure> {
    let steps = uncompressed(&question.steps)?;
    let view = state.datasets.open_view(dataset.published().id.as_str(), &steps).await?;
    let place = question.place(view.dataset())?;
    let root = pages::root(request);
    let answer = Answer { state, request, view: &view, etag: tag(&view, format, &root) };
    if format == Format::Zarr {
        let location = format!("{root}/datasets/{}/zarr", pages::place(&view));
        let location = HeaderValue::from_str(&location).map_err(Error::internal)?;
        return Ok((StatusCode::TEMPORARY_REDIRECT, [(LOCATION, location)]).into_response());
    }
    let headers = answer.headers();
    if let Some(settled) = document::settled(&answer.validators(), &request.headers, &headers) {
        return Ok(settled);
    }
    let (table, admitted) =
        table::read(state, &view, place, &question.dimension, format == Format::Netcdf).await?;
    let count = table.value.len();
    let file = file_name(&question, format);
    match format {
        Format::Json => answer.pieces(json::pieces(&table), count, admitted, (JSON, None)).await,
        Format::Csv => {
            answer.pieces(csv::pieces(Arc::new(table)), count, admitted, (csv::CSV, Some(&file))).await
        }
        Format::Netcdf => {
            let attributes = view.dataset().attributes().cloned().unwrap_or_default();
            let bytes = off_runtime(move || netcdf::write(&table, &attributes)).await?;
            let bytes = Bytes::from_owner(Held { bytes, _admitted: admitted });
            answer.whole(bytes, Compression::Never, (netcdf::NETCDF, Some(&file))).await
        }
        Format::Html | Format::Zarr => {
            let page = page::Page::about(root, &view, &question);
            let page = off_runtime(move || page.render(&table)).await?;
            answer.whole(page, Compression::Negotiated, (HTML, None)).await
        }
    }
}

/// The same view with chunks that are elements.
fn uncompressed(steps: &Steps) -> Result<Steps, Error> {
    let steps = steps.as_slice().iter().cloned().chain([Step::Compression(Encoded::None)]);
    Steps::new(steps.collect()).ok_or_else(|| Error::internal("there are steps"))
}

/// Bytes whose memory is counted as taken until they are sent.
struct Held {
    bytes: Vec<u8>,
    _admitted: Admitted,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// An answer on its way.
struct Answer<'a> {
    state: &'a GatewayState,
    request: &'a Parts,
    view: &'a OpenDataset,
    etag: String,
}

/// A content type, and the name of the file where it is to be saved rather than shown.
type Kind<'a> = (HeaderValue, Option<&'a str>);

impl Answer<'_> {
    fn validators(&self) -> Validators {
        Validators::new(&self.etag, self.view.published().modified_ns)
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(ETAG, self.validators().etag_header());
        headers.insert(CACHE_CONTROL, self.state.metadata_cache_control.clone());
        headers
    }

    async fn whole(
        &self,
        bytes: impl Into<Bytes>,
        compression: Compression,
        (content_type, file): Kind<'_>,
    ) -> Result<Response, Failure> {
        let representation = Representation {
            document: Cow::Owned(Document { bytes: bytes.into(), etag: self.etag.clone() }),
            content_type,
            cache_control: self.state.metadata_cache_control.clone(),
            modified_ns: Some(self.view.published().modified_ns),
            compression,
        };
        let mut response = document::answer(self.state, self.request, representation).await?;
        save_as(&mut response, file);
        Ok(response)
    }

    /// Answers with text in pieces: at once if it is short, else as it is written, so that it is never in memory whole.
    async fn pieces(
        &self,
        pieces: impl Iterator<Item = String> + Send + 'static,
        count: usize,
        admitted: Admitted,
        (content_type, file): Kind<'_>,
    ) -> Result<Response, Failure> {
        if count <= WHOLE_VALUES_MAX {
            let text = off_runtime(move || Ok(pieces.collect::<String>())).await?;
            return self.whole(text, Compression::Negotiated, (content_type, file)).await;
        }
        let mut headers = self.headers();
        headers.insert(CONTENT_TYPE, content_type);
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let pieces = pieces.map(move |piece| {
            // Memory is counted as taken until the last piece is written.
            let _held = &admitted;
            Ok::<_, Infallible>(Bytes::from(piece))
        });
        let is_head = self.request.method == Method::HEAD;
        let body = if is_head { Body::empty() } else { Body::from_stream(stream::iter(pieces)) };
        let mut response = (StatusCode::OK, headers, body).into_response();
        save_as(&mut response, file);
        Ok(response)
    }
}

fn save_as(response: &mut Response, file: Option<&str>) {
    let header = file.map(|file| HeaderValue::from_str(&format!("attachment; filename=\"{file}\"")));
    if let Some(Ok(header)) = header {
        response.headers_mut().insert(CONTENT_DISPOSITION, header);
    }
}

/// The tag of an answer: that of the view and the form. A version never changes; how it is written may, with this program.
fn tag(view: &OpenDataset, format: Format, root: &str) -> String {
    let published = view.published();
    let steps = view.steps().map(ToString::to_string).unwrap_or_default();
    let root = if format == Format::Html { root } else { "" };
    let parts: [&str; 6] = [
        env!("CARGO_PKG_VERSION"),
        published.id.as_str(),
        &published.version.to_string(),
        &steps,
        format.name(),
        root,
    ];
    etag::of_bytes(parts.join("\n").as_bytes())
}

/// A name for a file: letters, digits and `-._` alone.
fn file_name(question: &Question, format: Format) -> String {
    let end = if format == Format::Netcdf { "nc" } else { format.name() };
    let name = format!("{}.{}.{}", question.variable, question.coord, question.action);
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' };
    format!("{}.{end}", name.chars().take(100).map(plain).collect::<String>())
}
