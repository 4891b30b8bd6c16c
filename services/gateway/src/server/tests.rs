//! Connections: limits, stalls, drains.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const SHORT: Duration = Duration::from_millis(200);

struct Running {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<()>>,
}

async fn start(connections_max: usize, drain: Duration) -> Running {
    let endless = || async {
        Body::from_stream(futures::stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![7; 65_536]))))
    };
    let slow = || async {
        tokio::time::sleep(SHORT * 3).await;
        "slow"
    };
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/slow", get(slow))
        .route("/large", get(|| async { large_body() }))
        .route("/modest", get(|| async { large_body()[..60_000].to_vec() }))
        .route("/endless", get(endless));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let timeouts = Timeouts { head: SHORT, write: SHORT, idle: SHORT * 4 };
    let server = Server { router, timeouts, drain: CancellationToken::new() };
    let room = Arc::new(Semaphore::new(connections_max));
    let task = tokio::spawn(server.run(listener, room, drain, stop.clone().cancelled_owned()));
    Running { address, stop, task }
}

/// In one frame.
fn large_body() -> Vec<u8> {
    (0..1_000_003_u32).map(|index| (index % 251) as u8).collect()
}

async fn connect(running: &Running) -> TcpStream {
    TcpStream::connect(running.address).await.unwrap()
}

async fn ask(stream: &mut TcpStream, path: &str) {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes()).await.unwrap();
}

/// All that comes until the server closes; fails the test where it does not.
async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut all));
    // A reset is an end too.
    let _ = read.await.expect("the server closes the connection");
    all
}

#[tokio::test]
async fn a_head_sent_byte_by_byte_is_cut_off_and_an_idle_connection_is_kept_for_longer() {
    let running = start(10, DRAIN).await;
    let begun = std::time::Instant::now();
    let mut slow = connect(&running).await;
    let trickle = async {
        for byte in b"GET / HTTP/1.1\r\nhost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".iter().cycle() {
            if slow.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(SHORT / 10).await;
        }
    };
    tokio::time::timeout(SHORT * 8, trickle).await.expect("the server closes the connection");

    let mut idle = connect(&running).await;
    ask(&mut idle, "/").await;
    tokio::time::sleep(SHORT * 2).await;
    ask(&mut idle, "/").await;
    let answers = String::from_utf8(rest(idle).await).unwrap();
    assert_eq!(answers.matches("hello").count(), 2);
    assert!(begun.elapsed() > SHORT * 4);
}

