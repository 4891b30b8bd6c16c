//! A worker tells of itself and of what it changes, through Redis.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use engine::ports::Worker as _;
use tier::{Announcement, Tier, WorkerLease};
use tokio::net::TcpListener;
use worker::local::LocalWorker;

use super::configuration;
use crate::exit::Failure;
use crate::settings::Settings;

/// Tells of changes of the catalog that a worker makes, where there is a Redis, and of the worker itself, where that is wanted.
pub(crate) async fn worker(
    settings: &Settings,
    listener: &TcpListener,
    worker: &Arc<LocalWorker>,
) -> Result<Option<Announcement>, Failure> {
    let Some(tier) = Tier::new(&settings.redis).map_err(configuration)? else {
        if settings.announce.is_empty() {
            return Ok(None);
        }
        return Err(Failure::Configuration("a worker is announced in Redis: set `redis.url`".into()));
    };
    tokio::spawn(tell_changes(tier.clone(), worker.catalog_changes()));
    if settings.announce.is_empty() {
        return Ok(None);
    }
    let port = listener.local_addr().map_err(|error| Failure::Failed(error.to_string()))?.port();
    let listing = worker.list(None).await?;
    let lease = WorkerLease {
        catalog_id: listing.map(|listing| listing.catalog_id).unwrap_or_default(),
        url: url(&settings.announce, port)?,
        pool: settings.pool.clone(),
        cores: u32::try_from(worker.cores_count()).unwrap_or(u32::MAX),
        started_ms: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64),
    };
    Ok(Some(tier.announce(lease)))
}

async fn tell_changes(tier: Tier, mut changes: tokio::sync::watch::Receiver<()>) {
    while changes.changed().await.is_ok() {
        if let Err(error) = tier.tell_change().await {
            tracing::debug!(%error, "gateways are not told of a change of the catalog: they look by themselves");
        }
    }
}

/// What gateways connect to, with the port that the worker listens on where the wanted one is 0.
fn url(announce: &str, port: u16) -> Result<String, Failure> {
    let has_host =
        announce.strip_prefix("http://").is_some_and(|rest| rest.contains(':') && !rest.starts_with(':'));
    if !has_host {
        return Err(Failure::Configuration("`announce` must look like http://host:port".into()));
    }
    Ok(announce.strip_suffix(":0").map_or_else(|| announce.to_owned(), |host| format!("{host}:{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_the_one_that_it_listens_on_unless_another_is_named() {
        assert_eq!(url("http://worker-1:0", 9100).ok().as_deref(), Some("http://worker-1:9100"));
        assert_eq!(url("http://10.0.0.1:30100", 9100).ok().as_deref(), Some("http://10.0.0.1:30100"));
        for wrong in ["worker:1", "https://worker:1", "http://worker", "http://:9100", ""] {
            assert!(url(wrong, 9100).is_err(), "{wrong}");
        }
    }
}
