//! The directories under which sources may lie.

use std::path::{Path, PathBuf};

use model::{Error, ErrorKind, Result};

/// The allowed roots, with symbolic links resolved. Without any, nothing is allowed.
#[derive(Debug, Clone)]
pub struct Roots {
    canonical: Vec<PathBuf>,
}

impl Roots {
    /// Resolves the roots. Fails where one is no directory that can be reached. Touches the filesystem.
    pub fn new(roots: Vec<PathBuf>) -> Result<Self> {
        let canonical = roots.into_iter().map(|root| canonical_directory(&root)).collect::<Result<_>>()?;
        Ok(Self { canonical })
    }

    /// The path of a file or directory with symbolic links resolved, if it lies under a root. An `InvalidRequest`
    /// where the path is malformed or names nothing, `Forbidden` where it lies outside. Touches the filesystem.
    pub fn resolve(&self, path: &str) -> Result<PathBuf> {
        if path.contains('\0') {
            return Err(Error::invalid("the source's path contains a NUL byte"));
        }
        if !path.starts_with('/') {
            return Err(
                Error::invalid("the source's path is not absolute: give it from / on").with_internal(path)
            );
        }
        match std::fs::canonicalize(path) {
            Ok(resolved) if self.contain(&resolved) => Ok(resolved),
            Ok(_) => Err(outside(path)),
            Err(fault) => Err(self.unreachable(Path::new(path), &fault)),
        }
    }

    /// The roots, without symbolic links.
    pub(crate) fn directories(&self) -> &[PathBuf] {
        &self.canonical
    }

    /// Whether a path without symbolic links lies under a root.
    pub(super) fn contain(&self, resolved: &Path) -> bool {
        self.canonical.iter().any(|root| resolved.starts_with(root))
    }

    /// What to say of a path that cannot be reached: outside the roots, nobody learns whether it exists.
    fn unreachable(&self, path: &Path, fault: &std::io::Error) -> Error {
        let nearest = path.ancestors().skip(1).find_map(|ancestor| std::fs::canonicalize(ancestor).ok());
        if !nearest.is_some_and(|directory| self.contain(&directory)) {
            return outside(&path.display().to_string());
        }
        let internal = format!("{}: {fault}", path.display());
        match fault.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                Error::invalid("the source does not exist").with_internal(internal)
            }
            std::io::ErrorKind::PermissionDenied => {
                Error::invalid("the source may not be read by the server").with_internal(internal)
            }
            _ => Error::invalid("the source cannot be reached").with_internal(internal),
        }
    }
}

/// The refusal of a path outside the roots.
pub(super) fn outside(path: &str) -> Error {
    Error::new(ErrorKind::Forbidden, "the source lies outside the allowed roots").with_internal(path)
}

fn canonical_directory(root: &Path) -> Result<PathBuf> {
    let fault = |text: &dyn std::fmt::Display| {
        Error::invalid("a configured root is no directory")
            .with_internal(format!("{}: {text}", root.display()))
    };
    let canonical = std::fs::canonicalize(root).map_err(|error| fault(&error))?;
    if canonical.is_dir() { Ok(canonical) } else { Err(fault(&"not a directory")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn kind(result: Result<PathBuf>) -> ErrorKind {
        result.unwrap_err().kind
    }

    #[test]
    fn a_path_is_resolved_and_must_lie_under_a_root() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().canonicalize().unwrap();
        std::fs::create_dir_all(base.join("root/sub")).unwrap();
        std::fs::create_dir(base.join("root-of-others")).unwrap();
        std::fs::write(base.join("root/sub/a.nc"), b"a").unwrap();
        std::fs::write(base.join("root-of-others/b.nc"), b"b").unwrap();
        symlink(base.join("root/sub/a.nc"), base.join("root/inside")).unwrap();
        symlink(base.join("root-of-others/b.nc"), base.join("root/escape")).unwrap();
        symlink(base.join("root"), base.join("alias")).unwrap();
        let roots = Roots::new(vec![base.join("alias")]).unwrap();
        let resolve = |path: &str| roots.resolve(base.join(path).to_str().unwrap());

        for inside in ["root/sub/a.nc", "root/inside", "alias/sub/../sub/a.nc", "alias/inside"] {
            assert_eq!(resolve(inside).unwrap(), base.join("root/sub/a.nc"), "{inside}");
        }
        for escape in
            ["root/escape", "root/../root-of-others/b.nc", "root-of-others/b.nc", "root-of-others/none"]
        {
            assert_eq!(kind(resolve(escape)), ErrorKind::Forbidden, "{escape}");
        }
        assert_eq!(kind(resolve("root/none.nc")), ErrorKind::InvalidRequest);
        for malformed in ["", "a.nc", "./a.nc", "/a\0b"] {
            assert_eq!(kind(roots.resolve(malformed)), ErrorKind::InvalidRequest, "{malformed:?}");
        }
    }

    #[test]
    fn public_texts_name_no_path() {
        let directory = tempfile::tempdir().unwrap();
        let roots = Roots::new(vec![directory.path().to_owned()]).unwrap();
        let missing = directory.path().join("gone.nc");
        for path in [missing.to_str().unwrap(), "/etc/passwd"] {
            let error = roots.resolve(path).unwrap_err();
            assert!(!error.message.contains('/') && error.internal.unwrap().contains(path));
        }
    }

    #[test]
    fn a_root_must_be_a_directory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Roots::new(vec![file.path().to_owned()]).is_err());
        assert!(Roots::new(vec!["/no/such/directory".into()]).is_err());
    }
}
