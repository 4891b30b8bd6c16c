"""The servers that are measured: nginx, one process, gateway and worker."""

import dataclasses
import pathlib
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable

from harness import server

PREFIX = "/datasets/bench/kerchunk"
NGINX = """
worker_processes 2;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; location {prefix}/ {{ alias {files}/; }} }}
}}
"""


@dataclasses.dataclass
class Target:
    """A running server."""

    name: str
    url: str
    pids: list[int]
    stop: Callable[[], object]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def nginx(folder: pathlib.Path, files: pathlib.Path) -> Target:
    """nginx with sendfile and two workers, without logs."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    port = free_port()
    settings = NGINX.format(folder=folder, port=port, prefix=PREFIX, files=files)
    import os

    if os.geteuid() == 0:
        settings = "user root;\n" + settings
    (folder / "nginx.conf").write_text(settings)
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    child = subprocess.Popen([program, "-c", folder / "nginx.conf", "-p", folder], stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    wait(url + PREFIX + "/c37k/0.0", child)

    def stop():
        child.terminate()
        child.wait()

    return Target("nginx", url, [child.pid], stop)


def wait(url: str, child: subprocess.Popen, seconds: float = 60) -> None:
    """Until the server answers."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).read()
            return
        except OSError:
            if child.poll() is not None:
                break
            time.sleep(0.1)
    raise RuntimeError(f"no answer from {url}")


def cloudify(
    kind: str, folder: pathlib.Path, dataset: str, source: pathlib.Path, view: str = "", config: str = ""
) -> Target:
    """Ours: `serve`, or `two-process`; `view` is how the decoded view is encoded."""
    shutil.rmtree(folder, ignore_errors=True)
    system = server.start(kind, folder, [source.parent], config=config)
    done = system.command("register", "--view", view, dataset, source)
    if done.returncode:
        raise server.Failed(done.stderr)
    return Target(kind, system.url, [process.pid for process in system.processes], system.stop)
