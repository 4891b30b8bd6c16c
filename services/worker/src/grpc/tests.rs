//! The chunk service as a stock tonic client sees it.

mod views;

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use cloudify_proto::convert::file_to_wire;
use cloudify_proto::v1;
use cloudify_proto::v1::chunk_service_client::ChunkServiceClient;
use cloudify_proto::v1::read_small_ranges_response::Result as Outcome;
use futures::StreamExt as _;
use model::{FileIdentity, SourceFile};
use tokio::net::TcpListener;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use super::*;
use crate::settings::StorageSettings;
use crate::storage::Roots;

struct Running {
    directory: tempfile::TempDir,
    files: Files,
    client: ChunkServiceClient<Channel>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<()>>,
}

async fn start() -> Running {
    let directory = tempfile::tempdir().unwrap();
    let roots = Roots::new(vec![directory.path().to_owned()]).unwrap();
    let files = Files::new(roots, &StorageSettings::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let state = ChunkState { files: files.clone(), draining: stop.clone() };
    let task = tokio::spawn({
        let stop = stop.clone();
        async move {
            connections::serve(listener, chunk_routes(state), stop.cancelled()).await.map_err(Error::internal)
        }
    });
    let client = ChunkServiceClient::new(Endpoint::from_shared(url).unwrap().connect_lazy());
    Running { directory, files, client, stop, task }
}

impl Running {
    fn write(&self, name: &str, content: &[u8]) -> v1::SourceFile {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        source(&path)
    }
}

fn source(path: &Path) -> v1::SourceFile {
    let metadata = std::fs::metadata(path).unwrap();
    let identity = FileIdentity {
        size_bytes: metadata.len(),
        modified_ns: metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
        inode: metadata.ino(),
    };
    file_to_wire(&SourceFile { path: path.to_str().unwrap().into(), identity })
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + at / 251) as u8).collect()
}

fn request(file: &v1::SourceFile, offset: u64, length: u64) -> v1::ReadRangeRequest {
    v1::ReadRangeRequest { file: Some(file.clone()), offset, length }
}

#[tokio::test]
async fn a_stock_client_reads_ranges_of_any_length() {
    let mut running = start().await;
    let content = content(3_000_000);
    let file = running.write("a", &content);
    for (offset, length) in [(0, 0), (0, 1), (9, 127), (9, 128), (5, 524_288), (5, 524_289), (1, 2_999_999)] {
        let mut pieces =
            running.client.read_range(request(&file, offset, length)).await.unwrap().into_inner();
        let mut all = Vec::new();
        while let Some(piece) = pieces.message().await.unwrap() {
            all.extend_from_slice(&piece.data);
        }
        assert!(all == content[offset as usize..(offset + length) as usize], "{offset}+{length}");
    }
}

