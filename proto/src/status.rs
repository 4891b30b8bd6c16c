//! Error kinds to gRPC codes and back: the only such table.

use model::{Error, ErrorKind};
use tonic::{Code, Status};

use crate::v1;

const TABLE: [(ErrorKind, Code); 14] = [
    (ErrorKind::InvalidRequest, Code::InvalidArgument),
    (ErrorKind::Unauthorized, Code::Unauthenticated),
    (ErrorKind::Forbidden, Code::PermissionDenied),
    (ErrorKind::NotFound, Code::NotFound),
    (ErrorKind::Gone, Code::Aborted),
    (ErrorKind::Conflict, Code::FailedPrecondition),
    (ErrorKind::TooLarge, Code::OutOfRange),
    (ErrorKind::Unsupported, Code::Unimplemented),
    (ErrorKind::Overloaded, Code::ResourceExhausted),
    (ErrorKind::Unavailable, Code::Unavailable),
    // Unavailable with when to come again: on tape. `from_status` tells them apart by that.
    (ErrorKind::Offline, Code::Unavailable),
    (ErrorKind::DeadlineExceeded, Code::DeadlineExceeded),
    (ErrorKind::CorruptData, Code::DataLoss),
    (ErrorKind::Internal, Code::Internal),
];

const INTERNAL_TEXT: &str = "cloudify-internal-bin";
const RETRY_AFTER: &str = "cloudify-retry-after-seconds";

fn code(kind: ErrorKind) -> Code {
    TABLE.iter().find(|(k, _)| *k == kind).map_or(Code::Internal, |(_, code)| *code)
}

fn kind(code: Code, retry_after_seconds: Option<u32>) -> ErrorKind {
    match code {
        Code::Unavailable if retry_after_seconds.is_some() => ErrorKind::Offline,
        // The caller's own cancellation, or a connection that broke: another worker may answer.
        Code::Cancelled | Code::Unknown => ErrorKind::Unavailable,
        code => TABLE.iter().find(|(_, c)| *c == code).map_or(ErrorKind::Internal, |(kind, _)| *kind),
    }
}

/// An error as a gRPC status; the internal text and the retry time go along as metadata.
pub fn to_status(error: &Error) -> Status {
    let mut status = Status::new(code(error.kind), error.message.clone());
    if let Some(internal) = &error.internal {
        let value = tonic::metadata::MetadataValue::from_bytes(internal.as_bytes());
        status.metadata_mut().insert_bin(INTERNAL_TEXT, value);
    }
    if let Some(seconds) = error.retry_after_seconds {
        status.metadata_mut().insert(RETRY_AFTER, seconds.into());
    }
    status
}

/// A gRPC status as an error.
pub fn from_status(status: &Status) -> Error {
    let retry_after_seconds = status
        .metadata()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    let internal = status
        .metadata()
        .get_bin(INTERNAL_TEXT)
        .and_then(|value| value.to_bytes().ok())
        .map(|text| String::from_utf8_lossy(&text).into_owned());
    let kind = match status.code() {
        // Said by our own side: whoever is at the other end speaks no gRPC, or no more.
        Code::Internal | Code::Unknown if std::error::Error::source(status).is_some() => {
            ErrorKind::Unavailable
        }
        code => kind(code, retry_after_seconds),
    };
    let ours = internal.is_some() || !status.message().is_empty() && kind != ErrorKind::Unavailable;
    if ours {
        return Error { kind, message: status.message().to_owned(), internal, retry_after_seconds };
    }
    // Not said by a worker but by the transport, whose texts name hosts: not for the public.
    Error::new(kind, "no worker could answer").with_internal(status)
}

/// An error inside a lane.
pub fn to_failure(error: Error) -> v1::Failure {
    v1::Failure {
        code: code(error.kind) as i32,
        message: error.message,
        internal: error.internal.unwrap_or_default(),
        retry_after_seconds: error.retry_after_seconds.unwrap_or_default(),
    }
}

/// A lane's failure as an error.
pub fn from_failure(failure: v1::Failure) -> Error {
    let retry_after_seconds = (failure.retry_after_seconds > 0).then_some(failure.retry_after_seconds);
    Error {
        kind: kind(Code::from_i32(failure.code), retry_after_seconds),
        message: failure.message,
        internal: (!failure.internal.is_empty()).then_some(failure.internal),
        retry_after_seconds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_the_wire() {
        for (kind, _) in TABLE {
            let mut error = Error::new(kind, "public").with_internal("ä /private");
            if matches!(kind, ErrorKind::Offline) {
                error = error.with_retry_after(60);
            }
            for back in [from_status(&to_status(&error)), from_failure(to_failure(error.clone()))] {
                assert_eq!((back.kind, &back.message), (kind, &error.message));
                assert_eq!(
                    (back.internal, back.retry_after_seconds),
                    (error.internal.clone(), error.retry_after_seconds)
                );
            }
        }
    }

    #[test]
    fn a_broken_connection_is_unavailable_and_names_no_host() {
        let error = from_status(&Status::unavailable("tcp connect error 10.0.0.1:90"));
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(!error.message.contains("10.0.0.1"));
    }
}
