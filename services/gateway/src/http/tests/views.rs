//! Views by URL: spellings, refusals, and answers like a dataset's own.

use std::sync::atomic::Ordering;

use http::StatusCode;

use super::listing::listed;
use super::{Answer, Gateway};

const VIEW: &str = "/datasets/atmos/view/var~etas~pbitround~e9";
const CHUNK: &str = "/datasets/atmos/view/var~etas~pbitround~e9/zarr/tas/c/0";

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.to_vec()).unwrap()
}

#[tokio::test]
async fn every_spelling_is_the_same_view() {
    let gateway = Gateway::new();
    for steps in
        ["var=tas|bitround=9", "var=tas%7Cbitround=9", "var~etas~pbitround~e9", "var%3Dtas%7cbitround~e9"]
    {
        for key in ["tas/c/0", "tas/0"] {
            let chunk = gateway.get(&format!("/datasets/atmos/view/{steps}/zarr/{key}")).await;
            assert_eq!(
                (chunk.status, &*text(&chunk)),
                (StatusCode::OK, "var=tas|bitround=9 tas 0"),
                "{steps}"
            );
        }
        let attributes = gateway.get(&format!("/datasets/atmos/view/{steps}/zarr/.zattrs")).await;
        assert_eq!(attributes.json()["title"], "var=tas|bitround=9");
    }
    for steps in ["arith=q:a%2Fb", "arith=q:a~sb", "arith%3Dq%3Aa%2fb"] {
        let chunk = gateway.get(&format!("/datasets/atmos/view/{steps}/zarr/tas/c/0")).await;
        assert_eq!((chunk.status, &*text(&chunk)), (StatusCode::OK, "arith=q:a/b tas 0"), "{steps}");
    }
}