#[tokio::test]
async fn failures_before_the_first_piece_are_the_status() {
    let mut running = start().await;
    let mut file = running.write("a", &content(100));
    let call = running.client.read_range(request(&file, 90, 11)).await;
    assert_eq!(call.unwrap_err().code(), Code::DataLoss, "a reference past the end of its file");
    let call = running.client.read_range(v1::ReadRangeRequest::default()).await;
    assert_eq!(call.unwrap_err().code(), Code::InvalidArgument);
    file.identity.as_mut().unwrap().inode += 1;
    for length in [0, 10] {
        let status = running.client.read_range(request(&file, 0, length)).await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(status.message(), "source file changed since it was registered");
    }
    let outside = tempfile::NamedTempFile::new().unwrap();
    let status = running.client.read_range(request(&source(outside.path()), 0, 0)).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_slow_reader_holds_a_piece_or_two_and_a_change_meanwhile_ends_its_stream() {
    let mut running = start().await;
    let file = running.write("a", &content(20 << 20));
    let mut pieces = running.client.read_range(request(&file, 0, 20 << 20)).await.unwrap().into_inner();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(running.files.buffers_in_use() <= 2, "{}", running.files.buffers_in_use());
    std::fs::remove_file(running.directory.path().join("a")).unwrap();
    let mut got = 0;
    let status = loop {
        match pieces.message().await {
            Ok(Some(piece)) => got += piece.data.len(),
            Ok(None) => panic!("ended well"),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(got < 20 << 20);
}

#[tokio::test]
async fn a_caller_that_goes_away_ends_the_reading() {
    let mut running = start().await;
    let file = running.write("a", &content(20 << 20));
    let pieces = running.client.read_range(request(&file, 0, 20 << 20)).await.unwrap();
    drop(pieces);
    let given_back = async {
        while running.files.buffers_in_use() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), given_back).await.unwrap();
}

#[tokio::test]
async fn the_callers_deadline_ends_the_stream() {
    let mut running = start().await;
    let file = running.write("a", &content(20 << 20));
    let mut call = tonic::Request::new(request(&file, 0, 20 << 20));
    call.metadata_mut().insert("grpc-timeout", "200m".parse().unwrap());
    let mut pieces = running.client.read_range(call).await.unwrap().into_inner();
    tokio::time::sleep(Duration::from_millis(400)).await;
    let status = loop {
        match pieces.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("ended well"),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_lane_answers_a_thousand_reads_each_with_its_own_bytes_or_failure() {
    let mut running = start().await;
    let content = content(1 << 20);
    let file = running.write("a", &content);
    let gone = running.write("gone", &content);
    std::fs::remove_file(running.directory.path().join("gone")).unwrap();
    let reads: Vec<_> = (0..1000_u64)
        .map(|id| {
            let file = if id % 10 == 3 { &gone } else { &file };
            let length = if id % 100 == 7 { (256 << 10) + 1 } else { id * 97 % 50_000 };
            v1::ReadSmallRangesRequest {
                read_id: id,
                range: Some(request(file, id * 13, length)),
                ..Default::default()
            }
        })
        .collect();
    // The stream stays open: answers must not wait for its end.
    let requests = futures::stream::iter(reads.clone()).chain(futures::stream::pending());
    let mut answers = running.client.read_small_ranges(requests).await.unwrap().into_inner();
    let mut seen = std::collections::HashSet::new();
    while seen.len() < reads.len() {
        let answer = answers.message().await.unwrap().unwrap();
        assert!(seen.insert(answer.read_id));
        let range = reads[answer.read_id as usize].range.clone().unwrap();
        match answer.result.unwrap() {
            Outcome::Data(data) => {
                let (offset, length) = (range.offset as usize, range.length as usize);
                assert!(data == content[offset..offset + length], "{}", answer.read_id);
            }
            Outcome::Failure(failure) if answer.read_id % 100 == 7 => {
                assert_eq!(failure.code, Code::OutOfRange as i32);
            }
            Outcome::Failure(failure) => {
                assert_eq!((answer.read_id % 10, failure.code), (3, Code::FailedPrecondition as i32));
            }
        }
    }
}

#[tokio::test]
async fn a_lane_ends_well_after_its_last_read_and_a_drain_ends_open_ones() {
    let mut running = start().await;
    let file = running.write("a", &content(1000));
    let read =
        v1::ReadSmallRangesRequest { read_id: 1, range: Some(request(&file, 0, 1000)), ..Default::default() };
    let mut answers =
        running.client.read_small_ranges(futures::stream::iter([read.clone()])).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap().unwrap().read_id, 1);
    assert!(answers.message().await.unwrap().is_none());

    let open = futures::stream::iter([read]).chain(futures::stream::pending());
    let mut answers = running.client.read_small_ranges(open).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap().unwrap().read_id, 1);
    running.stop.cancel();
    assert_eq!(answers.message().await.unwrap_err().code(), Code::Unavailable);
    tokio::time::timeout(Duration::from_secs(5), running.task).await.unwrap().unwrap().unwrap();
}
