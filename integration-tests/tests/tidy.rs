//! The rules of the tree: which way dependencies point, who may use what, how long a file may be, and that what the
//! documents name is there.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Whom each crate may depend on among ours. Arrows go one way: binary → services → engine → pure crates → model.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("cf", &["model"]),
    ("zarr", &["model"]),
    ("views", &["model", "cf"]),
    ("formats", &["model", "cf", "zarr"]),
    ("telemetry", &[]),
    ("tier", &["model", "telemetry"]),
    ("priority", &[]),
    ("fair", &["model"]),
    ("engine", &["model", "cf", "zarr", "views"]),
    ("cloudify-proto", &["model"]),
    (
        "worker",
        &[
            "model",
            "cf",
            "zarr",
            "views",
            "formats",
            "engine",
            "telemetry",
            "tier",
            "priority",
            "fair",
            "cloudify-proto",
        ],
    ),
    (
        "gateway",
        &[
            "model",
            "cf",
            "zarr",
            "views",
            "engine",
            "telemetry",
            "tier",
            "priority",
            "fair",
            "cloudify-proto",
        ],
    ),
    ("cloudify", &["model", "engine", "telemetry", "tier", "priority", "worker", "gateway"]),
    ("integration-tests", &[]),
];

/// Who alone may depend on a library, and why it is fenced.
const FENCES: &[(&str, &[&str], &str)] = &[
    ("axum", &["gateway", "worker"], "HTTP is the gateway's; the worker only adds a route to tonic's router"),
    ("utoipa", &["gateway"], "HTTP is the gateway's"),
    ("reqwest", &["cloudify", "worker"], "the administrator's commands, and remote sources"),
    ("object_store", &["worker"], "remote sources are the worker's"),
    ("grib", &["formats"], "file formats have one home"),
    ("netcdf3", &["gateway"], "it writes answers; what reads files is of formats"),
    ("tonic", &["cloudify-proto", "gateway", "worker"], "gRPC stops at the rims"),
    ("redis", &["tier"], "what is shared through Redis has one home"),
    ("deadpool-redis", &["tier"], "what is shared through Redis has one home"),
    ("hdf5-metno", &["formats"], "C libraries have one home"),
    ("eccodes", &["formats"], "C libraries have one home"),
    ("config", &["cloudify"], "configuration is read in one place"),
    ("clap", &["cloudify"], "the command line is the binary's"),
    ("opentelemetry", &["telemetry"], "telemetry is set up in one place"),
    ("prometheus", &["telemetry"], "metrics are declared in one place"),
];

/// Crates without I/O, async, clock and logging.
const PURE: &[&str] = &["model", "cf", "zarr", "views"];
const IMPURE: &[&str] =
    &["tokio", "futures", "tracing", "async-trait", "axum", "tonic", "reqwest", "rustix", "moka"];
const IMPURE_WORDS: &[&str] =
    &["std::fs", "std::net", "SystemTime::now", "Instant::now", "std::process", "std::thread"];

const LINES_MAX: usize = 500;

#[test]
fn dependencies_point_one_way() {
    let metadata = metadata();
    let allowed: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let may_use = allowed.get(name).unwrap_or_else(|| panic!("crate {name} is not in the table MAY_USE"));
        for used in normal_dependencies(&metadata, name) {
            let is_ours = allowed.contains_key(used.as_str());
            assert!(!is_ours || may_use.contains(&used.as_str()), "{name} may not depend on {used}");
        }
    }
}

#[test]
fn libraries_stay_behind_their_fences() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let used = normal_dependencies(&metadata, &package.name);
        for (library, homes, why) in FENCES {
            let breaks = used.iter().any(|name| name == library) && !homes.contains(&package.name.as_str());
            assert!(!breaks, "{} depends on {library}: {why}", package.name);
        }
        if PURE.contains(&package.name.as_str()) {
            let impure = used.iter().find(|name| IMPURE.contains(&name.as_str()));
            assert_eq!(impure, None, "{} is pure", package.name);
        }
    }
}

#[test]
fn pure_crates_touch_no_file_clock_or_thread() {
    for crate_name in PURE {
        for file in rust_files(&root().join("services/crates").join(crate_name).join("src")) {
            let text = production_text(&file);
            for word in IMPURE_WORDS {
                assert!(!text.contains(word), "{} uses {word}", file.display());
            }
        }
    }
}

