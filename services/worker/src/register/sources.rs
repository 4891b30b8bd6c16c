//! Sources as an administrator names them, paths, globs and URLs, to files and stores that may be read.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use glob::MatchOptions;
use model::{Error, ErrorKind, Result, is_url};

use crate::storage::{Remotes, Roots};

/// `*` stays within a directory, `**` does not, and neither matches hidden files.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// One source of a dataset, once it is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// A file, or the directory of a store.
    Path(PathBuf),
    /// Something remote.
    Url(String),
}

impl Source {
    /// The part of its name that anybody may see.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Path(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            Self::Url(url) => url.clone(),
        }
    }
}

impl Source {
    /// What tells it from others: its path or URL; none where that is no text.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            Self::Path(path) => path.to_str(),
            Self::Url(url) => Some(url),
        }
    }
}

/// The files and stores of all sources, resolved, each once: in the order of the sources, those of a glob in the order
/// of their paths. Every one lies under the roots, also where a symbolic link leads to it. Of a store that a glob
/// matches, what lies in it is not matched too. URLs are as they were named, if they are allowed. Touches the filesystem.
pub(super) fn expand(
    (roots, remotes): (&Roots, &Remotes),
    sources: &[String],
    files_max: usize,
) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    let mut known = HashSet::new();
    for source in sources {
        let of_source = of_source(roots, remotes, source, files_max)?;
        found.extend(of_source.into_iter().filter(|source| known.insert(source.clone())));
        if found.len() > files_max {
            return Err(too_many(files_max));
        }
    }
    Ok(found)
}

fn of_source(roots: &Roots, remotes: &Remotes, source: &str, files_max: usize) -> Result<Vec<Source>> {
    if is_url(source) {
        remotes.check(source)?;
        return Ok(vec![Source::Url(source.to_owned())]);
    }
    match roots.resolve(source) {
        // A name may have brackets in it and mean them.
        Ok(path) => Ok(vec![Source::Path(checked(source, path)?)]),
        Err(_) if is_glob(source) => {
            Ok(matches(roots, source, files_max)?.into_iter().map(Source::Path).collect())
        }
        Err(error) => Err(about(source, error)),
    }
}

fn is_glob(source: &str) -> bool {
    source.contains(['*', '?', '['])
}

/// A path that was named, if it is a file or a store.
fn checked(source: &str, path: PathBuf) -> Result<PathBuf> {
    let kind = std::fs::metadata(&path).map_err(|error| {
        Error::invalid(format!("{source:?} cannot be reached"))
            .with_internal(format!("{}: {error}", path.display()))
    })?;
    if kind.is_dir() && !formats::is_store(&path) {
        let directory = source.trim_end_matches('/');
        let message = format!(
            "{source:?} is a directory and no Zarr or kerchunk store: name its files, such as {directory}/*.nc or \
             {directory}/**/*.nc"
        );
        return Err(Error::invalid(message));
    }
    if !kind.is_dir() && !kind.is_file() {
        return Err(Error::invalid(format!("{source:?} is no regular file")));
    }
    Ok(path)
}

/// The files and stores that a glob matches, sorted.
fn matches(roots: &Roots, source: &str, files_max: usize) -> Result<Vec<PathBuf>> {
    if source.split('/').any(|part| part == "..") {
        return Err(Error::invalid(format!(
            "{source:?} has .. in it, which globs may not: give the path without"
        )));
    }
    // Nothing outside the roots is even listed.
    let fixed = fixed_directory(source);
    roots.resolve(fixed).map_err(|error| about(source, error))?;
    let malformed = |error: glob::PatternError| Error::invalid(format!("{source:?} is no glob: {error}"));
    let paths = glob::glob_with(source, OPTIONS).map_err(malformed)?;
    let mut found = Vec::new();
    // A directory comes before what is in it.
    let mut store: Option<PathBuf> = None;
    for path in paths {
        let path = path.map_err(|error| {
            Error::invalid(format!("a directory that {source:?} looks into cannot be read"))
                .with_internal(error)
        })?;
        if store.as_ref().is_some_and(|store| path.starts_with(store)) {
            continue;
        }
        if path.is_dir() {
            if !formats::is_store(&path) {
                continue;
            }
            store = Some(path.clone());
        }
        let text = path.to_str().ok_or_else(|| {
            let message = format!("{source:?} matches a file whose name is not UTF-8");
            Error::invalid(message).with_internal(path.display())
        })?;
        let resolved = roots.resolve(text).map_err(|error| about(text, error))?;
        found.push(checked(text, resolved)?);
        if found.len() > files_max {
            return Err(too_many(files_max));
        }
    }
    if found.is_empty() {
        return Err(Error::invalid(format!("no file and no store matches {source:?}")));
    }
    Ok(found)
}

