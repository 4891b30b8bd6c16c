"""1,000 chunks of 37 KiB over one connection: by one request, and by one after another.

The client is a bare socket that counts bytes: for single requests it finds each answer's end by the length in its head,
of a batch it reads until the last frame has come. What it costs itself is printed; where that is most of the time, it
is the client that is measured.
"""

import json
import pathlib
import socket
import statistics
import time
from urllib.parse import urlsplit

from bench import data, goals, processes, targets
from harness import batches

COUNT = 1000
# The end of chunked transfer, behind the last frame.
END = batches.HEAD.pack(*batches.END) + b"\r\n0\r\n\r\n"


class Client:
    """One connection, and how long it was at work itself."""

    def __init__(self, url: str):
        place = urlsplit(url)
        self.host = place.netloc
        self.connection = socket.create_connection((place.hostname, place.port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(1 << 20)
        self.view = memoryview(self.buffer)

    def singles(self, keys: list[str]) -> int:
        """Bytes of chunks that came, asked for one after another."""
        total = 0
        for key in keys:
            self.connection.sendall(f"GET {targets.PREFIX}/{key} HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode())
            had = self.connection.recv_into(self.view)
            head = self.buffer.index(b"\r\n\r\n", 0, had) + 4
            at = self.buffer.index(b"content-length: ", 0, head) + 16
            length = int(self.buffer[at : self.buffer.index(b"\r", at)])
            while had < head + length:
                had += self.connection.recv_into(self.view[had:])
            total += length
        return total

    def batch(self, keys: list[str]) -> int:
        """Bytes of the answer to one request for all."""
        body = json.dumps({"store": "kerchunk", "keys": keys}).encode()
        path = targets.PREFIX.removesuffix("/kerchunk") + "/chunks"
        head = f"POST {path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.connection.sendall(head.encode() + body)
        total, tail = 0, b""
        while not tail.endswith(END):
            had = self.connection.recv_into(self.view)
            total += had
            tail = (tail + bytes(self.view[max(0, had - len(END)) : had]))[-len(END) :]
        return total


def run(folder: pathlib.Path, rounds: int) -> None:
    source = data.stored_chunks(folder / "bench.nc")
    size, count = data.SIZES["c37k"]
    keys = [f"c37k/{number % count}.0" for number in range(COUNT)]
    for kind in ("serve", "two-process"):
        target = targets.cloudify(kind, folder / f"batch-{kind}", "bench", source)
        try:
            check(target.url, keys, size)
            client = Client(target.url)
            samples = {"singles": [], "batch": []}
            for number in range(rounds + 1):
                for way in samples:
                    taken = measure(target, getattr(client, way), keys, size)
                    if number:  # the first warms caches up
                        samples[way].append(taken)
            show(kind, samples, size)
        finally:
            target.stop()


def check(url: str, keys: list[str], size: int) -> None:
    """What a batch carries is what is measured."""
    found = batches.fetch(url + targets.PREFIX.removesuffix("/kerchunk"), "kerchunk", keys)
    assert all(status == 200 and len(content) == size for status, content in found)


def measure(target, ask, keys, size) -> tuple[float, float, float]:
    """Seconds, and CPU seconds of servers and client, of all keys ten times."""
    servers, client, begin = processes.cpu_seconds(target.pids), time.thread_time(), time.perf_counter()
    for _ in range(10):
        assert ask(keys) >= size * len(keys)
    wall = time.perf_counter() - begin
    return wall, processes.cpu_seconds(target.pids) - servers, time.thread_time() - client


def show(kind: str, samples, size: int) -> None:
    print(f"\n{COUNT} chunks of {size >> 10} KiB over one connection, {kind} ({len(samples['batch'])} rounds, medians)")
    print("  by              MB/s   CPU s/GB: server   client   client busy")
    volume = 10 * COUNT * size / 1e9
    for way, runs in samples.items():
        wall, servers, client = (statistics.median(run[place] for run in runs) for place in range(3))
        print(f"  {way:12} {1e3 * volume / wall:7.0f} {servers / volume:17.2f} {client / volume:8.2f} {client / wall:12.0%}")
    pairs = list(zip(samples["singles"], samples["batch"], strict=True))
    print(f"  {goals.BATCH.what:40} {goals.BATCH.verdict(statistics.median(one[0] / all[0] for one, all in pairs))}")
