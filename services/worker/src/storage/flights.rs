//! One piece of work for all who ask for the same thing at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, WeakShared};
use model::{Error, Result};
use tokio_util::task::AbortOnDropHandle;

/// What is under way, by what was asked for. An error goes to those who waited; whoever asks after it begins anew.
#[derive(Debug)]
pub(super) struct Flights<K: Eq + Hash, V: Clone> {
    under_way: Arc<Mutex<UnderWay<K, V>>>,
    /// Whether it is reads that are shared, which are counted.
    are_reads: bool,
}

type Flight<V> = BoxFuture<'static, Result<V>>;

#[derive(Debug)]
struct UnderWay<K, V: Clone> {
    flights: HashMap<K, (u64, WeakShared<Flight<V>>)>,
    begun: u64,
}

impl<K, V> Flights<K, V>
where
    K: Eq + Hash + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new() -> Self {
        let under_way = Arc::new(Mutex::new(UnderWay { flights: HashMap::new(), begun: 0 }));
        Self { under_way, are_reads: false }
    }

    /// The same of reads.
    pub(super) fn of_reads() -> Self {
        Self { are_reads: true, ..Self::new() }
    }

    /// What `work` gives, done once for all who ask meanwhile. It runs in a task of its own, so that nobody waits for a
    /// caller who is not polled; one who leaves takes nothing from the others, and the last one ends it.
    pub(super) async fn once<F>(&self, key: K, work: F) -> Result<V>
    where
        F: Future<Output = Result<V>> + Send + 'static,
    {
        self.joined(key, work).await
    }

    fn joined<F>(&self, key: K, work: F) -> Shared<Flight<V>>
    where
        F: Future<Output = Result<V>> + Send + 'static,
    {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = under_way.flights.get(&key).and_then(|(_, flight)| flight.upgrade()) {
            if self.are_reads {
                telemetry::metrics().reads_shared_total.inc();
            }
            return flight;
        }
        under_way.begun += 1;
        let landing =
            Landing { of: Arc::clone(&self.under_way), key: Some(key.clone()), number: under_way.begun };
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            let done = work.await;
            drop(landing);
            done
        }));
        let flight = async move { task.await.map_err(Error::internal)? }.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            let number = under_way.begun;
            under_way.flights.insert(key, (number, weak));
        }
        flight
    }
}

/// Takes a flight off the list when it ends, however it does.
struct Landing<K: Eq + Hash, V: Clone> {
    of: Arc<Mutex<UnderWay<K, V>>>,
    key: Option<K>,
    number: u64,
}

impl<K: Eq + Hash, V: Clone> Drop for Landing<K, V> {
    fn drop(&mut self) {
        let mut under_way = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = self.key.take()
            && under_way.flights.get(&key).is_some_and(|(number, _)| *number == self.number)
        {
            under_way.flights.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    /// Work that counts itself and waits to be let go.
    fn work(
        count: &Arc<AtomicUsize>,
        gate: &Arc<Semaphore>,
        outcome: Result<u32>,
    ) -> impl Future<Output = Result<u32>> + Send + use<> {
        let (count, gate) = (Arc::clone(count), Arc::clone(gate));
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            gate.acquire().await.map_err(Error::internal)?.forget();
            outcome
        }
    }

    async fn settle() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn those_who_ask_at_once_share_the_work_also_when_the_first_leaves() {
        let (flights, count, gate) = (Flights::new(), Arc::default(), Arc::new(Semaphore::new(0)));
        let mut waiting: Vec<_> = (0..100).map(|_| flights.joined("a", work(&count, &gate, Ok(7)))).collect();
        settle().await;
        drop(waiting.remove(0));
        gate.add_permits(1);
        for joined in waiting {
            assert_eq!(joined.await.unwrap(), 7);
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(flights.under_way.lock().unwrap().flights.is_empty());
    }

    #[tokio::test]
    async fn an_error_goes_to_those_who_waited_and_the_next_begins_anew() {
        let (flights, count, gate) = (Flights::new(), Arc::default(), Arc::new(Semaphore::new(2)));
        let failing = work(&count, &gate, Err(Error::invalid("no")));
        let (one, two) = (flights.joined("a", failing), flights.joined("a", work(&count, &gate, Ok(1))));
        assert!(one.await.is_err() && two.await.is_err());
        assert_eq!(flights.once("a", work(&count, &gate, Ok(2))).await.unwrap(), 2);
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_ends_and_is_forgotten() {
        let (flights, count, gate) = (Flights::new(), Arc::default(), Arc::new(Semaphore::new(0)));
        let lonely = flights.joined("a", work(&count, &gate, Ok(1)));
        settle().await;
        drop(lonely);
        settle().await;
        assert!(flights.under_way.lock().unwrap().flights.is_empty());
        gate.add_permits(1);
        assert_eq!(flights.once("a", work(&count, &gate, Ok(2))).await.unwrap(), 2);
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }
}
