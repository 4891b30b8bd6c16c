//! Documents, their compression, cross-origin access, the table of errors, health.

use std::io::Read as _;

use http::{Method, StatusCode};
use model::{Error, ErrorKind};

use super::Gateway;
use super::worker::Reads;
use crate::http::error::{TABLE, level};

const METADATA: &str = "/datasets/atmos/kerchunk/.zmetadata";

#[tokio::test]
async fn metadata_is_that_of_the_dataset_in_both_formats() {
    let gateway = Gateway::new();
    let v2 = gateway.get(METADATA).await.json();
    assert_eq!(v2["zarr_consolidated_format"], 1);
    assert_eq!(
        v2["metadata"]["tas/.zarray"],
        gateway.get("/datasets/atmos/kerchunk/tas/.zarray").await.json()
    );
    assert_eq!(
        v2["metadata"]["tas/.zattrs"],
        gateway.get("/datasets/atmos/kerchunk/tas/.zattrs").await.json()
    );
    assert_eq!(v2["metadata"][".zattrs"], gateway.get("/datasets/atmos/kerchunk/.zattrs").await.json());
    assert_eq!(
        v2["metadata"]["forecast/.zgroup"],
        gateway.get("/datasets/atmos/kerchunk/forecast/.zgroup").await.json()
    );
    let v3 = gateway.get("/datasets/atmos/kerchunk/zarr.json").await.json();
    let inside = &v3["consolidated_metadata"]["metadata"];
    assert_eq!(inside["tas"], gateway.get("/datasets/atmos/kerchunk/tas/zarr.json").await.json());
    assert_eq!(inside["forecast"], gateway.get("/datasets/atmos/kerchunk/forecast/zarr.json").await.json());
}

#[tokio::test]
async fn all_datasets_are_one_hierarchy_that_agrees_with_its_parts() {
    let gateway = Gateway::new();
    let v2 = gateway.get("/datasets/.zmetadata").await.json();
    for key in [
        ".zgroup",
        ".zattrs",
        "atmos/.zgroup",
        "atmos/.zattrs",
        "atmos/kerchunk/.zgroup",
        "atmos/kerchunk/.zattrs",
        "atmos/kerchunk/tas/.zarray",
        "atmos/kerchunk/forecast/pr/.zattrs",
    ] {
        assert_eq!(v2["metadata"][key], gateway.get(&format!("/datasets/{key}")).await.json(), "{key}");
    }
    let v3 = gateway.get("/datasets/zarr.json").await.json();
    for key in ["atmos", "atmos/kerchunk/tas", "atmos/kerchunk/forecast"] {
        let alone = gateway.get(&format!("/datasets/{key}/zarr.json")).await.json();
        assert_eq!(v3["consolidated_metadata"]["metadata"][key], alone, "{key}");
    }
    let mut store = gateway.get("/datasets/atmos/kerchunk/zarr.json").await.json();
    store.as_object_mut().unwrap().remove("consolidated_metadata");
    assert_eq!(v3["consolidated_metadata"]["metadata"]["atmos/kerchunk"], store);
}

#[tokio::test]
async fn metadata_is_compressed_as_the_client_likes_with_a_tag_of_its_own() {
    let gateway = Gateway::new();
    let plain = gateway.get(METADATA).await;
    assert_eq!(plain.header("vary"), Some("Accept-Encoding"));
    assert_eq!(plain.header("content-encoding"), None);
    for coding in ["gzip", "br", "zstd"] {
        let coded = gateway.get_with(METADATA, &[("accept-encoding", coding)]).await;
        assert_eq!(coded.header("content-encoding"), Some(coding));
        assert_eq!(coded.header("vary"), Some("Accept-Encoding"));
        assert_eq!(coded.header("content-length"), Some(&*coded.body.len().to_string()));
        let mut text = Vec::new();
        match coding {
            "gzip" => flate2::read::GzDecoder::new(&*coded.body).read_to_end(&mut text).map(drop).unwrap(),
            "br" => brotli::BrotliDecompress(&mut &*coded.body, &mut text).unwrap(),
            _ => text = zstd::decode_all(&*coded.body).unwrap(),
        }
        assert_eq!(text, plain.body);
        let etag = coded.header("etag").unwrap();
        assert_ne!(Some(etag), plain.header("etag"));
        let again = gateway.get_with(METADATA, &[("accept-encoding", coding), ("if-none-match", etag)]).await;
        assert_eq!((again.status, again.header("etag")), (StatusCode::NOT_MODIFIED, Some(etag)));
        assert_eq!(again.header("vary"), Some("Accept-Encoding"));
        let part = gateway.get_with(METADATA, &[("accept-encoding", coding), ("range", "bytes=1-4")]).await;
        assert_eq!((part.status, part.header("content-encoding")), (StatusCode::PARTIAL_CONTENT, None));
        assert_eq!(part.body, plain.body.slice(1..5));
    }
}

