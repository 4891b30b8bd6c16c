//! One allowed prefix: its store, its connections, its secrets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue};
use model::{Error, Result};
use object_store::aws::AmazonS3Builder;
use object_store::http::HttpBuilder;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use tier::Secret;
use tokio::sync::Semaphore;

use super::address::{Address, Scheme};
use super::transport::{Connector, Transport};
use crate::settings::{AccessSettings, RemoteSettings};

/// A prefix of URLs and how what is below it is read.
pub(super) struct Prefix {
    pub(super) address: Address,
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) transport: Arc<Transport>,
    pub(super) forbidden_means_absent: bool,
    pub(super) lists: bool,
}

/// All prefixes that the settings name: the allowed ones, and those that only say how to reach a part of one.
pub(super) fn prefixes(settings: &RemoteSettings) -> Result<(Vec<Address>, Vec<Prefix>)> {
    let mut allowed = Vec::new();
    for text in &settings.prefixes {
        allowed.push(Address::parse(text).map_err(|error| wrong(text, &error))?);
    }
    let client = client(settings)?;
    let mut accesses = Vec::new();
    for (name, access) in &settings.access {
        let address = Address::parse(&access.prefix).map_err(|error| wrong(&access.prefix, &error))?;
        if !allowed.iter().any(|prefix| prefix.contains(&address) || address.contains(prefix)) {
            return Err(Error::invalid(format!(
                "remote.access.{name} is for {:?}, which no prefix of remote.prefixes allows",
                access.prefix
            )));
        }
        accesses.push((address, access.clone()));
    }
    for address in &allowed {
        if !accesses.iter().any(|(other, _)| other == address) {
            // The access of the nearest prefix above it, if there is one.
            let above = accesses.iter().filter(|(other, _)| other.contains(address));
            let access = above.max_by_key(|(other, _)| other.depth()).map(|(_, access)| access.clone());
            accesses.push((address.clone(), access.unwrap_or_default()));
        }
    }
    let mut prefixes = accesses
        .into_iter()
        .map(|(address, access)| Prefix::new(address, &access, settings, &client))
        .collect::<Result<Vec<_>>>()?;
    // The longest first.
    prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.address.depth()));
    Ok((allowed, prefixes))
}

/// Without what its store knows.
impl std::fmt::Debug for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prefix").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Prefix {
    fn new(
        address: Address,
        access: &AccessSettings,
        settings: &RemoteSettings,
        client: &reqwest::Client,
    ) -> Result<Self> {
        let is_s3 = address.scheme == Scheme::S3;
        let transport = Arc::new(Transport {
            client: client.clone(),
            permits: Arc::new(Semaphore::new(settings.requests_max.clamp(1, Semaphore::MAX_PERMITS))),
            stall: stall(settings),
            retries: settings.retries,
            headers: if is_s3 { HeaderMap::new() } else { headers(access)? },
            refuses_encoded: !is_s3,
            date: AtomicI64::new(0),
        });
        let connector = Connector(Arc::clone(&transport));
        // Requests are tried again by the transport; what is left to do here are answers that break off.
        let retry = RetryConfig {
            max_retries: settings.retries as usize,
            retry_timeout: stall(settings),
            ..RetryConfig::default()
        };
        let store: Arc<dyn ObjectStore> = if is_s3 {
            let builder = s3(&address, access)?.with_retry(retry).with_http_connector(connector);
            Arc::new(builder.build().map_err(|error| not_built(access, &error))?)
        } else {
            let options = ClientOptions::new().with_allow_http(true);
            let builder = HttpBuilder::new()
                .with_url(address.origin())
                .with_client_options(options)
                .with_retry(retry)
                .with_http_connector(connector);
            Arc::new(builder.build().map_err(|error| not_built(access, &error))?)
        };
        let forbidden_means_absent = access.forbidden_means_absent;
        Ok(Self { address, store, transport, forbidden_means_absent, lists: is_s3 })
    }
}

fn s3(address: &Address, access: &AccessSettings) -> Result<AmazonS3Builder> {
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&address.authority)
        .with_region(access.region.as_deref().unwrap_or("us-east-1"))
        .with_virtual_hosted_style_request(access.virtual_hosted)
        .with_allow_http(access.allow_http);
    if let Some(endpoint) = &access.endpoint {
        let is_plain = endpoint.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
        if is_plain && !access.allow_http {
            let text =
                format!("the endpoint of {:?} is http://: set allow_http if that is meant", access.prefix);
            return Err(Error::invalid(text));
        }
        builder = builder.with_endpoint(endpoint);
    }
    match (&access.access_key_id, &access.secret_access_key) {
        (Some(id), Some(key)) => {
            builder = builder
                .with_access_key_id(secret(access, "access_key_id", id)?)
                .with_secret_access_key(secret(access, "secret_access_key", key)?);
            if let Some(token) = &access.session_token {
                builder = builder.with_token(secret(access, "session_token", token)?);
            }
            Ok(builder)
        }
        // Nobody asks the machine it runs on for credentials that were not given to us.
        (None, None) => Ok(builder.with_skip_signature(true)),
        _ => Err(Error::invalid(format!(
            "{:?} has one of access_key_id and secret_access_key: give both or none",
            access.prefix
        ))),
    }
}

fn headers(access: &AccessSettings) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let named: BTreeMap<&str, &Secret> =
        access.headers.iter().map(|(name, value)| (name.as_str(), value)).collect();
    for (name, value) in named {
        let text = secret(access, name, value)?;
        let parsed = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(text));
        let (Ok(name), Ok(value)) = parsed else { return Err(no_header(access, name)) };
        headers.insert(name, sensitive(value));
    }
    if let Some(token) = &access.bearer_token {
        let text = format!("Bearer {}", secret(access, "bearer_token", token)?);
        let value = HeaderValue::from_str(&text).map_err(|_| no_header(access, "bearer_token"))?;
        headers.insert(AUTHORIZATION, sensitive(value));
    }
    Ok(headers)
}

fn sensitive(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

fn secret<'s>(access: &AccessSettings, name: &str, secret: &'s Secret) -> Result<&'s str> {
    if secret.expose() == Secret::HIDDEN {
        let text = format!("{name} of {:?} is what `cloudify config` prints in place of it", access.prefix);
        return Err(Error::invalid(text));
    }
    Ok(secret.expose())
}

/// One client for all: it keeps connections to each server.
fn client(settings: &RemoteSettings) -> Result<reqwest::Client> {
    // The program has done so already; its tests have not, and reqwest panics without.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        // A redirect could lead anywhere, past the list of what is allowed.
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(settings.connect_timeout_seconds.max(1)))
        .pool_max_idle_per_host(settings.requests_max.max(1))
        .pool_idle_timeout(Duration::from_mins(1))
        .tcp_nodelay(true)
        .user_agent(concat!("cloudify/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(Error::internal)
}

fn stall(settings: &RemoteSettings) -> Duration {
    Duration::from_secs(settings.stall_seconds.max(1))
}

fn wrong(prefix: &str, error: &Error) -> Error {
    Error::invalid(format!("remote prefix {prefix:?}: {}", error.message))
}

fn no_header(access: &AccessSettings, name: &str) -> Error {
    Error::invalid(format!("{name:?} of {:?} is no HTTP header", access.prefix))
}

/// The text of `object_store` may hold what it was given: left out.
fn not_built(access: &AccessSettings, _error: &object_store::Error) -> Error {
    Error::invalid(format!("the access to {:?} is wrong: see endpoint and region", access.prefix))
}
