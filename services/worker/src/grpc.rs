//! The worker's services over gRPC.
