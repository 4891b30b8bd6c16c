//! `s3://` through the same server: what is sent is signed, what is listed is read.

use super::*;

fn remotes(server: &Server, keys: Option<(&str, &str)>) -> Remotes {
    let access = AccessSettings {
        prefix: "s3://bucket".into(),
        endpoint: Some(server.url("").trim_end_matches('/').to_owned()),
        allow_http: true,
        access_key_id: keys.map(|(id, _)| Secret::new(id)),
        secret_access_key: keys.map(|(_, key)| Secret::new(key)),
        ..Default::default()
    };
    Remotes::new(&RemoteSettings {
        prefixes: vec!["s3://bucket/store".into()],
        access: [("a".to_owned(), access)].into(),
        stall_seconds: 1,
        retries: 0,
        ..RemoteSettings::default()
    })
    .unwrap()
}

fn chunk() -> SourceFile {
    SourceFile { path: "s3://bucket/store/a b/0.0".into(), identity: FileIdentity::not_after(NOW_NS) }
}

fn answer(request: &server::Request) -> Vec<Step> {
    object(request, b"abc", &[("ETag", "\"a\""), ("Last-Modified", BEFORE), ("Content-Encoding", "gzip")])
}

#[tokio::test]
async fn requests_are_signed_where_there_is_a_key_and_the_key_stays_here() {
    let server = Server::start(|request, _| answer(request)).await;
    let file = SourceFile { path: "s3://bucket/store/a%20b/0.0".into(), ..chunk() };
    assert_eq!(read(&remotes(&server, Some(("the-id", "the-key"))), &file, 0, 3).await.unwrap(), b"abc");
    assert_eq!(read(&remotes(&server, None), &file, 0, 3).await.unwrap(), b"abc");
    let asked = server.asked();
    assert_eq!(asked[0].path, "/bucket/store/a%20b/0.0");
    assert!(asked[0].header("authorization").unwrap().starts_with("AWS4-HMAC-SHA256 Credential=the-id/"));
    assert!(!format!("{:?}", asked[0]).contains("the-key"));
    assert_eq!(asked[1].header("authorization"), None);
}

#[tokio::test]
async fn errors_show_neither_key_nor_signature() {
    let server = Server::start(|_, _| status("403 Forbidden", &[])).await;
    let remotes = remotes(&server, Some(("the-id", "the-key")));
    let file = SourceFile { path: "s3://bucket/store/a".into(), ..chunk() };
    let errors = [
        read(&remotes, &file, 0, 3).await.unwrap_err(),
        length(&remotes, &file).await.unwrap_err(),
        remotes.document(&file.path).await.unwrap_err(),
        remotes.folders("s3://bucket/store").await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
        let text = format!("{error} {error:?} {remotes:?}");
        assert!(
            !text.contains("the-key") && !text.contains("Signature") && !text.contains("the-id"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn folders_are_listed() {
    let list = r#"<?xml version="1.0" encoding="UTF-8"?>
        <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name><Prefix>store/</Prefix>
        <KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>
        <CommonPrefixes><Prefix>store/tas/</Prefix></CommonPrefixes>
        <CommonPrefixes><Prefix>store/time/</Prefix></CommonPrefixes></ListBucketResult>"#;
    let server = Server::start(move |request, _| object(request, list.as_bytes(), &[])).await;
    let folders = remotes(&server, None).folders("s3://bucket/store").await.unwrap();
    assert_eq!(folders.unwrap(), ["tas", "time"]);
}
