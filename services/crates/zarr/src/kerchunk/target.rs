//! What a reference names, as a path or URL.

use std::borrow::Cow;

use model::is_url;

/// The absolute path or URL of a target. `base` is where relative ones begin: a directory with a slash at its end, or
/// a URL with one; fsspec takes the process's directory, which is nobody's but the writer's. `file://` and `local://`
/// are paths. URLs have their `..` taken out, as nothing else would do it; on a filesystem that is the kernel's.
pub fn resolve<'t>(base: &str, target: &'t str) -> Cow<'t, str> {
    for scheme in ["file://", "local://"] {
        if let Some(path) = target.strip_prefix(scheme) {
            // `file:///a` is /a; fsspec also writes `file://a` for a relative path.
            return if path.starts_with('/') { path.into() } else { resolve(base, path) };
        }
    }
    if target.starts_with('/') || is_url(target) {
        return target.into();
    }
    match base.split_once("://") {
        Some((scheme, rest)) if is_url(base) => {
            let (host, directory) = rest.split_once('/').unwrap_or((rest, ""));
            let mut segments: Vec<&str> = directory.split('/').filter(|s| !s.is_empty()).collect();
            for segment in target.split('/') {
                match segment {
                    "" | "." => {}
                    // Never above the host or bucket.
                    ".." => drop(segments.pop()),
                    other => segments.push(other),
                }
            }
            format!("{scheme}://{host}/{}", segments.join("/")).into()
        }
        _ => format!("{base}{target}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn targets_are_absolute_or_beside_the_references() {
        for (base, target, resolved) in [
            ("/data/refs/", "a.nc", "/data/refs/a.nc"),
            ("/data/refs/", "../nc/a.nc", "/data/refs/../nc/a.nc"),
            ("/data/refs/", "/abs/a.nc", "/abs/a.nc"),
            ("/data/refs/", "file:///abs/a b%20.nc", "/abs/a b%20.nc"),
            ("/data/refs/", "file://a.nc", "/data/refs/a.nc"),
            ("/data/refs/", "local:///abs/a.nc", "/abs/a.nc"),
            ("/data/refs/", "s3://bucket/a.nc", "s3://bucket/a.nc"),
            ("/data/refs/", "https://host/a.nc?x=1", "https://host/a.nc?x=1"),
            ("https://host/refs/", "../nc/a.nc", "https://host/nc/a.nc"),
            ("https://host/refs/", "../../../../a.nc", "https://host/a.nc"),
            ("s3://bucket/", "./x/a.nc", "s3://bucket/x/a.nc"),
            ("", "a.nc", "a.nc"),
        ] {
            assert_eq!(resolve(base, target), resolved, "{base} {target}");
        }
    }
}
