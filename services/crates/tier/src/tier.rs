//! `Tier`: what all parts share. Questions that a request waits for go through the breaker; others have a deadline.

use std::sync::Arc;
use std::time::Duration;

use model::{Error, ErrorKind, Result};
use redis::{Cmd, FromRedisValue};
use telemetry::metrics;

use crate::RedisSettings;
use crate::breaker::Breaker;
use crate::connect::{Connection, Servers, answered};
use crate::values::Writes;

/// Longest that anything may take for which no request waits.
const DEADLINE: Duration = Duration::from_secs(2);
/// Time between two probes of a Redis that is left alone.
const PROBE_EVERY: Duration = Duration::from_millis(250);

/// Redis as gateways and workers see it. Clones share connections.
#[derive(Clone)]
pub struct Tier {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    settings: RedisSettings,
    servers: Servers,
    breaker: Breaker,
    writes: Writes,
}

impl Tier {
    /// Checks the settings; none where there is no Redis. Connects when it is first needed. To be called within a tokio
    /// runtime.
    pub fn new(settings: &RedisSettings) -> Result<Option<Self>> {
        if !settings.is_set() {
            return Ok(None);
        }
        let servers = Servers::new(settings)?;
        let (writes, task) = Writes::new();
        let inner = Inner { settings: settings.clone(), servers, breaker: Breaker::default(), writes };
        let inner = Arc::new(inner);
        tokio::spawn(task.run(Arc::downgrade(&inner)));
        metrics().shared.redis_is_asked.set(1);
        Ok(Some(Self::of(inner)))
    }

    pub(crate) fn of(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    pub(crate) fn writes(&self) -> &Writes {
        &self.inner.writes
    }

    pub(crate) fn settings(&self) -> &RedisSettings {
        &self.inner.settings
    }

    pub(crate) fn servers(&self) -> &Servers {
        &self.inner.servers
    }

    /// Whether Redis is asked at all now.
    pub(crate) fn is_asked(&self) -> bool {
        !self.inner.breaker.is_open()
    }

    /// What a request waits for, but not long; none where Redis is left alone, late or fails.
    pub(crate) async fn ask<T: FromRedisValue + Send + 'static>(&self, command: Cmd) -> Option<T> {
        if !self.is_asked() {
            count("left alone");
            return None;
        }
        // In a task of its own: a connection whose answer is late goes back to the pool, and is not made anew.
        let tier = self.clone();
        let asked = tokio::spawn(async move { tier.run(command).await });
        let outcome = match tokio::time::timeout(self.settings().patience(), asked).await {
            Ok(Ok(Ok(answer))) => {
                self.inner.breaker.succeeded();
                count("answered");
                return Some(answer);
            }
            Ok(Ok(Err(error))) if error.kind == ErrorKind::Forbidden => {
                self.inner.breaker.succeeded();
                count("refused");
                return None;
            }
            Ok(Ok(Err(error))) => {
                tracing::debug!(%error, "Redis failed");
                "failed"
            }
            Ok(Err(_)) => "failed",
            Err(_) => "late",
        };
        count(outcome);
        if self.inner.breaker.failed() {
            self.leave_alone(outcome);
        }
        None
    }

    /// What no request waits for.
    pub(crate) async fn run<T: FromRedisValue>(&self, command: Cmd) -> Result<T> {
        within(DEADLINE, async {
            let mut connection = self.inner.servers.connection().await?;
            answered(command.query_async(&mut connection).await)
        })
        .await
    }

    /// The same with several commands in one.
    pub(crate) async fn run_all<T: FromRedisValue>(&self, commands: redis::Pipeline) -> Result<T> {
        within(DEADLINE, async {
            let mut connection = self.inner.servers.connection().await?;
            answered(commands.query_async(&mut connection).await)
        })
        .await
    }

    /// Nobody asks until Redis is fast again, which is looked after in the background.
    fn leave_alone(&self, why: &str) {
        tracing::warn!("Redis is left alone until it is fast again: {why} several times in a row");
        metrics().shared.redis_is_asked.set(0);
        let (inner, patience) = (Arc::downgrade(&self.inner), self.settings().patience());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(PROBE_EVERY).await;
                let Some(inner) = inner.upgrade() else { return };
                if inner.breaker.probed(answers_within(&inner.servers, patience).await) {
                    break;
                }
            }
            metrics().shared.redis_is_asked.set(1);
            tracing::info!("Redis is fast again");
        });
    }
}

/// Whether Redis answers fast: the time of making a connection does not count.
async fn answers_within(servers: &Servers, patience: Duration) -> bool {
    let Ok(mut connection) = within(DEADLINE, servers.connection()).await else { return false };
    within(patience, ping(&mut connection)).await.is_ok()
}

async fn ping(connection: &mut Connection) -> Result<String> {
    answered(redis::cmd("PING").query_async(connection).await)
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| Error::new(ErrorKind::DeadlineExceeded, "Redis did not answer in time");
    tokio::time::timeout(limit, work).await.map_err(late)?
}

fn count(outcome: &str) {
    metrics().shared.redis_questions_total.with_label_values(&[outcome]).inc();
}
