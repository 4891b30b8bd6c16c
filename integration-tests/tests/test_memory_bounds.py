"""Memory with 256 chunks of 100 MB on their way at once, to clients that take nothing for a while. The worker is asked as
any gRPC client would; what it sends is compared with the file's bytes and with netCDF4's values.
"""

import concurrent.futures
import contextlib
import itertools
import json
import threading
import time

import grpc
import numcodecs
import numpy as np
import pytest
import requests

from harness import raw_http

CHUNK = 100_000_000
CALLS = 256
BOUND = 1_000_000_000
LOOK_SECONDS = 15
FORM_VIEW = 3
BUSY = "a worker is silent|the catalog cannot be read now"
"""What a gateway says of a worker whose machine has more to do than it can."""


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A file of one chunk of 100 MB, and references that have it 256 times."""
    folder = tmp_path_factory.mktemp("large")
    values = np.random.default_rng(7).normal(280, 10, CHUNK // 4).astype("f4")
    values.tofile(folder / "large.bin")
    array = {"zarr_format": 2, "shape": [CALLS, CHUNK // 4], "chunks": [1, CHUNK // 4], "dtype": "<f4", "order": "C",
             "compressor": None, "filters": None, "fill_value": None}
    references = {".zgroup": json.dumps({"zarr_format": 2}), "v/.zarray": json.dumps(array),
                  "v/.zattrs": json.dumps({"_ARRAY_DIMENSIONS": ["t", "x"]})}
    for number in range(CALLS):
        references[f"v/{number}.0"] = [str(folder / "large.bin"), 0, CHUNK]
    (folder / "large.json").write_text(json.dumps({"version": 1, "refs": references}))
    return folder, values


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def message(fields: dict) -> bytes:
    """A protobuf message of numbers, texts and messages by field number."""
    out = b""
    for field, value in fields.items():
        if isinstance(value, int):
            out += varint(field << 3) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += varint(field << 3 | 2) + varint(len(value)) + value
    return out


def bytes_field(answer: bytes, field: int) -> bytes:
    """A field of bytes of a protobuf message that has numbers besides."""
    view, at = memoryview(answer), 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = view[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while at < len(view):
        tag, length = number(), number()
        if tag & 7 == 2:
            if tag >> 3 == field:
                return view[at:at + length]
            at += length
    raise ValueError(f"no field {field}")


class Watch:
    """The most memory that processes have since it was made."""

    def __init__(self, processes):
        self.processes, self.most, self.ended = processes, {}, threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self):
        while not self.ended.wait(0.05):
            for process in self.processes:
                with contextlib.suppress(OSError):
                    self.most[process.name] = max(self.most.get(process.name, 0), process.resident_bytes())

    def end(self) -> dict[str, int]:
        self.ended.set()
        self.thread.join()
        return self.most


class Calls:
    """Many calls of a worker at once, over several connections, whose answers nobody takes yet."""

    def __init__(self, worker, method: str, requests: list[bytes]):
        options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        self.channels = [grpc.insecure_channel(worker.address, options) for _ in range(16)]
        self.calls, self.pool = [], concurrent.futures.ThreadPoolExecutor(len(requests))
        for number, request in enumerate(requests):
            plain = self.channels[number % len(self.channels)].unary_stream(f"/cloudify.v1.{method}")
            self.calls.append(plain(request, timeout=240))

    def close(self):
        for call in self.calls:
            call.cancel()
        self.pool.shutdown(cancel_futures=True)
        for channel in self.channels:
            channel.close()


def test_computed_chunks_that_nobody_takes(start, large, allowed_log):
    allowed_log.append(BUSY)
    folder, values = large
    system = start("two-process", roots=[folder])
    system.register("large", folder / "large.json")
    worker, steps = system.workers[0], "bitround=9"
    array = requests.get(f"{system.url}/datasets/large/view/{steps}/zarr/v/.zarray", timeout=60).json()
    codecs = [numcodecs.get_codec(codec) for codec in (array["compressor"], *reversed(array["filters"] or [])) if codec]
    truth = numcodecs.BitRound(9).encode(values.copy()).tobytes()

    def outcome(call) -> str:
        """Takes an answer: whether it is right, or was refused until later."""
        try:
            (answer,) = list(call)
        except grpc.RpcError as error:
            metadata = dict(error.trailing_metadata())
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error
            assert int(metadata["cloudify-retry-after-seconds"]) > 0
            return "later"
        chunk = bytes_field(answer, 2)
        for codec in codecs:
            chunk = codec.decode(chunk)
        return "right" if np.asarray(chunk).tobytes() == truth else "wrong"

    wanted = [message({1: "large", 2: 1, 3: "v", 4: number, 5: FORM_VIEW, 6: steps}) for number in range(CALLS)]
    watch = Watch(system.workers)
    calls = Calls(worker, "EvaluationService/EvaluateChunk", wanted)
    try:
        time.sleep(LOOK_SECONDS)
        # What is not taken is in the way of the rest: which one is made first is not known.
        taken = [calls.pool.submit(outcome, call) for call in calls.calls]
        outcomes = [answer.result() for answer in itertools.islice(concurrent.futures.as_completed(taken, 200), 3)]
    finally:
        calls.close()
    most = watch.end()
    assert set(outcomes) <= {"right", "later"}, outcomes
    assert most[worker.name] < BOUND, most


def test_raw_chunks_that_nobody_takes(start, large, allowed_log):
    allowed_log.append(BUSY)
    folder, values = large
    system = start("two-process", roots=[folder])
    worker, path = system.workers[0], folder / "large.bin"
    status = path.stat()
    identity = message({1: status.st_size, 2: status.st_mtime_ns << 1, 3: status.st_ino})
    wanted = message({1: message({1: str(path), 2: identity}), 2: 0, 3: CHUNK})
    watch = Watch(system.workers)
    calls = Calls(worker, "ChunkService/ReadRange", [wanted] * CALLS)
    try:
        time.sleep(LOOK_SECONDS)
        for call in calls.calls[:2]:
            assert b"".join(bytes_field(piece, 1) for piece in call) == values.tobytes()
    finally:
        calls.close()
    most = watch.end()
    assert most[worker.name] < BOUND, most


@pytest.mark.parametrize("kind", ["serve", "two-process"])
def test_raw_chunks_over_http_to_clients_that_stall(kind, start, large, allowed_log):
    allowed_log.append(BUSY)
    folder, values = large
    system = start(kind, roots=[folder])
    system.register("large", folder / "large.json")
    watch = Watch(system.processes)
    with contextlib.ExitStack() as stack:
        clients = []
        for number in range(CALLS):
            client = stack.enter_context(raw_http.connect(system.url, receive_buffer=65536))
            client.sendall(raw_http.request(f"/datasets/large/kerchunk/v/{number}.0".encode()))
            clients.append(client)
        time.sleep(LOOK_SECONDS)
        answer = b"".join(iter(lambda: clients[0].recv(1 << 20), b""))
        assert answer.partition(b"\r\n\r\n")[2] == values.tobytes()
    most = watch.end()
    assert all(bytes_held < BOUND for bytes_held in most.values()), most
