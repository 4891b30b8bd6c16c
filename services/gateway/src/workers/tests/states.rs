//! Of which state of a remote file bytes are.

use std::sync::Mutex;

use cloudify_proto::convert::{STATE_HEADER, identity_from_wire, state_to_text};

use super::*;

/// What a worker finds a remote file to be.
const FOUND: FileIdentity = FileIdentity { size_bytes: 1 << 40, modified_ns: 77, inode: 5 };

/// In which state files were asked for.
#[derive(Clone, Default)]
pub(super) struct Asked(Arc<Mutex<Vec<FileIdentity>>>);

impl Asked {
    /// What is answered of the file of a range; none of a local one.
    pub(super) fn state_of(&self, range: &v1::ReadRangeRequest) -> Option<FileIdentity> {
        let file = range.file.clone().unwrap();
        self.0.lock().unwrap().push(identity_from_wire(file.identity.unwrap()));
        file.path.contains("://").then_some(FOUND)
    }
}

pub(super) fn tell<T>(response: &mut Response<T>, state: Option<FileIdentity>) {
    if let Some(state) = state {
        response.metadata_mut().insert(STATE_HEADER, state_to_text(state).parse().unwrap());
    }
}

fn remote() -> Arc<SourceFile> {
    Arc::new(SourceFile { path: "https://h/a".into(), identity: FileIdentity::not_after(100) })
}

#[tokio::test]
async fn the_state_of_a_remote_file_comes_with_its_bytes() {
    let running = start(Script::Serve(1 << 16)).await;
    let worker = connect(&[&running.url]);
    for length in [0, SMALL, LARGE] {
        for (file, state) in [(remote(), Some(FOUND)), (file("/a"), None)] {
            let read = worker.read_to_keep(&dataset(), &file, ByteRange { offset: 7, length }).await.unwrap();
            assert_eq!(read.state, state);
            assert_eq!(read.bytes.together(length).await.unwrap(), content(7, length));
        }
    }
}

#[tokio::test]
async fn the_rest_of_a_range_that_was_broken_off_is_asked_for_in_the_state_of_what_came() {
    let running = start(Script::FailLater(tonic::Code::Unavailable)).await;
    let worker = connect(&[&running.url]);
    let read = worker.read(&dataset(), &remote(), ByteRange { offset: 0, length: LARGE }).await.unwrap();
    assert!(read.together(LARGE).await.is_err());
    let asked = running.worker.asked.0.lock().unwrap().clone();
    let (first, rest) = asked.split_first().unwrap();
    assert_eq!(*first, FileIdentity::not_after(100));
    assert!(!rest.is_empty() && rest.iter().all(|state| *state == FOUND), "{rest:?}");
}
