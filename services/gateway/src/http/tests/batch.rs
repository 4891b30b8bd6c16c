//! Many keys in one request: frames, statuses, limits, and what must never look complete.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use model::{Error, ErrorKind};
use proptest::prelude::*;

use super::worker::{FIRST, Reads, SECOND, file_bytes};
use super::{Answer, Gateway};

const CHUNKS: &str = "/datasets/atmos/chunks";

/// The frames of a stream by their places, as a client reads them; none where it was broken off.
pub(super) fn frames(stream: &[u8]) -> Option<Vec<(u32, u32, Bytes)>> {
    let mut rest = Bytes::copy_from_slice(stream);
    let mut frames = Vec::new();
    loop {
        let head: [u8; 16] = rest.split_to_checked(16)?.as_ref().try_into().ok()?;
        let number = |range: std::ops::Range<usize>| u32::from_le_bytes(head[range].try_into().unwrap());
        let length = u64::from_le_bytes(head[8..].try_into().unwrap());
        if number(0..4) == u32::MAX {
            assert_eq!((number(4..8), length, rest.len()), (200, 0, 0));
            frames.sort_by_key(|frame: &(u32, u32, Bytes)| frame.0);
            return Some(frames);
        }
        frames.push((number(0..4), number(4..8), rest.split_to_checked(usize::try_from(length).ok()?)?));
    }
}

trait SplitChecked {
    fn split_to_checked(&mut self, at: usize) -> Option<Bytes>;
}

impl SplitChecked for Bytes {
    fn split_to_checked(&mut self, at: usize) -> Option<Bytes> {
        (at <= self.len()).then(|| self.split_to(at))
    }
}

fn asked(store: &str, keys: &[&str]) -> String {
    serde_json::json!({"store": store, "keys": keys}).to_string()
}

impl Gateway {
    async fn batch(&self, path: &str, body: String) -> Answer {
        self.send(Method::POST, path, &[("content-type", "application/json")], body).await
    }

