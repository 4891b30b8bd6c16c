//! Against stock tonic servers, which know nothing of how we frame.

mod foreign;
mod rising;
mod states;
mod views;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloudify_proto::convert::identity_to_wire;
use cloudify_proto::v1;
use cloudify_proto::v1::chunk_service_server::{ChunkService, ChunkServiceServer};
use cloudify_proto::v1::read_small_ranges_response::Result as Outcome;
use engine::pools::MemberHealth;
use futures::StreamExt as _;
use model::FileIdentity;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::{Request, Response, Status, Streaming};

use super::*;

/// What a scripted worker does with every read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Script {
    /// Answers with the bytes of `content`, in pieces of so many.
    Serve(usize),
    /// Fails at once.
    Fail(tonic::Code),
    /// Sends a piece, then fails.
    FailLater(tonic::Code),
    /// Sends one byte less than asked, and says that all is well.
    KeepBack,
    /// Never answers.
    Silent,
}

#[derive(Clone)]
struct Scripted {
    script: Script,
    reads: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    asked: states::Asked,
}

/// Counts an answer as open until it is dropped.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tonic::async_trait]
impl ChunkService for Scripted {
    type ReadRangeStream = BoxStream<'static, Result<v1::ReadRangeResponse, Status>>;
    type ReadSmallRangesStream = BoxStream<'static, Result<v1::ReadSmallRangesResponse, Status>>;

    async fn read_range(
        &self,
        request: Request<v1::ReadRangeRequest>,
    ) -> Result<Response<Self::ReadRangeStream>, Status> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let range = request.into_inner();
        let state = self.asked.state_of(&range);
        let data = content(range.offset, range.length);
        let (data, piece, end) = match self.script {
            Script::Serve(piece) => (data, piece, None),
            Script::Fail(code) => return Err(Status::new(code, "scripted")),
            Script::FailLater(code) => (data.slice(..1000), 1000, Some(Status::new(code, "scripted"))),
            Script::KeepBack => (data.slice(1..), 1 << 16, None),
            Script::Silent => std::future::pending().await,
        };
        self.open.fetch_add(1, Ordering::SeqCst);
        let open = Open(Arc::clone(&self.open));
        let pieces: Vec<_> =
            (0..data.len()).step_by(piece).map(|at| data.slice(at..data.len().min(at + piece))).collect();
        let pieces = futures::stream::iter(pieces).map(move |data| {
            let _open = &open;
            Ok(v1::ReadRangeResponse { data })
        });
        let mut response = Response::new(pieces.chain(futures::stream::iter(end.map(Err))).boxed());
        states::tell(&mut response, state);
        Ok(response)
    }

    async fn read_small_ranges(
        &self,
        request: Request<Streaming<v1::ReadSmallRangesRequest>>,
    ) -> Result<Response<Self::ReadSmallRangesStream>, Status> {
        let this = self.clone();
        let answers = request.into_inner().filter_map(move |read| {
            let this = this.clone();
            async move {
                let read = match read {
                    Ok(read) => read,
                    Err(status) => return Some(Err(status)),
                };
                this.reads.fetch_add(1, Ordering::SeqCst);
                let range = read.range.unwrap_or_default();
                let state = this.asked.state_of(&range).map(identity_to_wire);
                let result = match this.script {
                    Script::Serve(_) => Outcome::Data(content(range.offset, range.length)),
                    Script::Fail(code) => {
                        Outcome::Failure(v1::Failure { code: code as i32, ..Default::default() })
                    }
                    Script::FailLater(code) => return Some(Err(Status::new(code, "scripted"))),
                    Script::KeepBack => Outcome::Data(content(range.offset, range.length - 1)),
                    Script::Silent => return None,
                };
                Some(Ok(v1::ReadSmallRangesResponse { read_id: read.read_id, result: Some(result), state }))
            }
        });
        Ok(Response::new(answers.boxed()))
    }
}

