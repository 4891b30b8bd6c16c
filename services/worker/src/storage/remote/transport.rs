//! Requests to one prefix: how many at once, how long they may take, which answers count, when they are tried again.
//! `object_store` speaks the protocol (paths, signatures, ranges, lists) and sends its requests through here.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, RANGE, RETRY_AFTER,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::body::{Body, Pace};
use super::fault::Fault;

/// Largest object of which a part is cut here, where a server ignores byte ranges.
const CUT_BYTES_MAX: u64 = 64 << 20;
/// Largest answer without a length that is put together to learn it, if the caller allows no more.
const UNMEASURED_BYTES_MAX: u64 = 8 << 20;
/// Largest page of a list; S3's have a thousand names.
const LIST_BYTES_MAX: u64 = 16 << 20;
/// First pause before a request is tried again; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(200);
/// Longest time that pauses take together.
const PAUSES_MAX: Duration = Duration::from_secs(8);

/// What a caller tells the transport of its request, in the request's extensions.
#[derive(Debug, Clone, Copy)]
pub(super) struct CollectMax(pub(super) u64);

/// How requests are sent.
pub(super) struct Transport {
    pub(super) client: reqwest::Client,
    pub(super) permits: Arc<Semaphore>,
    pub(super) stall: Duration,
    pub(super) retries: u32,
    /// Added to each request.
    pub(super) headers: HeaderMap,
    /// Whether bytes that were compressed on the way are refused: S3 says so of objects that are stored that way.
    pub(super) refuses_encoded: bool,
    /// Latest `Date` of the server, seconds since 1970.
    pub(super) date: AtomicI64,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").field("stall", &self.stall).finish_non_exhaustive()
    }
}

/// Hands the transport to `object_store`.
#[derive(Debug, Clone)]
pub(super) struct Connector(pub(super) Arc<Transport>);

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Service(Arc::clone(&self.0))))
    }
}

#[derive(Debug)]
struct Service(Arc<Transport>);

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answered = self.0.answer(request).await;
        // `Unknown`: not for `object_store` to try again.
        answered.map_err(|fault| HttpError::new(HttpErrorKind::Unknown, fault))
    }
}

impl Transport {
    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, Fault> {
        let begun = Instant::now();
        let mut pause = PAUSE;
        let mut paused = Duration::ZERO;
        let mut tries = 0;
        loop {
            let fault = match self.once(&request).await {
                Ok(response) => return Ok(response),
                Err(fault) => fault,
            };
            let wanted = fault.retry_after_seconds().map_or(pause, |s| Duration::from_secs(s.into()));
            let is_late = begun.elapsed() > self.stall;
            if tries == self.retries || !fault.is_passing() || paused + wanted > PAUSES_MAX || is_late {
                return Err(fault);
            }
            telemetry::metrics().remote_retries_total.inc();
            tokio::time::sleep(jittered(wanted)).await;
            (tries, paused, pause) = (tries + 1, paused + wanted, pause * 2);
        }
    }

    /// Whether a request would not wait for others.
    pub(super) fn has_request_to_spare(&self) -> bool {
        self.permits.available_permits() > 0
    }

    /// Waits for others' requests to end, until one more may be under way.
    pub(super) async fn turn(&self) -> Result<OwnedSemaphorePermit, Fault> {
        let permit = tokio::time::timeout(self.stall, Arc::clone(&self.permits).acquire_owned());
        permit.await.ok().and_then(Result::ok).ok_or(Fault::Busy)
    }

    async fn once(&self, request: &HttpRequest) -> Result<HttpResponse, Fault> {
        let metrics = telemetry::metrics();
        let permit = self.turn().await?;
        let begun = Instant::now();
        let answered = self.send(request, permit).await;
        metrics
            .remote_request_duration_seconds
            .with_label_values::<&str>(&[])
            .observe(begun.elapsed().as_secs_f64());
        let outcome = match &answered {
            Ok(_) => "answered",
            Err(Fault::Status { status, .. }) if status.as_u16() == 404 => "absent",
            Err(Fault::Status { .. }) => "refused",
            Err(_) => "failed",
        };
        metrics.remote_requests_total.with_label_values(&[outcome]).inc();
        answered
    }

