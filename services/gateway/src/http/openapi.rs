//! The OpenAPI document and its interactive page, served from the binary: nothing is fetched from elsewhere.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use engine::open::Document;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, StatusCode};
use model::Error;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, ObjectBuilder, Ref, Required, ResponseBuilder};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::{Config, Url};

use super::document::{self, Representation};
use super::error::{Failure, Problem};
use super::state::GatewayState;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Cloudify",
        description = "Earth-system-model data, served from where it lies as cloud-native datasets. \
            Every error is `application/problem+json`; its `detail` says what to change.",
    ),
    tags(
        (name = "Datasets", description = "Which datasets there are and what is in them"),
        (name = "Zarr", description = "Zarr stores, formats 2 and 3, for xarray and other Zarr clients"),
        (name = "Views", description = "What steps in a URL make of a dataset; `/view-steps` lists the steps"),
        (name = "Server", description = "What the server is made of"),
        (name = "Admin", description = "Registering datasets; off unless a token is configured"),
        (name = "Operations", description = "Health and metrics"),
    ),
    paths(
        super::page::landing, super::page::dataset,
        super::datasets::list, super::datasets::keys, super::datasets::dict, super::datasets::info,
        super::zarr::key, super::batch::chunks, super::plan::plan, super::tape::order, super::tape::recalls, super::zarr::listing::root,
        super::collection::zmetadata, super::collection::zgroup, super::collection::zattrs, super::collection::zarr_json,
        super::collection::dataset_zgroup, super::collection::dataset_zattrs, super::collection::dataset_zarr_json,
        super::view_steps::list, super::groupby::answer, super::server_info::versions, super::server_info::plugins, document,
        super::admin::list, super::admin::register, super::admin::show, super::admin::replace,
        super::admin::amend::amend, super::admin::amend::add_diagnostic, super::admin::amend::remove_diagnostic,
        super::admin::remove, super::admin::refresh_dataset, super::admin::roll_back,
        super::health::live, super::health::ready, super::health::metrics,
    ),
    components(schemas(Problem)),
    modifiers(&Bearer, &Decoded, &Views, &Problems),
)]
struct Api;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        api.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

/// Operations on stores, which the decoded view has in the same words at its own paths.
const OF_BOTH_VIEWS: [(&str, &str, &str); 2] = [
    ("{key}", "decoded_key", "A key of a dataset's store, decoded where readers lack a codec."),
    ("", "decoded_root", "What is in the root of a dataset's decoded store."),
];

struct Decoded;

impl Modify for Decoded {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        for (end, id, summary) in OF_BOTH_VIEWS {
            let stored = format!("/datasets/{{id}}/{}/{end}", zarr::collection::STORE);
            let Some(mut item) = api.paths.paths.get(&stored).cloned() else { continue };
            if let Some(operation) = &mut item.get {
                operation.operation_id = Some(id.to_owned());
                operation.summary = Some(summary.to_owned());
            }
            api.paths.paths.insert(format!("/datasets/{{id}}/zarr/{end}"), item);
        }
    }
}

/// Operations on datasets that views by URL have too, at the same place behind the steps.
const OF_VIEWS: [(&str, &str, &str); 7] = [
    ("zarr/{key}", "view_key", "A key of a view's store, made by the steps as it is asked for."),
    (
        "chunks",
        "view_chunks",
        "Many keys of a view's store at once, made by the steps as they are asked for.",
    ),
    ("zarr/", "view_root", "What is in the root of a view's store."),
    ("", "view", "A view for people: what the steps make of the dataset, and how to open it."),
    ("keys", "view_keys", "Names of a view's variables: data variables first, then coordinates."),
    ("dict", "view_dict", "A view as `xarray.Dataset.to_dict(data=False)` shows it once decoded."),
    (
        "info",
        "view_info",
        "A view: dimensions, variables with their types and attributes, global attributes.",
    ),
];

struct Views;

