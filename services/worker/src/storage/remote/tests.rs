//! Remote reading against a server that does what it is told.

mod faults;
mod server;
mod signed;

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use engine::ports::StoredBytes;
use futures::StreamExt as _;
use model::{ByteRange, ErrorKind, FileIdentity, Result, SourceFile};

use tier::Secret;

use super::Remotes;
use crate::settings::{AccessSettings, RemoteSettings};
use server::{Server, Step, head, object, status};

/// Nine days after 1970.
const NOW_NS: i64 = 9 * 86_400_000_000_000;
const BEFORE: &str = "Fri, 02 Jan 1970 00:00:00 GMT";
/// A minute after that, but for a second.
const JUST_BEFORE: &str = "Fri, 02 Jan 1970 00:00:59 GMT";
const AFTER: &str = "Tue, 20 Jan 1970 00:00:00 GMT";

fn settings(server: &Server) -> RemoteSettings {
    RemoteSettings {
        prefixes: vec![server.url("data/")],
        stall_seconds: 1,
        retries: 2,
        ..RemoteSettings::default()
    }
}

fn remotes(server: &Server) -> Remotes {
    Remotes::new(&settings(server)).unwrap()
}

fn file(server: &Server, name: &str) -> SourceFile {
    SourceFile { path: server.url(&format!("data/{name}")), identity: FileIdentity::not_after(NOW_NS) }
}

async fn length(remotes: &Remotes, file: &SourceFile) -> Result<Option<u64>> {
    Ok(remotes.state(file).await?.map(|state| state.size_bytes))
}

async fn read(remotes: &Remotes, file: &SourceFile, offset: u64, length: u64) -> Result<Vec<u8>> {
    match remotes.read(&Arc::new(file.clone()), ByteRange { offset, length }).await?.bytes {
        StoredBytes::Whole(bytes) => Ok(bytes.to_vec()),
        StoredBytes::Pieces(mut pieces) => {
            let mut all = BytesMut::new();
            while let Some(piece) = pieces.next().await {
                all.extend_from_slice(&piece?);
            }
            Ok(all.to_vec())
        }
    }
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 % 251) as u8).collect()
}

