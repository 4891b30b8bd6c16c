//! Lists, pages, the OpenAPI document and its page.

use http::StatusCode;
use serde_json::json;

use super::Gateway;

#[tokio::test]
async fn lists_have_the_shapes_of_xpublish() {
    let gateway = Gateway::new();
    assert_eq!(gateway.get("/datasets").await.json(), json!(["atmos", "a b&<c>"]));
    let keys = gateway.get("/datasets/atmos/keys").await.json();
    assert_eq!(keys, json!(["tas", "station", "time", "lat", "height"]));
    for name in ["info", "dict"] {
        let told = gateway.get(&format!("/datasets/atmos/{name}")).await.json();
        insta::assert_snapshot!(name, serde_json::to_string_pretty(&told).unwrap());
    }
    assert_eq!(gateway.get("/versions").await.json()["cloudify"], env!("CARGO_PKG_VERSION"));
    assert_eq!(gateway.get("/plugins").await.json()["kerchunk"]["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn an_unknown_dataset_is_404_in_the_words_of_xpublish() {
    let gateway = Gateway::new();
    for path in [
        "",
        "/",
        "/keys",
        "/dict",
        "/info",
        "/.zgroup",
        "/zarr.json",
        "/kerchunk/.zmetadata",
        "/kerchunk/tas/.zarray",
        "/kerchunk/tas",
    ] {
        let answer = gateway.get(&format!("/datasets/nope{path}")).await;
        assert_eq!(
            (answer.status, &*answer.detail()),
            (StatusCode::NOT_FOUND, "Dataset 'nope' not found"),
            "{path}"
        );
    }
    // Whoever asks for a chunk opened the dataset, and would fill in a 404.
    for chunk in ["kerchunk/tas/0.0", "kerchunk/tas/c/0/0", "zarr/tas/0.0", "zarr/a/b/c"] {
        let answer = gateway.get(&format!("/datasets/nope/{chunk}")).await;
        let problem = (answer.status, &*answer.detail());
        assert_eq!(problem, (StatusCode::GONE, "Dataset 'nope' not found"), "{chunk}");
    }
}

#[tokio::test]
async fn a_page_is_complete_and_whatever_a_dataset_says_is_text() {
    let gateway = Gateway::new();
    let host = [("host", "data.org"), ("x-forwarded-proto", "https")];
    for path in ["/datasets/atmos/", "/datasets/atmos", "/datasets/a%20b%26%3Cc%3E/", "/"] {
        let answer = gateway.get_with(path, &host).await;
        let page = String::from_utf8(answer.body.to_vec()).unwrap();
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (StatusCode::OK, Some("text/html; charset=utf-8"))
        );
        assert!(answer.header("content-security-policy").unwrap().contains("default-src 'none'"));
        assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
        assert!(!page.contains("<7>") && !page.contains("<c>") && !page.contains("<script"), "{page}");
        assert!(page.contains("https://data.org/datasets"), "{page}");
    }
    let page = String::from_utf8(gateway.get("/datasets/atmos/").await.body.to_vec()).unwrap();
    for part in ["air temperature", "shuffle → zlib", "time: <b>5</b>", "forecast", "2 × 40", "scale_factor"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn the_documentation_page_needs_nothing_from_elsewhere() {
    let gateway = Gateway::new();
    assert_eq!(gateway.get("/docs").await.header("location"), Some("docs/"));
    let page = gateway.get("/docs/").await;
    assert_eq!(page.status, StatusCode::OK);
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(!text.contains("http://") && !text.contains("https://"), "{text}");
    for file in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        assert_eq!(gateway.get(&format!("/docs/{file}")).await.status, StatusCode::OK, "{file}");
    }
    assert_eq!(gateway.get("/docs/nope").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_openapi_document_names_every_route_and_its_answers() {
    let gateway = Gateway::new();
    let api = gateway.get("/openapi.json").await.json();
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"));
    let (mut operations, mut ids) = (Vec::new(), std::collections::HashSet::new());
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let answers: Vec<_> = operation["responses"].as_object().unwrap().keys().cloned().collect();
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
            operations.push(format!("{method} {path}: {}", answers.join(" ")));
        }
    }
    operations.sort();
    insta::assert_snapshot!(operations.join("\n"));
}
