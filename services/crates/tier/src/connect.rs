//! Connections: one server, Sentinel or Cluster behind one face.

use std::path::Path;

use deadpool_redis::{PoolConfig, Runtime, Timeouts};
use model::{Error, ErrorKind, Result};
use redis::{
    Client, Cmd, ConnectionInfo, IntoConnectionInfo as _, Pipeline, RedisError, RedisFuture, TlsCertificates,
    TlsMode, Value, aio, sentinel,
};
use tokio::sync::Mutex;

use crate::RedisSettings;
use crate::secret::Secret;

/// Redis, wherever it is.
pub(crate) struct Servers {
    pools: Pools,
    subscribing: Subscribing,
}

enum Pools {
    Single(deadpool_redis::Pool),
    Sentinel(deadpool_redis::sentinel::Pool),
    Cluster(deadpool_redis::cluster::Pool),
}

/// What a subscription connects to, which has a connection of its own.
enum Subscribing {
    /// Any of these: a Cluster passes messages on to all its nodes.
    Nodes(Vec<Client>),
    Sentinel(Box<Mutex<sentinel::SentinelClient>>),
}

/// A connection of a pool.
pub(crate) enum Connection {
    Single(deadpool_redis::Connection),
    Sentinel(deadpool_redis::sentinel::Connection),
    Cluster(deadpool_redis::cluster::Connection),
}

impl Servers {
    /// Checks the settings; connects when it is first needed.
    pub(crate) fn new(settings: &RedisSettings) -> Result<Self> {
        // Whichever part of the program needs TLS first installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let kinds = [!settings.url.is_empty(), !settings.sentinels.is_empty(), !settings.cluster.is_empty()];
        if kinds.iter().filter(|is_set| **is_set).count() != 1 {
            return Err(Error::invalid("set one of redis.url, redis.sentinels and redis.cluster"));
        }
        if !settings.url.is_empty() {
            Self::single(settings)
        } else if settings.sentinels.is_empty() {
            Self::cluster(settings)
        } else {
            Self::sentinels(settings)
        }
    }

    fn single(settings: &RedisSettings) -> Result<Self> {
        let mut info = server(&settings.url, settings)?;
        if let Some(file) = &settings.ca_file {
            let certificates = TlsCertificates { client_tls: None, root_cert: Some(read(file)?) };
            let client = Client::build_with_tls(info, certificates).map_err(wrong)?;
            info = client.get_connection_info().clone();
        }
        let manager = deadpool_redis::Manager::new(info.clone()).map_err(wrong)?;
        let pool =
            deadpool_redis::Pool::builder(manager).config(pool_config(settings)).runtime(Runtime::Tokio1);
        let pools = Pools::Single(pool.build().map_err(wrong)?);
        Ok(Self { pools, subscribing: Subscribing::Nodes(vec![Client::open(info).map_err(wrong)?]) })
    }

    fn cluster(settings: &RedisSettings) -> Result<Self> {
        no_authority(settings)?;
        let nodes: Vec<_> =
            settings.cluster.iter().map(|url| server(url, settings)).collect::<Result<_>>()?;
        let manager = deadpool_redis::cluster::Manager::new(nodes.clone(), false).map_err(wrong)?;
        let pool = deadpool_redis::cluster::Pool::builder(manager)
            .config(pool_config(settings))
            .runtime(Runtime::Tokio1);
        let clients =
            nodes.into_iter().map(|node| Client::open(node).map_err(wrong)).collect::<Result<_>>()?;
        let pools = Pools::Cluster(pool.build().map_err(wrong)?);
        Ok(Self { pools, subscribing: Subscribing::Nodes(clients) })
    }

    fn sentinels(settings: &RedisSettings) -> Result<Self> {
        no_authority(settings)?;
        let nodes: Vec<_> =
            settings.sentinels.iter().map(|url| sentinel(url, settings)).collect::<Result<_>>()?;
        let has_tls = settings.sentinels.iter().any(|url| url.starts_with("rediss://"));
        let master = || {
            let server = credentials(redis::RedisConnectionInfo::default(), settings);
            let node = sentinel::SentinelNodeConnectionInfo::default().set_redis_connection_info(server);
            if has_tls { node.set_tls_mode(TlsMode::Secure) } else { node }
        };
        let name = settings.sentinel_master.clone();
        let of_pool = deadpool_redis::sentinel::SentinelNodeConnectionInfo {
            tls_mode: has_tls.then_some(deadpool_redis::sentinel::TlsMode::Secure),
            redis_connection_info: Some(credentials(redis::RedisConnectionInfo::default(), settings).into()),
        };
        let kind = deadpool_redis::sentinel::SentinelServerType::Master;
        let manager =
            deadpool_redis::sentinel::Manager::new(nodes.clone(), name.clone(), Some(of_pool), kind)
                .map_err(wrong)?;
        let pool = deadpool_redis::sentinel::Pool::builder(manager)
            .config(pool_config(settings))
            .runtime(Runtime::Tokio1);
        let pools = Pools::Sentinel(pool.build().map_err(wrong)?);
        let client = sentinel::SentinelClient::build(
            nodes,
            name,
            Some(master()),
            sentinel::SentinelServerType::Master,
        );
        let client = Mutex::new(client.map_err(wrong)?);
        Ok(Self { pools, subscribing: Subscribing::Sentinel(Box::new(client)) })
    }

