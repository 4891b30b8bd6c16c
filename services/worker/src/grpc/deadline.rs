//! The caller's deadline: `grpc-timeout`
//! ([gRPC over HTTP/2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests)).

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use model::{Error, ErrorKind};
use tokio::time::Instant;

/// When the caller will have stopped waiting; none where it did not say, or said what makes no sense.
pub(super) fn of(headers: &HeaderMap) -> Option<Instant> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (amount, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if amount.len() > 8 {
        return None;
    }
    let amount: u64 = amount.parse().ok()?;
    let timeout = match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    };
    Instant::now().checked_add(timeout)
}

/// The failure of a call that took too long.
pub(super) fn exceeded() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, "reading took longer than the caller waits")
}

/// Ends a call at its deadline; a stream of answers that has begun goes on.
pub(super) async fn bound(request: Request, next: Next) -> Response {
    let Some(deadline) = of(request.headers()) else { return next.run(request).await };
    match tokio::time::timeout_at(deadline, next.run(request)).await {
        Ok(response) => response,
        Err(_) => super::request::refusal(&exceeded()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read_in_every_unit_and_nonsense_is_none() {
        for (text, milliseconds) in
            [("1H", 3_600_000), ("2M", 120_000), ("3S", 3000), ("99m", 99), ("5000u", 5), ("6000000n", 6)]
        {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static("grpc-timeout"),
                text.parse().unwrap(),
            )]);
            let left = of(&headers).unwrap() - Instant::now();
            assert!(
                left <= Duration::from_millis(milliseconds) && left > Duration::from_millis(milliseconds / 2)
            );
        }
        for text in ["", "S", "1", "-1S", "123456789S", "1x", "1 S"] {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static("grpc-timeout"),
                text.parse().unwrap(),
            )]);
            assert!(of(&headers).is_none(), "{text:?}");
        }
    }
}
