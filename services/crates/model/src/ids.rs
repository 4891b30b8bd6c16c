//! Names that are parsed once, at the rim, and trusted inside.

use std::fmt;

use crate::Error;

/// The name of a dataset: one path segment of a URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatasetId(String);

impl DatasetId {
    /// Longest id, in bytes.
    pub const LENGTH_MAX: usize = 200;

    /// Checks an id: 1 to 200 bytes of UTF-8 without `/`, `\` or control characters, not beginning with a dot
    /// (so never `.zmetadata`) and not `zarr.json`, because these are keys of the collection.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let fault = if text.is_empty() {
            "is empty"
        } else if text.len() > Self::LENGTH_MAX {
            "is longer than 200 bytes"
        } else if text.starts_with('.') {
            "begins with a dot"
        } else if text == "zarr.json" {
            "is a reserved name"
        } else if text.chars().any(|c| c == '/' || c == '\\' || c.is_control()) {
            "has a slash, backslash or control character"
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(Error::invalid(format!("dataset id {fault}")))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DatasetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A published state of a dataset. Counts from 1; a version never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The path of a group or array in its dataset: segments joined by `/`, none empty; the root's is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodePath(String);

impl NodePath {
    /// The root group.
    pub fn root() -> Self {
        Self::default()
    }

    /// Checks a path: no empty, `.` or `..` segment, no NUL, no segment that is a Zarr document's name.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Ok(Self::root());
        }
        let reserved =
            |segment: &str| matches!(segment, "" | "." | ".." | "zarr.json") || segment.starts_with(".z");
        if text.contains('\0') || text.split('/').any(reserved) {
            return Err(Error::invalid(format!("{text:?} is no path of a group or variable")));
        }
        Ok(Self(text.to_owned()))
    }

    /// The path of a child, unchecked names refused as [`parse`](Self::parse) does.
    pub fn join(&self, name: &str) -> Result<Self, Error> {
        if name.is_empty() || name.contains('/') {
            return Err(Error::invalid(format!("{name:?} is no name of a group or variable")));
        }
        if self.0.is_empty() { Self::parse(name) } else { Self::parse(&format!("{}/{name}", self.0)) }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment; the root's is empty.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The path of the group around it; none for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.0.is_empty() {
            return None;
        }
        Some(Self(self.0.rsplit_once('/').map(|(parent, _)| parent.to_owned()).unwrap_or_default()))
    }

    /// What a name means to the node of this path: what is found in its group, or else in one around it
    /// ([CF §2.7, Groups](https://cfconventions.org/cf-conventions/cf-conventions.html#groups)).
    pub fn resolve<T>(&self, name: &str, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let mut group = self.parent();
        while let Some(around) = group {
            if let Some(found) = around.join(name).ok().and_then(|path| find(path.as_str())) {
                return Some(found);
            }
            group = around.parent();
        }
        find(name)
    }
}

impl fmt::Display for NodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_production_parse_and_keys_of_the_collection_do_not() {
        for good in ["atmos", "icon-esm-er.hist-1950.v20240618.atmos.native.2d_1h_mean", "at%6Dos", "é"] {
            assert_eq!(DatasetId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", ".zmetadata", "zarr.json", "a/b", "a\\b", "a\0", "a\n", &"x".repeat(201)] {
            assert!(DatasetId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_are_those_of_the_nearest_group() {
        let all = ["lat", "forecast/lat", "time"];
        let find = |path: &str| all.iter().position(|known| *known == path);
        let by = NodePath::parse("forecast/deep/tas").unwrap();
        assert_eq!(["lat", "time", "lon"].map(|name| by.resolve(name, find)), [Some(1), Some(2), None]);
        assert_eq!(NodePath::parse("pr").unwrap().resolve("lat", find), Some(0));
    }

    #[test]
    fn paths_have_parents_and_names() {
        let path = NodePath::parse("forecast/tas").unwrap();
        assert_eq!((path.name(), path.parent().unwrap().as_str()), ("tas", "forecast"));
        assert_eq!(NodePath::root().join("tas").unwrap().parent(), Some(NodePath::root()));
        for bad in ["/a", "a//b", "a/..", "a/.zarray", "zarr.json", "a\0"] {
            assert!(NodePath::parse(bad).is_err(), "{bad:?}");
        }
    }
}
