//! What can be set of logs and traces.

use serde::{Deserialize, Serialize};

/// Logs and traces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySettings {
    /// How log lines look.
    pub log: LogFormat,
    /// What is logged, as `tracing`'s filter: `info`, or `info,worker=debug`.
    pub filter: String,
    /// Where spans go by OTLP over gRPC, such as `http://127.0.0.1:4317`; none: nowhere.
    pub otlp_endpoint: Option<String>,
    /// Share of requests traced, 0 to 1, where the caller has not decided already.
    pub trace_ratio: f64,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { log: LogFormat::Pretty, filter: "info".into(), otlp_endpoint: None, trace_ratio: 1.0 }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line for people.
    Pretty,
    /// One JSON object a line, for machines.
    Json,
}