#[tokio::test]
async fn every_kind_of_error_has_its_answer() {
    let gateway = Gateway::new();
    let mut table = Vec::new();
    for (kind, ..) in TABLE {
        gateway.worker.set(Reads::Fail(Error::new(kind, "for anybody").with_internal("/secret/path")));
        let answer = gateway.get("/datasets/atmos/kerchunk/tas/0.0").await;
        assert!(!String::from_utf8_lossy(&answer.body).contains("secret"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.detail(), "for anybody");
        let retry =
            answer.header("retry-after").map(|after| format!(", Retry-After: {after}")).unwrap_or_default();
        table.push(format!("{kind:?} {}{retry}", answer.status));
    }
    insta::assert_snapshot!(table.join("\n"));
    gateway.worker.set(Reads::Fail(Error::new(ErrorKind::Offline, "on tape").with_retry_after(10_800)));
    assert_eq!(gateway.get("/datasets/atmos/kerchunk/tas/0.0").await.header("retry-after"), Some("10800"));
}

#[test]
fn only_faults_of_the_server_are_warnings() {
    for (kind, status, _) in TABLE {
        // That a file is on tape is no fault.
        let is_fault = status.is_server_error() && kind != ErrorKind::Offline;
        assert_eq!(level(kind) == tracing::Level::WARN, is_fault, "{kind:?}");
    }
    assert_eq!(level(ErrorKind::Conflict), tracing::Level::INFO);
}

#[tokio::test]
async fn every_answer_can_be_read_from_any_page() {
    let gateway = Gateway::new();
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/nowhere"),
        (Method::POST, "/datasets"),
        (Method::GET, METADATA),
        (Method::GET, "/datasets/nope/keys"),
        (Method::GET, "/admin/v1/datasets"),
        (Method::HEAD, "/datasets"),
        (Method::OPTIONS, "/x"),
    ] {
        let answer = gateway.send(method, path, &[], "").await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        let exposed = answer.header("access-control-expose-headers").unwrap();
        for name in
            ["ETag", "Content-Range", "Content-Length", "Accept-Ranges", "Retry-After", "Last-Modified"]
        {
            assert!(exposed.contains(name), "{path} {name}");
        }
        assert!(answer.header("x-request-id").is_some());
    }
    let asks = [
        ("origin", "https://a.org"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "range"),
    ];
    let preflight = gateway.send(Method::OPTIONS, METADATA, &asks, "").await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("Range"));
    assert!(preflight.header("access-control-allow-methods").unwrap().contains("GET, HEAD"));
    assert_eq!(preflight.header("access-control-max-age"), Some("86400"));
}

#[tokio::test]
async fn other_methods_are_405_with_those_that_are_allowed() {
    let gateway = Gateway::new();
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = gateway.send(method, METADATA, &[], "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.header("allow"), Some("GET,HEAD"));
        assert!(answer.detail().contains("Method Not Allowed"));
    }
}

#[tokio::test]
async fn a_request_id_of_the_caller_comes_back_if_it_is_sane() {
    let gateway = Gateway::new();
    assert_eq!(
        gateway.get_with("/datasets", &[("x-request-id", "abc-1")]).await.header("x-request-id"),
        Some("abc-1")
    );
    let insane = gateway.get_with("/datasets", &[("x-request-id", "a b")]).await;
    assert_eq!(insane.header("x-request-id").unwrap().len(), 16);
}

#[tokio::test]
async fn readiness_follows_the_worker_and_the_drain() {
    let gateway = Gateway::new();
    assert_eq!(gateway.get("/healthz/live").await.status, StatusCode::OK);
    assert_eq!(gateway.get("/healthz/ready").await.status, StatusCode::OK);
    *gateway.worker.down.lock().unwrap() = Some(Error::new(ErrorKind::Internal, "no disk"));
    let down = gateway.get("/healthz/ready").await;
    assert_eq!((down.status, down.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, Some("2")));
    *gateway.worker.down.lock().unwrap() = None;
    gateway.state.drain();
    assert_eq!(gateway.get("/healthz/ready").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(gateway.get("/datasets").await.status, StatusCode::OK);
    let metrics = gateway.get("/metrics").await;
    assert!(String::from_utf8_lossy(&metrics.body).contains(r#"route="/datasets",status="200""#));
}

#[tokio::test]
async fn the_last_known_list_serves_while_no_worker_answers_and_an_unknown_list_is_not_an_empty_one() {
    let gateway = Gateway::new();
    *gateway.worker.down.lock().unwrap() = Some(Error::new(ErrorKind::Unavailable, "no worker"));
    for path in ["/datasets", "/datasets/atmos/keys", METADATA] {
        assert_eq!(gateway.get(path).await.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
    *gateway.worker.down.lock().unwrap() = None;
    assert_eq!(gateway.get(METADATA).await.status, StatusCode::OK);
    *gateway.worker.down.lock().unwrap() = Some(Error::new(ErrorKind::Unavailable, "no worker"));
    assert_eq!(gateway.get(METADATA).await.status, StatusCode::OK);
    assert_eq!(gateway.get("/datasets").await.status, StatusCode::OK);
    assert_eq!(gateway.get("/datasets/nope/keys").await.status, StatusCode::NOT_FOUND);
}
