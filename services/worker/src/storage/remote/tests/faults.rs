//! Servers that misbehave. None of it may look like a missing chunk, hang, or pass for the bytes.

use super::*;

/// How a read of three bytes of an object ends.
async fn outcome(
    answer: impl Fn(&server::Request, usize) -> Vec<Step> + Send + Sync + 'static,
) -> (Result<Vec<u8>>, usize) {
    let server = Server::start(answer).await;
    let (remotes, file) = (remotes(&server), file(&server, "a"));
    let outcome = tokio::time::timeout(Duration::from_secs(20), read(&remotes, &file, 0, 3)).await;
    (outcome.expect("never hangs"), server.asked().len())
}

fn part(content_range: &str, length: &str, body: &[u8]) -> Vec<Step> {
    let head = head("206 Partial Content", &[("Content-Range", content_range), ("Content-Length", length)]);
    vec![Step::Send([head, body.to_vec()].concat())]
}

#[tokio::test]
async fn answers_that_are_not_the_bytes_are_errors() {
    type Answer = fn(&server::Request, usize) -> Vec<Step>;
    let cases: [(&str, ErrorKind, Answer); 12] = [
        ("page", ErrorKind::CorruptData, |r, _| {
            object(r, b"<html>", &[("Content-Type", "text/html; charset=utf-8")])
        }),
        ("compressed", ErrorKind::CorruptData, |r, _| object(r, b"abc", &[("Content-Encoding", "gzip")])),
        ("redirect", ErrorKind::CorruptData, |_, _| {
            status("302 Found", &[("Location", "http://127.0.0.1:1/")])
        }),
        ("redirect without place", ErrorKind::CorruptData, |_, _| status("301 Moved Permanently", &[])),
        ("other range", ErrorKind::CorruptData, |_, _| part("bytes 1-3/9", "3", b"bcd")),
        ("no range said", ErrorKind::CorruptData, |_, _| {
            vec![Step::Send(
                [head("206 Partial Content", &[("Content-Length", "3")]), b"abc".to_vec()].concat(),
            )]
        }),
        ("shorter range", ErrorKind::CorruptData, |_, _| part("bytes 0-1/2", "2", b"ab")),
        ("longer range", ErrorKind::CorruptData, |_, _| part("bytes 0-3/9", "4", b"abcd")),
        ("more than said", ErrorKind::CorruptData, |_, _| part("bytes 0-2/9", "4", b"abcd")),
        ("less than said", ErrorKind::Unavailable, |_, _| {
            [part("bytes 0-2/9", "2", b"ab"), vec![Step::Close]].concat()
        }),
        ("closed early", ErrorKind::Unavailable, |_, _| {
            [part("bytes 0-2/9", "3", b"ab"), vec![Step::Close]].concat()
        }),
        ("no HTTP", ErrorKind::Unavailable, |_, _| {
            vec![Step::Send(b"SSH-2.0\r\n\r\n".to_vec()), Step::Close]
        }),
    ];
    for (name, kind, answer) in cases {
        let (outcome, _) = outcome(answer).await;
        assert_eq!(outcome.as_ref().map_err(|error| error.kind), Err(kind), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_or_drips_is_given_up() {
    let (silent, tries) = outcome(|_, _| vec![Step::Sleep(Duration::from_mins(1))]).await;
    assert_eq!(silent.unwrap_err().kind, ErrorKind::DeadlineExceeded);
    assert_eq!(tries, 1, "a silent server is not asked again: that would be silence for longer");
    let (stalled, _) =
        outcome(|_, _| [part("bytes 0-2/9", "3", b"ab"), vec![Step::Sleep(Duration::from_mins(1))]].concat())
            .await;
    assert_eq!(stalled.unwrap_err().kind, ErrorKind::DeadlineExceeded);
    // Each byte comes in time, and all of them never.
    let server = Server::start(|_, _| {
        let mut steps = part("bytes 0-999/1000", "1000", b"");
        for _ in 0..1000 {
            steps.extend([Step::Send(b"x".to_vec()), Step::Sleep(Duration::from_millis(100))]);
        }
        steps
    })
    .await;
    let (remotes, file) = (remotes(&server), file(&server, "a"));
    let dripped = tokio::time::timeout(Duration::from_secs(20), read(&remotes, &file, 0, 1000));
    assert_eq!(dripped.await.expect("given up").unwrap_err().kind, ErrorKind::DeadlineExceeded);
}

#[tokio::test]
async fn a_large_answer_that_breaks_off_is_taken_up_again_or_broken() {
    let bytes = Arc::new(content(3 << 20));
    let breaking = |headers: &'static [(&'static str, &'static str)], always: bool| {
        let bytes = Arc::clone(&bytes);
        move |request: &server::Request, before: usize| {
            let mut steps = object(request, &bytes, headers);
            if (before == 0 || always)
                && let Step::Send(answer) = &mut steps[0]
            {
                answer.truncate(answer.len().min(2 << 20));
                steps.push(Step::Close);
            }
            steps
        }
    };
    let whole = 3 << 20;
    for (headers, always, arrives) in [
        // With an entity tag it is known that the rest is of the same object.
        (&[("ETag", "\"a\"")][..], false, true),
        (&[][..], false, false),
        (&[][..], true, false),
    ] {
        let server = Server::start(breaking(headers, always)).await;
        let outcome = read(&remotes(&server), &file(&server, "a"), 0, whole).await;
        match outcome {
            Ok(all) => assert!(arrives && all == **bytes),
            Err(error) => assert!(!arrives && error.kind == ErrorKind::Unavailable, "{error}"),
        }
    }
}

#[tokio::test]
async fn passing_faults_are_tried_again_and_others_are_not() {
    for first in [
        status("503 Service Unavailable", &[]),
        status("429 Too Many Requests", &[("Retry-After", "1")]),
        status("500 Internal Server Error", &[]),
        vec![Step::Close],
    ] {
        let (outcome, tries) =
            outcome(
                move |request, before| {
                    if before == 0 { first.clone() } else { object(request, b"abc", &[]) }
                },
            )
            .await;
        assert_eq!((outcome.unwrap(), tries), (b"abc".to_vec(), 2));
    }
    let (always, tries) = outcome(|_, _| status("503 Service Unavailable", &[])).await;
    assert_eq!((always.unwrap_err().kind, tries), (ErrorKind::Unavailable, 3));
    let (refused, tries) = outcome(|_, _| status("400 Bad Request", &[])).await;
    assert_eq!((refused.unwrap_err().kind, tries), (ErrorKind::CorruptData, 1));
    let (changed, tries) = outcome(|_, _| status("409 Conflict", &[])).await;
    assert_eq!((changed.unwrap_err().kind, tries), (ErrorKind::Conflict, 1));
}

#[tokio::test]
async fn a_tape_behind_the_server_is_a_tape_behind_us() {
    let (offline, tries) = outcome(|_, _| status("503 Service Unavailable", &[("Retry-After", "600")])).await;
    let offline = offline.unwrap_err();
    assert_eq!((offline.kind, offline.retry_after_seconds, tries), (ErrorKind::Offline, Some(600), 1));
}

#[tokio::test]
async fn a_server_without_ranges_serves_small_objects() {
    let ignoring = |request: &server::Request, _| {
        let length = if request.path == "/data/large" { (64 << 20) + 1 } else { 6 };
        let head = head("200 OK", &[("Content-Length", &length.to_string())]);
        vec![Step::Send([head, b"abcdef".to_vec()].concat())]
    };
    let server = Server::start(ignoring).await;
    let remotes = remotes(&server);
    assert_eq!(read(&remotes, &file(&server, "a"), 2, 3).await.unwrap(), b"cde");
    assert_eq!(read(&remotes, &file(&server, "a"), 5, 3).await.unwrap_err().kind, ErrorKind::CorruptData);
    let error = read(&remotes, &file(&server, "large"), 2, 3).await.unwrap_err();
    assert!(error.kind == ErrorKind::CorruptData && error.message.contains("ranges"), "{error}");
}

#[tokio::test]
async fn a_server_without_head_is_asked_for_a_byte() {
    for refusal in ["405 Method Not Allowed", "403 Forbidden", "501 Not Implemented"] {
        let server = Server::start(move |request, _| match &*request.method {
            "HEAD" => status(refusal, &[]),
            _ => object(request, b"abcdef", &[]),
        })
        .await;
        assert_eq!(length(&remotes(&server), &file(&server, "a")).await.unwrap(), Some(6), "{refusal}");
    }
    // One that tells no length with HEAD.
    let server = Server::start(|request, _| match &*request.method {
        "HEAD" => vec![Step::Send(head("200 OK", &[]))],
        _ => object(request, b"abcdef", &[]),
    })
    .await;
    assert_eq!(length(&remotes(&server), &file(&server, "a")).await.unwrap(), Some(6));
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let server = Server::start(|_, _| Vec::new()).await;
    let (remotes, file) = (remotes(&server), file(&server, "a"));
    drop(server);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(read(&remotes, &file, 0, 3).await.unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(length(&remotes, &file).await.unwrap_err().kind, ErrorKind::Unavailable);
}
