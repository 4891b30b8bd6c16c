//! Tasks that move between the runtimes: where there is bulk under way they run in the one for it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Poll, ready};

use tokio::runtime::Handle;

use crate::turns::Turn;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where the tasks of a connection run.
#[derive(Debug)]
pub struct Place {
    home: Handle,
    bulk: AtomicUsize,
    /// Whose bulk it is that moves by turns.
    client: AtomicU64,
    /// Bytes that were sent and not yet counted.
    sent: AtomicU64,
}

/// Bulk of this client moves when it can: no turns are taken.
pub const NOBODY: u64 = 0;

impl Place {
    /// A place whose tasks run in the caller's runtime as long as there is no bulk.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            home: Handle::current(),
            bulk: AtomicUsize::new(0),
            client: AtomicU64::new(NOBODY),
            sent: AtomicU64::new(0),
        })
    }

    /// Begins to move bulk for a client, or for [`NOBODY`]: until what is returned is dropped, the tasks of this place run
    /// where that is done, by turns of the clients. The calling one does when this returns.
    pub async fn bulk(self: &Arc<Self>, client: u64) -> Bulk {
        self.client.store(client, Ordering::Relaxed);
        self.bulk.fetch_add(1, Ordering::Relaxed);
        let bulk = Bulk(Arc::clone(self));
        if !crate::is_bulk_thread() {
            tokio::task::yield_now().await;
        }
        bulk
    }

    /// Counts bytes that were sent.
    pub(crate) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn turn(&self) -> Option<Turn> {
        let client = self.client.load(Ordering::Relaxed);
        crate::runtimes::turns().filter(|_| client != NOBODY).map(|turns| turns.turn(client))
    }

    fn is_bulk(&self) -> bool {
        self.bulk.load(Ordering::Relaxed) > 0
    }
}

/// Bulk under way.
#[derive(Debug)]
pub struct Bulk(Arc<Place>);

impl Drop for Bulk {
    fn drop(&mut self) {
        self.0.bulk.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs a task of a place, now in this runtime, now in that.
pub fn spawn(place: Arc<Place>, task: impl Future<Output = ()> + Send + 'static) {
    let in_bulk = place.is_bulk();
    run(place, in_bulk, Box::pin(task));
}

fn run(place: Arc<Place>, in_bulk: bool, mut task: Task) {
    let runtime = if in_bulk { crate::bulk() } else { place.home.clone() };
    runtime.spawn(async move {
        let mut turn = if in_bulk { place.turn() } else { None };
        let moves = poll_fn(|context| {
            if let Some(turn) = &mut turn {
                ready!(turn.poll(context));
            }
            let stays = || place.is_bulk() == in_bulk && !(in_bulk && crate::runtimes::bulk_is_misplaced());
            let is_done = stays() && task.as_mut().poll(context).is_ready();
            if let Some(turn) = &mut turn {
                turn.end(place.sent.swap(0, Ordering::Relaxed));
            }
            match stays() {
                _ if is_done => Poll::Ready(false),
                true => Poll::Pending,
                false => Poll::Ready(true),
            }
        });
        if moves.await {
            let in_bulk = place.is_bulk();
            run(place, in_bulk, task);
        }
    });
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::oneshot;

    use super::*;
    use crate::Stream;

    /// Answers each byte with so many thousand, and tells where it was before, during and after each answer.
    async fn serve(mut stream: Stream, place: Arc<Place>, tell: oneshot::Sender<Vec<[bool; 3]>>) {
        let mut seen = Vec::new();
        while let Ok(thousands) = stream.read_u8().await {
            let before = crate::is_bulk_thread();
            let bulk = place.bulk(7).await;
            let during = crate::is_bulk_thread();
            stream.write_all(&vec![thousands; usize::from(thousands) * 1000]).await.unwrap();
            drop(bulk);
            tokio::task::yield_now().await;
            seen.push([before, during, crate::is_bulk_thread()]);
        }
        tell.send(seen).unwrap();
    }

    #[test]
    fn bulk_moves_in_threads_of_its_own_and_the_task_comes_back_with_its_stream() {
        crate::runtimes::tests::bulk();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let seen = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (tell, told) = oneshot::channel();
            let (served, _) = listener.accept().await.unwrap();
            let place = Place::new();
            spawn(Arc::clone(&place), serve(Stream::new(served, Arc::clone(&place)), place, tell));
            for thousands in [1, 200, 3] {
                client.write_u8(thousands).await.unwrap();
                let mut answer = vec![0; usize::from(thousands) * 1000];
                client.read_exact(&mut answer).await.unwrap();
                assert!(answer.iter().all(|byte| *byte == thousands));
            }
            drop(client);
            told.await.unwrap()
        });
        assert_eq!(seen, [[false, true, false]; 3]);
    }
}