/// The directory that a glob begins with, up to its first wildcard.
fn fixed_directory(source: &str) -> &str {
    let wildcard = source.find(['*', '?', '[']).unwrap_or(source.len());
    match source[..wildcard].rfind('/') {
        Some(0) => "/",
        Some(slash) => &source[..slash],
        None => Path::new(source).parent().and_then(Path::to_str).unwrap_or_default(),
    }
}

/// An error with the source that it is about, as the administrator gave it.
fn about(source: &str, error: Error) -> Error {
    Error { message: format!("{source:?}: {}", error.message), ..error }
}

fn too_many(files_max: usize) -> Error {
    let message =
        format!("the sources are more than {files_max} files (scan.files_max): register them in parts");
    Error::new(ErrorKind::TooLarge, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::RemoteSettings;
    use std::os::unix::fs::symlink;

    /// A root with `a.nc`, `b.nc`, `sub/c.nc`, `.hidden.nc`, `odd[1].nc`, and a file outside it.
    struct Tree {
        _directory: tempfile::TempDir,
        root: String,
        roots: Roots,
    }

    fn tree() -> Tree {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().canonicalize().unwrap();
        let root = base.join("root");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        for name in
            ["root/a.nc", "root/b.nc", "root/sub/c.nc", "root/.hidden.nc", "root/odd[1].nc", "outside.nc"]
        {
            std::fs::write(base.join(name), b"x").unwrap();
        }
        let roots = Roots::new(vec![root.clone()]).unwrap();
        Tree { _directory: directory, root: root.to_str().unwrap().to_owned(), roots }
    }

    impl Tree {
        fn expand(&self, sources: &[&str]) -> Result<Vec<String>> {
            let sources: Vec<String> =
                sources.iter().map(|source| source.replace("ROOT", &self.root)).collect();
            let settings =
                RemoteSettings { prefixes: vec!["https://data.org/a/".into()], ..RemoteSettings::default() };
            let remotes = Remotes::new(&settings).unwrap();
            let found = expand((&self.roots, &remotes), &sources, 4)?;
            let shown = |source: &Source| match source {
                Source::Path(path) => path.strip_prefix(&self.root).unwrap().display().to_string(),
                Source::Url(url) => url.clone(),
            };
            Ok(found.iter().map(shown).collect())
        }
    }

    #[test]
    fn globs_are_expanded_sorted_and_each_file_comes_once() {
        let tree = tree();
        assert_eq!(tree.expand(&["ROOT/?.nc"]).unwrap(), ["a.nc", "b.nc"]);
        assert_eq!(
            tree.expand(&["ROOT/b.nc", "ROOT/*.nc", "ROOT/./a.nc"]).unwrap(),
            ["b.nc", "a.nc", "odd[1].nc"]
        );
        assert_eq!(tree.expand(&["ROOT/**/?.nc"]).unwrap(), ["a.nc", "b.nc", "sub/c.nc"]);
        assert_eq!(tree.expand(&["ROOT/odd[1].nc"]).unwrap(), ["odd[1].nc"]);
        assert_eq!(tree.expand(&["ROOT/[ab].nc"]).unwrap(), ["a.nc", "b.nc"]);
    }

    #[test]
    fn refusals_name_the_source_and_what_to_do() {
        let tree = tree();
        for (source, says, kind) in [
            ("ROOT/*.grib", "no file and no store matches", ErrorKind::InvalidRequest),
            ("ROOT/none.nc", "does not exist", ErrorKind::InvalidRequest),
            ("ROOT/sub", "sub/*.nc", ErrorKind::InvalidRequest),
            ("ROOT/***", "no glob", ErrorKind::InvalidRequest),
            ("a.nc", "absolute", ErrorKind::InvalidRequest),
            ("*.nc", "absolute", ErrorKind::InvalidRequest),
            ("ROOT/*/../../outside.nc", "..", ErrorKind::InvalidRequest),
            ("ROOT/a\0.nc", "NUL", ErrorKind::InvalidRequest),
            ("ROOT/../outside.nc", "outside", ErrorKind::Forbidden),
            ("/*", "outside", ErrorKind::Forbidden),
            ("/**/*.nc", "outside", ErrorKind::Forbidden),
            ("/etc/*", "outside", ErrorKind::Forbidden),
        ] {
            let error = tree.expand(&[source]).unwrap_err();
            assert_eq!(error.kind, kind, "{source}: {error}");
            assert!(error.message.contains(says), "{source}: {error}");
        }
    }

    #[test]
    fn stores_are_sources_and_what_is_in_them_is_not() {
        let tree = tree();
        for store in ["a.zarr", "sub/b.zarr", "sub/b.zarr/group"] {
            let store = format!("{}/{store}", tree.root);
            std::fs::create_dir_all(format!("{store}/tas")).unwrap();
            std::fs::write(format!("{store}/.zgroup"), b"{}").unwrap();
            std::fs::write(format!("{store}/tas/0.0"), b"x").unwrap();
        }
        assert_eq!(tree.expand(&["ROOT/a.zarr/"]).unwrap(), ["a.zarr"]);
        assert_eq!(tree.expand(&["ROOT/*.zarr"]).unwrap(), ["a.zarr"]);
        assert_eq!(tree.expand(&["ROOT/sub/**/*"]).unwrap(), ["sub/b.zarr", "sub/c.nc"]);
        assert_eq!(tree.expand(&["ROOT/sub/b.zarr/group"]).unwrap(), ["sub/b.zarr/group"]);
        let outside = format!("{}/../outside.zarr", tree.root);
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(format!("{outside}/zarr.json"), b"{}").unwrap();
        symlink(&outside, format!("{}/z.zarr", tree.root)).unwrap();
        assert_eq!(tree.expand(&["ROOT/*.zarr"]).unwrap_err().kind, ErrorKind::Forbidden);
    }

    #[test]
    fn urls_are_as_they_were_named_if_they_are_allowed() {
        let tree = tree();
        let url = "https://data.org/a/[1]/*.zarr";
        assert_eq!(tree.expand(&[url, "ROOT/a.nc", url]).unwrap(), [url, "a.nc"]);
        for outside in ["https://data.org/b/x.zarr", "http://169.254.169.254/latest", "s3://a/b"] {
            assert_eq!(tree.expand(&[outside]).unwrap_err().kind, ErrorKind::Forbidden, "{outside}");
        }
        for malformed in ["https://data.org/a/../b", "https://user:password@data.org/a/b", "ftp://data.org/a"]
        {
            let error = tree.expand(&[malformed]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidRequest, "{malformed}");
            assert!(!error.message.contains("password"));
        }
    }

    #[test]
    fn a_match_that_leads_out_of_the_roots_is_refused() {
        let tree = tree();
        symlink(format!("{}/../outside.nc", tree.root), format!("{}/z.nc", tree.root)).unwrap();
        assert_eq!(tree.expand(&["ROOT/?.nc"]).unwrap_err().kind, ErrorKind::Forbidden);
        symlink(format!("{}/a.nc", tree.root), format!("{}/sub/link.nc", tree.root)).unwrap();
        assert_eq!(tree.expand(&["ROOT/sub/*.nc"]).unwrap(), ["sub/c.nc", "a.nc"]);
    }

    #[test]
    fn more_files_than_allowed_are_too_large() {
        let tree = tree();
        for name in ["d.nc", "e.nc"] {
            std::fs::write(format!("{}/{name}", tree.root), b"x").unwrap();
        }
        let error = tree.expand(&["ROOT/*.nc"]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge);
        assert!(error.message.contains("more than 4 files"));
    }
}