    /// A connection that answered just now.
    pub(crate) async fn connection(&self) -> Result<Connection> {
        // Boxed: making a connection holds kilobytes across its waits.
        match &self.pools {
            Pools::Single(pool) => Box::pin(pool.get()).await.map(Connection::Single).map_err(unavailable),
            Pools::Sentinel(pool) => {
                Box::pin(pool.get()).await.map(Connection::Sentinel).map_err(unavailable)
            }
            Pools::Cluster(pool) => Box::pin(pool.get()).await.map(Connection::Cluster).map_err(unavailable),
        }
    }

    /// A connection that hears what is published.
    pub(crate) async fn subscription(&self) -> Result<aio::PubSub> {
        match &self.subscribing {
            Subscribing::Nodes(nodes) => {
                let mut failure = None;
                for node in nodes {
                    match Box::pin(node.get_async_pubsub()).await {
                        Ok(connection) => return Ok(connection),
                        Err(error) => failure = Some(unavailable(error)),
                    }
                }
                Err(failure.unwrap_or_else(|| Error::internal("no node of Redis")))
            }
            Subscribing::Sentinel(client) => {
                let master = Box::pin(client.lock().await.async_get_client()).await.map_err(unavailable)?;
                Box::pin(master.get_async_pubsub()).await.map_err(unavailable)
            }
        }
    }
}

impl aio::ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(cmd),
            Self::Sentinel(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        cmd: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(connection) => connection.req_packed_commands(cmd, offset, count),
            Self::Sentinel(connection) => connection.req_packed_commands(cmd, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(cmd, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            Self::Sentinel(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

fn no_authority(settings: &RedisSettings) -> Result<()> {
    if settings.ca_file.is_some() {
        return Err(Error::invalid(
            "redis.ca_file is for one server; for Sentinel and Cluster, name the file in SSL_CERT_FILE",
        ));
    }
    Ok(())
}

fn info(url: &str) -> Result<ConnectionInfo> {
    // The text of the error would name the URL, and a password may be in it.
    let no_url =
        |_| Error::invalid("a URL of Redis must look like redis://host:6379/0 or rediss://host:6379/0");
    let info = url.into_connection_info().map_err(no_url)?;
    let server = info.redis_settings();
    if server.username().is_some() || server.password().is_some() {
        return Err(Error::invalid("user and password of Redis belong in redis.username and redis.password"));
    }
    Ok(info)
}

/// The same for a server.
fn server(url: &str, settings: &RedisSettings) -> Result<ConnectionInfo> {
    let info = info(url)?;
    let server = credentials(info.redis_settings().clone(), settings);
    Ok(info.set_redis_settings(server))
}

/// The same for a Sentinel, which has users of its own.
fn sentinel(url: &str, settings: &RedisSettings) -> Result<ConnectionInfo> {
    let info = info(url)?;
    let (username, password) = (&settings.sentinel_username, &settings.sentinel_password);
    let sentinel = login(info.redis_settings().clone(), username.as_deref(), password.as_ref());
    Ok(info.set_redis_settings(sentinel))
}

fn credentials(server: redis::RedisConnectionInfo, settings: &RedisSettings) -> redis::RedisConnectionInfo {
    login(server, settings.username.as_deref(), settings.password.as_ref())
}

fn login(
    mut server: redis::RedisConnectionInfo,
    username: Option<&str>,
    password: Option<&Secret>,
) -> redis::RedisConnectionInfo {
    if let Some(username) = username {
        server = server.set_username(username);
    }
    if let Some(password) = password {
        server = server.set_password(password.expose());
    }
    // A right less that a user needs.
    server.set_skip_set_lib_name()
}

fn pool_config(settings: &RedisSettings) -> PoolConfig {
    PoolConfig {
        max_size: settings.connections_max.max(1),
        timeouts: Timeouts::default(),
        ..PoolConfig::default()
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|error| Error::invalid(format!("cannot read {}: {error}", file.display())))
}

fn wrong(cause: impl std::fmt::Display) -> Error {
    Error::invalid(format!("the settings of Redis are wrong: {cause}"))
}

/// Redis does not answer, or not as it should.
pub(crate) fn unavailable(cause: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unavailable, "Redis does not answer").with_internal(cause)
}

/// What Redis said to a command.
pub(crate) fn answered<T>(answer: std::result::Result<T, RedisError>) -> Result<T> {
    answer.map_err(|error| match error.code() {
        // Full, read-only, without the right: it is there all the same.
        Some(_) => Error::new(ErrorKind::Forbidden, "Redis refuses").with_internal(error),
        None => unavailable(error),
    })
}
