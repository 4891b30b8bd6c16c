//! Locks: of several gateways one makes an expensive value, the others wait for it. They save work; nothing depends on
//! them: a lock that is lost, or taken twice, makes a value twice.

use std::time::{Duration, Instant};

use bytes::Bytes;
use redis::Value;

use crate::Tier;

/// First time between two looks for the value of another; each is longer than the one before.
const LOOK_FIRST: Duration = Duration::from_millis(10);
/// Longest time between two looks.
const LOOK_MAX: Duration = Duration::from_millis(200);

/// How an attempt to be the one who makes a value ended.
pub enum Turn {
    /// Make it: another waits for it, as long as this is not dropped.
    Mine(Lock),
    /// Another made it.
    Made(Bytes),
    /// Make it for yourself: nobody knows who else does.
    Unknown,
}

/// The right to make a value.
pub struct Lock {
    tier: Tier,
    key: String,
    runs_out: Instant,
}

impl Tier {
    /// Takes the lock of a key for a while, or waits as long as another has it and makes the value, but no longer than `wait`.
    pub async fn turn(&self, key: &str, lasts: Duration, wait: Duration) -> Turn {
        let name = lock_of(key);
        let runs_out = Instant::now() + lasts;
        let mut take = redis::cmd("SET");
        take.arg(self.name(&name)).arg(1).arg("NX").arg("PX").arg(lasts.as_millis().max(1) as u64);
        match self.ask::<Value>(take).await {
            Some(Value::Okay) => Turn::Mine(Lock { tier: self.clone(), key: name, runs_out }),
            Some(_) => self.value_of_another(key, &name, wait).await.map_or(Turn::Unknown, Turn::Made),
            None => Turn::Unknown,
        }
    }

    async fn value_of_another(&self, key: &str, lock: &str, wait: Duration) -> Option<Bytes> {
        let (until, mut pause) = (Instant::now() + wait, LOOK_FIRST);
        loop {
            // In this order: the lock is taken back after the value was written.
            let is_locked = self.ask::<i64>(redis::cmd("EXISTS").arg(self.name(lock)).take()).await? > 0;
            let value = self.get(key).await;
            if value.is_some() || !is_locked || Instant::now() >= until {
                return value;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK_MAX);
        }
    }
}

impl Drop for Lock {
    /// Lets others have it, after the value if that is about to be written. One that ran out may be another's by now.
    fn drop(&mut self) {
        if Instant::now() < self.runs_out {
            self.tier.remove(&self.key);
        }
    }
}

fn lock_of(key: &str) -> String {
    format!("lock:{key}")
}
