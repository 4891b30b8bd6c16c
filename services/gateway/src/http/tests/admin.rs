//! The admin API: who may what, what is refused and how, registrations in both forms.

use http::{Method, StatusCode};
use model::Error;
use serde_json::json;

use super::{Answer, Gateway, tokens};
use crate::settings::{AdminSettings, HttpSettings, LimitsSettings};

const LIST: &str = "/admin/v1/datasets";
const ATMOS: &str = "/admin/v1/datasets/atmos";
const DIAGNOSTIC: &str = r#"{"variable": "tas", "coord": "time.month", "action": "mean"}"#;
const NEW: &str = r#"{"id": "new", "sources": ["/data/*.nc"]}"#;

async fn send(gateway: &Gateway, token: &str, method: Method, path: &str, body: &'static str) -> Answer {
    gateway.send(method, path, &[("authorization", &format!("Bearer {token}"))], body).await
}

#[tokio::test]
async fn without_tokens_it_is_off_and_says_so() {
    let gateway = Gateway::with(HttpSettings::default(), AdminSettings::default());
    for (method, path) in [(Method::GET, LIST), (Method::POST, LIST), (Method::DELETE, ATMOS)] {
        let answer = send(&gateway, "x", method, path, "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.detail().starts_with("the admin API is off: configure a token"));
    }
}

#[tokio::test]
async fn who_shows_no_token_is_401_and_whose_role_is_too_small_403() {
    let gateway = Gateway::new();
    for headers in [vec![], vec![("authorization", "Bearer nope")], vec![("authorization", "Basic dmlldw==")]]
    {
        let answer = gateway.get_with(LIST, &headers).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
        answer.detail();
    }
    for (method, path, body, allowed) in [
        (Method::GET, LIST, "", "view edit rule"),
        (Method::GET, ATMOS, "", "view edit rule"),
        (Method::POST, LIST, r#"{"id": "new", "sources": ["/a"], "preview": true}"#, "view edit rule"),
        (Method::POST, LIST, r#"{"id": "new", "sources": ["/a"], "replace": true}"#, "edit rule"),
        (Method::PUT, ATMOS, r#"{"sources": ["/a"]}"#, "edit rule"),
        (Method::POST, "/admin/v1/datasets/atmos/rollback", "", "rule"),
        (Method::PATCH, ATMOS, r#"{"views": {}}"#, "edit rule"),
        (Method::POST, "/admin/v1/datasets/atmos/diagnostics", DIAGNOSTIC, "edit rule"),
        (Method::DELETE, "/admin/v1/datasets/a%20b%26%3Cc%3E", "", "rule"),
    ] {
        for token in ["view", "edit", "rule"] {
            let answer = send(&gateway, token, method.clone(), path, body).await;
            let expected = allowed.split(' ').any(|name| name == token);
            assert_eq!(answer.status.is_success(), expected, "{method} {path} by {token}: {answer:?}");
            assert!(expected || answer.status == StatusCode::FORBIDDEN);
        }
    }
}

#[tokio::test]
async fn a_registered_dataset_is_there_at_once_and_a_removed_one_gone() {
    let gateway = Gateway::new();
    assert_eq!(gateway.get("/datasets/new/keys").await.status, StatusCode::NOT_FOUND);
    let made = send(&gateway, "edit", Method::POST, LIST, NEW).await;
    assert_eq!((made.status, made.header("location")), (StatusCode::CREATED, Some("/admin/v1/datasets/new")));
    assert_eq!((&made.json()["id"], &made.json()["preview"]["files"]), (&json!("new"), &json!(1)));
    assert_eq!(gateway.get("/datasets/new/keys").await.status, StatusCode::OK);
    let again = send(&gateway, "edit", Method::POST, LIST, NEW).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.detail().contains("replace"));
    assert_eq!(
        send(&gateway, "rule", Method::DELETE, "/admin/v1/datasets/new", "").await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(gateway.get("/datasets/new/keys").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_preview_publishes_nothing() {
    let gateway = Gateway::new();
    let preview = r#"{"id": "new", "sources": ["/a"], "preview": true}"#;
    let answer = send(&gateway, "edit", Method::POST, LIST, preview).await;
    assert_eq!((answer.status, &answer.json()["preview"]["files"]), (StatusCode::OK, &json!(1)));
    assert_eq!(gateway.get("/datasets").await.json().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn events_tell_of_a_registration_as_it_goes() {
    let gateway = Gateway::new();
    let headers = [("authorization", "Bearer edit"), ("accept", "text/event-stream")];
    let answer = gateway.send(Method::POST, LIST, &headers, NEW).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, Some("text/event-stream")));
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let names: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(names, ["progress", "preview", "published"]);
    assert!(text.contains(r#"data: {"stage":"scan","done":1,"total":2,"current":"a.nc"}"#), "{text}");
    let bad = r#"{"id": "other", "sources": ["/bad"]}"#;
    let text =
        String::from_utf8(gateway.send(Method::POST, LIST, &headers, bad).await.body.to_vec()).unwrap();
    assert!(
        text.contains(
            "event: error\ndata: {\"type\":\"about:blank\",\"title\":\"Bad Gateway\",\"status\":502"
        ),
        "{text}"
    );
    assert!(text.contains("/data/bad.nc"), "an administrator sees the file: {text}");
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said() {
    let gateway = Gateway::new();
    for (body, status, words) in [
        ("{\n \"id\": }", 400, "line 2 column 8"),
        (r#"{"id": "x", "sources": ["/a"], "replce": true}"#, 400, "unknown field `replce`"),
        (r#"{"sources": ["/a"]}"#, 400, "missing field `id`"),
        (r#"{"id": "a/b", "sources": ["/a"]}"#, 400, "slash"),
        (r#"{"id": "x", "sources": []}"#, 400, "at least one"),
        (r#"{"id": "x", "sources": "/a"}"#, 400, "expected a sequence"),
        ("", 400, "missing field"),
    ] {
        let answer = send(&gateway, "edit", Method::POST, LIST, body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}");
        assert!(answer.detail().contains(words), "{body}: {}", answer.detail());
    }
    let long: &'static str = Box::leak("x".repeat(1001).into_boxed_str());
    let answer = send(&gateway, "edit", Method::POST, LIST, long).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.detail().contains("1000 bytes"));
}

#[tokio::test]
async fn versions_are_shown_and_gone_back_to() {
    let gateway = Gateway::new();
    let shown = send(&gateway, "view", Method::GET, ATMOS, "").await.json();
    assert_eq!((&shown["current"], &shown["versions"][0]["sources"]), (&json!(1), &json!(["/data/a.nc"])));
    assert_eq!((&shown["variables"], &shown["groups"]), (&json!(6), &json!(2)));
    let back =
        send(&gateway, "rule", Method::POST, "/admin/v1/datasets/atmos/rollback", r#"{"version": 1}"#).await;
    assert_eq!(back.json(), json!({"id": "atmos", "version": 1}));
    assert_eq!(
        send(&gateway, "rule", Method::DELETE, "/admin/v1/datasets/nope", "").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(send(&gateway, "view", Method::GET, LIST, "").await.json()["datasets"][0]["id"], "atmos");
}

#[tokio::test]
async fn a_refresh_answers_with_what_it_found() {
    let gateway = Gateway::new();
    let path = "/admin/v1/datasets/atmos/refresh";
    assert_eq!(send(&gateway, "view", Method::POST, path, "").await.status, StatusCode::FORBIDDEN);
    let published = send(&gateway, "edit", Method::POST, path, "").await;
    let compared = json!({"added": 1, "changed": 2, "gone": 3, "unchanged": 4});
    assert_eq!(published.status, StatusCode::CREATED);
    assert_eq!(published.json(), json!({"id": "atmos", "version": 2, "compared": compared}));
    let other = "/admin/v1/datasets/a%20b&%3Cc%3E/refresh";
    let unchanged = send(&gateway, "edit", Method::POST, other, "").await;
    assert_eq!((unchanged.status, &unchanged.json()["unchanged"]), (StatusCode::OK, &json!(true)));
    let headers = [("authorization", "Bearer edit"), ("accept", "text/event-stream")];
    let events = gateway.send(Method::POST, path, &headers, "").await;
    let text = String::from_utf8(events.body.to_vec()).unwrap();
    assert!(
        text.contains("event: compared\ndata: {\"added\":1") && text.contains("event: published"),
        "{text}"
    );
    let none = send(&gateway, "edit", Method::POST, "/admin/v1/datasets/none/refresh", "").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_catalog_answers_with_each_of_its_entries() {
    let gateway = Gateway::new();
    let body = r#"{"id": "cat", "sources": ["/data/main.yaml"], "catalog": true}"#;
    let answer = send(&gateway, "edit", Method::POST, LIST, body).await.json();
    assert_eq!(answer["summary"], json!({"published": 1, "previewed": 0, "skipped": 1, "failed": 1}));
    let outcomes: Vec<_> =
        answer["entries"].as_array().unwrap().iter().map(|entry| &entry["outcome"]).collect();
    assert_eq!(outcomes, [&json!("published"), &json!("skipped"), &json!("failed")]);
    assert_eq!(answer["entries"][2]["problem"]["status"], 502);
    let headers = [("authorization", "Bearer edit"), ("accept", "text/event-stream")];
    let events = gateway.send(Method::POST, LIST, &headers, body).await;
    let text = String::from_utf8(events.body.to_vec()).unwrap();
    assert_eq!((text.matches("event: entry").count(), text.matches("event: summary").count()), (3, 1));
}

#[tokio::test]
async fn a_token_hash_that_is_none_stops_the_start() {
    let mut admin = tokens();
    admin.tokens[0].sha256 = "secret".into();
    let worker = std::sync::Arc::new(super::MemoryWorker::new());
    let error: Error =
        super::GatewayState::new(worker, HttpSettings::default(), admin, &LimitsSettings::default())
            .err()
            .unwrap();
    assert!(error.message.contains("'viewer'") && !error.message.contains("secret"));
}
