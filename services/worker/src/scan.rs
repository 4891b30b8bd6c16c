//! Scanning files in child processes.
