//! The one binary: serve, gateway, worker and the administrator's commands.
fn main() {}
