//! How fast what was admitted is given back.

use std::time::Instant;

/// Over which time the pace is taken: what is longer ago counts less, seconds.
const PACE_SECONDS: f64 = 30.0;
/// Shortest time of work that tells a pace, in seconds.
const PACED_SECONDS: f64 = 0.5;

/// How much was given back lately, in time in which some was in use.
#[derive(Debug)]
pub(crate) struct Pace {
    pub(crate) amount: f64,
    pub(crate) seconds: f64,
    pub(crate) since: Instant,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { amount: 0.0, seconds: 0.0, since: Instant::now() }
    }

    /// Something is in use from now on.
    pub(crate) fn begin(&mut self) {
        self.since = Instant::now();
    }

    /// So much was given back.
    pub(crate) fn note(&mut self, amount: u64) {
        let seconds = self.since.elapsed().as_secs_f64();
        let kept = (-seconds / PACE_SECONDS).exp();
        self.amount = self.amount * kept + amount as f64;
        self.seconds = self.seconds * kept + seconds;
        self.since = Instant::now();
    }

    /// How long so much takes, in seconds, if that can be told.
    pub(crate) fn seconds_for(&self, amount: u64) -> Option<f64> {
        let is_known = self.seconds >= PACED_SECONDS && self.amount > 0.0;
        is_known.then(|| amount as f64 * self.seconds / self.amount)
    }
}
