//! Putting the services together: the whole of `serve`, `gateway` and `worker`.

mod announce;

use std::ffi::OsString;
use std::sync::Arc;

use engine::pools::PoolName;
use gateway::cache::ChunkCache;
use gateway::http::GatewayState;
use gateway::workers::RemoteWorker;
use tier::Tier;
use tokio::net::TcpListener;
use worker::local::LocalWorker;
use worker::settings::LocalSettings;

use crate::exit::Failure;
use crate::settings::Settings;
use crate::shutdown;

/// Gateway and worker in one process, joined by a direct call.
pub(crate) async fn serve(settings: Settings) -> Result<(), Failure> {
    let _telemetry = begin(&settings, "cloudify-serve")?;
    let worker = local_worker(&settings, None).await?;
    let Settings { http, admin, limits, cache, .. } = &settings;
    let ranges = ChunkCache::of_ranges(cache);
    let state = GatewayState::sharing(worker, http.clone(), admin.clone(), limits, ranges, None);
    answer(settings, state.map_err(configuration)?).await
}

/// The gateway alone: its workers are elsewhere.
pub(crate) async fn gateway(settings: Settings) -> Result<(), Failure> {
    let _telemetry = begin(&settings, "cloudify-gateway")?;
    let pools = settings.all_pools();
    let tier = Tier::new(&settings.redis).map_err(configuration)?;
    if tier.is_none() && pools.values().all(|pool| pool.workers.is_empty()) {
        let message =
            "no workers: give --worker URL, set `workers`, or set `redis` where workers announce themselves";
        return Err(Failure::Configuration(message.into()));
    }
    let changes = tier.as_ref().map(Tier::changes);
    let Settings { http, routing, admin, cache, limits, .. } = &settings;
    let worker = RemoteWorker::connect(&pools, http, routing, tier.clone()).map_err(configuration)?;
    let chunks = ChunkCache::new(cache, tier);
    let state = GatewayState::sharing(worker, http.clone(), admin.clone(), limits, chunks, changes);
    answer(settings, state.map_err(configuration)?).await
}

/// The worker alone: gateways ask it.
pub(crate) async fn worker(settings: Settings) -> Result<(), Failure> {
    let _telemetry = begin(&settings, "cloudify-worker")?;
    let pool = PoolName::parse(&settings.pool).map_err(configuration)?;
    let worker = local_worker(&settings, Some(pool)).await?;
    let requested = shutdown::requested()?;
    let listener = listen(&settings).await?;
    let announced = announce::worker(&settings, &listener, &worker).await?;
    let stopping = async move {
        requested.await;
        // First, so that no gateway sends anything more.
        if let Some(announced) = announced {
            announced.retire().await;
        }
    };
    worker::grpc::serve(listener, worker, stopping).await?;
    tracing::info!("stopped");
    Ok(())
}

async fn answer(settings: Settings, state: Arc<GatewayState>) -> Result<(), Failure> {
    if settings.admin.tokens.is_empty() {
        tracing::info!("the admin API is off: no token is configured (CLOUDIFY_ADMIN_TOKEN)");
    }
    let router = gateway::http::router(Arc::clone(&state));
    // Before anybody is told that it is ready: whoever waits for that may ask it to stop the next moment.
    let requested = shutdown::requested()?;
    let listener = listen(&settings).await?;
    let stopping = async move {
        requested.await;
        state.drain();
    };
    gateway::server::serve(listener, router, &settings.http, stopping).await?;
    tracing::info!("stopped");
    Ok(())
}

async fn listen(settings: &Settings) -> Result<TcpListener, Failure> {
    let failed = |error| Failure::Failed(format!("cannot listen on {}: {error}", settings.listen));
    let listener = TcpListener::bind(&settings.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tracing::info!(%address, "ready");
    Ok(listener)
}

async fn local_worker(settings: &Settings, pool: Option<PoolName>) -> Result<Arc<LocalWorker>, Failure> {
    let catalog = settings.catalog.clone().ok_or_else(|| {
        Failure::Configuration("no catalog directory: give --catalog DIR or set `catalog`".into())
    })?;
    if settings.roots.is_empty() {
        return Err(Failure::Configuration(
            "no root: give --root DIR, or set `roots`, where source files may lie".into(),
        ));
    }
    let command = scan_command()?;
    let Settings { storage, remote, scan, evaluate, tape, refresh, .. } = settings;
    let of_worker = LocalSettings { storage, remote, scan, evaluate, tape, refresh, pool: pool.as_ref() };
    LocalWorker::open(catalog, settings.roots.clone(), of_worker, command).await.map_err(configuration)
}

/// How a scanning child process is started: this program, as a child.
pub(crate) fn scan_command() -> Result<Vec<OsString>, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::Failed(format!("cannot tell where this program is: {error}")))?;
    Ok(vec![program.into(), "scan-child".into()])
}

/// What each service begins with: logs and traces, and priorities.
fn begin(settings: &Settings, service: &'static str) -> Result<telemetry::Started, Failure> {
    let started = telemetry::start(&settings.telemetry, service)
        .map_err(|error| Failure::Configuration(error.to_string()))?;
    priority::prefer_small(settings.scheduling);
    Ok(started)
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn configuration(error: model::Error) -> Failure {
    Failure::Configuration(error.to_string())
}
