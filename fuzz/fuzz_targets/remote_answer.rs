//! Any headers and body as what a remote server answers: a document, or an error; never "not there" unless it says so.
#![no_main]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::sync::{Arc, LazyLock, Mutex};

use libfuzzer_sys::fuzz_target;
use model::{FileIdentity, SourceFile};
use tokio::runtime::Runtime;
use worker::settings::RemoteSettings;
use worker::storage::Remotes;

const STATUSES: [u16; 16] = [200, 206, 404, 410, 416, 403, 301, 304, 429, 503, 500, 204, 100, 400, 412, 999];

struct Rig {
    answer: Arc<Mutex<Vec<u8>>>,
    url: String,
    remotes: Remotes,
    runtime: Runtime,
}

static RIG: LazyLock<Rig> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/object", listener.local_addr().unwrap());
    let answer: Arc<Mutex<Vec<u8>>> = Arc::default();
    let said = Arc::clone(&answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut request = Vec::new();
            let mut part = [0; 1024];
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read(&mut part) {
                    Ok(count) if count > 0 => request.extend_from_slice(&part[..count]),
                    _ => break,
                }
            }
            let answer = said.lock().unwrap().clone();
            let _ = stream.write_all(&answer);
            let _ = stream.shutdown(Shutdown::Write);
        }
    });
    let settings = RemoteSettings {
        prefixes: vec![url.clone()],
        stall_seconds: 1,
        retries: 0,
        document_bytes_max: 1 << 16,
        ..RemoteSettings::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    Rig { answer, url, remotes: Remotes::new(&settings).unwrap(), runtime }
});

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (status, version, rest) = input;
    let status = STATUSES[usize::from(status) % STATUSES.len()];
    let version = version % 2;
    let answer = [format!("HTTP/1.{version} {status} X\r\n").as_bytes(), rest].concat();
    let length = answer.len();
    // Another answer may be in the body of one that is no last one.
    let says_absent =
        [404, 410].contains(&status) || rest.windows(3).any(|word| word == b"404" || word == b"410");
    *RIG.answer.lock().unwrap() = answer;
    let identity = FileIdentity { size_bytes: 0, modified_ns: i64::MAX, inode: 0 };
    let file = SourceFile { path: RIG.url.clone(), identity };
    RIG.runtime.block_on(async {
        if let Ok(false) = RIG.remotes.exists(&file).await {
            assert!(says_absent);
        }
        match RIG.remotes.document(&RIG.url).await {
            Ok(None) => assert!(says_absent),
            Ok(Some(document)) => assert!(document.bytes.len() <= length),
            Err(_) => {}
        }
    });
});
