//! Chunks: bytes, ranges, conditions, HEAD, and what must never be 404 or complete.

use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use model::{Error, ErrorKind};

use super::Gateway;
use super::worker::{FIRST, Reads, SECOND, file_bytes};

const STORED: &str = "/datasets/atmos/kerchunk/tas/0.0";
const STREAMED: &str = "/datasets/atmos/kerchunk/tas/c/1/0";

fn stored(range: model::ByteRange) -> bytes::Bytes {
    file_bytes().slice(range.offset as usize..(range.offset + range.length) as usize)
}

#[tokio::test]
async fn chunks_are_the_bytes_of_the_file() {
    let gateway = Gateway::new();
    for (path, range) in [(STORED, FIRST), (STREAMED, SECOND)] {
        let answer = gateway.get(path).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body, stored(range));
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        assert_eq!(answer.header("content-length"), Some(&*range.length.to_string()));
        assert_eq!(answer.header("accept-ranges"), Some("bytes"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=3600"));
        assert_eq!(answer.header("last-modified"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert_eq!(answer.header("vary"), None);
        assert!(answer.header("etag").unwrap().starts_with('"'));
    }
    assert_eq!(gateway.get("/datasets/atmos/kerchunk/time/0").await.body, vec![7; 40]);
    assert_eq!(gateway.get("/datasets/at%6Dos/kerchunk/tas/0%2E0").await.body, stored(FIRST));
}

#[tokio::test]
async fn a_warm_chunk_asks_for_its_bytes_alone() {
    let gateway = Gateway::new();
    for _ in 0..5 {
        gateway.get(STORED).await;
        gateway.get(STREAMED).await;
    }
    assert_eq!(gateway.worker.reference_count.load(std::sync::atomic::Ordering::SeqCst), 1);
    assert_eq!(gateway.worker.reads_so_far(), 10);
}

#[tokio::test]
async fn ranges_are_cut_and_only_they_are_read() {
    let gateway = Gateway::new();
    for (range, expected, content_range) in [
        ("bytes=0-9", 0..10, "bytes 0-9/500"),
        ("bytes=490-", 490..500, "bytes 490-499/500"),
        ("bytes=-5", 495..500, "bytes 495-499/500"),
        ("bytes=499-9999", 499..500, "bytes 499-499/500"),
    ] {
        let answer = gateway.get_with(STORED, &[("range", range)]).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(answer.body, stored(FIRST).slice(expected.clone()), "{range}");
        assert_eq!(answer.header("content-range"), Some(content_range));
        assert_eq!(answer.header("content-length"), Some(&*expected.len().to_string()));
    }
    let beyond = gateway.get_with(STORED, &[("range", "bytes=500-")]).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.header("content-range"), Some("bytes */500"));
    let inline = gateway.get_with("/datasets/atmos/kerchunk/time/0", &[("range", "bytes=-8")]).await;
    assert_eq!((inline.status, inline.body.len()), (StatusCode::PARTIAL_CONTENT, 8));
}

#[tokio::test]
async fn several_ranges_are_parts_of_one_answer() {
    let gateway = Gateway::new();
    let header = [("range", "bytes=10-19, 0-3,2-4,600-")];
    for (path, whole) in [(STORED, stored(FIRST)), (STREAMED, stored(SECOND).slice(..500))] {
        let answer = gateway.get_with(path, &[("range", "bytes=10-19, 0-3,2-4")]).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
        let boundary =
            answer.header("content-type").unwrap().strip_prefix("multipart/byteranges; boundary=").unwrap();
        let total = if path == STORED { 500 } else { 3000 };
        let part = |place: &str, bytes: &[u8]| {
            let head = format!(
                "--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {place}/{total}\r\n\r\n"
            );
            [head.as_bytes(), bytes, b"\r\n"].concat()
        };
        let end = format!("--{boundary}--\r\n");
        let parts = [part("10-19", &whole[10..20]), part("0-4", &whole[..5]), end.into_bytes()].concat();
        assert_eq!(answer.body, parts);
        assert_eq!(answer.header("content-length"), Some(&*parts.len().to_string()));
        assert_eq!((answer.header("content-range"), answer.header("etag").is_some()), (None, true));
    }
    let unsatisfiable = gateway.get_with(STORED, &[("range", "bytes=500-,900-999")]).await;
    assert_eq!(unsatisfiable.status, StatusCode::RANGE_NOT_SATISFIABLE);
    let document = gateway.get_with("/datasets/atmos/kerchunk/.zmetadata", &header).await;
    assert_eq!(document.status, StatusCode::PARTIAL_CONTENT);
    assert!(document.body.windows(16).any(|text| text == b"application/json"));
    let reads = gateway.worker.reads_so_far();
    gateway.worker.set(Reads::Fail(Error::new(ErrorKind::Conflict, "the source changed")));
    assert_eq!(gateway.get_with(STORED, &header).await.status, StatusCode::CONFLICT);
    assert!(gateway.worker.reads_so_far() > reads);
    gateway.worker.set(Reads::Break);
    let response = gateway.respond(Method::GET, STREAMED, &[("range", "bytes=0-1500,2000-2999")], "").await;
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn if_range_holds_a_range_back_from_another_state() {
    let gateway = Gateway::new();
    let etag = gateway.get(STORED).await.header("etag").unwrap().to_owned();
    let same = gateway.get_with(STORED, &[("range", "bytes=0-1"), ("if-range", &etag)]).await;
    assert_eq!(same.status, StatusCode::PARTIAL_CONTENT);
    let other = gateway.get_with(STORED, &[("range", "bytes=0-1"), ("if-range", "\"other\"")]).await;
    assert_eq!((other.status, other.body.len()), (StatusCode::OK, 500));
}

#[tokio::test]
async fn a_client_that_has_the_chunk_costs_no_read() {
    let gateway = Gateway::new();
    let etag = gateway.get(STORED).await.header("etag").unwrap().to_owned();
    let reads = gateway.worker.reads_so_far();
    let weak = format!("\"x\", W/{etag}");
    for condition in [
        ("if-none-match", &*etag),
        ("if-none-match", &weak),
        ("if-none-match", "*"),
        ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ] {
        let answer = gateway.get_with(STORED, &[condition]).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::NOT_MODIFIED, 0), "{condition:?}");
        assert_eq!(answer.header("etag"), Some(&*etag));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert!(answer.header("cache-control").is_some() && answer.header("last-modified").is_some());
    }
    assert_eq!(gateway.worker.reads_so_far(), reads);
    let failed = gateway.get_with(STORED, &[("if-match", "\"old\"")]).await;
    assert_eq!(failed.status, StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn head_has_the_length_of_get_and_checks_the_source() {
    let gateway = Gateway::new();
    for path in [
        STORED,
        STREAMED,
        "/datasets/atmos/kerchunk/time/0",
        "/datasets/atmos/kerchunk/.zmetadata",
        "/datasets",
    ] {
        let (get, head) = (gateway.get(path).await, gateway.head(path).await);
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0), "{path}");
        for name in ["content-length", "etag", "content-type", "accept-ranges", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
        assert!(head.header("content-length").is_some());
    }
    gateway
        .worker
        .set(Reads::Fail(Error::new(ErrorKind::Conflict, "the source changed since it was registered")));
    assert_eq!(gateway.head(STORED).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn only_what_is_absent_is_404() {
    let gateway = Gateway::new();
    for absent in [
        "tas/2.0",
        "tas/9.0",
        "tas/0",
        "tas/c",
        "tas/.zgroup",
        "pr/0",
        "forecast/.zarray",
        "pr/.zarray",
        ".zfoo",
        "forecast/pr/0",
        "x//y",
    ] {
        let answer = gateway.get(&format!("/datasets/atmos/kerchunk/{absent}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{absent}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        answer.detail();
    }
    for fault in ["lat/0", "height/0"] {
        let answer = gateway.get(&format!("/datasets/atmos/kerchunk/{fault}")).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{fault}");
        assert_eq!(answer.detail(), "internal error");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_never_looks_complete() {
    let gateway = Gateway::new();
    for reads in [Reads::Break, Reads::EndEarly] {
        gateway.worker.set(reads);
        let response = gateway.respond(Method::GET, STREAMED, &[], "").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-length"], "3000");
        assert!(response.into_body().collect().await.is_err());
    }
}

#[tokio::test]
async fn a_worker_that_hangs_is_504_and_a_panic_is_500_without_its_words() {
    let gateway = Gateway::new();
    gateway.worker.set(Reads::Hang);
    let late = gateway.get(STORED).await;
    assert_eq!(late.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(late.detail().contains("1 seconds"));
    gateway.worker.set(Reads::Panic);
    let panicked = gateway.get(STORED).await;
    assert_eq!(panicked.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(panicked.detail(), "internal error");
    assert_eq!(panicked.header("access-control-allow-origin"), Some("*"));
}