fn content(offset: u64, length: u64) -> bytes::Bytes {
    (offset..offset + length).map(|at| (at * 31 + at / 251) as u8).collect()
}

struct Running {
    url: String,
    worker: Scripted,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

async fn start(script: Script) -> Running {
    start_at("127.0.0.1:0", script).await
}

async fn start_at(address: &str, script: Script) -> Running {
    let listener = TcpListener::bind(address).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let worker =
        Scripted { script, reads: Arc::default(), open: Arc::default(), asked: states::Asked::default() };
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener).inspect(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let serving = tonic::transport::Server::builder()
        .add_service(ChunkServiceServer::new(worker.clone()))
        .serve_with_incoming(incoming);
    let task = tokio::spawn(async move { serving.await.unwrap() });
    Running { url, worker, connections, task }
}

fn connect(urls: &[&str]) -> Arc<RemoteWorker> {
    let settings = HttpSettings { worker_timeout_seconds: 1, ..HttpSettings::default() };
    RemoteWorker::connect(&pool_of(urls), &settings, &RoutingSettings::default(), None).unwrap()
}

fn pool_of(urls: &[&str]) -> BTreeMap<String, PoolSettings> {
    let workers = urls.iter().map(|&url| url.to_owned()).collect();
    BTreeMap::from([("default".to_owned(), PoolSettings { workers })])
}

fn dataset() -> DatasetId {
    DatasetId::parse("d").unwrap()
}

fn file(path: &str) -> Arc<SourceFile> {
    let identity = FileIdentity { size_bytes: 1 << 40, modified_ns: 1, inode: 1 };
    Arc::new(SourceFile { path: path.into(), identity })
}

async fn read(worker: &RemoteWorker, path: &str, offset: u64, length: u64) -> Result<Vec<u8>> {
    match worker.read(&dataset(), &file(path), ByteRange { offset, length }).await? {
        StoredBytes::Whole(bytes) => Ok(bytes.to_vec()),
        StoredBytes::Pieces(mut pieces) => {
            let mut all = Vec::new();
            while let Some(piece) = pieces.next().await {
                all.extend_from_slice(&piece?);
            }
            Ok(all)
        }
    }
}

const SMALL: u64 = 40_000;
const LARGE: u64 = 1_000_000;

#[tokio::test]
async fn a_stock_servers_answers_are_read_whatever_its_pieces() {
    for piece in [100, 16_384, 16_385, 1_000_000, 4_000_000] {
        let running = start(Script::Serve(piece)).await;
        let worker = connect(&[&running.url]);
        for (offset, length) in [(0, 0), (3, 1), (5, SMALL), (0, 262_144), (9, 262_145), (7, LARGE)] {
            let read = read(&worker, "/a", offset, length).await.unwrap();
            assert!(read == content(offset, length), "{piece}: {offset}+{length}");
        }
    }
}

#[tokio::test]
async fn many_reads_at_once_get_their_own_bytes() {
    let running = start(Script::Serve(50_000)).await;
    let worker = connect(&[&running.url]);
    let reads = (0..500_u64).map(|at| {
        let worker = &worker;
        async move {
            let length = if at % 20 == 0 { 300_000 } else { at * 10 };
            assert!(read(worker, "/a", at, length).await.unwrap() == content(at, length), "{at}");
        }
    });
    futures::future::join_all(reads).await;
}

#[tokio::test]
async fn another_worker_is_asked_where_one_is_unavailable_but_not_where_the_source_changed() {
    for length in [SMALL, LARGE] {
        let good = start(Script::Serve(1 << 16)).await;
        let bad = start(Script::Fail(tonic::Code::Unavailable)).await;
        let worker = connect(&[&good.url, &bad.url, "http://127.0.0.1:1"]);
        for number in 0..20 {
            assert!(read(&worker, &format!("/{number}"), 1, length).await.unwrap() == content(1, length));
        }
        assert_eq!(good.worker.reads.load(Ordering::SeqCst), 20);
        assert!(bad.worker.reads.load(Ordering::SeqCst) > 0);

        let changed = start(Script::Fail(tonic::Code::FailedPrecondition)).await;
        let worker = connect(&[&changed.url]);
        assert_eq!(read(&worker, "/a", 0, length).await.unwrap_err().kind, ErrorKind::Conflict);
    }
}

#[tokio::test]
async fn a_failure_after_the_first_bytes_is_an_error_in_the_stream() {
    for (script, kind, reads) in [
        (Script::FailLater(tonic::Code::FailedPrecondition), ErrorKind::Conflict, 1),
        // What is lost is asked for again, but not for ever.
        (Script::FailLater(tonic::Code::Unavailable), ErrorKind::Unavailable, 9),
        (Script::KeepBack, ErrorKind::Unavailable, 2),
    ] {
        let running = start(script).await;
        let worker = connect(&[&running.url]);
        let range = ByteRange { offset: 0, length: LARGE };
        let StoredBytes::Pieces(mut pieces) = worker.read(&dataset(), &file("/a"), range).await.unwrap()
        else {
            panic!()
        };
        assert!(pieces.next().await.unwrap().is_ok());
        let error = loop {
            if let Err(error) = pieces.next().await.unwrap() {
                break error;
            }
        };
        assert_eq!(error.kind, kind);
        assert!(pieces.next().await.is_none());
        assert_eq!(running.worker.reads.load(Ordering::SeqCst), reads);
    }
    let running = start(Script::KeepBack).await;
    assert!(read(&connect(&[&running.url]), "/a", 0, SMALL).await.is_err());
}

#[tokio::test]
async fn the_rest_of_a_range_comes_from_another_worker() {
    let workers = [
        start(Script::FailLater(tonic::Code::Unavailable)).await,
        start(Script::Serve(1 << 16)).await,
        start(Script::FailLater(tonic::Code::Unavailable)).await,
    ];
    let worker = connect(&[&workers[0].url, &workers[1].url, &workers[2].url]);
    for number in 0..8 {
        let path = format!("/{number}");
        assert_eq!(read(&worker, &path, 7, LARGE).await.unwrap(), content(7, LARGE), "{path}");
    }
    assert!(workers.iter().all(|running| running.worker.reads.load(Ordering::SeqCst) > 0));
}

#[tokio::test]
async fn a_late_read_is_asked_for_elsewhere() {
    let workers = [start(Script::Silent).await, start(Script::Serve(1 << 16)).await];
    let worker = connect(&[&workers[0].url, &workers[1].url]);
    for number in 0..8 {
        let path = format!("/{number}");
        assert_eq!(read(&worker, &path, 7, SMALL).await.unwrap(), content(7, SMALL), "{path}");
    }
    assert!(workers[0].worker.reads.load(Ordering::SeqCst) > 0);
}

#[tokio::test]
async fn a_silent_worker_is_given_up() {
    let running = start(Script::Silent).await;
    let worker = connect(&[&running.url]);
    for length in [SMALL, LARGE] {
        assert_eq!(read(&worker, "/a", 0, length).await.unwrap_err().kind, ErrorKind::DeadlineExceeded);
    }
}

#[tokio::test]
async fn a_worker_that_is_lost_is_found_again() {
    let running = start(Script::Serve(1 << 16)).await;
    let worker = connect(&[&running.url]);
    for length in [SMALL, LARGE] {
        read(&worker, "/a", 0, length).await.unwrap();
    }
    let address = running.url.trim_start_matches("http://").to_owned();
    // Closes the listener; the connections live on in tasks of their own, so the runtime of the server must go.
    running.task.abort();
    let _ = running.task.await;
    let worker = connect(&[&running.url]);
    for length in [SMALL, LARGE] {
        let error = read(&worker, "/a", 0, length).await.unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Unavailable, "no worker could answer"));
    }
    let _again = start_at(&address, Script::Serve(1 << 16)).await;
    for length in [SMALL, LARGE] {
        let found = async {
            while read(&worker, "/a", 0, length).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(5), found).await.unwrap();
    }
}

