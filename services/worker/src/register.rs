//! Registering a dataset.
