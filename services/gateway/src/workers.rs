//! The workers as the gateway sees them: remote ones over gRPC, placement, retry.