#[tokio::test]
async fn a_request_that_takes_longer_than_the_timeouts_is_answered() {
    let running = start(10, DRAIN).await;
    let mut stream = connect(&running).await;
    ask(&mut stream, "/slow").await;
    assert!(String::from_utf8(rest(stream).await).unwrap().ends_with("slow"));
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_dropped_and_one_that_takes_slowly_is_not() {
    let running = start(10, DRAIN).await;
    let mut none = connect(&running).await;
    ask(&mut none, "/endless").await;
    let mut slow = connect(&running).await;
    ask(&mut slow, "/endless").await;
    let mut buffer = vec![0; 1 << 20];
    for _ in 0..20 {
        tokio::time::sleep(SHORT / 4).await;
        // Enough that the kernel's buffers let the server write again.
        for _ in 0..8 {
            assert!(slow.read(&mut buffer).await.unwrap() > 0);
        }
    }
    rest(none).await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_others_to_end() {
    let running = start(1, DRAIN).await;
    let mut first = connect(&running).await;
    ask(&mut first, "/").await;
    let mut byte = [0];
    first.read_exact(&mut byte).await.unwrap();
    let mut second = connect(&running).await;
    ask(&mut second, "/").await;
    assert!(tokio::time::timeout(SHORT, second.read_exact(&mut byte)).await.is_err());
    drop(first);
    tokio::time::timeout(SHORT * 10, second.read_exact(&mut byte)).await.unwrap().unwrap();
}

#[tokio::test]
async fn draining_finishes_requests_refuses_connections_and_cuts_what_does_not_end() {
    let running = start(10, SHORT * 10).await;
    let mut idle = connect(&running).await;
    ask(&mut idle, "/").await;
    let mut slow = connect(&running).await;
    ask(&mut slow, "/slow").await;
    tokio::time::sleep(SHORT / 2).await;
    running.stop.cancel();
    assert!(String::from_utf8(rest(slow).await).unwrap().ends_with("slow"));
    assert!(String::from_utf8(rest(idle).await).unwrap().ends_with("hello"));
    assert!(TcpStream::connect(running.address).await.is_err());
    running.task.await.unwrap().unwrap();

    let running = start(10, SHORT).await;
    let mut endless = connect(&running).await;
    ask(&mut endless, "/endless").await;
    tokio::time::sleep(SHORT / 2).await;
    running.stop.cancel();
    tokio::time::timeout(SHORT * 10, running.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn heads_that_are_too_long_are_refused() {
    let running = start(10, DRAIN).await;
    let mut stream = connect(&running).await;
    let head = format!("GET / HTTP/1.1\r\nhost: a\r\ncookie: {}\r\n\r\n", "x".repeat(HEAD_BYTES_MAX));
    let _ = stream.write_all(head.as_bytes()).await;
    assert!(String::from_utf8_lossy(&rest(stream).await).starts_with("HTTP/1.1 431"));
}

async fn http_2(running: &Running, window: u32) -> h2::client::SendRequest<Bytes> {
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(window).initial_connection_window_size(4 << 20);
    let (client, connection) = builder.handshake(connect(running).await).await.unwrap();
    tokio::spawn(connection);
    client.ready().await.unwrap()
}

async fn begin(client: &mut h2::client::SendRequest<Bytes>, path: &str) -> h2::RecvStream {
    let request = http::Request::get(format!("http://a{path}")).body(()).unwrap();
    client.send_request(request, true).unwrap().0.await.unwrap().into_body()
}

#[tokio::test]
async fn clients_may_begin_with_http_2() {
    let running = start(10, DRAIN).await;
    let mut client = http_2(&running, 65_535).await;
    assert_eq!(begin(&mut client, "/").await.data().await.unwrap().unwrap(), "hello");
    let mut large = begin(&mut client, "/large").await;
    let mut got = Vec::new();
    while let Some(bytes) = large.data().await {
        let bytes = bytes.unwrap();
        large.flow_control().release_capacity(bytes.len()).unwrap();
        got.extend_from_slice(&bytes);
    }
    assert_eq!(got, large_body());
}

/// What is left of a stream whose client takes nothing more of it, after what is on its way.
async fn end(mut stream: h2::RecvStream) -> Option<h2::Reason> {
    let drained = async {
        loop {
            match stream.data().await {
                Some(Ok(_)) => {} // no capacity is released
                Some(Err(error)) => return error.reason(),
                None => return None,
            }
        }
    };
    tokio::time::timeout(SHORT * 20, drained).await.expect("the server ends the stream")
}

#[tokio::test]
async fn a_stream_of_which_the_client_takes_nothing_ends() {
    let running = start(10, DRAIN).await;
    for (path, windows) in [
        ("/endless", vec![0, 1, 65_535, 900_000]),
        ("/large", vec![0, 1, 65_535, 1_000_003 - (20 << 10)]),
        ("/modest", vec![0, 1, 60_000 - (20 << 10)]),
    ] {
        for window in windows {
            let mut client = http_2(&running, window).await;
            let stalled = begin(&mut client, path).await;
            assert_eq!(end(stalled).await, Some(h2::Reason::CANCEL), "{path}, window {window}");
        }
    }
}

/// Takes a stream, so many bytes of it each time; what it had.
async fn taken_slowly(mut stream: h2::RecvStream, bytes: usize, pause: Duration, times: usize) -> usize {
    let (mut got, mut owed) = (0, 0);
    for _ in 0..times {
        while let Some(data) = futures::FutureExt::now_or_never(stream.data()).flatten() {
            let length = data.expect("the stream goes on").len();
            (got, owed) = (got + length, owed + length);
        }
        let released = owed.min(bytes);
        owed -= released;
        stream.flow_control().release_capacity(released).unwrap();
        tokio::time::sleep(pause).await;
    }
    got
}

#[tokio::test]
async fn a_stream_that_the_client_takes_slowly_goes_on_beside_one_that_ends() {
    let running = start(10, DRAIN).await;
    let mut client = http_2(&running, 16_384).await;
    let stalled = end(begin(&mut client, "/large").await);
    // A piece of 64 KiB takes longer than the longest time without any byte.
    let slow = taken_slowly(begin(&mut client, "/endless").await, 9_000, SHORT / 5, 60);
    let (stalled, slow) = tokio::join!(stalled, slow);
    assert_eq!(stalled, Some(h2::Reason::CANCEL));
    assert!(slow > 300_000, "{slow}");
    assert_eq!(begin(&mut client, "/slow").await.data().await.unwrap().unwrap(), "slow");
}

#[tokio::test]
async fn streams_that_share_a_slow_connection_go_on() {
    let running = start(10, DRAIN).await;
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(1 << 20).initial_connection_window_size(65_535);
    let (client, connection) = builder.handshake(connect(&running).await).await.unwrap();
    tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(begin(&mut client, "/endless").await);
    }
    // Together 2 MB in the longest time: each has its turn less often than that.
    let mut had = vec![0; streams.len()];
    for _ in 0..400 {
        for (stream, had) in streams.iter_mut().zip(&mut had) {
            while let Some(data) = futures::FutureExt::now_or_never(stream.data()).flatten() {
                let length = data.expect("the stream goes on").len();
                stream.flow_control().release_capacity(length).unwrap();
                *had += length;
            }
        }
        tokio::time::sleep(SHORT / 50).await;
    }
    assert!(had.iter().all(|had| *had > 0), "{had:?}");
}
