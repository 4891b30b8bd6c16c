//! The workers of a pool: which are asked, and in which order.

use std::sync::Arc;

use model::{ErrorKind, Result};

use super::member::Member;
use super::{placement, unavailable};

/// How many workers are asked for one thing before the client is told to come again.
const ATTEMPTS_MAX: usize = 3;

/// The workers.
pub(super) struct Members(Vec<Arc<Member>>);

impl Members {
    pub(super) fn new(members: Vec<Arc<Member>>) -> Self {
        Self(members)
    }

    pub(super) fn all(&self) -> &[Arc<Member>] {
        &self.0
    }

    /// Members that answered last, then the others; each group in order of their scores for `key`.
    fn placed(&self, key: &str) -> Vec<&Arc<Member>> {
        let mut members: Vec<_> = self.0.iter().collect();
        if members.len() > 1 {
            members.sort_by_cached_key(|member| {
                (member.health.is_down(), std::cmp::Reverse(placement::score(member.url(), key)))
            });
        }
        members
    }

    /// A member that answers now, for calls that must not be made twice.
    pub(super) async fn alive(&self, key: &str) -> Result<&Arc<Member>> {
        let mut last = unavailable("no workers");
        for member in self.placed(key) {
            match member.check().await {
                Ok(()) => return Ok(member),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Asks one member after another, as long as they are unavailable.
    pub(super) async fn ask<'a, T, F>(&'a self, key: &str, call: impl Fn(&'a Arc<Member>) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        self.ask_from(key, 0, call).await
    }

    /// The same for things that belong together under one key and are dealt out to all members that answer, by turn.
    pub(super) async fn ask_from<'a, T, F>(
        &'a self,
        key: &str,
        turn: u64,
        call: impl Fn(&'a Arc<Member>) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let mut placed = self.placed(key);
        let up = placed.iter().filter(|member| !member.health.is_down()).count();
        if let Some(first) = turn.checked_rem(up as u64) {
            placed[..up].rotate_left(first as usize);
        }
        let mut last = unavailable("no workers");
        for (attempt, member) in placed.into_iter().take(ATTEMPTS_MAX).enumerate() {
            if attempt > 0 {
                telemetry::metrics().worker_retries_total.inc();
                tracing::warn!(worker = member.url(), error = %last, "another worker is asked");
            }
            match member.answered(call(member)).await {
                Err(error) if error.kind == ErrorKind::Unavailable => last = error,
                outcome => return outcome,
            }
        }
        Err(last)
    }
}
