//! Logs, traces and metrics: one start, one list of names.
