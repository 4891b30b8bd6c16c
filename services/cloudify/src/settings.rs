//! The configuration: what can be set, and in which order its sources count.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use gateway::settings::{
    AdminSettings, CacheSettings, HttpSettings, LimitsSettings, PoolSettings, Role, RoutingSettings,
    TokenSettings,
};
use priority::SchedulingSettings;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use telemetry::TelemetrySettings;
use tier::RedisSettings;
use worker::settings::{
    EvaluateSettings, RefreshSettings, RemoteSettings, ScanSettings, StorageSettings, TapeSettings,
};

use crate::exit::Failure;

/// Names in the environment that are not settings.
const NOT_SETTINGS: [&str; 3] = ["CLOUDIFY_ADMIN_TOKEN", "CLOUDIFY_CONFIG", "CLOUDIFY_SERVER"];

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Address and port to listen on.
    pub(crate) listen: String,
    /// Directory of the catalog (serve, worker).
    pub(crate) catalog: Option<PathBuf>,
    /// Directories under which source files may lie (serve, worker).
    pub(crate) roots: Vec<PathBuf>,
    /// URLs of workers of the default pool (gateway).
    pub(crate) workers: Vec<String>,
    /// Pools of workers by name (gateway).
    pub(crate) pools: BTreeMap<String, PoolSettings>,
    /// How workers are asked (gateway).
    pub(crate) routing: RoutingSettings,
    /// URL under which gateways reach this worker, told in Redis; port 0: the one that it listens on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) announce: String,
    /// The pool that this worker is of.
    pub(crate) pool: String,
    /// What gateways and workers share.
    pub(crate) redis: RedisSettings,
    /// The HTTP side (serve, gateway).
    pub(crate) http: HttpSettings,
    /// Chunks that workers made and a gateway keeps (gateway).
    pub(crate) cache: CacheSettings,
    /// Limits of clients (serve, gateway).
    pub(crate) limits: LimitsSettings,
    /// Who may administrate (serve, gateway).
    pub(crate) admin: AdminSettings,
    /// Reading files (serve, worker).
    pub(crate) storage: StorageSettings,
    /// Reading remote sources (serve, worker).
    pub(crate) remote: RemoteSettings,
    /// Scanning files (serve, worker).
    pub(crate) scan: ScanSettings,
    /// Making chunks (serve, worker).
    pub(crate) evaluate: EvaluateSettings,
    /// Files on tape (serve, worker).
    pub(crate) tape: TapeSettings,
    /// Keeping datasets up to date (serve, worker).
    pub(crate) refresh: RefreshSettings,
    /// Priorities of threads (serve, gateway, worker).
    pub(crate) scheduling: SchedulingSettings,
    /// Logs and traces.
    pub(crate) telemetry: TelemetrySettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:9000".into(),
            catalog: None,
            roots: Vec::new(),
            workers: Vec::new(),
            pools: BTreeMap::new(),
            routing: RoutingSettings::default(),
            announce: String::new(),
            pool: "default".into(),
            redis: RedisSettings::default(),
            http: HttpSettings::default(),
            cache: CacheSettings::default(),
            limits: LimitsSettings::default(),
            admin: AdminSettings::default(),
            storage: StorageSettings::default(),
            remote: RemoteSettings::default(),
            scan: ScanSettings::default(),
            evaluate: EvaluateSettings::default(),
            tape: TapeSettings::default(),
            refresh: RefreshSettings::default(),
            scheduling: SchedulingSettings::default(),
            telemetry: TelemetrySettings::default(),
        }
    }
}

impl Settings {
    /// Pools by name: those that are named, and the default one of `workers`.
    pub(crate) fn all_pools(&self) -> BTreeMap<String, PoolSettings> {
        let mut pools = self.pools.clone();
        if !self.workers.is_empty() {
            pools.entry("default".to_owned()).or_default().workers.extend_from_slice(&self.workers);
        }
        pools
    }
}

/// What the command line adds to defaults and environment.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// The configuration file.
    pub(crate) file: Option<PathBuf>,
    /// Names and values of flags.
    pub(crate) flags: Vec<(&'static str, config::Value)>,
}

impl Layers {
    /// Sets a name by flag.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<config::Value>) {
        self.flags.push((name, value.into()));
    }
}

