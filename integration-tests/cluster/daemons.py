"""What is not ours: Redis, and nginx as the load balancer."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from harness.server import Failed

START_SECONDS = 10

BALANCER = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    # Only what failed is worth a line.
    map $status $failed {{ ~^[1-4] 0; default 1; }}
    log_format tries '$msec $request_method $request_uri $status $request_time s, upstream $upstream_addr: '
                     '$upstream_status, $upstream_bytes_received bytes in $upstream_response_time s';
    access_log {folder}/access.log tries if=$failed;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    upstream gateways {{
{servers}
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    server {{
        listen {address};
        client_max_body_size 0;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        # Answers pass as they come: a gateway feels a slow client.
        proxy_buffering off;
        proxy_buffer_size 64k;
        proxy_buffers 8 64k;
        proxy_request_buffering off;
        proxy_connect_timeout 2s;
        # Longer than a gateway waits for its workers.
        proxy_read_timeout 120s;
        proxy_send_timeout 120s;
        # GET and HEAD go to another gateway while nothing was sent to the client; nginx never repeats a POST that it
        # has begun to send.
        location / {{ proxy_pass http://gateways; proxy_next_upstream error timeout; proxy_next_upstream_tries 2; }}
        # What changes something is asked once, DELETE too.
        location /admin/ {{ proxy_pass http://gateways; proxy_next_upstream off; }}
    }}
}}
"""


class Daemon:
    """A program that runs until it is told to end, and listens on `host:port`."""

    def __init__(self, name: str, command: list, directory: pathlib.Path, address: str):
        self.name = name
        self.command = command
        self.address = address
        self.output = directory / f"{name}.log"
        self.child: subprocess.Popen | None = None
        self.start()

    def start(self) -> None:
        with self.output.open("ab") as sink:
            self.child = subprocess.Popen(self.command, stdout=sink, stderr=sink)
        host, _, port = self.address.rpartition(":")
        deadline = time.monotonic() + START_SECONDS
        while self.running() and time.monotonic() < deadline:
            try:
                socket.create_connection((host, int(port)), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise Failed(f"{self.name} did not start:\n{self.output.read_text()}")

    @property
    def pid(self) -> int:
        return self.child.pid

    def running(self) -> bool:
        return self.child.poll() is None

    def kill(self) -> None:
        if self.running():
            self.child.kill()
        self.child.wait()

    def stop(self, seconds: float = 10) -> None:
        """Asks it to end, and makes it."""
        if self.running():
            self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()


class Redis(Daemon):
    """A Redis that keeps nothing on disk: restarted it is empty."""

    def __init__(self, directory: pathlib.Path, address: str, prefix: tuple[str, ...] = ()):
        self.prefix = prefix
        host, _, port = address.rpartition(":")
        command = [
            *prefix, "redis-server", "--bind", host, "--port", port, "--dir", directory, "--save", "",
            "--appendonly", "no", "--enable-debug-command", "yes", "--protected-mode", "no",
        ]
        super().__init__("redis", command, directory, address)

    @property
    def url(self) -> str:
        return f"redis://{self.address}"

    def ask(self, *words: str, seconds: float = 10) -> str:
        """What Redis answers to a command."""
        return self.begin(*words).communicate(timeout=seconds)[0].strip()

    def begin(self, *words: str) -> subprocess.Popen:
        """Sends a command, and does not wait for the answer."""
        host, _, port = self.address.rpartition(":")
        return subprocess.Popen(
            [*self.prefix, "redis-cli", "-h", host, "-p", port, *words], stdout=subprocess.PIPE, text=True
        )


def balancer(directory: pathlib.Path, address: str, gateways: list[str], prefix: tuple[str, ...] = ()) -> Daemon:
    """nginx before the gateways (`host:port`)."""
    folder = directory / "nginx"
    folder.mkdir(parents=True, exist_ok=True)
    # A gateway that is back is asked again soon.
    servers = "\n".join(f"        server {gateway} max_fails=3 fail_timeout=1s;" for gateway in gateways)
    settings = BALANCER.format(folder=folder, address=address, servers=servers)
    if os.geteuid() == 0:
        settings = "user root;\n" + settings
    (folder / "nginx.conf").write_text(settings)
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    return Daemon("nginx", [*prefix, program, "-c", folder / "nginx.conf", "-p", folder], directory, address)
