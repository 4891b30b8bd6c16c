//! Values: read while a request waits, written beside it.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::{Error, Result};
use redis::Value;
use telemetry::metrics;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::frame;
use crate::tier::{Inner, Tier};

/// Writes that wait for their turn; what comes while so many wait is dropped.
const WAITING_MAX: usize = 256;
/// Bytes of them.
const WAITING_BYTES_MAX: usize = 32 << 20;
/// How long nothing is written after a failure: a full or read-only Redis stays so for a while.
const REST: Duration = Duration::from_secs(3);
/// How often it is looked how full Redis is.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// What is to be written.
pub(crate) struct Writes {
    sender: mpsc::Sender<Write>,
    room: Arc<Semaphore>,
}

/// Makes the bytes of a value, off the async runtime.
type MakeValue = Box<dyn FnOnce() -> Bytes + Send>;

enum Write {
    Put { key: String, value: MakeValue, _room: OwnedSemaphorePermit },
    Remove { key: String },
}

/// The other end of [`Writes`].
pub(crate) struct Writer {
    receiver: mpsc::Receiver<Write>,
    resting: Option<Instant>,
    looked: Option<(Instant, bool)>,
}

impl Tier {
    /// The value of a key; none where there is none, or Redis is slow or gone.
    pub async fn get(&self, key: &str) -> Option<Bytes> {
        let found: Option<Vec<u8>> = self.ask(redis::cmd("GET").arg(self.name(key)).take()).await?;
        frame::value(key, found?)
    }

    /// Writes a value of about so many bytes, a little later, when its bytes are made; or does not, if it is large or Redis
    /// is slow, full or gone. Whether it is to be written.
    pub fn put(&self, key: &str, size: usize, value: impl FnOnce() -> Bytes + Send + 'static) -> bool {
        if size > self.settings().value_bytes_max {
            return false;
        }
        let size = u32::try_from(key.len() + size).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.writes().room).try_acquire_many_owned(size) else {
            count("dropped");
            return false;
        };
        self.write(Write::Put { key: key.to_owned(), value: Box::new(value), _room: room })
    }

    /// Takes a value away, after what was written before.
    pub fn remove(&self, key: &str) {
        self.write(Write::Remove { key: key.to_owned() });
    }

    /// Whether there is room for one more in the queue.
    fn write(&self, write: Write) -> bool {
        let is_taken = self.writes().sender.try_send(write).is_ok();
        if !is_taken {
            count("dropped");
        }
        is_taken
    }

    /// A key as Redis sees it.
    pub(crate) fn name(&self, key: &str) -> String {
        format!("{}:{key}", self.settings().prefix)
    }

    async fn store(&self, key: String, value: MakeValue) -> Result<()> {
        let name = self.name(&key);
        // Megabytes are copied and summed up: not where others wait.
        let framed = tokio::task::spawn_blocking(move || frame::framed(&key, &value()));
        let mut command = redis::cmd("SET");
        command
            .arg(name)
            .arg(framed.await.map_err(Error::internal)?)
            .arg("EX")
            .arg(self.settings().keep_seconds.max(1));
        self.run::<Value>(command).await.map(|_| ())
    }

    /// Whether Redis has room; where it does not say, there is none.
    async fn has_room(&self) -> bool {
        let said = self.run::<Value>(redis::cmd("INFO").arg("memory").take()).await;
        let used = said.and_then(|said| used_bytes(&said).ok_or_else(|| Error::internal("no used_memory")));
        match used {
            Ok(used) => used < self.settings().bytes_max,
            Err(error) => {
                tracing::warn!(%error, "Redis does not say how full it is: nothing is written");
                false
            }
        }
    }
}

impl Writes {
    pub(crate) fn new() -> (Self, Writer) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let room = Arc::new(Semaphore::new(WAITING_BYTES_MAX));
        (Self { sender, room }, Writer { receiver, resting: None, looked: None })
    }
}

impl Writer {
    /// Writes one after another, as long as there is a tier.
    pub(crate) async fn run(mut self, inner: Weak<Inner>) {
        while let Some(write) = self.receiver.recv().await {
            let Some(tier) = inner.upgrade().map(Tier::of) else { return };
            self.write(&tier, write).await;
        }
    }

    async fn write(&mut self, tier: &Tier, write: Write) {
        if !tier.is_asked() || self.resting.is_some_and(|until| Instant::now() < until) {
            return count("dropped");
        }
        let written = match write {
            Write::Put { key, value, .. } => {
                if !self.has_room(tier).await {
                    return count("full");
                }
                tier.store(key, value).await
            }
            Write::Remove { key } => {
                tier.run::<Value>(redis::cmd("DEL").arg(tier.name(&key)).take()).await.map(|_| ())
            }
        };
        count(if written.is_ok() { "written" } else { "failed" });
        if let Err(error) = &written
            && self.resting.is_none()
        {
            tracing::warn!(%error, "Redis takes no values now");
        }
        self.resting = written.err().map(|_| Instant::now() + REST);
    }

    async fn has_room(&mut self, tier: &Tier) -> bool {
        if tier.settings().bytes_max == 0 {
            return true;
        }
        if let Some((at, has_room)) = self.looked
            && at.elapsed() < LOOK_EVERY
        {
            return has_room;
        }
        let has_room = tier.has_room().await;
        self.looked = Some((Instant::now(), has_room));
        has_room
    }
}

/// Memory of the fullest server that answered, in bytes.
fn used_bytes(said: &Value) -> Option<u64> {
    match said {
        Value::BulkString(text) => used_of(std::str::from_utf8(text).ok()?),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => used_of(text),
        Value::Array(all) => all.iter().filter_map(used_bytes).max(),
        Value::Map(all) => all.iter().filter_map(|(_, said)| used_bytes(said)).max(),
        _ => None,
    }
}

fn used_of(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.trim().strip_prefix("used_memory:")?.parse().ok())
}

fn count(outcome: &str) {
    metrics().shared.redis_writes_total.with_label_values(&[outcome]).inc();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_server_counts() {
        let info = |bytes: u64| {
            Value::BulkString(format!("# Memory\r\nused_memory:{bytes}\r\nused_memory_human:1K\r\n").into())
        };
        assert_eq!(used_bytes(&info(1234)), Some(1234));
        let name = || Value::SimpleString("127.0.0.1:1".into());
        assert_eq!(used_bytes(&Value::Map(vec![(name(), info(5)), (name(), info(7))])), Some(7));
        assert_eq!(used_bytes(&Value::Nil), None);
    }
}
