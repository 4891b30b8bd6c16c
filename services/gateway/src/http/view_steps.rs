//! `/view-steps`: what a view by URL can be made of.

use std::borrow::Cow;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::response::Response;
use engine::open::Document;
use http::HeaderValue;
use http::header::VARY;
use model::Error;
use serde::Serialize;
use utoipa::ToSchema;
use views::Steps;

use super::document::{self, Representation};
use super::error::Failure;
use super::page;
use super::state::GatewayState;

/// A view whose spellings pages and documents show.
pub(super) const EXAMPLE: &str = "sel=lat:30..60,lon:-10..40|resample=time:1D:mean|bitround=9";

/// What views are made of.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ViewSteps {
    /// Every step.
    steps: Vec<StepDescription>,
    /// Second spellings of characters, which every URL, proxy and shell leaves alone.
    escapes: Vec<Escape>,
}

/// One step.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StepDescription {
    /// What stands before the `=`.
    #[schema(example = "bitround")]
    name: &'static str,
    /// The form of what stands after it.
    #[schema(example = "BITS, or VARIABLE:BITS,…")]
    arguments: &'static str,
    /// What it does.
    summary: &'static str,
    /// Whole steps.
    examples: &'static [&'static str],
    /// What others call it: suggested in errors, not read.
    synonyms: &'static [&'static str],
}

/// A character's second spelling.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Escape {
    /// The character, or which.
    #[schema(example = "|")]
    character: String,
    /// How it is spelled.
    #[schema(example = "~p")]
    spelling: String,
}

impl ViewSteps {
    fn all() -> Self {
        let step = |step: &'static views::Description| StepDescription {
            name: step.name,
            arguments: step.arguments,
            summary: step.summary,
            examples: step.examples,
            synonyms: step.synonyms,
        };
        let escape = |(character, letter): &(char, char)| Escape {
            character: character.to_string(),
            spelling: format!("~{letter}"),
        };
        let any = Escape {
            character: "any byte of UTF-8".into(),
            spelling: "~x and two hexadecimal digits".into(),
        };
        Self {
            steps: views::descriptions().map(step).collect(),
            escapes: views::ESCAPES.iter().map(escape).chain([any]).collect(),
        }
    }
}

/// Steps of views by URL.
///
/// `/datasets/{id}/view/{steps}/zarr` is a store of what the steps, `|` between them, make of a dataset. Each is listed with
/// its arguments and examples: as JSON or, for browsers, as a page.
#[utoipa::path(
    get, path = "/view-steps", tag = "Views", operation_id = "view_steps",
    responses((status = 200, description = "Every step, and second spellings of characters", content(
        (ViewSteps = "application/json"), (String = "text/html")))),
)]
pub(super) async fn list(
    State(state): State<Arc<GatewayState>>,
    request: Request,
) -> Result<Response, Failure> {
    let (request, _) = request.into_parts();
    let wants_page = page::is_wanted(&request.headers);
    let document = if wants_page {
        let steps = Steps::parse(EXAMPLE).map_err(Error::internal)?;
        let unreserved = steps.unreserved();
        let page =
            ViewStepsPage { root: page::root(&request), all: ViewSteps::all(), example: EXAMPLE, unreserved };
        Document::new(page.render().map_err(Error::internal)?)
    } else {
        Document::new(serde_json::to_vec(&ViewSteps::all()).map_err(Error::internal)?)
    };
    let representation = Representation::metadata(&state, Cow::Owned(document), None);
    let representation = if wants_page { representation.page() } else { representation };
    let mut response = document::answer(&state, &request, representation).await?;
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

#[derive(Template)]
#[template(path = "view_steps.html")]
struct ViewStepsPage {
    root: String,
    all: ViewSteps,
    example: &'static str,
    unreserved: String,
}
