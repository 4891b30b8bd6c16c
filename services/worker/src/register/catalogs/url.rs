//! What fsspec takes for a path, as a source of ours.

/// A source of a URL as fsspec has it (`reference::/x.parq`, `zip::/x.zarr.zip`, `file:///x.nc`), with notes on what
/// of it is left out; or why there is none.
pub(super) fn source(url: &str, notes: &mut Vec<String>) -> Result<String, String> {
    let mut rest = url.trim();
    while let Some((outer, inner)) = rest.split_once("::") {
        match outer.trim_end_matches("://") {
            // What these are shows in the file itself.
            "reference" | "zip" | "file" | "local" => {}
            "simplecache" | "filecache" | "blockcache" | "cached" => {
                notes.push(format!("{outer}:: is left out: nothing is copied"));
            }
            other => return Err(format!("{other}:: is no kind of source that is read here")),
        }
        rest = inner;
    }
    for scheme in ["file://", "local://"] {
        if let Some(path) = rest.strip_prefix(scheme) {
            rest = path;
        }
    }
    if rest.is_empty() {
        return Err("it names no file".to_owned());
    }
    let Some((scheme, _)) = rest.split_once("://") else {
        return Ok(rest.to_owned());
    };
    match scheme {
        "http" | "https" | "s3" => Ok(rest.to_owned()),
        "slk" | "hsm" => Err(format!("{scheme}:// is on tape and has no file to read")),
        other => Err(format!("{other}:// is no kind of source that is read here")),
    }
}
