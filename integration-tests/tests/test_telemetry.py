"""Spans over the whole request leave by OTLP, in one trace from the client through gateway and worker; metrics count."""

import concurrent.futures
import threading
import time

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as wire

from harness import samples
from tests.conftest import KINDS

TRACE = "0af7651916cd43dd8448eb211c80319c"
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


class Collector:
    """Takes what an OpenTelemetry collector would."""

    def __init__(self):
        self.spans = []
        self.lock = threading.Lock()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
        self.server.add_generic_rpc_handlers([self])
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def service(self, details):
        if details.method != EXPORT:
            return None
        return grpc.unary_unary_rpc_method_handler(
            self.export, wire.ExportTraceServiceRequest.FromString, wire.ExportTraceServiceResponse.SerializeToString
        )

    def export(self, request, _context):
        with self.lock:
            for resource in request.resource_spans:
                service = {a.key: a.value.string_value for a in resource.resource.attributes}["service.name"]
                for scope in resource.scope_spans:
                    self.spans += [(service, span) for span in scope.spans]
        return wire.ExportTraceServiceResponse()

    def of_trace(self, trace: str):
        with self.lock:
            return [(service, span) for service, span in self.spans if span.trace_id.hex() == trace]


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_is_one_trace_through_all_services(kind, start, copy):
    collector = Collector()
    config = f'[telemetry]\notlp_endpoint = "http://127.0.0.1:{collector.port}"\n'
    system = start(kind, config=config)
    system.register("tos", copy(samples.NEMO[0]))
    header = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    answer = httpx.get(f"{system.kerchunk('tos')}/tos/0.0.0", headers=header)
    assert answer.status_code == 200
    wanted = {"cloudify-serve"} if kind == "serve" else {"cloudify-gateway", "cloudify-worker"}
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and {service for service, _ in collector.of_trace(TRACE)} != wanted:
        time.sleep(0.2)
    spans = collector.of_trace(TRACE)
    assert {service for service, _ in spans} == wanted
    ids = {span.span_id for _, span in spans} | {bytes.fromhex("b7ad6b7169203331")}
    assert all(span.parent_span_id in ids for _, span in spans), "every span hangs on another of its trace"


@pytest.mark.parametrize("kind", KINDS)
def test_metrics_count_what_happened(kind, start, copy):
    system = start(kind)
    system.register("tos", copy(samples.NEMO[0]))
    body = httpx.get(f"{system.kerchunk('tos')}/tos/0.0.0").content
    text = "".join(httpx.get(f"{process.url}/metrics").text for process in system.processes)
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    route = "/datasets/{id}/kerchunk/{*key}"
    counted = [v for k, v in values.items() if k.startswith("cloudify_http_requests_total") and route in k and '"200"' in k]
    assert [float(v) for v in counted] == [1.0]
    assert float(values["cloudify_read_bytes_total"]) >= len(body)
