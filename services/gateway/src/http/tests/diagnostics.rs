//! Diagnostics as variables: added and removed by administrators, in the decoded store and what tells of it, nowhere else.

use http::{Method, StatusCode};
use model::Error;
use serde_json::json;

use super::{Answer, Gateway};

const ADMIN: &str = "/admin/v1/datasets/atmos/diagnostics";
const MEAN: &str = r#"{"variable": "tas", "coord": "time.month", "action": "mean"}"#;
const MAX: &str = r#"{"variable": "tas", "coord": "time.month", "action": "max"}"#;
const NAME: &str = "pp_tas_time.month_mean";

async fn send(gateway: &Gateway, method: Method, path: &str, body: &'static str) -> Answer {
    gateway.send(method, path, &[("authorization", "Bearer edit")], body).await
}

/// A gateway whose datasets have two.
async fn gateway() -> Gateway {
    let gateway = Gateway::new();
    for body in [MEAN, MAX] {
        assert_eq!(send(&gateway, Method::POST, ADMIN, body).await.status, StatusCode::CREATED);
    }
    gateway
}

#[tokio::test]
async fn they_are_variables_of_the_decoded_store_and_of_what_tells_of_it() {
    let gateway = gateway().await;
    let v2 = gateway.get("/datasets/atmos/zarr/.zmetadata").await.json();
    let array = |name: &str, document: &str| &v2["metadata"][format!("{name}/{document}")];
    assert_eq!(array(NAME, ".zarray")["shape"], json!([3, 2]));
    assert_eq!(array(NAME, ".zattrs")["_ARRAY_DIMENSIONS"], json!(["month", "lat"]));
    assert_eq!(array("month", ".zarray")["shape"], json!([3]));
    assert_eq!(array("tas", ".zattrs")["units"], "K");
    let v3 = gateway.get("/datasets/atmos/zarr/zarr.json").await.json();
    assert_eq!(v3["consolidated_metadata"]["metadata"][NAME]["dimension_names"], json!(["month", "lat"]));
    let keys = gateway.get("/datasets/atmos/keys").await.json();
    assert_eq!(
        keys,
        json!(["tas", "station", NAME, "pp_tas_time.month_max", "time", "lat", "height", "month"])
    );
    let dict = gateway.get("/datasets/atmos/dict").await.json();
    assert_eq!(
        (&dict["data_vars"][NAME]["dims"], &dict["dims"]["month"]),
        (&json!(["month", "lat"]), &json!(3))
    );
    assert_eq!(gateway.get("/datasets/atmos/info").await.json()["dimensions"]["month"], 3);
    for path in ["/datasets/atmos/", "/datasets/atmos/zarr/"] {
        let page = gateway.get(path).await;
        assert!(String::from_utf8(page.body.to_vec()).unwrap().contains(NAME), "{path}");
    }
    for path in ["kerchunk/.zmetadata", "kerchunk/zarr.json", "kerchunk/"] {
        let stored = gateway.get(&format!("/datasets/atmos/{path}")).await;
        assert!(!String::from_utf8(stored.body.to_vec()).unwrap().contains("month"), "{path}");
    }
    assert_eq!(
        gateway.get(&format!("/datasets/atmos/kerchunk/{NAME}/.zarray")).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn their_chunks_are_those_of_the_view() {
    let gateway = gateway().await;
    let view = "/datasets/atmos/view/var~etas~pgroupby~etime.month~dmean/zarr";
    for (variable, of_view, keys) in [(NAME, "tas", ["0.0", "c/1/0"]), ("month", "month", ["0", "c/0"])] {
        for key in keys {
            let path = format!("/datasets/atmos/zarr/{variable}/{key}");
            let (own, by_steps) =
                (gateway.get(&path).await, gateway.get(&format!("{view}/{of_view}/{key}")).await);
            assert_eq!((own.status, &own.body), (StatusCode::OK, &by_steps.body), "{path}");
            let etag = own.header("etag").unwrap();
            assert_eq!(Some(etag), by_steps.header("etag"));
            let again = gateway.get_with(&path, &[("if-none-match", etag)]).await;
            assert_eq!(again.status, StatusCode::NOT_MODIFIED);
            assert_eq!(gateway.head(&path).await.header("content-length"), own.header("content-length"));
        }
    }
    let outside = gateway.get(&format!("/datasets/atmos/zarr/{NAME}/9.0")).await;
    assert_eq!(outside.status, StatusCode::NOT_FOUND);
    // The dataset's own variables are as they were.
    let own = gateway.get("/datasets/atmos/zarr/time/0").await;
    assert_eq!((own.status, &own.body[..]), (StatusCode::OK, &[7; 40][..]));
}

#[tokio::test]
async fn a_worker_that_is_down_is_never_an_absent_variable() {
    let gateway = Gateway::new();
    assert_eq!(send(&gateway, Method::POST, ADMIN, MEAN).await.status, StatusCode::CREATED);
    // Opened without the diagnostic; its view is not open yet in a gateway of a new version.
    let fresh = Gateway::new();
    fresh.worker.diagnostics.lock().unwrap().clone_from(&gateway.worker.diagnostics.lock().unwrap());
    assert_eq!(fresh.get("/datasets/atmos/kerchunk/.zmetadata").await.status, StatusCode::OK);
    *fresh.worker.down.lock().unwrap() = Some(Error::new(model::ErrorKind::Unavailable, "down"));
    for path in
        ["zarr/.zmetadata", "zarr/tas/.zarray", &format!("zarr/{NAME}/0.0"), "keys", "dict", "info", ""]
    {
        let answer = fresh.get(&format!("/datasets/atmos/{path}")).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
    assert_eq!(fresh.get("/datasets/atmos/kerchunk/.zmetadata").await.status, StatusCode::OK);
    *fresh.worker.down.lock().unwrap() = None;
    assert_eq!(fresh.get(&format!("/datasets/atmos/zarr/{NAME}/0.0")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_removed_is_gone_and_not_missing() {
    let gateway = gateway().await;
    let chunk = format!("/datasets/atmos/zarr/{NAME}/0.0");
    assert_eq!(gateway.get(&chunk).await.status, StatusCode::OK);
    let path = format!("{ADMIN}/{NAME}");
    assert_eq!(gateway.send(Method::DELETE, &path, &[], "").await.status, StatusCode::UNAUTHORIZED);
    let viewer = [("authorization", "Bearer view")];
    assert_eq!(gateway.send(Method::DELETE, &path, &viewer, "").await.status, StatusCode::FORBIDDEN);
    assert_eq!(send(&gateway, Method::DELETE, &path, "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(gateway.get(&chunk).await.status, StatusCode::GONE);
    let document = gateway.get(&format!("/datasets/atmos/zarr/{NAME}/.zarray")).await;
    assert_eq!(document.status, StatusCode::NOT_FOUND);
    let keys = gateway.get("/datasets/atmos/keys").await.json();
    assert_eq!(keys, json!(["tas", "station", "pp_tas_time.month_max", "time", "lat", "height", "month"]));
    let again = send(&gateway, Method::DELETE, &path, "").await;
    assert_eq!(
        (again.status, again.detail()),
        (StatusCode::NOT_FOUND, format!("the dataset has no diagnostic '{NAME}'"))
    );
}

#[tokio::test]
async fn one_that_the_version_cannot_have_is_left_out_and_told() {
    let gateway = gateway().await;
    let lost =
        engine::diagnostics::Diagnostic { variable: "pr".into(), coord: "lat".into(), action: "max".into() };
    gateway.worker.diagnostics.lock().unwrap().insert(0, lost);
    let fresh = Gateway::new();
    fresh.worker.diagnostics.lock().unwrap().clone_from(&gateway.worker.diagnostics.lock().unwrap());
    let info = fresh.get("/datasets/atmos/info").await.json();
    assert_eq!(info["left_out"], json!({"pp_pr_lat_max": "Variable 'pr' not found in dataset"}));
    assert!(info["variables"].get(NAME).is_some() && info["variables"].get("pp_pr_lat_max").is_none());
    assert_eq!(fresh.get("/datasets/atmos/zarr/.zmetadata").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_administrator_adds_one_once_and_hears_why_not() {
    let gateway = Gateway::new();
    let made = send(&gateway, Method::POST, ADMIN, MEAN).await;
    assert_eq!(
        (made.status, made.json()),
        (StatusCode::CREATED, json!({"id": "atmos", "version": 2, "name": NAME}))
    );
    let again = send(&gateway, Method::POST, ADMIN, MEAN).await;
    assert_eq!((again.status, &again.json()["version"]), (StatusCode::OK, &json!(2)));
    let shown =
        gateway.get_with("/admin/v1/datasets/atmos", &[("authorization", "Bearer view")]).await.json();
    assert_eq!(shown["diagnostics"], json!([NAME]));
    for (body, status, detail) in [
        (
            r#"{"variable": "pr", "coord": "time.month", "action": "mean"}"#,
            404,
            "Variable 'pr' not found in dataset",
        ),
        (
            r#"{"variable": "tas", "coord": "x", "action": "mean"}"#,
            404,
            "Groupby coordinate 'x' not found in dataset",
        ),
        (
            r#"{"variable": "tas", "coord": "time.month", "action": "x"}"#,
            404,
            "Groupby action 'x' not recognized",
        ),
        (
            r#"{"variable": "tas", "coord": "time.month", "action": "last"}"#,
            400,
            "has no dimension that 'time.month' could group",
        ),
        (r#"{"variable": "forecast/pr", "coord": "time.month", "action": "mean"}"#, 400, "of the root group"),
        (r#"{"variable": "tas", "coord": "time.month"}"#, 400, "missing field `action`"),
    ] {
        let answer = send(&gateway, Method::POST, ADMIN, body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}");
        assert!(answer.detail().contains(detail), "{}", answer.detail());
    }
    let nowhere = send(&gateway, Method::POST, "/admin/v1/datasets/nope/diagnostics", MEAN).await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn views_are_named_without_sources() {
    let gateway = Gateway::new();
    let body = r#"{"views": {"m": "mean=time"}}"#;
    let named = send(&gateway, Method::PATCH, "/admin/v1/datasets/atmos", body).await;
    assert_eq!((named.status, named.json()), (StatusCode::OK, json!({"id": "atmos", "version": 1})));
    assert_eq!(json!(*gateway.worker.registered_views.lock().unwrap()), json!({"m": "mean=time"}));
    let wrong = send(&gateway, Method::PATCH, "/admin/v1/datasets/atmos", r#"{"sources": []}"#).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
}
