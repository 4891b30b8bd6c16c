//! The workers of a pool at one time: which are asked, in which order, and how often.

use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use model::{Error, ErrorKind, Result};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::budget::RetryBudget;
use super::latency::Latency;
use super::load::Kind;
use super::member::Member;
use super::{placement, unavailable};

/// How many workers are asked for one thing before the client is told to come again: of those that are there, and in all, for
/// many may be lost at once. (Not all of them: it may be what is asked for that ends them.)
const ATTEMPTS_MAX: usize = 3;
const ATTEMPTS_WITH_LOST_MAX: usize = 6;
/// How long a call waits for any worker where none answers: about as long as one needs to start anew.
const ANY_WAIT: Duration = Duration::from_secs(2);
/// How often the members are asked anew, each time because one has begun to answer.
const MORE_ROUNDS_MAX: usize = 2;

/// What outlives a change of membership.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) budget: RetryBudget,
    pub(super) latency: Latency,
    /// Told when a worker begins to answer.
    pub(super) rose: Arc<Notify>,
    /// How long a read may take at one worker.
    pub(super) try_timeout: Duration,
    pub(super) hedges: bool,
    /// Who are members now.
    pub(super) present: RwLock<Weak<Members>>,
}

/// The workers.
pub(super) struct Members {
    list: Vec<Arc<Member>>,
    shared: Arc<Shared>,
    /// Those who came after them, for calls that were made of these and waited.
    successors: OnceLock<Arc<Self>>,
}

impl Members {
    pub(super) fn new(list: Vec<Arc<Member>>, shared: Arc<Shared>) -> Self {
        Self { list, shared, successors: OnceLock::new() }
    }

    pub(super) fn all(&self) -> &[Arc<Member>] {
        &self.list
    }

    /// A member that answers, for calls that must not be made twice. Where none does it may be a moment until one does.
    pub(super) async fn alive(&self, key: &str) -> Result<Arc<Member>> {
        let rose = Arc::clone(&self.shared.rose);
        let mut any = pin!(rose.notified());
        any.as_mut().enable();
        let alive = self.alive_now(key).await.cloned();
        if alive.is_ok() || tokio::time::timeout(ANY_WAIT, self.one_is_up(any)).await.is_err() {
            return alive;
        }
        self.present().alive_now(key).await.cloned()
    }