#[tokio::test]
async fn a_read_that_waits_for_any_worker_finds_one_that_was_none_when_it_began() {
    let running = start(Script::Serve(1 << 16)).await;
    for length in [SMALL, LARGE] {
        let worker = connect(&["http://127.0.0.1:1"]);
        let exchanged = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let urls = std::collections::BTreeSet::from([running.url.clone()]);
            worker.pools.set(&BTreeMap::from([(engine::pools::PoolName::default(), urls)])).unwrap();
        };
        let (found, ()) = tokio::join!(read(&worker, "/a", 1, length), exchanged);
        assert!(found.unwrap() == content(1, length));
    }
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_workers_answer() {
    let running = start(Script::Serve(1 << 16)).await;
    let worker = connect(&[&running.url]);
    let range = ByteRange { offset: 0, length: 3 << 20 };
    let StoredBytes::Pieces(mut pieces) = worker.read(&dataset(), &file("/a"), range).await.unwrap() else {
        panic!()
    };
    pieces.next().await.unwrap().unwrap();
    assert_eq!(running.worker.open.load(Ordering::SeqCst), 1);
    drop(pieces);
    let ended = async {
        while running.worker.open.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), ended).await.unwrap();
}

#[tokio::test]
async fn slow_clients_do_not_stop_others() {
    let running = start(Script::Serve(1 << 16)).await;
    let worker = connect(&[&running.url]);
    let mut slow = Vec::new();
    for _ in 0..20 {
        slow.push(
            worker.read(&dataset(), &file("/a"), ByteRange { offset: 0, length: 2 << 20 }).await.unwrap(),
        );
    }
    assert!(read(&worker, "/a", 5, LARGE).await.unwrap() == content(5, LARGE));
}

