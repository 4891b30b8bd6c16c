//! Runs the calls of a connection in the connection's own task. What a call reads is then written by the core that
//! read it, and no other has to be woken: measured, `docs/decisions/0003`. A gateway that wants more than one core of a
//! worker opens more than one connection.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Hands calls over to [`Calls`]. Bounded by the calls that a connection may have.
#[derive(Debug, Clone)]
pub(super) struct InTask(UnboundedSender<Call>);

/// The calls of a connection.
pub(super) struct Calls {
    begun: UnboundedReceiver<Call>,
    under_way: FuturesUnordered<Call>,
}

/// An executor and where its calls run.
pub(super) fn in_task() -> (InTask, Calls) {
    let (sender, begun) = unbounded_channel();
    (InTask(sender), Calls { begun, under_way: FuturesUnordered::new() })
}

impl<F> hyper::rt::Executor<F> for InTask
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, call: F) {
        // Fails only where the connection is gone, and its calls with it.
        let _ = self.0.send(Box::pin(call));
    }
}

impl Calls {
    /// Runs the calls until the connection is done.
    pub(super) async fn run_beside<T>(mut self, connection: impl Future<Output = T>) -> T {
        let mut connection = pin!(connection);
        poll_fn(|context| {
            loop {
                if let Poll::Ready(done) = connection.as_mut().poll(context) {
                    return Poll::Ready(done);
                }
                let mut any = false;
                while let Ok(call) = self.begun.try_recv() {
                    self.under_way.push(call);
                    any = true;
                }
                // What calls have to send wakes the connection, which is this task: it is polled again.
                while let Poll::Ready(Some(())) = self.under_way.poll_next_unpin(context) {
                    any = true;
                }
                if !any {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}