    async fn send(&self, request: &HttpRequest, permit: OwnedSemaphorePermit) -> Result<HttpResponse, Fault> {
        let response = tokio::time::timeout(self.stall, self.client.execute(self.prepared(request)?))
            .await
            .map_err(|_| Fault::Silent)?
            .map_err(unreachable)?;
        self.note_date(response.headers());
        let status = response.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(Fault::Redirect);
        }
        if !status.is_success() {
            let retry_after_seconds = retry_after(response.headers());
            return Err(Fault::Status { status, retry_after_seconds });
        }
        let is_list = request.uri().query().is_some_and(|query| query.contains("list-type"));
        if !is_list {
            self.check(response.headers())?;
        }
        let (head, body) = http::Response::from(response).into_parts();
        let pace = Pace::new(self.stall);
        if request.method() == Method::HEAD {
            return Ok(HttpResponse::from_parts(head, Bytes::new().into()));
        }
        let announced = length(&head.headers);
        let body = Body::new(body, announced, pace, permit);
        if is_list {
            let list = collected(body, announced, LIST_BYTES_MAX, Fault::TooLarge(LIST_BYTES_MAX)).await?;
            return Ok(HttpResponse::from_parts(head, list.into()));
        }
        let collect_max =
            request.extensions().get::<CollectMax>().map_or(UNMEASURED_BYTES_MAX, |CollectMax(max)| *max);
        match request.headers().get(RANGE) {
            Some(range) if head.status == StatusCode::OK => {
                let whole = collected(body, announced, CUT_BYTES_MAX, Fault::NoRanges).await?;
                cut(head, &whole, range)
            }
            None if announced.is_none() => {
                let whole = collected(body, None, collect_max, Fault::TooLarge(collect_max)).await?;
                let mut head = head;
                head.headers.insert(CONTENT_LENGTH, whole.len().into());
                Ok(HttpResponse::from_parts(head, whole.into()))
            }
            _ => Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body))),
        }
    }

    /// The request as it goes out.
    fn prepared(&self, request: &HttpRequest) -> Result<reqwest::Request, Fault> {
        let url =
            request.uri().to_string().parse().map_err(|_| Fault::Unreachable("a malformed URL".into()))?;
        let mut prepared = reqwest::Request::new(request.method().clone(), url);
        let headers = prepared.headers_mut();
        headers.clone_from(request.headers());
        // Not compressed: ranges and lengths must be those of the object.
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        if let Some(bytes) = request.body().as_bytes()
            && !bytes.is_empty()
        {
            *prepared.body_mut() = Some(bytes.clone().into());
        }
        Ok(prepared)
    }

    /// Refuses what calls itself a page, or other than the bytes that were asked for.
    fn check(&self, headers: &HeaderMap) -> Result<(), Fault> {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        if text(CONTENT_TYPE)
            .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"))
        {
            return Err(Fault::Html);
        }
        let is_encoded =
            text(CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity"));
        if self.refuses_encoded && is_encoded {
            return Err(Fault::Encoded);
        }
        Ok(())
    }

    fn note_date(&self, headers: &HeaderMap) {
        if let Some(date) = headers.get(DATE).and_then(|value| seconds_of_date(value.to_str().ok()?)) {
            self.date.store(date, Ordering::Relaxed);
        }
    }
}

/// The whole of a body, if it is not too large.
async fn collected(mut body: Body, announced: Option<u64>, max: u64, fault: Fault) -> Result<Bytes, Fault> {
    if announced.is_some_and(|length| length > max) {
        return Err(fault);
    }
    let mut whole = BytesMut::new();
    while let Some(bytes) = body.next_bytes().await {
        whole.extend_from_slice(&bytes?);
        if whole.len() as u64 > max {
            return Err(fault);
        }
    }
    Ok(whole.freeze())
}

/// Makes the answer to a range out of the whole object.
fn cut(mut head: http::response::Parts, whole: &Bytes, range: &HeaderValue) -> Result<HttpResponse, Fault> {
    let asked = range.to_str().ok().and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let (start, last) = asked
        .and_then(|(start, last)| Some((start.parse::<usize>().ok()?, last.parse::<usize>().ok()?)))
        .ok_or(Fault::NoRanges)?;
    let end = last.saturating_add(1).min(whole.len());
    if start >= end {
        let status = StatusCode::RANGE_NOT_SATISFIABLE;
        return Err(Fault::Status { status, retry_after_seconds: None });
    }
    let content_range = format!("bytes {start}-{}/{}", end - 1, whole.len());
    let content_range = HeaderValue::from_str(&content_range).map_err(|_| Fault::NoRanges)?;
    head.status = StatusCode::PARTIAL_CONTENT;
    head.headers.insert(CONTENT_RANGE, content_range);
    head.headers.insert(CONTENT_LENGTH, (end - start).into());
    Ok(HttpResponse::from_parts(head, whole.slice(start..end).into()))
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// `Retry-After` in seconds: it may be a number or a date.
fn retry_after(headers: &HeaderMap) -> Option<u32> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs() as i64;
    u32::try_from((seconds_of_date(text)? - now).max(0)).ok()
}

fn seconds_of_date(text: &str) -> Option<i64> {
    let date = httpdate::parse_http_date(text).ok()?;
    i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

/// A fault without its URL, which may hold a signature.
fn unreachable(error: reqwest::Error) -> Fault {
    if error.is_timeout() && !error.is_connect() {
        return Fault::Silent;
    }
    let error = error.without_url();
    let mut cause: &(dyn std::error::Error + 'static) = &error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    Fault::Unreachable(cause.to_string())
}

/// A pause of about this length, so that many do not come back at the same moment.
fn jittered(pause: Duration) -> Duration {
    let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    pause + pause.mul_f64(f64::from(nanoseconds % 1000) / 4000.0)
}
