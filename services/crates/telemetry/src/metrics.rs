//! Every metric of every service, for Prometheus. One list, units last.

use std::sync::LazyLock;

use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder,
};

/// The process's metrics.
pub fn metrics() -> &'static Metrics {
    &METRICS.0
}

/// The process's metrics in Prometheus' text format.
pub fn metrics_text() -> String {
    let mut text = Vec::new();
    // Encoding into memory cannot fail; a family that could not be encoded is left out.
    let _ = TextEncoder::new().encode(&METRICS.1.gather(), &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// Handles to all metrics; see the help texts in the exposition.
#[derive(Debug)]
#[expect(missing_docs, reason = "the help texts below say what each is")]
pub struct Metrics {
    pub http_requests_total: IntCounterVec,
    pub http_request_duration_seconds: HistogramVec,
    pub http_response_bytes_total: IntCounterVec,
    pub http_connections: IntGauge,
    pub batch_keys_total: IntCounterVec,
    pub requests_limited_total: IntCounter,
    pub requests_waiting: IntGauge,
    pub answers_held_bytes: IntGauge,
    pub reads_total: IntCounterVec,
    pub read_bytes_total: IntCounter,
    pub reads_shared_total: IntCounter,
    pub reads_merged_total: IntCounter,
    pub reads_under_way: IntGauge,
    pub open_files: IntGauge,
    pub source_changes_total: IntCounter,
    pub remote_requests_total: IntCounterVec,
    pub remote_request_duration_seconds: HistogramVec,
    pub remote_bytes_total: IntCounter,
    pub remote_retries_total: IntCounter,
    pub recalls_total: IntCounterVec,
    pub recalls_pending: IntGauge,
    pub chunks_made_total: IntCounter,
    pub chunks_waiting: IntGauge,
    pub chunks_refused_total: IntCounter,
    pub disk_cache_reads_total: IntCounterVec,
    pub disk_cache_writes_total: IntCounterVec,
    pub disk_cache_bytes: IntGauge,
    pub worker_calls_total: IntCounterVec,
    pub worker_retries_total: IntCounter,
    pub worker_hedges_total: IntCounter,
    pub worker_resumed_total: IntCounter,
    pub references_cached_bytes: IntGauge,
    pub datasets: IntGauge,
    pub scans_total: IntCounterVec,
    pub registrations_total: IntCounterVec,
    pub shared: SharedMetrics,
}

/// What gateways share through Redis, and keep themselves.
#[derive(Debug)]
#[expect(missing_docs, reason = "the help texts below say what each is")]
pub struct SharedMetrics {
    pub redis_questions_total: IntCounterVec,
    pub redis_writes_total: IntCounterVec,
    pub redis_is_asked: IntGauge,
    pub chunk_cache_total: IntCounterVec,
    pub range_cache_total: IntCounterVec,
    pub chunk_cache_bytes: IntGauge,
}

static METRICS: LazyLock<(Metrics, Registry)> = LazyLock::new(|| {
    let registry = Registry::new();
    (make(&Maker { registry: &registry }), registry)
});

#[expect(clippy::too_many_lines, reason = "one list")]
fn make(make: &Maker<'_>) -> Metrics {
    Metrics {
        http_requests_total: make.counters(
            "cloudify_http_requests_total",
            "HTTP requests answered, by route template, method and status",
            &["route", "method", "status"],
        ),
        http_request_duration_seconds: make.histograms(
            "cloudify_http_request_duration_seconds",
            "Time from a request's head to the answer's head, by route template",
            &["route"],
        ),
        http_response_bytes_total: make.counters(
            "cloudify_http_response_bytes_total",
            "Bytes of answers' bodies as announced in Content-Length, of batches as they are sent, by route template",
            &["route"],
        ),
        batch_keys_total: make.counters(
            "cloudify_batch_keys_total",
            "Keys answered in batches, by the status that each has",
            &["status"],
        ),
        http_connections: make.gauge("cloudify_http_connections", "HTTP connections open now"),
        requests_limited_total: make.counter(
            "cloudify_requests_limited_total",
            "HTTP requests refused because their client asked for too much",
        ),
        requests_waiting: make
            .gauge("cloudify_requests_waiting", "HTTP requests that wait for their client's turn now"),
        answers_held_bytes: make.gauge(
            "cloudify_answers_held_bytes",
            "Memory of answers that workers make and clients have not taken yet",
        ),
        reads_total: make.counters(
            "cloudify_reads_total",
            "Ranges of source files read, by outcome: cached (without waiting), waited, failed",
            &["outcome"],
        ),
        reads_shared_total: make.counter(
            "cloudify_reads_shared_total",
            "Reads answered by another read of the same range that was under way",
        ),
        reads_merged_total: make
            .counter("cloudify_reads_merged_total", "Reads done as part of a read of a neighbouring range"),
        read_bytes_total: make.counter("cloudify_read_bytes_total", "Bytes read from source files"),
        reads_under_way: make.gauge("cloudify_reads_under_way", "Reads waiting for the filesystem now"),
        open_files: make.gauge("cloudify_open_files", "Source files kept open now"),
        source_changes_total: make.counter(
            "cloudify_source_changes_total",
            "Reads refused because the source file changed since it was registered",
        ),
        remote_requests_total: make.counters(
            "cloudify_remote_requests_total",
            "Requests to remote sources, by outcome: answered, absent, refused (another status), failed",
            &["outcome"],
        ),
        remote_request_duration_seconds: make.histograms(
            "cloudify_remote_request_duration_seconds",
            "Time from a request to a remote source to its answer's head",
            &[],
        ),
        remote_bytes_total: make
            .counter("cloudify_remote_bytes_total", "Bytes that came from remote sources"),
        remote_retries_total: make
            .counter("cloudify_remote_retries_total", "Requests to remote sources tried again"),
        recalls_total: make.counters(
            "cloudify_recalls_total",
            "Files recalled from tape, by step: ordered, online, failed",
            &["step"],
        ),
        recalls_pending: make
            .gauge("cloudify_recalls_pending", "Files that are ordered from tape or on their way now"),
        chunks_made_total: make.counter(
            "cloudify_chunks_made_total",
            "Chunks computed: decoded, reduced, encoded; not those that were kept",
        ),
        chunks_waiting: make
            .gauge("cloudify_chunks_waiting", "Chunks that wait for memory to be made in now"),
        chunks_refused_total: make
            .counter("cloudify_chunks_refused_total", "Chunks refused because too much waited before them"),
        disk_cache_reads_total: make.counters(
            "cloudify_disk_cache_reads_total",
            "Chunks looked for on local disk, by outcome: hit, miss, changed (a source did), damaged",
            &["outcome"],
        ),
        disk_cache_writes_total: make.counters(
            "cloudify_disk_cache_writes_total",
            "Chunks to be kept on local disk, by outcome: kept, dropped (too many at once), failed",
            &["outcome"],
        ),
        disk_cache_bytes: make.gauge("cloudify_disk_cache_bytes", "Bytes of chunks kept on local disk"),
        worker_calls_total: make.counters(
            "cloudify_worker_calls_total",
            "Calls from the gateway to workers, by method and gRPC code",
            &["method", "code"],
        ),
        worker_retries_total: make
            .counter("cloudify_worker_retries_total", "Calls tried again on another worker"),
        worker_hedges_total: make
            .counter("cloudify_worker_hedges_total", "Late reads asked for from another worker, too"),
        worker_resumed_total: make.counter(
            "cloudify_worker_resumed_total",
            "Large ranges whose rest came from another worker after the first was lost",
        ),
        references_cached_bytes: make
            .gauge("cloudify_references_cached_bytes", "Memory of chunk references kept in the gateway"),
        datasets: make.gauge("cloudify_datasets", "Datasets in the catalog"),
        scans_total: make.counters("cloudify_scans_total", "Source files scanned, by outcome", &["outcome"]),
        registrations_total: make.counters(
            "cloudify_registrations_total",
            "Registrations, by outcome: preview, published, failed",
            &["outcome"],
        ),
        shared: make_shared(make),
    }
}

fn make_shared(make: &Maker<'_>) -> SharedMetrics {
    SharedMetrics {
        redis_questions_total: make.counters(
            "cloudify_redis_questions_total",
            "Questions to Redis that a request waits for, by outcome: answered, refused, late, failed, left alone (not asked)",
            &["outcome"],
        ),
        redis_writes_total: make.counters(
            "cloudify_redis_writes_total",
            "Values for Redis, by outcome: written, failed, full, dropped (too many at once, or Redis left alone)",
            &["outcome"],
        ),
        redis_is_asked: make.gauge(
            "cloudify_redis_is_asked",
            "1 while Redis is asked, 0 while it is left alone because it is slow or gone",
        ),
        chunk_cache_total: make.counters(
            "cloudify_chunk_cache_total",
            "Chunks that a gateway was asked for and a worker makes, by where they came from: memory, redis, another gateway, worker",
            &["from"],
        ),
        range_cache_total: make.counters(
            "cloudify_range_cache_total",
            "Short ranges of remote files that a gateway was asked for, by where they came from: memory, redis, worker",
            &["from"],
        ),
        chunk_cache_bytes: make.gauge(
            "cloudify_chunk_cache_bytes",
            "Memory of chunks and ranges of remote files kept in the gateway",
        ),
    }
}

struct Maker<'r> {
    registry: &'r Registry,
}

impl Maker<'_> {
    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.registered(IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.registered(IntCounter::new(name, help))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.registered(IntGauge::new(name, help))
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        let buckets =
            vec![0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
        self.registered(HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets), labels))
    }

    #[expect(clippy::expect_used, reason = "names and labels are the constants above; a test makes them all")]
    fn registered<M: prometheus::core::Collector + Clone + 'static>(&self, made: prometheus::Result<M>) -> M {
        let metric = made.expect("the metric is well named");
        self.registry.register(Box::new(metric.clone())).expect("each name is registered once");
        metric
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_well_named_and_exposed() {
        metrics().read_bytes_total.inc_by(7);
        metrics().http_requests_total.with_label_values(&["/datasets", "GET", "200"]).inc();
        let text = metrics_text();
        assert!(text.contains("cloudify_read_bytes_total 7"), "{text}");
        assert!(
            text.contains(r#"cloudify_http_requests_total{method="GET",route="/datasets",status="200"} 1"#),
            "{text}"
        );
    }
}
