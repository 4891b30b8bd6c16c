//! Carrying the trace of a request over HTTP and gRPC ([W3C Trace Context](https://www.w3.org/TR/trace-context/)).
//! Without an OTLP endpoint all of this does nothing.

use opentelemetry::propagation::{Extractor, Injector};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Makes `span` a child of the caller's, whom the headers name; `header` gives a header's value.
pub fn continue_trace<'h>(span: &Span, header: impl Fn(&str) -> Option<&'h str>) {
    struct Headers<'h, F: Fn(&str) -> Option<&'h str>>(F);
    impl<'h, F: Fn(&str) -> Option<&'h str>> Extractor for Headers<'h, F> {
        fn get(&self, key: &str) -> Option<&str> {
            (self.0)(key)
        }
        fn keys(&self) -> Vec<&str> {
            Vec::new()
        }
    }
    if !crate::exports_spans() {
        return;
    }
    let headers = Headers(header);
    let parent = opentelemetry::global::get_text_map_propagator(|propagator| propagator.extract(&headers));
    // An error says that nobody exports spans: then there is nothing to continue.
    let _ = span.set_parent(parent);
}

/// Names the current span in the headers of a call that leaves; `set` sets a header.
pub fn pass_trace_on(set: impl FnMut(&str, String)) {
    struct Headers<F>(F);
    impl<F: FnMut(&str, String)> Injector for Headers<F> {
        fn set(&mut self, key: &str, value: String) {
            (self.0)(key, value);
        }
    }
    if !crate::exports_spans() {
        return;
    }
    let mut headers = Headers(set);
    let context = Span::current().context();
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut headers);
    });
}
