//! What can be set of Redis. Data only: the binary reads it from file, environment and flags.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Secret;

/// Redis: one server, or Sentinels, or a Cluster; none of them: there is no Redis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisSettings {
    /// One server: `redis://host:6379/0`, with TLS `rediss://…`. User and password are settings of their own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// Sentinels, as URLs: they know which server is the master.
    pub sentinels: Vec<String>,
    /// Name of the master that Sentinels know. It is reached with TLS if they are.
    pub sentinel_master: String,
    /// User of the Sentinels themselves; none for their default user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentinel_username: Option<String>,
    /// Its password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentinel_password: Option<Secret>,
    /// Nodes of a Cluster, as URLs: some of them, they know the others.
    pub cluster: Vec<String>,
    /// User; none for the server's default user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Its password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// PEM file with the certificate authority of one server's TLS certificate; none for those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// What all keys begin with.
    pub prefix: String,
    /// Most connections at once.
    pub connections_max: usize,
    /// Longest wait for a value, in milliseconds. After a few answers that are late, nobody waits until Redis is fast again.
    pub patience_ms: u64,
    /// How long a value is kept, in seconds.
    pub keep_seconds: u64,
    /// Largest value, in bytes.
    pub value_bytes_max: usize,
    /// Memory of a server of Redis beyond which nothing is written any more, in bytes; 0: Redis has a bound of its own.
    pub bytes_max: u64,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            sentinels: Vec::new(),
            sentinel_master: "cloudify".into(),
            sentinel_username: None,
            sentinel_password: None,
            cluster: Vec::new(),
            username: None,
            password: None,
            ca_file: None,
            prefix: "cloudify".into(),
            connections_max: 16,
            patience_ms: 20,
            keep_seconds: 24 * 60 * 60,
            value_bytes_max: 8 << 20,
            bytes_max: 1 << 30,
        }
    }
}

impl RedisSettings {
    /// Whether there is a Redis.
    pub fn is_set(&self) -> bool {
        !self.url.is_empty() || !self.sentinels.is_empty() || !self.cluster.is_empty()
    }

    /// Longest wait for a value.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(self.patience_ms.max(1))
    }
}
