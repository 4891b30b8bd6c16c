//! What goes wrong between us and a remote server, and what we tell of it.

use http::StatusCode;
use model::{Error, ErrorKind};

/// A request that brought no bytes. Holds no URL and no header: those may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("answers with status {status}")]
    Status { status: StatusCode, retry_after_seconds: Option<u32> },
    #[error("redirects, which is not followed: give the place where the source really is")]
    Redirect,
    #[error("answers with a page (text/html) instead of bytes")]
    Html,
    #[error("compresses bytes on the way (Content-Encoding), so that ranges of them are not the source's")]
    Encoded,
    #[error("ignores byte ranges")]
    NoRanges,
    #[error("has more than {0} bytes")]
    TooLarge(u64),
    #[error("ends before as many bytes came as announced")]
    Short,
    #[error("does not answer in time")]
    Silent,
    #[error("stopped in the middle of an answer")]
    Stalled,
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    #[error("is asked for too much at once")]
    Busy,
}

impl Fault {
    /// Whether it may be gone in a moment.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Short => true,
            Self::Status { status, .. } => {
                matches!(status.as_u16(), 408 | 429) || (status.is_server_error() && status.as_u16() != 501)
            }
            _ => false,
        }
    }

    /// When to come again, if the server said so.
    pub(super) fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::Status { retry_after_seconds, .. } => *retry_after_seconds,
            _ => None,
        }
    }

    /// The error for callers. Never `NotFound` but where the server says that there is no such object.
    pub(super) fn error(&self, url: &str) -> Error {
        let kind = match self {
            Self::Status { status, retry_after_seconds } => {
                return of_status(*status, *retry_after_seconds, url);
            }
            Self::Redirect | Self::Html | Self::Encoded | Self::NoRanges => ErrorKind::CorruptData,
            Self::TooLarge(_) => ErrorKind::TooLarge,
            Self::Silent | Self::Stalled => ErrorKind::DeadlineExceeded,
            Self::Short => ErrorKind::Unavailable,
            Self::Unreachable(why) => {
                return Error::new(ErrorKind::Unavailable, "the remote source cannot be reached")
                    .with_internal(format!("{url}: {why}"));
            }
            Self::Busy => {
                let message = "too many requests wait for the remote source";
                return Error::new(ErrorKind::Overloaded, message).with_internal(url).with_retry_after(2);
            }
        };
        Error::new(kind, format!("the remote source {self}")).with_internal(url)
    }
}

fn of_status(status: StatusCode, retry_after_seconds: Option<u32>, url: &str) -> Error {
    let internal = format!("{url}: {status}");
    let error = |kind, message: &str| Error::new(kind, message).with_internal(&internal);
    match status.as_u16() {
        404 | 410 => error(ErrorKind::NotFound, "the remote source has no such object"),
        401 | 403 | 407 => error(
            ErrorKind::Unavailable,
            "the remote source refuses access: its credentials are in the server's configuration",
        ),
        409 | 412 => error(ErrorKind::Conflict, "the remote source changed since it was registered"),
        416 => error(ErrorKind::CorruptData, "a reference points past the end of its source file"),
        429 | 500..=599 => match retry_after_seconds {
            Some(seconds) => error(ErrorKind::Offline, "the remote source asks to come again later")
                .with_retry_after(seconds),
            None => error(ErrorKind::Unavailable, "the remote source cannot answer now"),
        },
        code => error(ErrorKind::CorruptData, &format!("the remote source answers with status {code}")),
    }
}

/// The error for a failed call of a store.
pub(super) fn of_store(error: &object_store::Error, url: &str) -> Error {
    match of_chain(error) {
        Some(fault) => fault.error(url),
        // What object_store finds wrong in an answer: no length, another range, a malformed date. Its text is left
        // out: it has URLs in it, with signatures.
        None => Error::new(ErrorKind::CorruptData, "the remote source gives a malformed answer")
            .with_internal(format!("{url}: {}", innermost(error))),
    }
}

/// Our fault in a chain of causes.
pub(super) fn of_chain(error: &object_store::Error) -> Option<&Fault> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(fault) = error.downcast_ref::<Fault>() {
            return Some(fault);
        }
        cause = error.source();
    }
    None
}

fn innermost(error: &object_store::Error) -> String {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_that_is_not_there_is_not_found() {
        for code in 300..600 {
            let status = StatusCode::from_u16(code).unwrap();
            let kind = Fault::Status { status, retry_after_seconds: None }.error("u").kind;
            assert_eq!(kind == ErrorKind::NotFound, matches!(code, 404 | 410), "{code}");
        }
        for fault in [Fault::Redirect, Fault::Html, Fault::Encoded, Fault::Short, Fault::Silent, Fault::Busy]
        {
            assert_ne!(fault.error("u").kind, ErrorKind::NotFound);
        }
    }

    #[test]
    fn when_to_come_again_is_passed_on() {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let error = Fault::Status { status, retry_after_seconds: Some(600) }.error("u");
        assert_eq!((error.kind, error.retry_after_seconds), (ErrorKind::Offline, Some(600)));
    }
}
