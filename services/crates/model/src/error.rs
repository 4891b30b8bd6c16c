//! One closed list of what can go wrong, as callers see it.

/// What kind of failure: decides the gRPC code, the HTTP status and whether another worker may be asked.
/// One table maps it outward at each rim (`gateway/src/http/error.rs`, `proto/src/status.rs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request is malformed.
    InvalidRequest,
    /// No valid token.
    Unauthorized,
    /// The token, or the configuration, does not allow it.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// It was there, or may have been: what a client takes for missing must not be made of it.
    Gone,
    /// It exists already, or a source changed since it was scanned.
    Conflict,
    /// Beyond a limit.
    TooLarge,
    /// Valid, but not something this server does.
    Unsupported,
    /// This client asks for too much: others' requests are answered. Only a gateway says so.
    RateLimited,
    /// Too busy: come again later.
    Overloaded,
    /// The bytes are on tape.
    Offline,
    /// This worker cannot answer now, another may.
    Unavailable,
    /// It took too long.
    DeadlineExceeded,
    /// The source is damaged.
    CorruptData,
    /// A fault of ours.
    Internal,
}

/// A failure with two texts: one for the public, one for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", internal.as_ref().map(|text| format!(" ({text})")).unwrap_or_default())]
pub struct Error {
    /// What kind it is.
    pub kind: ErrorKind,
    /// For anybody: what failed and what to change. Holds no path of the server.
    pub message: String,
    /// For the log and administrators: paths, causes.
    pub internal: Option<String>,
    /// When to come again.
    pub retry_after_seconds: Option<u32>,
}

/// A result with our error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A failure of a kind with its public text.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), internal: None, retry_after_seconds: None }
    }

    /// Adds what only the log may show.
    #[must_use]
    pub fn with_internal(mut self, internal: impl std::fmt::Display) -> Self {
        self.internal = Some(internal.to_string());
        self
    }

    /// Adds when to come again.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// A malformed request.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, message)
    }

    /// Something that is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// A fault of ours: the public learns only that.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::Internal, "internal error").with_internal(cause)
    }
}