#[tokio::test]
async fn ranges_and_lengths_are_those_of_the_object_over_kept_connections() {
    let bytes = Arc::new(content(3 << 20));
    let sent = Arc::clone(&bytes);
    let server = Server::start(move |request, _| {
        object(request, &sent, &[("Last-Modified", BEFORE), ("ETag", "\"a\"")])
    })
    .await;
    let (remotes, file) = (remotes(&server), file(&server, "a.bin"));
    assert_eq!(length(&remotes, &file).await.unwrap(), Some(3 << 20));
    for (offset, length) in [(0_u64, 1_u64), (5, 100_000), (1, 2 << 20), (0, 3 << 20), ((3 << 20) - 1, 1)] {
        let range = offset as usize..(offset + length) as usize;
        assert_eq!(read(&remotes, &file, offset, length).await.unwrap(), bytes[range]);
    }
    assert_eq!(read(&remotes, &file, 7, 0).await.unwrap(), b"");
    let error = read(&remotes, &file, 1, 3 << 20).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::CorruptData, "{error}");
    assert_eq!(*server.connections.lock().unwrap(), 1, "one connection for all");
    let asked = server.asked();
    assert_eq!(asked[0].method, "HEAD");
    assert_eq!(asked[1].range(), Some((0, 1)));
    assert_eq!(asked[1].header("if-match"), Some("\"a\""), "what is read is what was measured");
    assert_eq!(asked[1].header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn a_state_is_told_where_no_later_one_can_be_taken_for_it() {
    let server = Server::start(|request, _| match &*request.path {
        "/data/timeless" => object(request, b"abc", &[("ETag", "\"a\""), ("Date", AFTER)]),
        "/data/just_now" => object(request, b"abc", &[("Last-Modified", BEFORE), ("Date", JUST_BEFORE)]),
        "/data/no_clock" => object(request, b"abc", &[("Last-Modified", BEFORE)]),
        _ => object(request, b"abc", &[("Last-Modified", BEFORE), ("Date", AFTER)]),
    })
    .await;
    let state = async |name: &str, length| {
        // The clock of one server each time.
        let remotes = remotes(&server);
        let range = ByteRange { offset: 0, length };
        remotes.read(&Arc::new(file(&server, name)), range).await.unwrap().state
    };
    let seen = remotes(&server).document(&server.url("data/a")).await.unwrap().unwrap().identity;
    for length in [0, 2, 3] {
        assert_eq!(state("a", length).await, Some(seen));
        for name in ["timeless", "just_now", "no_clock"] {
            assert_eq!(state(name, length).await, None, "{name}");
        }
    }
}

#[tokio::test]
async fn a_pinned_object_must_be_the_same_and_another_not_younger_than_its_reference() {
    let server = Server::start(|request, _| match &*request.path {
        "/data/young" => object(request, b"abc", &[("Last-Modified", AFTER)]),
        "/data/timeless" => object(request, b"abc", &[]),
        _ => object(request, b"abc", &[("ETag", "\"a\""), ("Last-Modified", BEFORE)]),
    })
    .await;
    let remotes = remotes(&server);
    for young in [
        length(&remotes, &file(&server, "young")).await.map(drop),
        read(&remotes, &file(&server, "young"), 0, 1).await.map(drop),
    ] {
        assert_eq!(young.unwrap_err().kind, ErrorKind::Conflict);
    }
    assert_eq!(read(&remotes, &file(&server, "timeless"), 0, 1).await.unwrap(), b"a");

    let seen = remotes.document(&server.url("data/a")).await.unwrap().unwrap();
    let pinned = |change: fn(&mut FileIdentity)| {
        let mut identity = seen.identity;
        change(&mut identity);
        SourceFile { path: server.url("data/a"), identity }
    };
    assert_eq!(read(&remotes, &pinned(|_| {}), 1, 2).await.unwrap(), b"bc");
    for changed in [
        pinned(|identity| identity.inode += 1),
        pinned(|identity| identity.size_bytes += 1),
        pinned(|identity| identity.modified_ns -= 1),
    ] {
        assert_eq!(
            read(&remotes, &changed, 0, 1).await.unwrap_err().kind,
            ErrorKind::Conflict,
            "{changed:?}"
        );
    }
}

#[tokio::test]
async fn an_object_that_changes_between_its_length_and_its_bytes_is_a_conflict() {
    let server = Server::start(|request, before| {
        let tag = if before == 0 { "\"a\"" } else { "\"b\"" };
        // This one knows no conditions.
        object(request, b"abc", &[("ETag", tag)])
    })
    .await;
    let (remotes, file) = (remotes(&server), file(&server, "a"));
    length(&remotes, &file).await.unwrap();
    assert_eq!(read(&remotes, &file, 0, 3).await.unwrap_err().kind, ErrorKind::Conflict);
}

#[tokio::test]
async fn only_what_is_not_there_is_missing() {
    let server = Server::start(|request, _| match &*request.path {
        "/data/gone" => status("404 Not Found", &[]),
        "/data/forbidden" => status("403 Forbidden", &[]),
        _ => status("500 Internal Server Error", &[]),
    })
    .await;
    let remotes = remotes(&server);
    assert_eq!(length(&remotes, &file(&server, "gone")).await.unwrap(), None);
    assert!(remotes.document(&server.url("data/gone")).await.unwrap().is_none());
    // Where bytes are asked for, one that is not there is a fault.
    assert_eq!(read(&remotes, &file(&server, "gone"), 0, 1).await.unwrap_err().kind, ErrorKind::Conflict);
    for name in ["forbidden", "broken"] {
        assert_eq!(length(&remotes, &file(&server, name)).await.unwrap_err().kind, ErrorKind::Unavailable);
        let error = remotes.document(&server.url(&format!("data/{name}"))).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
    }
}

#[tokio::test]
async fn a_refusal_means_absence_only_where_that_is_configured() {
    let server = Server::start(|_, _| status("403 Forbidden", &[])).await;
    let access =
        AccessSettings { prefix: server.url("data"), forbidden_means_absent: true, ..Default::default() };
    let settings = RemoteSettings { access: [("a".to_owned(), access)].into(), ..settings(&server) };
    let remotes = Remotes::new(&settings).unwrap();
    assert_eq!(length(&remotes, &file(&server, "a")).await.unwrap(), None);
    assert!(remotes.document(&server.url("data/a")).await.unwrap().is_none());
    assert_eq!(read(&remotes, &file(&server, "a"), 0, 1).await.unwrap_err().kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn nothing_outside_the_prefixes_is_asked_for() {
    let server = Server::start(|request, _| object(request, b"secret", &[])).await;
    let allowed = remotes(&server);
    for url in [
        server.url("data-secret/a"),
        server.url(""),
        "http://169.254.169.254/latest".into(),
        "s3://data/a".into(),
    ] {
        let outside = SourceFile { path: url.clone(), identity: FileIdentity::not_after(NOW_NS) };
        assert_eq!(read(&allowed, &outside, 0, 1).await.unwrap_err().kind, ErrorKind::Forbidden, "{url}");
        assert_eq!(length(&allowed, &outside).await.unwrap_err().kind, ErrorKind::Forbidden);
        assert_eq!(allowed.document(&url).await.unwrap_err().kind, ErrorKind::Forbidden);
        let error = allowed.check(&url).unwrap_err();
        assert!(!error.message.contains("169.254"), "{error}");
    }
    let none = Remotes::new(&RemoteSettings::default()).unwrap();
    assert_eq!(none.check(&server.url("data/a")).unwrap_err().kind, ErrorKind::Forbidden);
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn documents_are_bounded_with_or_without_a_length() {
    let server = Server::start(|request, _| match &*request.path {
        "/data/measured" => object(request, &[b' '; 2000], &[]),
        "/data/small" => vec![
            Step::Send([head("200 OK", &[("Connection", "close")]), b"{}".to_vec()].concat()),
            Step::Close,
        ],
        // Without a length, and without an end.
        _ => {
            let chunk = [b"3e8\r\n".to_vec(), vec![b' '; 1000], b"\r\n".to_vec()].concat();
            let mut steps = vec![Step::Send(head("200 OK", &[("Transfer-Encoding", "chunked")]))];
            steps.extend((0..1000).map(|_| Step::Send(chunk.clone())));
            steps
        }
    })
    .await;
    let remotes = Remotes::new(&RemoteSettings { document_bytes_max: 1500, ..settings(&server) }).unwrap();
    for name in ["measured", "endless"] {
        let error = remotes.document(&server.url(&format!("data/{name}"))).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge, "{name}: {error}");
    }
    let small = remotes.document(&server.url("data/small")).await.unwrap().unwrap();
    assert_eq!((&*small.bytes, small.identity.size_bytes), (&b"{}"[..], 2));
}

#[tokio::test]
async fn what_is_referred_to_now_may_be_as_young_as_its_server_says() {
    let date = "Fri, 01 Jan 2100 00:00:00 GMT";
    let server = Server::start(move |request, _| object(request, b"{}", &[("Date", date)])).await;
    let remotes = remotes(&server);
    let url = server.url("data/a");
    let by_our_clock = remotes.not_after_ns(&url).unwrap();
    remotes.document(&url).await.unwrap();
    assert!(by_our_clock < 4_000_000_000_000_000_000);
    assert_eq!(remotes.not_after_ns(&url).unwrap(), 4_102_444_801_000_000_000);
}

#[tokio::test]
async fn requests_under_way_are_bounded() {
    let server = Server::start(|request, _| {
        [vec![Step::Sleep(Duration::from_millis(50))], object(request, b"abc", &[])].concat()
    })
    .await;
    let remotes = Remotes::new(&RemoteSettings { requests_max: 2, ..settings(&server) }).unwrap();
    let reads = (0..8).map(|number| {
        let (remotes, file) = (remotes.clone(), file(&server, &number.to_string()));
        async move { read(&remotes, &file, 0, 3).await }
    });
    for outcome in futures::future::join_all(reads).await {
        assert_eq!(outcome.unwrap(), b"abc");
    }
    assert!(*server.connections.lock().unwrap() <= 2);
}

#[tokio::test]
async fn secrets_reach_the_server_and_nothing_else() {
    let server = Server::start(|request, _| match request.header("authorization") {
        Some("Bearer hush-hush") if request.header("x-key") == Some("also-secret") => {
            object(request, b"abc", &[])
        }
        _ => status("401 Unauthorized", &[]),
    })
    .await;
    let access = AccessSettings {
        prefix: server.url("data"),
        bearer_token: Some(Secret::new("hush-hush")),
        headers: [("X-Key".to_owned(), Secret::new("also-secret"))].into(),
        ..Default::default()
    };
    let with = RemoteSettings { access: [("a".to_owned(), access)].into(), ..settings(&server) };
    let remotes = Remotes::new(&with).unwrap();
    assert_eq!(read(&remotes, &file(&server, "a"), 0, 3).await.unwrap(), b"abc");
    let printed = format!("{with:?} {} {remotes:?}", serde_json::to_string(&with).unwrap());
    assert!(!printed.contains("hush-hush") && !printed.contains("also-secret"), "{printed}");
    // What was printed is no secret, and not taken for one.
    let printed: RemoteSettings = serde_json::from_str(&serde_json::to_string(&with).unwrap()).unwrap();
    assert!(Remotes::new(&printed).unwrap_err().message.contains("cloudify config"));
}

#[test]
fn wrong_settings_are_told() {
    let access = |access: AccessSettings| RemoteSettings {
        prefixes: vec!["s3://bucket/a".into()],
        access: [("x".to_owned(), AccessSettings { prefix: "s3://bucket".into(), ..access })].into(),
        ..Default::default()
    };
    for (settings, says) in [
        (RemoteSettings { prefixes: vec!["ftp://h/".into()], ..Default::default() }, "ftp"),
        (RemoteSettings { prefixes: vec!["https://u:p@h/".into()], ..Default::default() }, "user name"),
        (access(AccessSettings { endpoint: Some("http://h".into()), ..Default::default() }), "allow_http"),
        (
            access(AccessSettings { access_key_id: Some(Secret::new("k")), ..Default::default() }),
            "both or none",
        ),
        (RemoteSettings { prefixes: Vec::new(), ..access(AccessSettings::default()) }, "no prefix"),
    ] {
        let error = Remotes::new(&settings).unwrap_err();
        assert!(error.message.contains(says), "{error}");
    }
}

#[tokio::test]
async fn those_who_want_the_same_at_once_make_one_request() {
    let bytes = Arc::new(content(3 << 20));
    let sent = Arc::clone(&bytes);
    let slow = move |request: &server::Request, _: usize| {
        let mut steps = vec![Step::Sleep(Duration::from_millis(300))];
        steps.extend(object(request, &sent, &[]));
        steps
    };
    let server = Server::start(slow).await;
    let (remotes, file) = (remotes(&server), file(&server, "a"));
    for length in [1000, 3 << 20] {
        let before = server.asked().len();
        let mut readers: Vec<_> = (0..100).map(|_| Box::pin(read(&remotes, &file, 0, length))).collect();
        for reader in &mut readers {
            assert!(futures::poll!(reader).is_pending());
        }
        drop(readers.remove(0));
        for outcome in futures::future::join_all(readers).await {
            assert!(outcome.unwrap() == bytes[..length as usize]);
        }
        assert_eq!(server.asked().len() - before, 1, "{length} bytes");
    }
    let before = server.asked().len();
    let states = (0..100).map(|_| remotes.state(&file));
    let states = futures::future::join_all(states).await;
    assert!(states.into_iter().all(|state| state.unwrap().unwrap().size_bytes == 3 << 20));
    assert_eq!(server.asked().len() - before, 1);
}

/// A server of which each request takes its time, so that others wait for it where only one is allowed.
async fn one_at_a_time(bytes: Arc<Vec<u8>>) -> (Server, Remotes) {
    let slow = move |request: &server::Request, _: usize| {
        [vec![Step::Sleep(Duration::from_millis(200))], object(request, &bytes, &[])].concat()
    };
    let server = Server::start(slow).await;
    let remotes =
        Remotes::new(&RemoteSettings { requests_max: 1, stall_seconds: 10, ..settings(&server) }).unwrap();
    (server, remotes)
}

#[tokio::test]
async fn neighbours_that_wait_for_a_request_make_one_together() {
    let bytes = Arc::new(content(3 << 20));
    let (server, remotes) = one_at_a_time(Arc::clone(&bytes)).await;
    let (one, other) = (file(&server, "a"), file(&server, "b"));
    let read_of = |file: &SourceFile, offset: u64, length: u64| {
        let (remotes, file) = (remotes.clone(), file.clone());
        tokio::spawn(async move { read(&remotes, &file, offset, length).await })
    };
    let first = read_of(&one, 2 << 20, 1);
    while server.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Side by side, over a gap, and too far away; of another object; one past the end; one whose caller leaves.
    let places = [(0, 1000), (1000, 500), (10_000, 200_000), (220_000, 1), (1 << 20, 70_000)];
    let reads = places.map(|(offset, length)| (offset, length, read_of(&one, offset, length)));
    let (of_other, beyond, leaves) =
        (read_of(&other, 1500, 100), read_of(&one, (3 << 20) - 10, 1000), read_of(&one, 1500, 100));
    while remotes.inner.pending.count() < 8 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    leaves.abort();
    assert_eq!(first.await.unwrap().unwrap(), bytes[2 << 20..][..1]);
    for (offset, length, read) in reads {
        assert!(read.await.unwrap().unwrap() == bytes[offset as usize..][..length as usize], "{offset}");
    }
    assert_eq!(of_other.await.unwrap().unwrap(), bytes[1500..1600]);
    assert_eq!(beyond.await.unwrap().unwrap_err().kind, ErrorKind::CorruptData);
    let mut ranges: Vec<_> = server.asked().iter().skip(1).filter_map(server::Request::range).collect();
    ranges.sort_unstable();
    assert_eq!(ranges[..2], [(0, 220_001), (1500, 1600)], "{ranges:?}");
    assert_eq!(ranges.len(), 4, "{ranges:?}");
    assert_eq!(remotes.inner.pending.count(), 0);
}

#[tokio::test]
async fn a_neighbour_past_the_end_takes_nobody_along() {
    let bytes = Arc::new(content(10_000));
    let (server, remotes) = one_at_a_time(Arc::clone(&bytes)).await;
    let of = file(&server, "a");
    let ranges = [(0, 10), (1000, 100), (9_000, 2_000), (5_000, 100)];
    let reads = ranges.map(|(offset, length)| read(&remotes, &of, offset, length));
    let read = futures::future::join_all(reads).await;
    for ((offset, length), read) in ranges.into_iter().zip(read) {
        match read {
            Ok(read) => assert!(read == bytes[offset as usize..][..length as usize] && offset != 9_000),
            Err(error) => assert!(offset == 9_000 && error.kind == ErrorKind::CorruptData, "{error}"),
        }
    }
    assert_eq!(server.asked().len(), 5, "one alone, three together, and they by themselves");
}