#[test]
fn the_environment_is_read_in_the_binary_alone() {
    for file in our_rust_files() {
        let is_binary = file.starts_with(root().join("services/cloudify"));
        let is_build_script = file.ends_with("build.rs");
        if is_binary || is_build_script || file.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        let text = production_text(&file);
        for word in ["env::var", "env::vars", "env::set_var"] {
            assert!(!text.contains(word), "{} reads the environment", file.display());
        }
    }
}

#[test]
fn files_are_short_and_say_what_they_are() {
    for file in our_rust_files() {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines, {LINES_MAX} is the most", file.display());
        assert!(text.starts_with("//!"), "{} does not open with //!", file.display());
        assert_ne!(file.file_name().unwrap(), "mod.rs", "{}: write foo.rs beside foo/", file.display());
    }
    let main = fs::read_to_string(root().join("services/cloudify/src/main.rs")).unwrap();
    assert!(main.lines().count() <= 60, "main.rs parses, builds and runs; nothing else");
}

#[test]
fn no_rust_file_is_forgotten() {
    for file in our_rust_files() {
        let (Some(stem), Some(folder)) = (file.file_stem().and_then(|s| s.to_str()), file.parent()) else {
            continue;
        };
        let in_src = file.components().any(|part| part.as_os_str() == "src");
        if !in_src || ["lib", "main"].contains(&stem) || folder.ends_with("bin") {
            continue;
        }
        let parents = ["lib.rs", "main.rs"].map(|name| folder.join(name)).into_iter();
        let parents = parents.chain([folder.with_extension("rs")]);
        let named = parents.filter_map(|parent| fs::read_to_string(parent).ok()).any(|text| {
            let declaration = format!("mod {stem};");
            text.lines().map(str::trim).any(|line| {
                line == declaration || line.starts_with("pub") && line.ends_with(&format!(" {declaration}"))
            })
        });
        assert!(named, "{} belongs to no module", file.display());
    }
}

#[test]
fn there_is_no_bare_todo() {
    let words = ["TO", "FIX"].map(|start| format!("{start}{}", if start == "TO" { "DO" } else { "ME" }));
    for file in our_rust_files() {
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let bare =
                words.iter().any(|word| line.contains(word.as_str()) && !line.contains(&format!("{word}(#")));
            assert!(!bare, "{}:{}: name the issue: `…(#12): …`", file.display(), number + 1);
        }
    }
}

#[test]
fn documents_name_only_what_is_there() {
    for document in markdown_files() {
        let text = fs::read_to_string(&document).unwrap();
        let folder = document.parent().unwrap();
        for target in links(&text) {
            assert!(
                folder.join(target).exists(),
                "{} links to {target}, which is not there",
                document.display()
            );
        }
        for path in paths_in_code(&text) {
            let found = root().join(path).exists() || folder.join(path).exists();
            assert!(found, "{} names {path}, which is not there", document.display());
        }
    }
}

#[test]
fn the_readme_has_a_line_for_every_folder() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let folder = package.manifest_path.parent().unwrap().strip_prefix(&metadata.workspace_root).unwrap();
        assert!(readme.contains(&format!("`{folder}/`")), "README.md has no line for `{folder}/`");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap()
}

fn normal_dependencies(metadata: &Metadata, name: &str) -> Vec<String> {
    let package =
        metadata.workspace_packages().into_iter().find(|package| package.name.as_str() == name).unwrap();
    let normal = package.dependencies.iter().filter(|used| used.kind == DependencyKind::Normal);
    normal.map(|used| used.name.clone()).collect()
}

fn our_rust_files() -> Vec<PathBuf> {
    ["services", "proto", "integration-tests"]
        .iter()
        .flat_map(|folder| rust_files(&root().join(folder)))
        .collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    files_below(folder, "rs")
}

fn markdown_files() -> Vec<PathBuf> {
    let mut files: Vec<_> =
        ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(|name| root().join(name)).into();
    files.extend(files_below(&root().join("docs"), "md"));
    files
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && !["target", "node_modules"].contains(&name.as_str()) {
            found.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|is| is == extension) {
            found.push(path);
        }
    }
    found
}

/// A file without its tests.
fn production_text(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// Relative targets of Markdown links.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains("://")).collect()
}

/// What stands in backticks and looks like a path of the tree: `services/…`, with a file's extension or a slash at
/// the end.
fn paths_in_code(text: &str) -> Vec<&str> {
    let tops = ["services/", "proto/", "integration-tests/", "docs/", "deploy/", "helm/"];
    let spans = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    spans
        .filter(|span| tops.iter().any(|top| span.starts_with(top)))
        .filter(|span| !span.contains(['*', '{', ' ', '<', '…', '$']))
        .collect()
}
