//! A server that does what it is told, byte by byte.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// What it was asked.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    head: String,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }

    /// The byte range asked for, if one was.
    pub(super) fn range(&self) -> Option<(usize, usize)> {
        let (start, last) = self.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
        Some((start.parse().ok()?, last.parse::<usize>().ok()? + 1))
    }
}

/// What it does.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Send(Vec<u8>),
    Sleep(Duration),
    /// Ends the connection.
    Close,
}

pub(super) struct Server {
    pub(super) port: u16,
    pub(super) requests: Arc<Mutex<Vec<Request>>>,
    pub(super) connections: Arc<Mutex<usize>>,
    _task: AbortOnDropHandle<()>,
}

impl Server {
    /// Answers each request with the steps that `answer` makes of it and of how many came before it.
    pub(super) async fn start(answer: impl Fn(&Request, usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let connections = Arc::new(Mutex::new(0));
        let (asked, counted, answer) = (Arc::clone(&requests), Arc::clone(&connections), Arc::new(answer));
        let accept = async move {
            while let Ok((stream, _)) = listener.accept().await {
                *counted.lock().unwrap() += 1;
                let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut stream = stream;
                    while let Some(request) = receive(&mut stream).await {
                        let before = {
                            let mut asked = asked.lock().unwrap();
                            asked.push(request.clone());
                            asked.len() - 1
                        };
                        for step in answer(&request, before) {
                            match step {
                                Step::Send(bytes) if stream.write_all(&bytes).await.is_ok() => {}
                                Step::Sleep(time) => tokio::time::sleep(time).await,
                                Step::Send(_) | Step::Close => return,
                            }
                        }
                    }
                });
            }
        };
        Self { port, requests, connections, _task: AbortOnDropHandle::new(tokio::spawn(accept)) }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub(super) fn asked(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn receive(stream: &mut TcpStream) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut words = head.split(' ');
    Some(Request { method: words.next()?.to_owned(), path: words.next()?.to_owned(), head })
}

/// A status line with headers.
pub(super) fn head(status: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\n");
    for &(name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    (text + "\r\n").into_bytes()
}

/// An answer without a body.
pub(super) fn status(status: &str, headers: &[(&str, &str)]) -> Vec<Step> {
    vec![Step::Send([head(status, &[headers, &[("Content-Length", "0")]].concat())].concat())]
}

/// What an honest server says of an object.
pub(super) fn object(request: &Request, bytes: &[u8], headers: &[(&str, &str)]) -> Vec<Step> {
    let (status, part, content_range) = match request.range() {
        Some((start, _)) if start >= bytes.len() => return self::status("416 Range Not Satisfiable", &[]),
        Some((start, end)) => {
            let end = end.min(bytes.len());
            let text = format!("bytes {start}-{}/{}", end - 1, bytes.len());
            ("206 Partial Content", &bytes[start..end], Some(text))
        }
        None => ("200 OK", bytes, None),
    };
    let length = part.len().to_string();
    let mut all = headers.to_vec();
    all.push(("Content-Length", &length));
    if let Some(text) = &content_range {
        all.push(("Content-Range", text));
    }
    let mut answer = head(status, &all);
    if request.method != "HEAD" {
        answer.extend_from_slice(part);
    }
    vec![Step::Send(answer)]
}
