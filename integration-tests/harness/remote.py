"""Remote servers for tests: a static one that knows byte ranges, and S3 by moto."""

import contextlib
import functools
import http.server
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time

import boto3
import requests


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files with ranges, `Last-Modified` and entity tags; nothing is listed."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def list_directory(self, _):
        self.send_error(404)

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def setup(self):
        super().setup()
        self.server.connections.append(self.connection)

    def answer(self, with_body: bool):
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        if with_body and self.path in self.server.gates:
            self.server.gates[self.path].wait(60)
        special = self.server.special.get(self.path) or self.server.special.get("*")
        if special:
            status, headers, body = special
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body if with_body else b"")
            return
        path = pathlib.Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content, status = path.read_bytes(), path.stat()
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        part = content
        if found:
            start, last = int(found[1]), min(int(found[2]), len(content) - 1)
            part = content[start:last + 1]
        self.send_response(206 if found else 200)
        if found:
            self.send_header("Content-Range", f"bytes {start}-{last}/{len(content)}")
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Last-Modified", self.date_time_string(status.st_mtime))
        self.send_header("ETag", f'"{status.st_mtime_ns:x}-{status.st_size:x}"')
        self.end_headers()
        if with_body:
            self.wfile.write(part)


class Static:
    """Serves a directory. `special` answers a path, or all as `*`, with (status, headers, body) instead; what `gates` has
    an event for waits for it."""

    def __init__(self, directory: pathlib.Path, port: int = 0):
        handler = functools.partial(Handler, directory=str(directory))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.server.daemon_threads = True
        self.server.special = self.special = {}
        self.server.asked = self.asked = []
        self.server.gates = self.gates = {}
        self.server.connections = []
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        """As a machine that is gone: kept connections end too."""
        self.server.shutdown()
        self.server.server_close()
        for connection in self.server.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class S3:
    """A moto server with one bucket, `bucket`."""

    KEY = "test-key-id"
    SECRET = "test-secret-access-key"

    def __init__(self, log: pathlib.Path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        with log.open("wb") as sink:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                stdout=sink, stderr=sink, env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self.client = boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1",
            aws_access_key_id=self.KEY, aws_secret_access_key=self.SECRET,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                self.client.create_bucket(Bucket="bucket")
                return
            except Exception:
                if time.monotonic() > deadline or self.child.poll() is not None:
                    raise
                time.sleep(0.2)

    def upload(self, directory: pathlib.Path, prefix: str):
        for path in sorted(directory.rglob("*")):
            if path.is_file():
                key = f"{prefix}/{path.relative_to(directory)}"
                self.client.put_object(Bucket="bucket", Key=key, Body=path.read_bytes())

    def stop(self):
        self.child.terminate()
        self.child.wait(20)


def config(*prefixes: str, more: str = "") -> str:
    return f"[remote]\nprefixes = {json.dumps(prefixes)}\nstall_seconds = 5\n{more}"


def raw(url: str, key: str) -> requests.Response:
    return requests.get(f"{url}/{key}", timeout=60)