/// The effective settings: defaults, then the file, then the environment, then flags.
pub(crate) fn load(layers: &Layers, environment: HashMap<String, String>) -> Result<Settings, Failure> {
    let wrong = |error: config::ConfigError| Failure::Configuration(error.to_string());
    let token = environment.get("CLOUDIFY_ADMIN_TOKEN").filter(|token| !token.is_empty()).cloned();
    let (secrets, environment) = secrets(environment);
    let mut builder = config::Config::builder();
    if let Some(file) = &layers.file {
        builder = builder.add_source(config::File::from(file.as_path()).format(config::FileFormat::Toml));
    }
    builder = builder.add_source(
        config::Environment::with_prefix("CLOUDIFY")
            .prefix_separator("_")
            .separator("__")
            .try_parsing(true)
            .source(Some(only_settings(environment)))
            .list_separator(",")
            .with_list_parse_key("roots")
            .with_list_parse_key("remote.prefixes")
            .with_list_parse_key("redis.sentinels")
            .with_list_parse_key("redis.cluster")
            .with_list_parse_key("limits.trusted_proxies")
            .with_list_parse_key("workers"),
    );
    for (name, value) in secrets {
        builder = builder.set_override(name, value).map_err(wrong)?;
    }
    for (name, value) in &layers.flags {
        builder = builder.set_override(*name, value.clone()).map_err(wrong)?;
    }
    let mut settings: Settings = builder.build().and_then(config::Config::try_deserialize).map_err(wrong)?;
    if let Some(token) = token {
        settings.admin.tokens.push(TokenSettings {
            name: "CLOUDIFY_ADMIN_TOKEN".into(),
            sha256: format!("{:x}", Sha256::digest(token)),
            role: Role::Administrator,
        });
    }
    Ok(settings)
}

/// Settings of the environment that are texts whatever they look like, by their names in the configuration. Others that
/// look like numbers become numbers, and a key of digits would lose its zeros.
fn secrets(environment: HashMap<String, String>) -> (Vec<(String, String)>, HashMap<String, String>) {
    const ACCESS: &str = "CLOUDIFY_REMOTE__ACCESS__";
    const REDIS: [&str; 2] = ["CLOUDIFY_REDIS__USERNAME", "CLOUDIFY_REDIS__PASSWORD"];
    let (secrets, others): (HashMap<_, _>, HashMap<_, _>) = environment
        .into_iter()
        .partition(|(name, _)| name.starts_with(ACCESS) || REDIS.contains(&name.as_str()));
    let named = secrets.into_iter().map(|(name, value)| {
        let name = name["CLOUDIFY_".len()..].to_ascii_lowercase().replace("__", ".");
        (name, value)
    });
    (named.collect(), others)
}

/// The environment without what is not a setting. Kubernetes names its services in every container's environment
/// (`CLOUDIFY_SERVICE_HOST`, `CLOUDIFY_PORT_80_TCP`, …): these are nobody's settings either.
fn only_settings(environment: HashMap<String, String>) -> HashMap<String, String> {
    let is_kubernetes = |name: &str| {
        name == "CLOUDIFY_PORT" || name.starts_with("CLOUDIFY_PORT_") || name.contains("_SERVICE_")
    };
    environment
        .into_iter()
        .filter(|(name, _)| !NOT_SETTINGS.contains(&name.as_str()) && !is_kubernetes(name))
        .collect()
}

