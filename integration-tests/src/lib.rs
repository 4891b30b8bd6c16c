//! The system from outside: rules of the tree, real clients, benchmarks.
