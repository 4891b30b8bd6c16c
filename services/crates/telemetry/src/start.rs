//! Starting logs and traces, once, at the beginning of the process.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::{LogFormat, TelemetrySettings};

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("telemetry.filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The exporter cannot be made.
    #[error("telemetry.otlp_endpoint: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// It was started before.
    #[error("telemetry was started twice")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Telemetry under way. Dropping it sends the spans that are still waiting.
#[derive(Debug)]
#[must_use = "dropping it ends the export of spans"]
pub struct Started {
    provider: Option<SdkTracerProvider>,
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(provider) = self.provider.take()
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last spans were not exported");
        }
    }
}

/// Whether spans leave this process. Until then what only a collector would show need not be written down.
pub fn exports_spans() -> bool {
    EXPORTING.load(Ordering::Relaxed)
}

static EXPORTING: AtomicBool = AtomicBool::new(false);

/// Starts logging to standard error and, where an endpoint is set, the export of spans as the service `service`.
/// Must be called inside the async runtime, which the exporter uses.
pub fn start(settings: &TelemetrySettings, service: &'static str) -> Result<Started, TelemetryError> {
    // The crate warns of each attempt to connect: what is to be known of Redis we say ourselves.
    let filter = EnvFilter::try_new(format!("redis=error,{}", settings.filter))?;
    let provider = settings
        .otlp_endpoint
        .as_deref()
        .map(|to| provider(to, settings.trace_ratio, service))
        .transpose()?;
    let spans = provider.as_ref().map(|provider| {
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        tracing_opentelemetry::layer().with_tracer(provider.tracer("cloudify"))
    });
    EXPORTING.store(provider.is_some(), Ordering::Relaxed);
    tracing_subscriber::registry().with(lines(settings.log)).with(spans).with(filter).try_init()?;
    Ok(Started { provider })
}

fn lines(format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync> {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Pretty => lines.with_target(false).boxed(),
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
        }
    }
}

fn provider(endpoint: &str, ratio: f64, service: &'static str) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter =
        opentelemetry_otlp::SpanExporter::builder().with_tonic().with_endpoint(endpoint).build()?;
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))))
        .with_resource(Resource::builder().with_service_name(service).build())
        .build())
}
