//! Bodies of requests: JSON, up to a limit.

use axum::extract::Request;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use model::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;

/// The length of a body in bytes, where it is announced.
pub(super) fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok())
}

/// Reads a body of at most `limit` bytes. No body at all reads as `{}`. `advice` says what to do about a longer one.
pub(super) async fn json<T: DeserializeOwned>(
    request: Request,
    limit: usize,
    advice: &str,
) -> Result<(Parts, T)> {
    let too_large =
        || Error::new(ErrorKind::TooLarge, format!("the body is longer than {limit} bytes: {advice}"));
    let (parts, body) = request.into_parts();
    if announced(&parts.headers).is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let bytes = match Limited::new(body, limit).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(too_large()),
        Err(error) => return Err(Error::invalid("the body broke off").with_internal(error)),
    };
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    let malformed = |error: serde_json::Error| {
        // A name that was sent may be as long as the body.
        let told: String = error.to_string().chars().take(300).collect();
        Error::invalid(format!("the body: {told}"))
    };
    Ok((parts, serde_json::from_slice(text).map_err(malformed)?))
}
