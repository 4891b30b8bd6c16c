//! Groups and arrays as pages of links.

use http::StatusCode;

use super::{Answer, Gateway};

/// The links that fsspec's `HTTPFileSystem` takes for what is in a directory: those below it.
pub(super) fn listed(page: &Answer) -> Vec<String> {
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    let links = text.split("<a href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    links.filter(|link| !link.starts_with('/') && !link.starts_with("http") && link != "../").collect()
}

#[tokio::test]
async fn a_group_lists_what_is_right_in_it_and_an_array_its_documents() {
    let gateway = Gateway::new();
    for (path, expected) in [
        ("", "forecast/ time/ lat/ tas/ height/ station/ .zattrs .zgroup .zmetadata zarr.json"),
        ("/forecast", "pr/ .zattrs .zgroup zarr.json"),
        ("/%66orecast", "pr/ .zattrs .zgroup zarr.json"),
        ("/tas", ".zarray .zattrs zarr.json"),
        ("/forecast/pr", ".zarray .zattrs zarr.json"),
    ] {
        for slash in ["", "/"] {
            if slash.is_empty() && expected.starts_with(".zarray") {
                let bare = gateway.get(&format!("/datasets/atmos/kerchunk{path}")).await;
                assert_eq!(bare.status, StatusCode::NOT_FOUND, "{path}");
                continue;
            }
            let path = format!("/datasets/atmos/kerchunk{path}{slash}");
            for host in [&[][..], &[("host", "data.org")]] {
                let page = gateway.get_with(&path, host).await;
                assert_eq!(page.status, StatusCode::OK);
                assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
                assert_eq!(listed(&page).join(" "), expected, "{path}");
            }
            for link in listed(&gateway.get(&path).await) {
                let below = gateway.get(&format!("{}/{link}", path.trim_end_matches('/'))).await;
                assert_eq!(below.status, StatusCode::OK, "{path} {link}");
            }
        }
    }
}

#[tokio::test]
async fn a_slash_too_many_lists_the_same() {
    let gateway = Gateway::new();
    for (path, same) in
        [("/", ""), ("/forecast", "forecast/"), ("forecast//", "forecast/"), ("/tas/", "tas/")]
    {
        let page = gateway.get(&format!("/datasets/atmos/kerchunk/{path}")).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_eq!(listed(&page), listed(&gateway.get(&format!("/datasets/atmos/kerchunk/{same}")).await));
    }
}

#[tokio::test]
async fn without_a_slash_at_the_end_the_page_says_where_its_links_begin() {
    let gateway = Gateway::new();
    for (path, base) in [("", "kerchunk/"), ("/forecast", "forecast/"), ("//forecast", "forecast/")] {
        let path = format!("/datasets/atmos/kerchunk{path}");
        let text = |page: Answer| String::from_utf8(page.body.to_vec()).unwrap();
        let page = gateway.get(&path).await;
        assert!(page.header("content-security-policy").unwrap().contains("base-uri 'self'"));
        assert!(text(page).contains(&format!("<base href=\"{base}\">")), "{path}");
        assert!(!text(gateway.get(&format!("{path}/")).await).contains("<base"), "{path}");
    }
}

#[tokio::test]
async fn a_listing_is_kept_and_compared_as_other_pages() {
    let gateway = Gateway::new();
    for path in ["/datasets/atmos/kerchunk", "/datasets/atmos/kerchunk/forecast/"] {
        let page = gateway.get(path).await;
        let other = gateway.get("/datasets/atmos/").await;
        for name in ["cache-control", "last-modified", "vary", "x-content-type-options"] {
            assert_eq!(page.header(name), other.header(name), "{name}");
        }
        let again = gateway.get_with(path, &[("if-none-match", page.header("etag").unwrap())]).await;
        assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
        let head = gateway.head(path).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        assert_eq!(head.header("content-length"), Some(&*page.body.len().to_string()));
    }
    for path in ["/datasets/nope/kerchunk", "/datasets/nope/kerchunk/", "/datasets/atmos/kerchunk/nope/"] {
        assert_eq!(gateway.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
