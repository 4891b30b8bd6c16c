//! Logs, traces and metrics: one start, one list of names.
//!
//! Field names in spans and logs are the words of the model (`dataset`, `variable`, `key`, `file`), units last
//! (`duration_ms`, `size_bytes`). Every metric is declared in [`metrics`]; nothing is measured under a name that is
//! not there.

pub mod metrics;
pub mod propagation;
mod settings;
mod start;

pub use metrics::{metrics, metrics_text};
pub use settings::{LogFormat, TelemetrySettings};
pub use start::{Started, TelemetryError, exports_spans, start};
