//! The system from outside: rules of the tree (`tests/tidy.rs`), real clients (pytest), benchmarks.
