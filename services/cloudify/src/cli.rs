//! The command line. What can be set by flag can be set in the configuration file and the environment too.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::settings::Layers;

const EXIT_CODES: &str =
    "Exit codes: 0 done · 1 failed or refused · 2 wrong usage · 3 wrong configuration · 4 no server answers

Settings come from, the later over the earlier: defaults, the file of --config (TOML), the environment
(CLOUDIFY_LISTEN, CLOUDIFY_ROOTS=/a,/b, CLOUDIFY_HTTP__CONNECTIONS_MAX=…, two underscores before each nested
name), flags. `cloudify config` prints what results. Unknown names are errors.";

/// Puts Earth-system-model output on the web from where it lies: NetCDF files as Zarr, nothing copied.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of all commands.
#[derive(Debug, Args)]
pub(crate) struct Shared {
    /// Configuration file (TOML)
    #[arg(long, global = true, value_name = "FILE", env = "CLOUDIFY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// How log lines look
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) log: Option<Log>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Log {
    Pretty,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve datasets: gateway and worker in one process
    Serve(ServeOptions),
    /// Serve HTTP and ask workers for what is in files
    Gateway(GatewayOptions),
    /// Read files for gateways
    Worker(WorkerOptions),
    /// Print what a registration of files would make: arrays, chunks, codecs, sizes, warnings
    Scan(ScanOptions),
    /// Register files as one dataset, or all entries of a catalog (intake, STAC)
    Register(RegisterOptions),
    /// Give steps of a view names, without registering anything anew
    NameView(NameViewOptions),
    /// Make a group-by diagnostic a variable of a dataset, `pp_VARIABLE_COORD_ACTION` in `/zarr`, or take one out
    Diagnostic(DiagnosticOptions),
    /// List datasets, or the versions of one
    Ls(ListOptions),
    /// List pools of workers: who is in them, how they stand, what is under way
    Pools(PoolsOptions),
    /// Publish new versions of datasets whose files are new or changed
    Refresh(RefreshOptions),
    /// Take a dataset out of the catalog; its files are not touched
    Rm(RemoveOptions),
    /// Make an earlier version of a dataset current again
    Rollback(RollbackOptions),
    /// Print the effective configuration
    Config,
    /// Scan files for a worker, which talks to it over pipes
    #[command(hide = true)]
    ScanChild {
        /// Read by the child itself
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ServeOptions {
    #[command(flatten)]
    listen: Listen,
    #[command(flatten)]
    files: FileOptions,
}

#[derive(Debug, Args)]
pub(crate) struct WorkerOptions {
    #[command(flatten)]
    listen: Listen,
    #[command(flatten)]
    files: FileOptions,
    /// URL under which gateways reach this worker, told them in Redis; port 0: the one that it listens on
    #[arg(long, value_name = "URL")]
    announce: Option<String>,
    /// The pool that it is of
    #[arg(long, value_name = "NAME")]
    pool: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct GatewayOptions {
    #[command(flatten)]
    listen: Listen,
    /// URL of a worker, such as `http://127.0.0.1:9100`, or `dns://host:port` for all addresses of a host; several for a
    /// pool
    #[arg(long = "worker", value_name = "URL", num_args = 1..)]
    workers: Vec<String>,
}

#[derive(Debug, Args)]
struct Listen {
    /// Address and port; port 0 takes a free one, which the log names
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

#[derive(Debug, Args)]
struct FileOptions {
    /// Directory of the catalog; made if it is not there
    #[arg(long, value_name = "DIR")]
    catalog: Option<PathBuf>,
    /// Directory under which source files may lie; several are allowed
    #[arg(long = "root", value_name = "DIR", num_args = 1..)]
    roots: Vec<PathBuf>,
    /// URL under which remote sources may lie, such as `https://host/folder/` or `s3://bucket/`; several are allowed
    #[arg(long = "remote", value_name = "PREFIX", num_args = 1..)]
    remotes: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ScanOptions {
    /// Files and globs, joined into one dataset
    #[arg(required = true, value_name = "FILE")]
    pub(crate) sources: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where the server is and who asks.
#[derive(Debug, Args)]
pub(crate) struct ServerOptions {
    /// URL of the server
    #[arg(long, value_name = "URL", env = "CLOUDIFY_SERVER", default_value = "http://127.0.0.1:9000")]
    pub(crate) server: String,
    /// Token of an administrator
    #[arg(long = "token", value_name = "TOKEN", env = "CLOUDIFY_ADMIN_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command")]
pub(crate) struct RegisterOptions {
    #[command(flatten)]
    pub(crate) server: ServerOptions,
    /// Publish a new version where the dataset is there already
    #[arg(long)]
    pub(crate) replace: bool,
    /// Only print what would be published
    #[arg(long)]
    pub(crate) preview: bool,
    /// Refresh the dataset by itself: `90s`, `10m`, `6h`, `1d`, or `never`
    #[arg(long, value_name = "PERIOD", value_parser = period)]
    pub(crate) refresh_every: Option<u32>,
    /// How `/zarr` encodes what it decodes: `bitround=9|codec=zstd:3`; empty for Blosc with LZ4, all bits kept
    #[arg(long, value_name = "STEPS")]
    pub(crate) view: Option<String>,
    /// Give steps of a view a name, served at `/datasets/ID/views/NAME/zarr`: `monthly=resample=time:MS:mean`; may be
    /// repeated, and `NAME=` takes one away
    #[arg(long = "named-view", value_name = "NAME=STEPS", value_parser = named_view)]
    pub(crate) named_views: Vec<(String, String)>,
    /// Take the source for a catalog; without, for one if it looks like one
    #[arg(long, conflicts_with = "data")]
    pub(crate) catalog: bool,
    /// Take the sources for data even where they look like a catalog
    #[arg(long)]
    pub(crate) data: bool,
    /// The pool of workers that see the files; without, the one before it, or the default one
    #[arg(long, value_name = "NAME")]
    pub(crate) pool: Option<String>,
    /// Id of the dataset, one segment of a URL; of a catalog's, what the ids of its entries begin with
    pub(crate) id: String,
    /// Files and globs as the worker sees them
    #[arg(required = true, value_name = "SOURCE")]
    pub(crate) sources: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct NameViewOptions {
    #[command(flatten)]
    pub(crate) server: ServerOptions,
    /// Id of the dataset
    pub(crate) id: String,
    /// Steps of a view, served at `/datasets/ID/views/NAME/zarr`: `monthly=resample=time:MS:mean`; `NAME=` takes one away
    #[arg(required = true, value_name = "NAME=STEPS", value_parser = named_view)]
    pub(crate) named_views: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(crate) struct DiagnosticOptions {
    #[command(flatten)]
    pub(crate) server: ServerOptions,
    /// Take the diagnostic of this name, such as `pp_tas_time.month_mean`, out of the dataset
    #[arg(long, value_name = "NAME")]
    pub(crate) remove: Option<String>,
    /// Id of the dataset
    pub(crate) id: String,
    /// A variable; what groups share, `time.month`, `lat` or `lat:bins(0;30;60)`; what is made of a group: mean, min, max,
    /// sum, count, first, last, std, variance, median or `quantile(0.9)`
    #[arg(num_args = 3, value_names = ["VARIABLE", "COORD", "ACTION"], required_unless_present = "remove", conflicts_with = "remove")]
    pub(crate) asked: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    #[command(flatten)]
    pub(crate) server: ServerOptions,
    /// Dataset whose versions to list
    pub(crate) id: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PoolsOptions {
    #[command(flatten)]
    pub(crate) server: ServerOptions,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RefreshOptions {
    #[command(flatten)]
    pub(crate) server: ServerOptions,
    /// All datasets
    #[arg(long, conflicts_with = "ids", required_unless_present = "ids")]
    pub(crate) all: bool,
    /// Ids of datasets
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveOptions {
    #[command(flatten)]
    pub(crate) server: ServerOptions,
    /// Id of the dataset
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackOptions {
    #[command(flatten)]
    pub(crate) server: ServerOptions,
    /// Id of the dataset
    pub(crate) id: String,
    /// Version to make current; without it, the one before the current one
    pub(crate) version: Option<u32>,
}

/// Reads a period in seconds, minutes, hours or days; `never` is 0.
fn period(text: &str) -> Result<u32, String> {
    if text == "never" {
        return Ok(0);
    }
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("give a number and s, m, h or d, such as 10m; or never".to_owned()),
    };
    let number: u32 = digits.parse().map_err(|_| format!("{digits:?} is no whole number"))?;
    number.checked_mul(unit).filter(|seconds| *seconds > 0).ok_or_else(|| format!("{text:?} is out of range"))
}

/// A name and steps, which may be none.
fn named_view(text: &str) -> Result<(String, String), String> {
    let split = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, steps) = split.ok_or("give NAME=STEPS, such as monthly=resample=time:MS:mean; or NAME=")?;
    Ok((name.to_owned(), steps.to_owned()))
}

impl Shared {
    pub(crate) fn layers(&self) -> Layers {
        let mut layers = Layers { file: self.config.clone(), flags: Vec::new() };
        if let Some(log) = self.log {
            layers.set("telemetry.log", if matches!(log, Log::Json) { "json" } else { "pretty" });
        }
        layers
    }
}

impl Listen {
    fn set(&self, layers: &mut Layers) {
        if let Some(listen) = &self.listen {
            layers.set("listen", listen.as_str());
        }
    }
}

impl FileOptions {
    fn set(&self, layers: &mut Layers) {
        if let Some(catalog) = &self.catalog {
            layers.set("catalog", catalog.to_string_lossy().into_owned());
        }
        if !self.roots.is_empty() {
            let roots: Vec<String> =
                self.roots.iter().map(|root| root.to_string_lossy().into_owned()).collect();
            layers.set("roots", roots);
        }
        if !self.remotes.is_empty() {
            layers.set("remote.prefixes", self.remotes.clone());
        }
    }
}

impl ServeOptions {
    pub(crate) fn layers(&self, shared: &Shared) -> Layers {
        let mut layers = shared.layers();
        self.listen.set(&mut layers);
        self.files.set(&mut layers);
        layers
    }
}

impl WorkerOptions {
    pub(crate) fn layers(&self, shared: &Shared) -> Layers {
        let mut layers = shared.layers();
        self.listen.set(&mut layers);
        self.files.set(&mut layers);
        if let Some(announce) = &self.announce {
            layers.set("announce", announce.as_str());
        }
        if let Some(pool) = &self.pool {
            layers.set("pool", pool.as_str());
        }
        layers
    }
}

impl GatewayOptions {
    pub(crate) fn layers(&self, shared: &Shared) -> Layers {
        let mut layers = shared.layers();
        self.listen.set(&mut layers);
        if !self.workers.is_empty() {
            layers.set("workers", self.workers.clone());
        }
        layers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn periods_have_units() {
        let period = |text| period(text).ok();
        assert_eq!(
            ["90s", "10m", "6h", "1d", "never"].map(period),
            [Some(90), Some(600), Some(21_600), Some(86_400), Some(0)]
        );
        for wrong in ["", "10", "m", "-1m", "1.5h", "0s", "99999999d", "10 m", "1w", "é"] {
            assert_eq!(period(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_calls_that_scripts_rely_on_parse() {
        for call in [
            "cloudify serve --listen 127.0.0.1:9000 --catalog C --root A --root B --config F --log json",
            "cloudify gateway --listen 127.0.0.1:0 --worker http://a http://b",
            "cloudify worker --listen 127.0.0.1:0 --catalog C --root A B --remote https://h/ s3://b/",
            "cloudify worker --listen 127.0.0.1:0 --announce http://worker-1:0 --pool tape",
            "cloudify register --server http://s --replace ID /a.nc /b*.nc",
            "cloudify register --named-view m=mean=time --named-view old= ID /a.nc",
            "cloudify scan /a.nc --json",
            "cloudify ls --server http://s",
            "cloudify register --refresh-every 10m --catalog ID /main.yaml",
            "cloudify refresh A B",
            "cloudify refresh --all",
            "cloudify name-view ID m=mean=time old=",
            "cloudify diagnostic ID tas time.month mean",
            "cloudify diagnostic --server http://s --remove pp_tas_time.month_mean ID",
            "cloudify rm ID",
            "cloudify config",
        ] {
            Cli::try_parse_from(call.split(' ')).unwrap_or_else(|error| panic!("{call}: {error}"));
        }
    }
}
