//! What was ordered, and when it is expected. No file and no command is touched here.

use std::collections::{BTreeMap, HashMap};

use engine::recall::{Recall, RecallState};
use model::{Error, ErrorKind, Result};

use super::name_of;
use crate::settings::TapeSettings;

/// Most orders that are remembered; beyond, those done longest ago are forgotten.
const ORDERS_MAX: usize = 100_000;
/// How much the newest recall counts in the average.
const NEWEST_COUNTS: f64 = 0.3;
/// Longest pause after failures, in seconds.
const PAUSE_MAX: u32 = 3600;

/// All orders of this worker, by path and in their order.
#[derive(Debug)]
pub(super) struct Orders {
    numbers: HashMap<String, u64>,
    queue: BTreeMap<u64, Order>,
    next: u64,
    average_seconds: f64,
    batch_seconds: f64,
    batch_files_max: usize,
    recalls_at_once: usize,
    retry_seconds: u32,
}

#[derive(Debug)]
struct Order {
    path: String,
    state: RecallState,
    ordered_ms: i64,
    started_ms: Option<i64>,
    finished_ms: Option<i64>,
    failures: u32,
}

impl Order {
    fn is_pending(&self) -> bool {
        matches!(self.state, RecallState::Ordered | RecallState::Running)
    }
}

impl Orders {
    /// None yet.
    pub(super) fn new(settings: &TapeSettings) -> Self {
        Self {
            numbers: HashMap::new(),
            queue: BTreeMap::new(),
            next: 0,
            average_seconds: f64::from(settings.expected_seconds),
            batch_seconds: settings.batch_ms as f64 / 1000.0,
            batch_files_max: settings.batch_files_max.max(1),
            recalls_at_once: settings.recalls_at_once.max(1),
            retry_seconds: settings.retry_seconds.max(1),
        }
    }

    fn get(&self, path: &str) -> Option<&Order> {
        self.numbers.get(path).and_then(|number| self.queue.get(number))
    }

    /// Orders a file that is offline. Whether that is new: not where it is ordered already, or failed a moment ago.
    pub(super) fn order(&mut self, path: &str, now_ms: i64) -> Result<bool> {
        let failures = match self.get(path) {
            Some(order) if order.is_pending() || self.pause_left(order, now_ms) > 0 => return Ok(false),
            Some(order) if order.state == RecallState::Failed => order.failures,
            _ => 0,
        };
        self.make_room()?;
        if let Some(old) = self.numbers.remove(path) {
            self.queue.remove(&old);
        }
        let order = Order {
            path: path.to_owned(),
            state: RecallState::Ordered,
            ordered_ms: now_ms,
            started_ms: None,
            finished_ms: None,
            failures,
        };
        self.numbers.insert(path.to_owned(), self.next);
        self.queue.insert(self.next, order);
        self.next += 1;
        telemetry::metrics().recalls_pending.inc();
        Ok(true)
    }

    fn make_room(&mut self) -> Result<()> {
        if self.queue.len() < ORDERS_MAX {
            return Ok(());
        }
        let done = self.queue.iter().find(|(_, order)| !order.is_pending()).map(|(number, _)| *number);
        let forgotten = done.and_then(|number| self.queue.remove(&number));
        let Some(forgotten) = forgotten else {
            let message = "too many files are being recalled from tape";
            return Err(Error::new(ErrorKind::Overloaded, message).with_retry_after(60));
        };
        self.numbers.remove(&forgotten.path);
        Ok(())
    }

    /// Paths that wait, in the order in which they were asked for.
    pub(super) fn waiting(&self) -> Vec<String> {
        let waiting = self.queue.values().filter(|order| order.state == RecallState::Ordered);
        waiting.map(|order| order.path.clone()).collect()
    }

    /// Notes that a recall of these files begins.
    pub(super) fn begin(&mut self, paths: &[String], now_ms: i64) {
        for path in paths {
            let order = self.numbers.get(path).and_then(|number| self.queue.get_mut(number));
            if let Some(order) = order.filter(|order| order.state == RecallState::Ordered) {
                order.state = RecallState::Running;
                order.started_ms = Some(now_ms);
            }
        }
    }

    /// Notes how a recall ended, or that the file was found here.
    pub(super) fn done(&mut self, path: &str, is_online: bool, now_ms: i64) {
        let order = self.numbers.get(path).and_then(|number| self.queue.get_mut(number));
        let Some(order) = order.filter(|order| order.is_pending() || is_online) else { return };
        if order.state == RecallState::Online {
            return;
        }
        if order.is_pending() {
            telemetry::metrics().recalls_pending.dec();
        }
        let outcome = if is_online { "online" } else { "failed" };
        telemetry::metrics().recalls_total.with_label_values(&[outcome]).inc();
        order.finished_ms = Some(now_ms);
        if is_online {
            order.state = RecallState::Online;
            if let Some(started_ms) = order.started_ms {
                let seconds = seconds_between(started_ms, now_ms);
                self.average_seconds += NEWEST_COUNTS * (seconds - self.average_seconds);
            }
        } else {
            order.state = RecallState::Failed;
            order.failures = order.failures.saturating_add(1);
        }
    }

    /// Seconds until a file that failed may be ordered again.
    fn pause_left(&self, order: &Order, now_ms: i64) -> u32 {
        let Some(finished_ms) = order.finished_ms.filter(|_| order.state == RecallState::Failed) else {
            return 0;
        };
        let doubled =
            2_u32.saturating_pow(order.failures.saturating_sub(1)).saturating_mul(self.retry_seconds);
        let pause = f64::from(doubled.min(PAUSE_MAX));
        whole(pause - seconds_between(finished_ms, now_ms))
    }

