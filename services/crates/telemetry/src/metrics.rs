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
    pub requests_limited_total: IntCounter,
    pub requests_waiting: IntGauge,
    pub answers_held_bytes: IntGauge,
    pub reads_total: IntCounterVec,
    pub read_bytes_total: IntCounter,
    pub reads_under_way: IntGauge,
    pub open_files: IntGauge,
    pub source_changes_total: IntCounter,
    pub remote_requests_total: IntCounterVec,
    pub remote_request_duration_seconds: HistogramVec,
    pub remote_bytes_total: IntCounter,
    pub remote_retries_total: IntCounter,
    pub recalls_total: IntCounterVec,
    pub recalls_pending: IntGauge,
    pub worker_calls_total: IntCounterVec,
    pub worker_retries_total: IntCounter,
    pub references_cached_bytes: IntGauge,
    pub datasets: IntGauge,
    pub scans_total: IntCounterVec,
    pub registrations_total: IntCounterVec,
}

static METRICS: LazyLock<(Metrics, Registry)> = LazyLock::new(|| {
    let registry = Registry::new();
    (make(&Maker { registry: &registry }), registry)
});

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
            "Bytes of answers' bodies as announced in Content-Length, by route template",
            &["route"],
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
        worker_calls_total: make.counters(
            "cloudify_worker_calls_total",
            "Calls from the gateway to workers, by method and gRPC code",
            &["method", "code"],
        ),
        worker_retries_total: make
            .counter("cloudify_worker_retries_total", "Calls tried again on another worker"),
        references_cached_bytes: make
            .gauge("cloudify_references_cached_bytes", "Memory of chunk references kept in the gateway"),
        datasets: make.gauge("cloudify_datasets", "Datasets in the catalog"),
        scans_total: make.counters("cloudify_scans_total", "Source files scanned, by outcome", &["outcome"]),
        registrations_total: make.counters(
            "cloudify_registrations_total",
            "Registrations, by outcome: preview, published, failed",
            &["outcome"],
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
