//! What a path below `/datasets/` names: a dataset or a view of one, and what is asked of it.

use std::borrow::Cow;
use std::sync::Arc;

use engine::open::{Datasets, OpenDataset};
use model::{Error, Result};
use percent_encoding::percent_decode_str;

/// A path, taken apart before anything is decoded, so that no encoded slash divides it. Read here rather than by axum's
/// extractor, which copies.
pub(super) struct Address<'p> {
    id: Cow<'p, str>,
    /// Steps of a view, as they came.
    steps: Option<Cow<'p, str>>,
    /// What follows, without a slash before it, still encoded.
    pub(super) rest: &'p str,
}

impl<'p> Address<'p> {
    /// Takes a path apart: `/datasets/{id}/{rest}` or `/datasets/{id}/view/{steps}/{rest}`.
    pub(super) fn of(path: &'p str) -> Result<Self> {
        let below = path.strip_prefix("/datasets/").ok_or_else(|| Error::not_found("Not Found"))?;
        let (id, rest) = first(below);
        let (steps, rest) = match rest.strip_prefix("view/").map(first) {
            Some((steps, rest)) => (Some(decoded(steps)?), rest),
            None => (None, rest),
        };
        Ok(Self { id: decoded(id)?, steps, rest })
    }

    /// Opens the dataset or view.
    pub(super) async fn open(&self, datasets: &Datasets) -> Result<Arc<OpenDataset>> {
        match &self.steps {
            Some(steps) => datasets.open_view(&self.id, &engine::encoding::parse(steps)?).await,
            None => datasets.open(&self.id).await,
        }
    }

    /// The store and the key in it, which is decoded; empty where the store itself is asked for.
    pub(super) fn store(&self) -> Result<(&'p str, Cow<'p, str>)> {
        let (store, key) = first(self.rest);
        Ok((store, decoded(key)?))
    }
}

/// The first segment of a path, and the rest.
fn first(path: &str) -> (&str, &str) {
    path.split_once('/').unwrap_or((path, ""))
}

fn decoded(text: &str) -> Result<Cow<'_, str>> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map_err(|_| Error::invalid("the path is not UTF-8 after percent-decoding"))
}

/// The error of a path of a view that no route has; none of other paths. Most often a slash in the steps divides it. What
/// looks like a chunk is not said to be missing: a client would fill it in.
pub(super) fn no_part_of_a_view(path: &str) -> Option<Error> {
    let address = Address::of(path).ok().filter(|address| address.steps.is_some())?;
    let message = "Not Found: behind the steps of a view stand zarr, info, dict or keys; a slash in steps is written ~s";
    let is_chunk_like = zarr::key::is_chunk_like(address.rest);
    Some(if is_chunk_like { Error::invalid(message) } else { Error::not_found(message) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_divided_before_it_is_decoded() {
        for (path, id, steps, rest) in [
            ("/datasets/a%20b", "a b", None, ""),
            ("/datasets/a/", "a", None, ""),
            ("/datasets/a%2Fview/info", "a/view", None, "info"),
            ("/datasets/a/zarr//tas/0%2E0", "a", None, "zarr//tas/0%2E0"),
            ("/datasets/view/view/var=t", "view", Some("var=t"), ""),
            ("/datasets/a/view/var=g%2Ft%7Cmean/zarr/g/t/0", "a", Some("var=g/t|mean"), "zarr/g/t/0"),
            ("/datasets/a/view/x%252F/zarr", "a", Some("x%2F"), "zarr"),
        ] {
            let address = Address::of(path).unwrap();
            assert_eq!((&*address.id, address.steps.as_deref(), address.rest), (id, steps, rest), "{path}");
        }
        assert_eq!(
            Address::of("/datasets/a/zarr/t/0%2E0").unwrap().store().unwrap(),
            ("zarr", "t/0.0".into())
        );
        assert!(Address::of("/datasets/a/view/%ff/zarr").is_err());
    }
}