    /// How the recall of a path stands.
    pub(super) fn recall(&self, path: &str, now_ms: i64) -> Option<Recall> {
        let number = *self.numbers.get(path)?;
        let is_waiting = |order: &&Order| order.state == RecallState::Ordered;
        let position = self.queue.range(..=number).map(|(_, order)| order).filter(is_waiting).count();
        self.queue.get(&number).map(|order| self.show(order, position, now_ms))
    }

    /// Recalls of the paths that are wanted, in order.
    pub(super) fn recalls(&self, wanted: impl Fn(&str) -> bool, now_ms: i64) -> Vec<Recall> {
        let mut position = 0;
        let mut recalls = Vec::new();
        for order in self.queue.values() {
            position += usize::from(order.state == RecallState::Ordered);
            if wanted(&order.path) {
                recalls.push(self.show(order, position, now_ms));
            }
        }
        recalls
    }

    fn show(&self, order: &Order, position: usize, now_ms: i64) -> Recall {
        let expected_seconds = match order.state {
            RecallState::Ordered => whole(self.wait_seconds(position)).max(1),
            RecallState::Running => self.rest_seconds(order, now_ms).max(1),
            RecallState::Failed => self.pause_left(order, now_ms).max(1),
            RecallState::Online => 0,
        };
        Recall {
            file: name_of(&order.path).to_owned(),
            state: order.state,
            ordered_ms: order.ordered_ms,
            started_ms: order.started_ms,
            finished_ms: order.finished_ms,
            expected_seconds,
            position: if order.state == RecallState::Ordered { position as u64 } else { 0 },
        }
    }

    /// Batches before it, several at once, and its own.
    fn wait_seconds(&self, position: usize) -> f64 {
        let batches_before = position.saturating_sub(1) / self.batch_files_max;
        let rounds = batches_before / self.recalls_at_once + 1;
        self.batch_seconds + rounds as f64 * self.average_seconds
    }

    /// What is left of the average; once that is over, a quarter of it, again and again.
    fn rest_seconds(&self, order: &Order, now_ms: i64) -> u32 {
        let elapsed = order.started_ms.map_or(0.0, |started_ms| seconds_between(started_ms, now_ms));
        whole((self.average_seconds - elapsed).max(self.average_seconds / 4.0))
    }
}

fn seconds_between(from_ms: i64, to_ms: i64) -> f64 {
    to_ms.saturating_sub(from_ms).max(0) as f64 / 1000.0
}

/// Whole seconds, rounded up; none where negative.
fn whole(seconds: f64) -> u32 {
    seconds.ceil().clamp(0.0, f64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders() -> Orders {
        Orders::new(&TapeSettings {
            expected_seconds: 100,
            batch_ms: 2000,
            batch_files_max: 2,
            recalls_at_once: 1,
            retry_seconds: 60,
            ..TapeSettings::default()
        })
    }

    #[test]
    fn a_file_is_ordered_once_until_it_is_here_and_gone_again() {
        let mut orders = orders();
        assert!(orders.order("/a", 0).unwrap());
        assert!(!orders.order("/a", 1).unwrap());
        orders.begin(&["/a".to_owned()], 1000);
        assert!(!orders.order("/a", 2000).unwrap());
        orders.done("/a", true, 3000);
        assert_eq!(orders.recall("/a", 3000).unwrap().state, RecallState::Online);
        assert!(orders.order("/a", 4000).unwrap());
        assert_eq!(orders.waiting(), ["/a"]);
    }

    #[test]
    fn what_is_expected_depends_on_the_place_in_the_queue_and_on_what_was_seen() {
        let mut orders = orders();
        for path in ["/d/a", "/d/b", "/d/c"] {
            orders.order(path, 0).unwrap();
        }
        let third = orders.recall("/d/c", 0).unwrap();
        assert_eq!((third.file.as_str(), third.position, third.expected_seconds), ("c", 3, 202));
        orders.begin(&["/d/a".to_owned()], 0);
        assert_eq!(orders.recall("/d/a", 40_000).unwrap().expected_seconds, 60);
        assert_eq!(orders.recall("/d/a", 500_000).unwrap().expected_seconds, 25);
        assert_eq!(orders.recall("/d/c", 0).unwrap().position, 2);
        orders.done("/d/a", true, 10_000);
        // A tenth as long as was thought: the average goes there by three tenths of the way.
        assert_eq!(orders.recall("/d/c", 0).unwrap().expected_seconds, 75);
    }

    #[test]
    fn a_failed_order_is_not_tried_again_at_once_and_later_less_and_less() {
        let mut orders = orders();
        let mut now_ms = 0;
        for pause in [60_000, 120_000, 240_000] {
            assert!(orders.order("/a", now_ms).unwrap());
            orders.begin(&["/a".to_owned()], now_ms);
            orders.done("/a", false, now_ms);
            assert!(!orders.order("/a", now_ms + pause - 1000).unwrap());
            let recall = orders.recall("/a", now_ms + pause - 1000).unwrap();
            assert_eq!((recall.state, recall.expected_seconds), (RecallState::Failed, 1));
            now_ms += pause;
        }
    }

    #[test]
    fn orders_are_bounded_and_what_is_done_is_forgotten_first() {
        let mut orders = orders();
        for number in 0..ORDERS_MAX {
            orders.order(&format!("/{number}"), 0).unwrap();
        }
        assert_eq!(orders.order("/new", 0).unwrap_err().kind, ErrorKind::Overloaded);
        orders.done("/7", true, 1);
        assert!(orders.order("/new", 2).unwrap());
        assert!(orders.recall("/7", 2).is_none());
    }
}