#[tokio::test]
async fn what_is_no_view_is_400_and_says_which_step_where_and_why() {
    let gateway = Gateway::new();
    for path in ["", "/", "/info", "/zarr", "/zarr/", "/zarr/.zmetadata", "/zarr/tas/c/0", "/zarr/tas/0.0"] {
        let answer = gateway.get(&format!("/datasets/atmos/view/var=tas|bitruond=9{path}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        let detail = answer.detail();
        for part in ["step 2 (\"bitruond\")", "byte 8", "did you mean \"bitround\"?", "right would be"] {
            assert!(detail.contains(part), "{detail}");
        }
    }
    for steps in ["bitround=99", "x", "sel=lat:30 .. 60", "~z", "%ff", "var=%00"] {
        let answer =
            gateway.get(&format!("/datasets/atmos/view/{}/zarr/tas/0", steps.replace(' ', "%20"))).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{steps}: {}", answer.detail());
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_but_never_a_chunk() {
    let gateway = Gateway::new();
    for (view, detail) in [
        ("nope/view/var=tas", "Dataset 'nope' not found"),
        ("atmos/view/var=nope", "there is no variable nope"),
    ] {
        for path in ["", "/", "/info", "/keys", "/zarr", "/zarr/.zmetadata", "/zarr/tas/zarr.json"] {
            let answer = gateway.get(&format!("/datasets/{view}{path}")).await;
            assert_eq!((answer.status, &*answer.detail()), (StatusCode::NOT_FOUND, detail), "{path}");
        }
        for key in ["tas/0", "tas/c/0", "nope/c/0/0"] {
            let answer = gateway.get(&format!("/datasets/{view}/zarr/{key}")).await;
            assert_eq!((answer.status, &*answer.detail()), (StatusCode::GONE, detail), "{key}");
        }
    }
    for (key, status) in [
        ("tas/c/1", StatusCode::NOT_FOUND),
        ("tas/c/2", StatusCode::NOT_FOUND),
        ("lost/c/0", StatusCode::CONFLICT),
        ("pr/.zarray", StatusCode::NOT_FOUND),
        ("..%2fx", StatusCode::BAD_REQUEST),
    ] {
        let answer = gateway.get(&format!("{VIEW}/zarr/{key}")).await;
        assert_eq!(answer.status, status, "{key}: {}", answer.detail());
    }
    // A slash in the steps divides the path: said, and no chunk of what then has no route is missing.
    for (path, status) in [("q/zarr/.zmetadata", 404), ("q/zarr/q/0.0", 400), ("kerchunk/tas/c/0", 400)] {
        let answer = gateway.get(&format!("/datasets/atmos/view/arith=a:b/{path}")).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert!(answer.detail().contains("~s"), "{path}");
    }
}

#[tokio::test]
async fn a_chunk_of_a_view_is_answered_as_any_other() {
    let gateway = Gateway::new();
    let chunk = gateway.get(CHUNK).await;
    assert_eq!(chunk.header("content-type"), Some("application/octet-stream"));
    assert_eq!(chunk.header("cache-control"), Some("public, max-age=3600"));
    assert_eq!(chunk.header("access-control-allow-origin"), Some("*"));
    let head = gateway.head(CHUNK).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    for name in ["content-length", "etag", "content-type", "accept-ranges", "last-modified"] {
        assert!(head.header(name).is_some() && head.header(name) == chunk.header(name), "{name}");
    }
    let part = gateway.get_with(CHUNK, &[("range", "bytes=4-6")]).await;
    assert_eq!((part.status, &*text(&part)), (StatusCode::PARTIAL_CONTENT, "tas"));
    let etag = chunk.header("etag").unwrap();
    let made = gateway.worker.made_count.load(Ordering::SeqCst);
    let again = gateway.get_with(CHUNK, &[("if-none-match", etag)]).await;
    assert_eq!((again.status, again.header("etag")), (StatusCode::NOT_MODIFIED, Some(etag)));
    assert_eq!(gateway.worker.made_count.load(Ordering::SeqCst), made);
    let other = gateway.get(&CHUNK.replace("e9", "e8")).await;
    assert_ne!(other.header("etag"), Some(etag));
    assert_eq!(gateway.worker.reference_count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn documents_lists_and_pages_of_a_view_are_those_of_what_it_makes() {
    let gateway = Gateway::new();
    let v2 = gateway.get(&format!("{VIEW}/zarr/.zmetadata")).await.json();
    assert_eq!(v2["metadata"]["tas/.zarray"]["shape"], serde_json::json!([4]));
    assert_eq!(gateway.get(&format!("{VIEW}/keys")).await.json(), serde_json::json!(["tas", "lost"]));
    let info = gateway.get(&format!("{VIEW}/info")).await;
    assert_eq!(info.json()["dimensions"], serde_json::json!({"time": 4}));
    let again =
        gateway.get_with(&format!("{VIEW}/info"), &[("if-none-match", info.header("etag").unwrap())]).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    assert_eq!(gateway.head(&format!("{VIEW}/zarr/zarr.json")).await.status, StatusCode::OK);
    let coded = gateway.get_with(&format!("{VIEW}/zarr/.zmetadata"), &[("accept-encoding", "gzip")]).await;
    assert_eq!(coded.header("content-encoding"), Some("gzip"));
    for slash in ["", "/"] {
        let store = gateway.get(&format!("{VIEW}/zarr{slash}")).await;
        assert_eq!(listed(&store).join(" "), "tas/ lost/ .zattrs .zgroup .zmetadata zarr.json");
        assert_eq!(text(&store).contains("<base href=\"zarr/\">"), slash.is_empty());
        let page = gateway.get_with(&format!("{VIEW}{slash}"), &[("host", "data.org")]).await;
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        let page = text(&page);
        assert!(page.contains(&format!("\"http://data.org{VIEW}/zarr\"")), "{page}");
        assert!(page.contains("var=tas|bitround=9") && !page.contains("/kerchunk"), "{page}");
    }
    let array = gateway.get(&format!("{VIEW}/zarr/tas/")).await;
    assert_eq!(listed(&array).join(" "), ".zarray .zattrs zarr.json");
}

#[tokio::test]
async fn steps_are_told_to_scripts_and_to_people() {
    let gateway = Gateway::new();
    let all = gateway.get("/view-steps").await;
    assert_eq!(
        (all.header("content-type"), all.header("vary")),
        (Some("application/json"), Some("Accept-Encoding"))
    );
    let json = all.json();
    assert_eq!(json["steps"].as_array().unwrap().len(), views::descriptions().count());
    assert_eq!(json["escapes"][0], serde_json::json!({"character": "|", "spelling": "~p"}));
    let page = gateway.get_with("/view-steps", &[("accept", "text/html,*/*")]).await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_ne!(page.header("etag"), all.header("etag"));
    let page = text(&page);
    for step in views::descriptions() {
        assert!(page.contains(&format!("<b>{}</b>", step.name)), "{}", step.name);
    }
    for path in ["/", "/datasets/atmos/", VIEW] {
        assert!(text(&gateway.get(path).await).contains("/view-steps\""), "{path}");
    }
    let api = gateway.get("/openapi.json").await.json();
    let steps = &api["paths"]["/datasets/{id}/view/{steps}/zarr/{key}"]["get"]["parameters"][1];
    assert_eq!((&steps["name"], &steps["in"]), (&"steps".into(), &"path".into()));
    assert!(views::Steps::parse(steps["example"].as_str().unwrap()).is_ok());
}
