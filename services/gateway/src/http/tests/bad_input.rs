//! Whatever a client sends gets an answer: no panic, no 5xx, no way out of a dataset.

use http::{Method, Request, StatusCode, Uri};
use proptest::prelude::*;
use tower::ServiceExt as _;

use super::Gateway;

#[tokio::test]
async fn malformed_keys_are_400_and_unknown_ones_404() {
    let gateway = Gateway::new();
    let long = "x".repeat(1100);
    for (path, status) in [
        ("kerchunk/../atmos.json", 400),
        ("kerchunk/%2e%2e/%2e%2e/etc/hostname", 400),
        ("kerchunk/..%2f..%2fetc%2fhostname", 400),
        ("kerchunk/tas/%00", 400),
        ("kerchunk/tas%5c0", 400),
        ("kerchunk/tas/%ff", 400),
        (&*format!("kerchunk/{long}"), 400),
        ("kerchunk/%252e%252e/0", 404),
        ("kerchunk/tas/-1.0", 404),
        ("kerchunk/tas/00.0", 404),
        ("kerchunk/tas/99999999999999999999.0", 404),
        ("kerchunk//tas/0.0", 404),
        ("kerchunk/forecast/nope/", 404),
        ("nope", 404),
        ("%ff/x", 404),
    ] {
        let answer = gateway.get(&format!("/datasets/atmos/{path}")).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.detail());
    }
}

#[tokio::test]
async fn ids_are_one_segment_decoded_once() {
    let gateway = Gateway::new();
    for id in
        ["atmos%2Fkerchunk", "..", "%2e%2e", "%2e%2e%2fatmos", "at%256Dos", "%00", "x%0ay", &"y".repeat(3000)]
    {
        let answer = gateway.get(&format!("/datasets/{id}/keys")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}");
        assert!(answer.detail().len() < 300);
    }
    assert_eq!(gateway.get("/datasets/%ff/keys").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(gateway.get("/datasets/%61tmos/keys").await.status, StatusCode::OK);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_path_is_answered_without_a_fault(
        start in prop::sample::select(vec!["/", "/datasets/", "/datasets/atmos/", "/datasets/atmos/kerchunk/",
            "/datasets/atmos/kerchunk/tas/", "/datasets/atmos/view/", "/datasets/atmos/view/var=tas/", "/datasets/atmos/view/var=tas/zarr/",
            "/datasets/atmos/groupby/tas/", "/datasets/atmos/groupby/tas/time.month/", "/docs/", "/admin/v1/datasets/"]),
        rest in prop::collection::vec(prop_oneof![
            any::<u8>().prop_map(|byte| format!("%{byte:02x}")),
            "[ -~]{0,3}",
            prop::sample::select(vec!["..", "/", "c/0", "0.0", ".zarray", "zarr.json", "%", "%2f", "//"]).prop_map(String::from),
        ], 0..12),
        range in proptest::option::of("[ -~]{0,20}"),
        tags in proptest::option::of("[ -~]{0,20}"),
    ) {
        let path = format!("{start}{}", rest.concat());
        if let Ok(uri) = path.parse::<Uri>() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let status = runtime.block_on(async {
                let mut request = Request::builder().method(Method::GET).uri(uri);
                for (name, value) in [("range", range), ("if-none-match", tags)] {
                    if let Some(value) = value {
                        request = request.header(name, value);
                    }
                }
                let gateway = Gateway::new();
                gateway.router.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap().status()
            });
            prop_assert!(!status.is_server_error(), "{path}: {status}");
        }
    }
}