    /// One that answers now.
    pub(super) async fn alive_now(&self, key: &str) -> Result<&Arc<Member>> {
        let mut last = unavailable("no workers");
        for member in placement::order(&self.list, key, Kind::Catalog) {
            match member.check().await {
                Ok(()) => return Ok(member),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Asks one member; another where that one cannot answer, or is late.
    pub(super) async fn ask<'a, T, F>(
        &'a self,
        kind: Kind,
        key: &str,
        call: impl Fn(&'a Arc<Member>) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        self.ask_in(kind, |list| placement::order(list, key, kind), call).await
    }

    /// The same where those that could not go on are to be asked last.
    pub(super) async fn ask_others<'a, T, F>(
        &'a self,
        kind: Kind,
        (key, lost): (&str, &[Arc<Member>]),
        call: impl Fn(&'a Arc<Member>) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let order = |list: &'a [Arc<Member>]| {
            let mut placed = placement::order(list, key, kind);
            placed.sort_by_key(|member| lost.iter().any(|lost| Arc::ptr_eq(member, lost)));
            placed
        };
        self.ask_in(kind, order, call).await
    }

    /// The same for things that belong together under one key and are dealt out to all members that answer, by turn.
    pub(super) async fn ask_by_turn<'a, T, F>(
        &'a self,
        kind: Kind,
        (key, turn): (&str, u64),
        call: impl Fn(&'a Arc<Member>) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        self.ask_in(kind, |list| placement::by_turn(list, key, turn), call).await
    }

    async fn ask_in<'a, T, F>(
        &'a self,
        kind: Kind,
        order: impl Fn(&'a [Arc<Member>]) -> Vec<&'a Arc<Member>>,
        call: impl Fn(&'a Arc<Member>) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let rose = Arc::clone(&self.shared.rose);
        let mut any = pin!(rose.notified());
        any.as_mut().enable();
        let mut outcome = self.ask_placed(kind, order(&self.list), &call).await;
        let until = tokio::time::Instant::now() + ANY_WAIT;
        for _ in 0..MORE_ROUNDS_MAX {
            let Err(error) = &outcome else { break };
            // Who began to answer meanwhile may have been asked just before.
            let has_one_risen = any.as_mut().now_or_never().is_some();
            if error.kind != ErrorKind::Unavailable || !(has_one_risen || self.is_down()) {
                break;
            }
            any.set(rose.notified());
            any.as_mut().enable();
            if tokio::time::timeout_at(until, self.one_is_up(any.as_mut())).await.is_err() {
                break;
            }
            outcome = self.ask_placed(kind, order(&self.present().list), &call).await;
        }
        outcome
    }

    /// Waits until one answers, perhaps one that came meanwhile. `any` is to be enabled.
    async fn one_is_up<'n>(&'n self, mut any: Pin<&mut Notified<'n>>) {
        while self.present().is_down() {
            any.as_mut().await;
            any.set(self.shared.rose.notified());
            any.as_mut().enable();
        }
    }

    /// Who are members now: these, or those who came after them.
    fn present(&self) -> &Self {
        let present = self.shared.present.read().unwrap_or_else(PoisonError::into_inner).upgrade();
        match present {
            Some(present) if !std::ptr::eq(Arc::as_ptr(&present), self) && !present.is_down() => {
                self.successors.get_or_init(|| present)
            }
            _ => self,
        }
    }

    async fn ask_placed<'a, T, F>(
        &'a self,
        kind: Kind,
        placed: Vec<&'a Arc<Member>>,
        call: &impl Fn(&'a Arc<Member>) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let mut members = Left(placed);
        let mut failures = Failures::default();
        let Some(first) = members.next() else { return Err(unavailable("no workers")) };
        self.shared.budget.called();
        let mut running = FuturesUnordered::new();
        running.push(self.one(kind, (first, false), call(first)));
        let mut may_hedge = kind.may_hedge() && self.shared.hedges;
        let mut late = pin!(tokio::time::sleep(self.shared.latency.late()));
        loop {
            let is_late = tokio::select! {
                biased;
                Some((asked, outcome)) = running.next() => match outcome {
                    Err(error) if failures.are_worth_another(&error) => {
                        failures.take(asked, error);
                        false
                    }
                    // Whoever was asked first may still answer.
                    Err(_) if asked.is_hedge && !running.is_empty() => continue,
                    outcome => return outcome,
                },
                () = &mut late, if may_hedge => { may_hedge = false; true }
            };
            let budget = &self.shared.budget;
            let may_ask =
                || if is_late { budget.take_for_hedge() } else { failures.is_free() || budget.take() };
            // Nothing is drawn from the budget where nobody is left to ask.
            let is_another = members.may_be_asked(&failures, running.len());
            let other = if is_another && may_ask() { members.next() } else { None };
            match (other, failures.last.clone()) {
                (Some(member), _) => {
                    count_other(member, is_late, failures.last.as_ref());
                    running.push(self.one(kind, (member, is_late), call(member)));
                }
                (None, Some(error)) if running.is_empty() => return Err(error),
                (None, _) => {}
            }
        }
    }

    /// What one member answers, and how it was asked.
    async fn one<T>(
        &self,
        kind: Kind,
        (member, is_hedge): (&Arc<Member>, bool),
        answer: impl Future<Output = Result<T>>,
    ) -> (Asked, Result<T>) {
        let begun = Instant::now();
        let limit = kind.may_hedge().then_some(self.shared.try_timeout);
        let outcome = member.call(kind, limit, answer).await;
        if outcome.is_ok() && kind == Kind::Read {
            self.shared.latency.observe(begun.elapsed());
        }
        (Asked { is_hedge, is_lost: member.health.is_unreachable() }, outcome)
    }

    /// Whether none answers.
    fn is_down(&self) -> bool {
        !self.list.iter().any(|member| member.health.is_up())
    }
}

/// The members that were not asked yet, in the order in which they are.
struct Left<'a>(Vec<&'a Arc<Member>>);

impl<'a> Left<'a> {
    /// Whether one more may be asked, after failures and while others are asked.
    fn may_be_asked(&self, failures: &Failures, running: usize) -> bool {
        let (there, all) = (failures.count - failures.lost + running, failures.count + running);
        there < ATTEMPTS_MAX && all < ATTEMPTS_WITH_LOST_MAX && !self.0.is_empty()
    }

    /// Whom to ask next: one that answers, if there is one, for the order is of before.
    fn next(&mut self) -> Option<&'a Arc<Member>> {
        self.0.first()?;
        let up = self.0.iter().position(|member| member.health.is_up());
        Some(self.0.remove(up.unwrap_or(0)))
    }
}

/// How a member was asked, and what became of it.
#[derive(Debug, Clone, Copy)]
struct Asked {
    is_hedge: bool,
    /// Whether it is left alone now: nobody else asks it, so that one more try elsewhere is no more load.
    is_lost: bool,
}

/// Why members could not answer.
#[derive(Debug, Default)]
struct Failures {
    last: Option<Error>,
    count: usize,
    /// Those of members that were lost.
    lost: usize,
    /// Whether one took too long, or had too much to do: that may be the request's own fault.
    by_load: bool,
}

impl Failures {
    fn take(&mut self, asked: Asked, error: Error) {
        self.count += 1;
        self.lost += usize::from(asked.is_lost);
        self.last = Some(error);
    }

    /// Whether one more try needs nothing of the budget: the first that is made because a worker was lost.
    fn is_free(&self) -> bool {
        self.lost == 1 && self.count == 1
    }

    /// Whether another member may do what one could not.
    fn are_worth_another(&mut self, error: &Error) -> bool {
        match error.kind {
            ErrorKind::Unavailable => true,
            ErrorKind::DeadlineExceeded | ErrorKind::Overloaded => {
                !std::mem::replace(&mut self.by_load, true)
            }
            _ => false,
        }
    }
}

fn count_other(member: &Member, is_late: bool, last: Option<&Error>) {
    let metrics = telemetry::metrics();
    if is_late {
        metrics.worker_hedges_total.inc();
        tracing::debug!(worker = member.url(), "a late read is asked for elsewhere, too");
    } else {
        metrics.worker_retries_total.inc();
        let error = last.map(ToString::to_string).unwrap_or_default();
        tracing::warn!(worker = member.url(), error, "another worker is asked");
    }
}
