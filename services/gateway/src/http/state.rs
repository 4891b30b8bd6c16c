//! What the handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use engine::open::{Datasets, OpenLimits};
use engine::ports::{EvaluatedChunk, StoredBytes, Worker};
use http::{Extensions, HeaderMap, HeaderValue};
use model::{ByteRange, DatasetId, Error, ErrorKind, Result, SourceFile};
use tier::Changes;
use tokio::time::MissedTickBehavior;

use super::admin::Tokens;
use super::batch::Room;
use super::compress::Variants;
use super::zarr::inside;
use crate::cache::ChunkCache;
use crate::limits::{Client, Limits};
use crate::server::Arrival;
use crate::settings::{AdminSettings, HttpSettings, LimitsSettings};

/// The state of a gateway.
pub struct GatewayState {
    pub(super) worker: Arc<dyn Worker>,
    chunks: ChunkCache,
    pub(super) datasets: Datasets,
    pub(super) settings: HttpSettings,
    pub(super) tokens: Tokens,
    pub(super) variants: Variants,
    pub(super) limits: Limits,
    /// Memory for chunks of batches.
    pub(super) batches: Room,
    pub(super) chunk_cache_control: HeaderValue,
    pub(super) metadata_cache_control: HeaderValue,
    draining: AtomicBool,
}

impl GatewayState {
    /// A gateway in front of `worker`. Begins to poll the catalog, and stops when the state is dropped: call it inside
    /// the async runtime. Fails where a token's hash is none.
    pub fn new(
        worker: Arc<dyn Worker>,
        http: HttpSettings,
        admin: AdminSettings,
        limits: &LimitsSettings,
    ) -> Result<Arc<Self>> {
        Self::sharing(worker, http, admin, limits, ChunkCache::none(), None)
    }

    /// The same of a gateway that keeps chunks, and hears of changes of the catalog.
    pub fn sharing(
        worker: Arc<dyn Worker>,
        http: HttpSettings,
        admin: AdminSettings,
        limits: &LimitsSettings,
        chunks: ChunkCache,
        changes: Option<Changes>,
    ) -> Result<Arc<Self>> {
        let open_limits =
            OpenLimits { datasets_max: http.datasets_max, references_bytes_max: http.references_bytes_max };
        let state = Arc::new(Self {
            datasets: Datasets::new(Arc::clone(&worker), open_limits),
            worker,
            chunks,
            tokens: Tokens::new(admin)?,
            variants: Variants::new(),
            limits: Limits::new(limits, http.batch_bytes_max),
            batches: Room::new(http.batch_bytes_max, Duration::from_secs(http.header_timeout_seconds.max(1))),
            chunk_cache_control: max_age(http.chunk_max_age_seconds),
            metadata_cache_control: max_age(http.metadata_max_age_seconds),
            draining: AtomicBool::new(false),
            settings: http,
        });
        tokio::spawn(poll_catalog(Arc::downgrade(&state), state.settings.catalog_poll_ms, changes));
        Ok(state)
    }

    /// From now on the server is not ready: balancers stop sending, requests that come are still answered.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether [`drain`](Self::drain) was called.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// A chunk that a worker makes, or that is kept; none where the sources have nothing of it.
    pub(super) async fn evaluate(&self, chunk: &EvaluatedChunk) -> Result<Option<Bytes>> {
        let catalog = self.datasets.catalog().await?;
        self.chunks.chunk(&*self.worker, catalog.catalog_id(), chunk).await
    }

    /// A range of a dataset's file: of a remote one it may be kept.
    pub(super) async fn read(
        &self,
        id: &DatasetId,
        file: &Arc<SourceFile>,
        range: ByteRange,
    ) -> Result<StoredBytes> {
        if !file.is_remote() {
            return self.worker.read(id, file, range).await;
        }
        let catalog = self.datasets.catalog().await?;
        self.chunks.range(&self.worker, catalog.catalog_id(), (id, file), range).await
    }

    /// A part of a range of a dataset's file. Of what may be kept it is cut out of the whole: parts that were kept at
    /// different times could be of different states of the file.
    pub(super) async fn read_part(
        &self,
        id: &DatasetId,
        file: &Arc<SourceFile>,
        range: ByteRange,
        part: ByteRange,
    ) -> Result<StoredBytes> {
        if !file.is_remote() || !ChunkCache::may_keep(range) {
            return self.worker.read(id, file, inside(range, part)?).await;
        }
        let whole = self.read(id, file, range).await?.together(range.length).await?;
        let end = part.offset.saturating_add(part.length).min(whole.len() as u64);
        Ok(StoredBytes::Whole(whole.slice(part.offset.min(end) as usize..end as usize)))
    }

    /// Whose a request is.
    pub(super) fn client(&self, headers: &HeaderMap, extensions: &Extensions) -> Client {
        match self.tokens.name(headers) {
            Some(name) => Client::Token(name),
            None => self.limits.network(extensions.get::<Arrival>().map(|arrival| arrival.client), headers),
        }
    }

    /// Waits for a worker's answer as long as the settings allow.
    pub(super) async fn in_time<T, E: From<Error>>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let limit = Duration::from_secs(self.settings.worker_timeout_seconds);
        match tokio::time::timeout(limit, answer).await {
            Ok(answered) => answered,
            Err(_) => Err(Error::new(
                ErrorKind::DeadlineExceeded,
                format!("no worker answered within {} seconds", limit.as_secs()),
            )
            .into()),
        }
    }
}

fn max_age(seconds: u32) -> HeaderValue {
    let text = format!("public, max-age={seconds}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("no-cache"))
}

async fn heard(changes: &mut Option<Changes>) {
    match changes {
        Some(changes) => changes.next().await,
        None => std::future::pending().await,
    }
}

/// Asks whether the catalog changed, again and again, as long as the state is there; at once where a change is heard of.
async fn poll_catalog(state: std::sync::Weak<GatewayState>, every_ms: u64, mut changes: Option<Changes>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(every_ms.max(10)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = heard(&mut changes) => {}
        }
        let Some(state) = state.upgrade() else { return };
        let asked = state.in_time(state.datasets.refresh()).await;
        match &asked {
            Ok(_) if failing => tracing::info!("the catalog can be read again"),
            Err(error) if !failing => {
                tracing::warn!(%error, "the catalog cannot be read now: the last known list still serves");
            }
            _ => {}
        }
        failing = asked.is_err();
    }
}
