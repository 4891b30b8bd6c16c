//! Server-sent events ([HTML standard, 9.2.6](https://html.spec.whatwg.org/multipage/server-sent-events.html)), as
//! much as the admin API sends: named events with data.

use reqwest::Response;

use crate::exit::Failure;

/// Longest event that is taken, in bytes.
const EVENT_BYTES_MAX: usize = 64 << 20;

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its name.
    pub(crate) name: String,
    /// Its data.
    pub(crate) data: String,
}

/// A stream of events.
pub(crate) struct Events {
    response: Response,
    buffer: Vec<u8>,
}

impl Events {
    /// The events of an answer.
    pub(crate) fn new(response: Response) -> Self {
        Self { response, buffer: Vec::new() }
    }

    /// The next event; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Failure> {
        loop {
            if let Some(event) = take_event(&mut self.buffer) {
                return Ok(Some(event));
            }
            if self.buffer.len() > EVENT_BYTES_MAX {
                return Err(Failure::Failed("the server sent an event of more than 64 MiB".into()));
            }
            let broken = |error| Failure::Failed(format!("the server broke off: {error}"));
            match self.response.chunk().await.map_err(broken)? {
                Some(bytes) => self.buffer.extend_from_slice(&bytes),
                None => return Ok(None),
            }
        }
    }
}

/// Takes the first complete event with data out of the buffer; comments alone are skipped.
fn take_event(buffer: &mut Vec<u8>) -> Option<Event> {
    loop {
        let end = buffer.windows(2).position(|pair| pair == b"\n\n")?;
        let block: Vec<u8> = buffer.drain(..end + 2).collect();
        let mut event = Event { name: "message".into(), data: String::new() };
        for line in String::from_utf8_lossy(&block).lines() {
            match line.split_once(':') {
                Some(("event", value)) => value.trim_start().clone_into(&mut event.name),
                Some(("data", value)) => {
                    if !event.data.is_empty() {
                        event.data.push('\n');
                    }
                    event.data.push_str(value.strip_prefix(' ').unwrap_or(value));
                }
                _ => {}
            }
        }
        if !event.data.is_empty() {
            return Some(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_taken_one_by_one_and_comments_skipped() {
        let mut buffer = b": alive\n\nevent: a\ndata: {\"x\":1}\ndata: y\n\nevent: b\ndata: 2\n".to_vec();
        assert_eq!(take_event(&mut buffer), Some(Event { name: "a".into(), data: "{\"x\":1}\ny".into() }));
        assert_eq!(take_event(&mut buffer), None);
        buffer.push(b'\n');
        assert_eq!(take_event(&mut buffer), Some(Event { name: "b".into(), data: "2".into() }));
        assert!(buffer.is_empty());
    }
}
