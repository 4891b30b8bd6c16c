//! What a path below `/datasets/` names: a dataset or a view of one, and what is asked of it.

use std::borrow::Cow;
use std::sync::Arc;

use engine::open::{Datasets, OpenDataset};
use model::{Error, Result};
use percent_encoding::percent_decode_str;

/// What of a dataset shows its diagnostics as variables: the decoded store, and what tells of that. Not the stored one, which
/// has bytes of sources alone.
const SHOW_DIAGNOSTICS: [&str; 5] = ["", "zarr", "keys", "dict", "info"];

/// A path, taken apart before anything is decoded, so that no encoded slash divides it. Read here rather than by axum's
/// extractor, which copies.
pub(super) struct Address<'p> {
    id: Cow<'p, str>,
    view: View<'p>,
    /// What follows, without a slash before it, still encoded.
    pub(super) rest: &'p str,
}

/// What of the dataset.
#[derive(Debug, PartialEq, Eq)]
enum View<'p> {
    /// The dataset itself.
    None,
    /// The view of steps, as they came.
    Steps(Cow<'p, str>),
    /// The view of a name.
    Named(Cow<'p, str>),
}

impl<'p> Address<'p> {
    /// Takes a path apart: `/datasets/{id}/{rest}`, with `view/{steps}` or `views/{name}` between the two.
    pub(super) fn of(path: &'p str) -> Result<Self> {
        let below = path.strip_prefix("/datasets/").ok_or_else(|| Error::not_found("Not Found"))?;
        let (id, rest) = first(below);
        let (view, rest) = if let Some((steps, rest)) = rest.strip_prefix("view/").map(first) {
            (View::Steps(decoded(steps)?), rest)
        } else if let Some((name, rest)) = rest.strip_prefix("views/").map(first) {
            (View::Named(decoded(name)?), rest)
        } else {
            (View::None, rest)
        };
        Ok(Self { id: decoded(id)?, view, rest })
    }

    /// Opens the dataset or view.
    pub(super) async fn open(&self, datasets: &Datasets) -> Result<Arc<OpenDataset>> {
        self.open_for(first(self.rest).0, datasets).await
    }

    /// Opens the dataset or view for what is asked of it: a store, or what tells of it.
    pub(super) async fn open_for(&self, part: &str, datasets: &Datasets) -> Result<Arc<OpenDataset>> {
        match &self.view {
            View::Steps(steps) => datasets.open_view(&self.id, &engine::encoding::parse(steps)?).await,
            View::Named(name) => datasets.open_named_view(&self.id, name).await,
            View::None if SHOW_DIAGNOSTICS.contains(&part) => datasets.open_with_diagnostics(&self.id).await,
            View::None => datasets.open(&self.id).await,
        }
    }

    /// The name of the view, where it has one.
    pub(super) fn name(&self) -> Option<&str> {
        if let View::Named(name) = &self.view { Some(name) } else { None }
    }

    /// The variable, coordinate and action of a diagnostic, decoded; none where it is no path of one.
    pub(super) fn diagnostic(&self) -> Result<Option<[String; 3]>> {
        let parts: Option<Vec<&str>> =
            self.rest.strip_prefix("groupby/").map(|rest| rest.split('/').collect());
        let Some(Ok([variable, coord, action])) = parts.map(<[&str; 3]>::try_from) else { return Ok(None) };
        let decoded = |text| decoded(text).map(Cow::into_owned);
        Ok(Some([decoded(variable)?, decoded(coord)?, decoded(action)?]))
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
    let address = Address::of(path).ok()?;
    let message = match address.view {
        View::None => return None,
        View::Steps(_) => {
            "Not Found: behind the steps of a view stand zarr, info, dict or keys; a slash in steps is written ~s"
        }
        View::Named(_) => "Not Found: behind the name of a view stand zarr, info, dict or keys",
    };
    let is_chunk_like = zarr::key::is_chunk_like(address.rest);
    Some(if is_chunk_like { Error::invalid(message) } else { Error::not_found(message) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_divided_before_it_is_decoded() {
        let steps = |text: &'static str| View::Steps(text.into());
        for (path, id, view, rest) in [
            ("/datasets/a%20b", "a b", View::None, ""),
            ("/datasets/a/", "a", View::None, ""),
            ("/datasets/a%2Fview/info", "a/view", View::None, "info"),
            ("/datasets/a/zarr//tas/0%2E0", "a", View::None, "zarr//tas/0%2E0"),
            ("/datasets/view/view/var=t", "view", steps("var=t"), ""),
            ("/datasets/a/view/var=g%2Ft%7Cmean/zarr/g/t/0", "a", steps("var=g/t|mean"), "zarr/g/t/0"),
            ("/datasets/a/views/m%2Dn/zarr/t/0", "a", View::Named("m-n".into()), "zarr/t/0"),
            ("/datasets/a/views", "a", View::None, "views"),
            ("/datasets/a/view/x%252F/zarr", "a", steps("x%2F"), "zarr"),
        ] {
            let address = Address::of(path).unwrap();
            assert_eq!((&*address.id, &address.view, address.rest), (id, &view, rest), "{path}");
        }
        assert_eq!(
            Address::of("/datasets/a/zarr/t/0%2E0").unwrap().store().unwrap(),
            ("zarr", "t/0.0".into())
        );
        assert!(Address::of("/datasets/a/view/%ff/zarr").is_err());
    }
}
