//! What is in a group or array of a store, as a page of links.
//!
//! Object stores can be listed; HTTP cannot, so file systems over it read the links of a page: fsspec joins each
//! `<a href="…">` to the address that it asked for, with or without a slash at the end. Without, a browser would join
//! to the directory above, so there the page names its own as the base. Links elsewhere are absolute: fsspec drops
//! what is not below the address.

use std::borrow::Cow;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::response::Response;
use engine::open::{Document, OpenDataset};
use engine::ports::Form;
use http::request::Parts;
use model::{Error, NodePath};

use crate::http::address::Address;
use crate::http::document::{self, Representation};
use crate::http::error::Failure;
use crate::http::opened::Opened;
use crate::http::page;
use crate::http::state::GatewayState;

/// A group or array that a path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node<'d> {
    Group(&'d NodePath),
    Array(&'d NodePath),
}

/// The node of a key, whatever slashes are around it; none where the dataset has no such node. Of a store whose address
/// ends with a slash zarr-python lists `kerchunk//` and `kerchunk//forecast`, and takes 404 for nothing in it.
/// An array is a directory only with a slash at the end: its bare name is a key that no store has.
pub(super) fn node<'d>(dataset: &'d OpenDataset, key: &str) -> Option<Node<'d>> {
    let path = key.trim_matches('/');
    if let Some((_, variable)) = dataset.variable(path) {
        return key.ends_with('/').then_some(Node::Array(&variable.path));
    }
    dataset.dataset().group(path).map(|group| Node::Group(&group.path))
}

/// What is in the root of a dataset's store.
///
/// A page whose links are the groups, arrays and metadata documents in it, as file systems over HTTP (fsspec) list
/// directories. Each group and array has one too.
#[utoipa::path(
    get, path = "/datasets/{id}/kerchunk/", tag = "Zarr",
    params(("id" = String, Path, description = "Dataset id")),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "The page"),
    )
)]
pub(in crate::http) async fn root(
    State(state): State<Arc<GatewayState>>,
    Opened(dataset): Opened,
    request: Request,
) -> Result<Response, Failure> {
    let (request, _) = request.into_parts();
    let (store, _) = Address::of(request.uri.path())?.store()?;
    let form = super::form(&dataset, store)?;
    answer(&state, &request, &dataset, &form, &Node::Group(&NodePath::root())).await
}

/// Answers with the page of a node.
pub(super) async fn answer(
    state: &GatewayState,
    request: &Parts,
    dataset: &OpenDataset,
    form: &Form,
    node: &Node<'_>,
) -> Result<Response, Failure> {
    let page = ListingPage::new(request, dataset, form, node).render().map_err(Error::internal)?;
    let published_ms = dataset.published().published_ms;
    let document = Cow::Owned(Document::new(page));
    document::answer(state, request, Representation::metadata(state, document, Some(published_ms)).page())
        .await
}

#[derive(Template)]
#[template(path = "listing.html")]
struct ListingPage {
    root: String,
    id: String,
    segment: String,
    /// Where the store is below `/datasets/`, and the steps, of a view by URL.
    view: Option<(String, String)>,
    store: &'static str,
    /// Of the node in the store; the root's is empty.
    path: String,
    /// Where links begin, if not at the address.
    base: Option<String>,
    directories: Vec<Entry>,
    documents: &'static [&'static str],
}

struct Entry {
    name: String,
    href: String,
}

impl ListingPage {
    fn new(request: &Parts, dataset: &OpenDataset, form: &Form, node: &Node<'_>) -> Self {
        let id = dataset.published().id.as_str();
        let (path, directories, documents): (_, _, &[&str]) = match node {
            Node::Group(path) if path.as_str().is_empty() => {
                (*path, children(dataset, path), &[".zattrs", ".zgroup", ".zmetadata", "zarr.json"])
            }
            Node::Group(path) => (*path, children(dataset, path), &[".zattrs", ".zgroup", "zarr.json"]),
            Node::Array(path) => (*path, vec![], &[".zarray", ".zattrs", "zarr.json"]),
        };
        let last = if path.as_str().is_empty() { super::name(form) } else { path.name() };
        Self {
            root: page::root(request),
            id: id.to_owned(),
            segment: page::segment(id),
            view: dataset.steps().map(|steps| (page::asked_place(request, dataset), steps.to_string())),
            store: super::name(form),
            path: path.to_string(),
            base: (!request.uri.path().ends_with('/')).then(|| format!("{}/", encoded(last))),
            directories,
            documents,
        }
    }
}

/// The groups and arrays right in a group, in the order of the file.
fn children(dataset: &OpenDataset, of: &NodePath) -> Vec<Entry> {
    let dataset = dataset.dataset();
    let groups = dataset.groups.iter().map(|group| &group.path);
    let arrays = dataset.variables.iter().map(|variable| &variable.path);
    let inside = groups.chain(arrays).filter(|path| path.parent().as_ref() == Some(of));
    inside
        .map(|path| Entry { name: path.name().to_owned(), href: format!("{}/", encoded(path.name())) })
        .collect()
}

/// A name as one segment of a link. Letters of other scripts stay, as HTML allows: zarr-python takes the links for
/// names, and browsers and fsspec encode them as they ask.
fn encoded(name: &str) -> String {
    let mut buffer = [0; 4];
    let mut link = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_alphanumeric() {
            link.push(character);
        } else {
            link.push_str(&page::segment(character.encode_utf8(&mut buffer)));
        }
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_segment_of_a_link_and_stay_legible() {
        for (name, link) in [
            ("tas_2-m.x", "tas_2-m.x"),
            ("a b", "a%20b"),
            ("50%", "50%25"),
            ("\"><b>&'", "%22%3E%3Cb%3E%26%27"),
            ("http:x?y#z", "http%3Ax%3Fy%23z"),
            ("température", "température"),
            ("x\u{2028}", "x%E2%80%A8"),
        ] {
            assert_eq!(encoded(name), link);
        }
    }
}