impl Modify for Views {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        for (end, id, summary) in OF_VIEWS {
            let Some(item) = api.paths.paths.get(&format!("/datasets/{{id}}/{end}")).cloned() else {
                continue;
            };
            for (place, parameter, id, is_by_steps) in [
                ("view/{steps}", steps(), id.to_owned(), true),
                ("views/{name}", name(), format!("named_{id}"), false),
            ] {
                let mut item = item.clone();
                if let Some(operation) = item.get.as_mut().or(item.post.as_mut()) {
                    operation.operation_id = Some(id);
                    operation.summary = Some(summary.to_owned());
                    operation.description = None;
                    operation.tags = Some(vec!["Views".to_owned()]);
                    let parameters = operation.parameters.get_or_insert_default();
                    parameters.insert(parameters.len().min(1), parameter.into());
                    if is_by_steps {
                        operation.responses.responses.insert("400".to_owned(), no_steps().into());
                    }
                }
                api.paths.paths.insert(format!("/datasets/{{id}}/{place}/{end}"), item);
            }
        }
    }
}

fn steps() -> Parameter {
    path_parameter(
        "steps",
        "Steps of the view, `|` between them, in one segment of the path. Any character may be percent-encoded, or \
        in its second spelling: `~p` is `|`, `~s` is `/`. See `/view-steps`.",
        super::view_steps::EXAMPLE,
    )
}

fn name() -> Parameter {
    path_parameter(
        "name",
        "Name of a view, which its administrator gave it; `info` of the dataset lists them.",
        "monthly",
    )
}

fn path_parameter(name: &str, description: &str, example: &str) -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(text))
        .example(Some(example.into()))
        .build()
}

fn no_steps() -> utoipa::openapi::Response {
    problem(
        "The steps are none: which of them, where, why, and what would be right; or the dataset cannot have them",
    )
}

fn problem(description: &str) -> utoipa::openapi::Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}

/// Whatever the operation, what goes wrong is told in the same way.
struct Problems;

impl Modify for Problems {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let problem = problem("What went wrong, and what to change");
        let operations = api.paths.paths.values_mut().flat_map(|path| {
            [&mut path.get, &mut path.put, &mut path.patch, &mut path.post, &mut path.delete]
                .into_iter()
                .flatten()
        });
        for operation in operations {
            operation.responses.responses.entry("default".into()).or_insert_with(|| problem.clone().into());
        }
    }
}

/// The OpenAPI document as text. Written once: it depends on nothing but the code.
pub(super) fn json() -> Result<&'static Document, Error> {
    static DOCUMENT: LazyLock<Result<Document, String>> =
        LazyLock::new(|| Api::openapi().to_json().map(Document::new).map_err(|error| error.to_string()));
    DOCUMENT.as_ref().map_err(Error::internal)
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "Server", responses((status = 200, body = serde_json::Value, description = "OpenAPI 3.1")))]
pub(super) async fn document(
    State(state): State<Arc<GatewayState>>,
    request: Request,
) -> Result<Response, Failure> {
    let (request, _) = request.into_parts();
    let representation = Representation::metadata(&state, Cow::Borrowed(json()?), None);
    document::answer(&state, &request, representation).await
}

/// The page's own links are relative and want the slash.
pub(super) async fn docs_redirect() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(LOCATION, HeaderValue::from_static("docs/"))]).into_response()
}

/// The interactive page.
pub(super) async fn docs() -> Result<Response, Failure> {
    swagger_file("index.html")
}

/// What the page is made of.
pub(super) async fn docs_file(Path(file): Path<String>) -> Result<Response, Failure> {
    swagger_file(&file)
}

fn swagger_file(name: &str) -> Result<Response, Failure> {
    let config = Arc::new(Config::new([Url::from("../openapi.json")]));
    let file = utoipa_swagger_ui::serve(name, config).map_err(Error::internal)?;
    let file = file.ok_or_else(|| Error::not_found("the documentation page has no such part"))?;
    let content_type = HeaderValue::from_str(&file.content_type).map_err(Error::internal)?;
    Ok((StatusCode::OK, [(CONTENT_TYPE, content_type)], file.bytes.into_owned()).into_response())
}