    /// Until so many reads have begun.
    async fn begun(&self, count: u64) {
        while self.worker.reads_so_far() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Status and bytes of each key.
    async fn keys(&self, store: &str, keys: &[&str]) -> Vec<(u32, Bytes)> {
        let answer = self.batch(CHUNKS, asked(store, keys)).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let frames = frames(&answer.body).unwrap();
        let places: Vec<u32> = frames.iter().map(|frame| frame.0).collect();
        assert_eq!(places, (0..keys.len() as u32).collect::<Vec<_>>());
        frames.into_iter().map(|(_, status, bytes)| (status, bytes)).collect()
    }
}

#[tokio::test]
async fn each_key_has_the_status_and_the_bytes_that_it_has_alone() {
    let gateway = Gateway::new();
    let keys = [
        "tas/0.0",
        "tas/c/1/0",
        "tas/2.0",
        "tas/9.0",
        "time/0",
        "tas/.zarray",
        "zarr.json",
        ".zmetadata",
        "nope/0",
        "a/../b",
        "tas/0.0",
        "lat/0",
        "pp_gone_time.month_mean/0",
        "",
        "tas/",
    ];
    let frames = gateway.keys("kerchunk", &keys).await;
    for (key, (status, bytes)) in keys.iter().zip(frames) {
        let alone = gateway.get(&format!("/datasets/atmos/kerchunk/{key}")).await;
        if alone.header("content-type").is_some_and(|of| of.starts_with("text/html")) {
            // A page of links is no key of a store.
            assert_eq!(status, 404, "{key}");
        } else {
            assert_eq!((status, &bytes), (u32::from(alone.status.as_u16()), &alone.body), "{key}");
        }
    }
    assert_eq!(gateway.keys("kerchunk", &[]).await, vec![]);
}

#[tokio::test]
async fn chunks_are_the_bytes_of_the_file() {
    let gateway = Gateway::new();
    let frames = gateway.keys("kerchunk", &["tas/1.0", "tas/0.0"]).await;
    for ((status, bytes), range) in frames.iter().zip([SECOND, FIRST]) {
        let end = (range.offset + range.length) as usize;
        assert_eq!((*status, bytes), (200, &file_bytes().slice(range.offset as usize..end)));
    }
    let answer = gateway.batch(CHUNKS, asked("kerchunk", &["tas/0.0"])).await;
    assert_eq!(answer.header("content-type"), Some("application/vnd.cloudify.chunks"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn views_have_batches_too() {
    let gateway = Gateway::new();
    for (path, made) in [
        ("/datasets/atmos/view/bitround=7/chunks", "bitround=7 tas 0"),
        ("/datasets/a%20b&%3Cc%3E/views/rounded/chunks", "var=tas|bitround=9 tas 0"),
    ] {
        let keys = ["tas/c/0", "tas/c/1", "lost/c/0", "tas/zarr.json"];
        let answer = gateway.batch(path, asked("zarr", &keys)).await;
        let frames = frames(&answer.body).unwrap();
        let statuses: Vec<u32> = frames.iter().map(|frame| frame.1).collect();
        assert_eq!(statuses, [200, 404, 409, 200], "{path}");
        assert_eq!(frames[0].2, made);
        let stored = gateway.batch(path, asked("kerchunk", &keys)).await;
        assert_eq!(stored.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(gateway.get("/datasets/atmos/chunks").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn no_request_as_a_whole_is_404() {
    let gateway = Gateway::new();
    for path in [
        "/datasets/nope/chunks",
        "/datasets/atmos/view/var=nope/chunks",
        "/datasets/a%20b&%3Cc%3E/views/lost/chunks",
        "/datasets/atmos/views/unnamed/chunks",
    ] {
        assert_eq!(gateway.batch(path, asked("zarr", &["tas/0"])).await.status, StatusCode::GONE, "{path}");
    }
}

#[tokio::test]
async fn bodies_that_are_none_are_refused() {
    let gateway = Gateway::new();
    for body in [
        "",
        "{}",
        "[]",
        "nonsense",
        r#"{"store":"kerchunk"}"#,
        r#"{"keys":[]}"#,
        r#"{"store":1,"keys":[]}"#,
        r#"{"store":"kerchunk","keys":"tas/0"}"#,
        r#"{"store":"kerchunk","keys":[],"more":1}"#,
        r#"{"store":"nope","keys":[]}"#,
        r#"{"store":"keys","keys":[]}"#,
        r#"{"store":"kerchunk","keys":["a""#,
    ] {
        let answer = gateway.batch(CHUNKS, body.to_owned()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        answer.detail();
    }
    for body in [
        format!(r#"{{"store":"{}","keys":[]}}"#, "x".repeat(9000)),
        format!(r#"{{"{}":1}}"#, "x".repeat(9000)),
    ] {
        let answer = gateway.batch(CHUNKS, body).await;
        assert_eq!((answer.status, answer.body.len() < 1000), (StatusCode::BAD_REQUEST, true));
    }
    let many = vec!["x"; 10_001];
    let answer = gateway.batch(CHUNKS, asked("kerchunk", &many)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.detail().contains("10001") && answer.detail().contains("10000"));
    assert_eq!(gateway.keys("kerchunk", &many[..10_000]).await.len(), 10_000);
    let long = "x".repeat(5 << 20);
    let answer = gateway.batch(CHUNKS, asked("kerchunk", &[&long])).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn errors_stand_in_their_frames_and_say_when_to_come_again() {
    let gateway = Gateway::new();
    for (kind, status) in
        [(ErrorKind::Conflict, 409), (ErrorKind::Offline, 503), (ErrorKind::Unavailable, 503)]
    {
        gateway.worker.set(Reads::Fail(Error::new(kind, "not now").with_internal("/secret")));
        let frames = gateway.keys("kerchunk", &["tas/0.0", "time/0"]).await;
        assert_eq!((frames[0].0, frames[1].0), (status, 200));
        let problem: serde_json::Value = serde_json::from_slice(&frames[0].1).unwrap();
        assert_eq!((&problem["status"], &problem["detail"]), (&status.into(), &"not now".into()));
        assert_eq!(problem["retry_after"].is_u64(), status == 503, "{problem}");
    }
    gateway.worker.set(Reads::Hang);
    let frames = gateway.keys("kerchunk", &["tas/0.0", "time/0"]).await;
    assert_eq!((frames[0].0, frames[1].0), (504, 200));
}

#[tokio::test]
async fn an_answer_that_breaks_never_looks_complete() {
    let gateway = Gateway::new();
    for reads in [Reads::Break, Reads::EndEarly, Reads::Panic] {
        gateway.worker.set(reads);
        let response =
            gateway.respond(Method::POST, CHUNKS, &[], asked("kerchunk", &["tas/1.0", "time/0"])).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.into_body().collect().await.is_err());
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_work() {
    let gateway = Gateway::new();
    gateway.worker.set(Reads::Hang);
    let many = vec!["tas/0.0"; 1000];
    let response = gateway.respond(Method::POST, CHUNKS, &[], asked("kerchunk", &many)).await;
    gateway.begun(64).await;
    drop(response);
    gateway.worker.set(Reads::Work);
    // Longer than a key has: others would have their turn then.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(gateway.worker.reads_so_far(), 64);
}

#[tokio::test]
async fn a_client_that_takes_nothing_has_no_more_read_for_it() {
    let gateway = Gateway::new();
    let many = vec!["tas/0.0"; 1000];
    let response = gateway.respond(Method::POST, CHUNKS, &[], asked("kerchunk", &many)).await;
    gateway.begun(64).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(gateway.worker.reads_so_far(), 64);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(frames(&body).unwrap().len(), 1000);
    assert_eq!(gateway.worker.reads_so_far(), 1000);
}

#[tokio::test]
async fn the_dataset_is_opened_once() {
    let gateway = Gateway::new();
    gateway.keys("kerchunk", &["tas/0.0", "tas/1.0", "tas/0.0"]).await;
    assert_eq!(gateway.worker.reference_count.load(Ordering::SeqCst), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever keys: a frame for each, none of them a server's fault but those that the worker has.
    #[test]
    fn any_keys_have_a_frame_each(keys in prop::collection::vec("(tas|time|\\PC{0,3})[./]?(c/|[0-9.]{0,3}|\\.zarray)", 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let gateway = Gateway::new();
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            for (status, _) in gateway.keys("kerchunk", &keys).await {
                assert!([200, 400, 404, 410].contains(&status), "{status}");
            }
        });
    }

    /// Whatever body: an answer that is whole or says what is wrong.
    #[test]
    fn any_body_is_answered(body in prop_oneof!["\\PC*", r#"\{"store": ?"(zarr|kerchunk)", ?"keys": ?\[("tas/0.0",?|1){0,4}\]?\}?"#]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let answer = Gateway::new().batch(CHUNKS, body).await;
            match answer.status {
                StatusCode::OK => assert!(frames(&answer.body).is_some()),
                status => assert_eq!(status, StatusCode::BAD_REQUEST),
            }
        });
    }
}

#[tokio::test]
async fn a_stream_cut_anywhere_is_no_whole_one() {
    let gateway = Gateway::new();
    let answer = gateway.batch(CHUNKS, asked("kerchunk", &["time/0", "nope/0", "time/0"])).await;
    assert_eq!(frames(&answer.body).unwrap().len(), 3);
    for cut in 0..answer.body.len() {
        assert!(frames(&answer.body[..cut]).is_none(), "{cut}");
    }
}
