//! What can be set of a gateway. Data only: the binary reads it from file, environment and flags.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// The HTTP side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Most connections at once; more wait to be accepted.
    pub connections_max: usize,
    /// Longest time for a client to send its request head, in seconds.
    pub header_timeout_seconds: u64,
    /// Longest time that a client may take none of an answer's bytes, in seconds.
    pub write_timeout_seconds: u64,
    /// Longest time to wait for a worker's first byte, in seconds.
    pub worker_timeout_seconds: u64,
    /// How long clients and proxies may keep a chunk without asking again, in seconds.
    pub chunk_max_age_seconds: u32,
    /// The same for metadata.
    pub metadata_max_age_seconds: u32,
    /// Most bytes of chunk references kept in memory.
    pub references_bytes_max: u64,
    /// Most opened datasets kept in memory.
    pub datasets_max: u64,
    /// How often to ask whether the catalog changed, in milliseconds.
    pub catalog_poll_ms: u64,
    /// Largest body of an admin request, in bytes.
    pub body_bytes_max: usize,
    /// Most bytes of chunks that wait to be sent in batch answers, all of them together; one answer has an eighth of it.
    pub batch_bytes_max: u64,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connections_max: 20_000,
            header_timeout_seconds: 30,
            write_timeout_seconds: 60,
            worker_timeout_seconds: 60,
            chunk_max_age_seconds: 3600,
            metadata_max_age_seconds: 60,
            references_bytes_max: 160 << 20,
            datasets_max: 10_000,
            catalog_poll_ms: 1000,
            body_bytes_max: 1 << 20,
            batch_bytes_max: 256 << 20,
        }
    }
}

/// Chunks that workers made, and short ranges of remote files, that a gateway keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheSettings {
    /// Memory for them, in bytes; 0: none is kept here, but in Redis where there is one.
    pub bytes_max: u64,
    /// How long one is served before it is asked again whether its sources are what they were, in seconds; 0: each time.
    pub recheck_seconds: u64,
    /// How long ranges of a remote file are served before its server is asked again whether it is what it was, in seconds;
    /// 0: each time.
    pub remote_recheck_seconds: u64,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { bytes_max: 256 << 20, recheck_seconds: 0, remote_recheck_seconds: 30 }
    }
}

/// A pool of workers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolSettings {
    /// URLs of its workers: `http://host:port`, or `dns://host:port` for all addresses of a host.
    pub workers: Vec<String>,
}

/// How workers are asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoutingSettings {
    /// How long a read may take at one worker before another is asked, in seconds.
    pub try_timeout_seconds: u64,
    /// Whether a read that is late is asked for from another worker, too.
    pub hedging: bool,
    /// How often names of workers are looked up, in milliseconds.
    pub membership_ms: u64,
}

impl Default for RoutingSettings {
    fn default() -> Self {
        Self { try_timeout_seconds: 15, hedging: true, membership_ms: 2000 }
    }
}

/// Limits of clients, and of what is under way for all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsSettings {
    /// Most bytes of answers that workers make, from before they are made until clients have taken them.
    pub answer_bytes_max: u64,
    /// The same for those of at most 1 MiB each: slow readers of large ones leave this to them.
    pub small_answer_bytes_max: u64,
    /// Most large answers of bytes as they are stored, under way at once. Each holds about two pieces.
    pub large_answers_max: u64,
    /// Most requests that wait for each of these; beyond, they are refused.
    pub queue_max: usize,
    /// Longest time that one waits, in seconds.
    pub queue_seconds_max: u64,
    /// How long a request may be delayed for its client's rate before it is refused, in seconds.
    pub delay_seconds_max: u64,
    /// Most clients whose rates are known at once.
    pub clients_max: u64,
    /// Addresses of one network are one client: bits of IPv4 addresses that tell networks apart.
    pub network_prefix_v4: u8,
    /// The same of IPv6.
    pub network_prefix_v6: u8,
    /// Networks of proxies that are believed when they say for whom they ask.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say it. Only one that all of them set: another would be the client's.
    pub proxy_header: ProxyHeader,
    /// Rate of each token.
    pub token: RateSettings,
    /// Rate of each network without a token.
    pub network: RateSettings,
}

/// Where proxies say for whom they ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// What a client may ask for in a time. 0: as much as it likes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateSettings {
    /// Requests a second, over time.
    pub requests_per_second: f64,
    /// Requests at once; 0: those of a second.
    pub requests_burst: u32,
    /// Bytes of answers a second, over time.
    pub bytes_per_second: f64,
    /// Bytes at once; 0: those of a second.
    pub bytes_burst: u64,
}

impl RateSettings {
    /// Whether there is a limit.
    pub fn is_on(&self) -> bool {
        self.requests_per_second > 0.0 || self.bytes_per_second > 0.0
    }
}

impl Default for LimitsSettings {
    fn default() -> Self {
        Self {
            answer_bytes_max: 512 << 20,
            small_answer_bytes_max: 64 << 20,
            large_answers_max: 1024,
            queue_max: 8192,
            queue_seconds_max: 30,
            delay_seconds_max: 10,
            clients_max: 100_000,
            network_prefix_v4: 24,
            network_prefix_v6: 56,
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::XForwardedFor,
            token: RateSettings::default(),
            network: RateSettings::default(),
        }
    }
}

/// Who may administrate. No token: the admin API is off.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminSettings {
    /// Bearer tokens and what they allow.
    pub tokens: Vec<TokenSettings>,
}

/// One bearer token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    /// Whose it is, for the log.
    pub name: String,
    /// SHA-256 of the token in hexadecimal: the token itself is never kept.
    pub sha256: String,
    /// What it allows.
    pub role: Role,
}

/// What a token allows. Each allows what the ones before it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look: previews, versions, sources.
    Viewer,
    /// Also register and replace.
    Editor,
    /// Also remove and roll back.
    Administrator,
}
