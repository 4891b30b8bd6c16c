//! The stream of events: a task that works, a bounded channel, and the end of both with the stream.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::ports::RegistrationEvent;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use model::{Error, ErrorKind, Result};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Events that wait for a slow client. Progress beyond is left out, results wait.
const WAITING_MAX: usize = 16;
/// Shortest time between two reports of progress.
const INTERVAL: Duration = Duration::from_millis(250);

/// Where the work tells what happens.
#[derive(Clone)]
pub(super) struct Events {
    sender: mpsc::Sender<Result<RegistrationEvent>>,
    last: Arc<Mutex<Option<Instant>>>,
}

/// The events of some work, which runs until it is done or the stream is dropped.
pub(super) fn stream<F, W>(work: F) -> BoxStream<'static, Result<RegistrationEvent>>
where
    F: FnOnce(Events) -> W + Send + 'static,
    W: Future<Output = Result<()>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let events = Events { sender, last: Arc::default() };
    let task = AbortOnDropHandle::new(tokio::spawn(work(events)));
    stream::unfold((receiver, Some(task)), |(mut receiver, task)| async move {
        if let Some(event) = receiver.recv().await {
            return Some((event, (receiver, task)));
        }
        // The channel is closed: how did the work end?
        match task?.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some((Err(error), (receiver, None))),
            Err(panicked) => Some((Err(Error::internal(panicked)), (receiver, None))),
        }
    })
    .boxed()
}

impl Events {
    /// Sends a result; fails where nobody listens any more.
    pub(super) async fn send(&self, event: RegistrationEvent) -> Result<()> {
        let gone = |_| Error::new(ErrorKind::DeadlineExceeded, "the client went away");
        self.sender.send(Ok(event)).await.map_err(gone)
    }

    /// Tells that a stage begins.
    pub(super) async fn begin(&self, stage: &str, total: u64) {
        let progress =
            RegistrationEvent::Progress { stage: stage.to_owned(), done: 0, total, current: String::new() };
        // Where nobody listens, the task is about to be stopped anyway.
        let _ = self.sender.send(Ok(progress)).await;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Tells of progress, unless that was done just before or the client is slow. Does not wait.
    pub(super) fn progress(&self, stage: &str, done: u64, total: u64, current: &str) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = done == total || last.is_none_or(|last| last.elapsed() >= INTERVAL);
        if !is_due {
            return;
        }
        *last = Some(Instant::now());
        let (stage, current) = (stage.to_owned(), current.to_owned());
        let _ = self.sender.try_send(Ok(RegistrationEvent::Progress { stage, done, total, current }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_error_and_a_panic_are_the_last_event() {
        let failed = stream(|events| async move {
            events.begin("scan", 1).await;
            Err(Error::invalid("why"))
        });
        let failed: Vec<_> = failed.collect().await;
        assert_eq!(failed.len(), 2);
        assert_eq!(failed[1].as_ref().unwrap_err().message, "why");
        let panicked: Vec<_> = stream(|_| async { panic!("a fault of ours") }).collect().await;
        assert_eq!(panicked[0].as_ref().unwrap_err().kind, ErrorKind::Internal);
    }

    #[tokio::test]
    async fn dropping_the_stream_stops_the_work() {
        let (dropped, mut is_dropped) = mpsc::channel::<()>(1);
        let events = stream(|events| async move {
            let _dropped = dropped;
            events.begin("scan", 1).await;
            std::future::pending().await
        });
        let mut events = events;
        assert!(events.next().await.is_some());
        drop(events);
        assert_eq!(is_dropped.recv().await, None);
    }

    #[tokio::test]
    async fn progress_is_throttled_and_never_waits() {
        let events = stream(|events| async move {
            for done in 0..10_000 {
                events.progress("scan", done, 10_000, "a.nc");
            }
            Ok(())
        });
        assert!(events.count().await <= WAITING_MAX);
    }
}