/// Prints settings as TOML.
#[expect(clippy::print_stdout, reason = "it is what the command is for")]
pub(crate) fn print(settings: &Settings) -> Result<(), Failure> {
    let text = toml::to_string_pretty(settings).map_err(|error| Failure::Configuration(error.to_string()))?;
    print!("{text}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn file(text: &str) -> (tempfile::TempDir, Layers) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cloudify.toml");
        std::fs::write(&path, text).unwrap();
        (folder, Layers { file: Some(path), flags: Vec::new() })
    }

    #[test]
    fn flags_count_more_than_environment_and_that_more_than_the_file() {
        let (_folder, mut layers) =
            file("listen = 'file'\n[http]\nconnections_max = 1\nchunk_max_age_seconds = 1\n");
        let variables = environment(&[
            ("CLOUDIFY_LISTEN", "environment"),
            ("CLOUDIFY_HTTP__CONNECTIONS_MAX", "2"),
            ("CLOUDIFY_ROOTS", "/a,/b"),
            ("CLOUDIFY_PORT_80_TCP", "tcp://10.0.0.1:80"),
            ("CLOUDIFY_SERVICE_HOST", "10.0.0.1"),
            ("HOME", "/"),
        ]);
        layers.set("listen", "flag");
        let settings = load(&layers, variables).unwrap();
        assert_eq!(settings.listen, "flag");
        assert_eq!((settings.http.connections_max, settings.http.chunk_max_age_seconds), (2, 1));
        assert_eq!(settings.roots, [PathBuf::from("/a"), PathBuf::from("/b")]);
    }

    #[test]
    fn unknown_names_are_errors_wherever_they_stand() {
        for text in
            ["colour = 1", "[http]\ncolour = 1", "[[admin.tokens]]\nname='a'\nsha256='b'\nrole='king'"]
        {
            let (_folder, layers) = file(text);
            let error = load(&layers, HashMap::new()).unwrap_err().to_string();
            assert!(error.contains("colour") || error.contains("king"), "{error}");
        }
        let error =
            load(&Layers::default(), environment(&[("CLOUDIFY_COLOUR", "1")])).unwrap_err().to_string();
        assert!(error.contains("colour"), "{error}");
    }

    #[test]
    fn the_first_administrator_comes_from_the_environment_and_only_the_hash_is_kept() {
        let settings = load(&Layers::default(), environment(&[("CLOUDIFY_ADMIN_TOKEN", "secret")])).unwrap();
        let token = &settings.admin.tokens[0];
        assert_eq!(token.role, Role::Administrator);
        assert_eq!(token.sha256, "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b");
    }

    #[test]
    fn secrets_of_remote_sources_come_from_the_environment_and_are_not_printed() {
        let (_folder, layers) =
            file("[remote.access.dkrz]\nprefix = 's3://bucket/'\nsecret_access_key = 'filed'\n");
        let variables = environment(&[
            ("CLOUDIFY_REMOTE__PREFIXES", "s3://bucket/,https://h/"),
            ("CLOUDIFY_REMOTE__ACCESS__DKRZ__ACCESS_KEY_ID", "007"),
            ("CLOUDIFY_REMOTE__ACCESS__DKRZ__SECRET_ACCESS_KEY", "hush-hush"),
            ("CLOUDIFY_REMOTE__ACCESS__DKRZ__ALLOW_HTTP", "true"),
            ("CLOUDIFY_REDIS__PASSWORD", "0815"),
            ("CLOUDIFY_REDIS__CLUSTER", "redis://a:1,redis://b:1"),
        ]);
        let settings = load(&layers, variables).unwrap();
        assert_eq!(settings.remote.prefixes, ["s3://bucket/", "https://h/"]);
        assert_eq!(settings.redis.cluster, ["redis://a:1", "redis://b:1"]);
        assert_eq!(settings.redis.password.as_ref().unwrap().expose(), "0815");
        let access = &settings.remote.access["dkrz"];
        let texts =
            [&access.access_key_id, &access.secret_access_key].map(|text| text.as_ref().unwrap().expose());
        assert_eq!((texts, access.allow_http), (["007", "hush-hush"], true));
        let printed = format!("{} {settings:?}", toml::to_string_pretty(&settings).unwrap());
        assert!(printed.contains("(hidden)"), "{printed}");
        assert!(
            !printed.contains("hush-hush")
                && !printed.contains("007")
                && !printed.contains("0815")
                && !printed.contains("filed")
        );
    }

    #[test]
    fn what_is_printed_loads_again() {
        let (_folder, layers) = file(&toml::to_string_pretty(&Settings::default()).unwrap());
        assert_eq!(load(&layers, HashMap::new()).unwrap(), Settings::default());
    }

    #[test]
    fn the_sample_configuration_says_the_defaults() {
        let (_folder, layers) = file(include_str!("../../../deploy/cloudify.toml"));
        let sample = load(&layers, HashMap::new()).unwrap();
        let default =
            Settings { catalog: sample.catalog.clone(), roots: sample.roots.clone(), ..Settings::default() };
        assert_eq!(sample, default);
    }

    #[test]
    fn workers_are_a_list_in_the_environment() {
        let variables = environment(&[("CLOUDIFY_WORKERS", "http://a:1,http://b:2")]);
        assert_eq!(load(&Layers::default(), variables).unwrap().workers, ["http://a:1", "http://b:2"]);
    }
}
