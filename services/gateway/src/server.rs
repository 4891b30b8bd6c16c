//! Accepting connections, their limits, and draining them at the end.
