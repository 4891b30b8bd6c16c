//! HTTP: the router is the table of contents.