#[tokio::test]
async fn a_connection_is_used_again_also_where_nobody_waited_for_the_answers_end() {
    let running = start(Script::Serve(1 << 16)).await;
    let worker = connect(&[&running.url]);
    let mut connections = 0;
    for round in 0..10 {
        let range = ByteRange { offset: 3, length: LARGE };
        let StoredBytes::Pieces(mut pieces) = worker.read(&dataset(), &file("/a"), range).await.unwrap()
        else {
            panic!()
        };
        let mut left = LARGE as usize;
        while left > 0 {
            left -= pieces.next().await.unwrap().unwrap().len();
        }
        if round == 0 {
            // Lanes and checks have theirs.
            tokio::time::sleep(Duration::from_millis(100)).await;
            connections = running.connections.load(Ordering::SeqCst);
        }
    }
    assert_eq!(running.connections.load(Ordering::SeqCst), connections);
}

#[tokio::test]
async fn files_keep_their_worker() {
    let workers = [start(Script::Serve(1 << 16)).await, start(Script::Serve(1 << 16)).await];
    let worker = connect(&[&workers[0].url, &workers[1].url]);
    for _ in 0..10 {
        read(&worker, "/a", 0, SMALL).await.unwrap();
    }
    let counts: HashSet<_> =
        workers.iter().map(|running| running.worker.reads.load(Ordering::SeqCst)).collect();
    assert_eq!(counts, HashSet::from([0, 10]));
}

#[tokio::test]
async fn urls_that_are_none_are_refused() {
    for url in ["worker:1", "https://worker:1", "http://worker", "http://", "dns://worker"] {
        let connected = RemoteWorker::connect(
            &pool_of(&[url]),
            &HttpSettings::default(),
            &RoutingSettings::default(),
            None,
        );
        assert_eq!(connected.err().unwrap().kind, ErrorKind::InvalidRequest, "{url}");
    }
}
