//! What can be set of remote sources.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tier::Secret;

/// Reading `http(s)://` and `s3://`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteSettings {
    /// URLs under which sources may lie; none: nothing remote is read. `https://host/folder/`, `s3://bucket/folder/`.
    pub prefixes: Vec<String>,
    /// How to reach what begins with a prefix, by a name of the administrator's choice.
    pub access: BTreeMap<String, AccessSettings>,
    /// Longest time to connect, in seconds.
    pub connect_timeout_seconds: u64,
    /// Longest time without news of a server that was asked, in seconds.
    pub stall_seconds: u64,
    /// How often a request is tried again.
    pub retries: u32,
    /// Most requests to one prefix at once.
    pub requests_max: usize,
    /// Largest metadata document or reference set, in bytes.
    pub document_bytes_max: u64,
}

impl Default for RemoteSettings {
    fn default() -> Self {
        Self {
            prefixes: Vec::new(),
            access: BTreeMap::new(),
            connect_timeout_seconds: 5,
            stall_seconds: 30,
            retries: 3,
            requests_max: 64,
            document_bytes_max: 256 << 20,
        }
    }
}

/// How to reach what begins with a prefix. The longest prefix counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessSettings {
    /// What it is for: one of the allowed prefixes, or one below.
    pub prefix: String,
    /// S3: URL of the server, where it is not Amazon's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// S3: region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// S3: whether the bucket is part of the host's name and not of the path.
    pub virtual_hosted: bool,
    /// S3: id of the key. Without key and token, requests are not signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<Secret>,
    /// S3: the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<Secret>,
    /// S3: token of a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_token: Option<Secret>,
    /// S3: whether the endpoint may be `http://`.
    pub allow_http: bool,
    /// Whether a server says 403 of an object that is not there, as S3 does to those who may not list. Only then is a
    /// chunk that is refused a missing one.
    pub forbidden_means_absent: bool,
    /// HTTP: token for `Authorization: Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer_token: Option<Secret>,
    /// HTTP: further headers of each request.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Secret>,
}
