//! Named views: the same as by their steps, below their names.

use http::{Method, StatusCode};
use serde_json::json;

use super::Gateway;

const DATASET: &str = "/datasets/a%20b%26%3Cc%3E";
const STEPS: &str = "view/var~etas~pbitround~e9";

#[tokio::test]
async fn a_name_is_its_steps() {
    let gateway = Gateway::new();
    for path in
        ["/zarr/tas/c/0", "/zarr/tas/0", "/zarr/.zmetadata", "/zarr/zarr.json", "/keys", "/dict", "/info"]
    {
        let named = gateway.get(&format!("{DATASET}/views/rounded{path}")).await;
        let by_steps = gateway.get(&format!("{DATASET}/{STEPS}{path}")).await;
        assert_eq!((named.status, &named.body), (StatusCode::OK, &by_steps.body), "{path}");
        assert_eq!(named.header("etag"), by_steps.header("etag"), "{path}");
    }
    let chunk = format!("{DATASET}/views/rounded/zarr/tas/c/0");
    let etag = gateway.get(&chunk).await.header("etag").unwrap().to_owned();
    let again = gateway.get_with(&chunk, &[("if-none-match", &etag)]).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    assert_eq!(gateway.head(&chunk).await.status, StatusCode::OK);
}

#[tokio::test]
async fn pages_link_to_names() {
    let gateway = Gateway::new();
    let page = |path: String| {
        let gateway = &gateway;
        async move {
            String::from_utf8(gateway.get_with(&path, &[("host", "data.org")]).await.body.to_vec()).unwrap()
        }
    };
    let dataset = page(format!("{DATASET}/")).await;
    assert!(dataset.contains(&format!("http://data.org{DATASET}/views/rounded/\">rounded</a>")), "{dataset}");
    assert!(dataset.contains("var=tas|bitround=9"));
    for path in ["views/rounded", "views/rounded/", "views/rounded/zarr", "views/rounded/zarr/"] {
        let view = page(format!("{DATASET}/{path}")).await;
        assert!(view.contains(&format!("http://data.org{DATASET}/views/rounded/")), "{view}");
        assert!(
            !view.contains(STEPS) && view.contains("var=tas|bitround=9") && !view.contains("Named views")
        );
    }
    assert!(!page("/datasets/atmos/".into()).await.contains("Named views"));
}

#[tokio::test]
async fn names_are_listed_and_others_are_not_there() {
    let gateway = Gateway::new();
    let info = gateway.get(&format!("{DATASET}/info")).await.json();
    assert_eq!(info["views"], json!({"lost": "var=nope", "rounded": "var=tas|bitround=9"}));
    assert_eq!(gateway.get("/datasets/atmos/info").await.json().get("views"), None);
    assert_eq!(gateway.get(&format!("{DATASET}/views/rounded/info")).await.json().get("views"), None);
    for (path, status, detail) in [
        ("nope/info", StatusCode::NOT_FOUND, "has no view 'nope': it has lost, rounded"),
        ("nope/zarr/.zmetadata", StatusCode::NOT_FOUND, "has no view 'nope'"),
        ("nope/zarr/tas/c/0", StatusCode::GONE, "has no view 'nope'"),
        // No name stands for steps, and no steps are a name.
        ("var=tas/info", StatusCode::NOT_FOUND, "has no view 'var=tas'"),
        ("lost/info", StatusCode::NOT_FOUND, "there is no variable nope"),
        ("rounded/zarr/tas/c/7", StatusCode::NOT_FOUND, "no such chunk"),
        ("rounded/kerchunk/tas/c/0", StatusCode::BAD_REQUEST, "behind the name of a view stand"),
        ("%ff/info", StatusCode::BAD_REQUEST, "UTF-8"),
    ] {
        let answer = gateway.get(&format!("{DATASET}/views/{path}")).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.detail().contains(detail), "{}", answer.detail());
    }
    let none = gateway.get("/datasets/atmos/views/rounded/keys").await;
    assert_eq!(none.detail(), "Dataset 'atmos' has no view 'rounded': it has none");
    let steps = gateway.get(&format!("{DATASET}/view/rounded/info")).await;
    assert_eq!(steps.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_administrator_gives_names() {
    let gateway = Gateway::new();
    let token = [("authorization", "Bearer edit")];
    for (method, path, body) in [
        (Method::POST, "", r#"{"id": "new", "sources": ["/a.nc"], "views": {"m": "mean=time", "old": ""}}"#),
        (Method::PUT, "/new", r#"{"sources": ["/a.nc"], "views": {"m": "mean=time", "old": ""}}"#),
    ] {
        let made = gateway.send(method, &format!("/admin/v1/datasets{path}"), &token, body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        let registered = std::mem::take(&mut *gateway.worker.registered_views.lock().unwrap());
        assert_eq!(json!(registered), json!({"m": "mean=time", "old": ""}));
    }
    let shown = gateway.get_with("/admin/v1/datasets/a%20b%26%3Cc%3E", &token).await.json();
    assert_eq!(shown["views"]["rounded"], "var=tas|bitround=9");
}
