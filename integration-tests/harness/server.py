"""Starts the binary, in one process or as gateway and workers, and stops it again."""

import dataclasses
import os
import pathlib
import signal
import subprocess
import time

from harness.logs import Log
from harness.paths import binary

TOKEN = "test-administrator-token"
START_SECONDS = 30


class Failed(RuntimeError):
    """A command or a server did not do what was asked."""


class Process:
    """One running `cloudify` service; `prefix` is a command that becomes it, such as `nsenter …`."""

    def __init__(
        self, name: str, arguments: list[str], directory: pathlib.Path, environment: dict, prefix: tuple[str, ...] = ()
    ):
        self.name = name
        self.prefix = prefix
        self.arguments = arguments
        self.environment = environment
        self.log = Log(directory / f"{name}.log")
        self.child: subprocess.Popen | None = None
        self.address = ""
        self.start()

    def start(self) -> None:
        begin = self.log.size()
        with self.log.path.open("ab") as sink:
            self.child = subprocess.Popen(
                [*self.prefix, binary(), *self.arguments], stdout=sink, stderr=sink, env=self.environment
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            for record in self.log.records(begin):
                if record.get("message") == "ready" and "address" in record:
                    self.address = record["address"]
                    return
            if self.child.poll() is not None:
                break
            time.sleep(0.02)
        raise Failed(f"{self.name} did not start:\n{self.log.path.read_text()}")

    def start_again(self) -> None:
        """Starts it at the address that it had."""
        self.arguments[self.arguments.index("--listen") + 1] = self.address
        self.start()

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def running(self) -> bool:
        return self.child.poll() is None

    def terminate(self) -> None:
        """Asks it to drain and end."""
        if self.running():
            self.child.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it as a crash would."""
        if self.running():
            self.child.kill()
        self.child.wait()

    def stop(self, seconds: float = 20) -> int:
        """Drains it; kills it if it does not end, which fails the test."""
        self.terminate()
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"{self.name} did not end within {seconds} s of SIGTERM") from None

    def resident_bytes(self, peak: bool = False) -> int:
        """Memory of the process itself."""
        name = "VmHWM" if peak else "VmRSS"
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
        raise Failed(f"no {name} of {self.name}")


@dataclasses.dataclass
class Topology:
    """A whole system: what clients speak to, and what stands behind it."""

    front: Process
    workers: list[Process]
    catalog: pathlib.Path
    roots: list[pathlib.Path]
    environment: dict

    @property
    def url(self) -> str:
        return self.front.url

    @property
    def processes(self) -> list[Process]:
        return [self.front, *self.workers]

    def kerchunk(self, dataset: str) -> str:
        return f"{self.url}/datasets/{dataset}/kerchunk"

    def command(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess:
        """Runs an administrator's command against this system."""
        name, *rest = map(str, arguments)
        return subprocess.run(
            [binary(), name, "--server", self.url, *rest],
            env=self.environment, capture_output=True, text=True, timeout=timeout,
        )

    def register(self, dataset: str, *sources, replace: bool = False) -> str:
        """Registers a dataset; what the command prints."""
        options = ["--replace"] if replace else []
        done = self.command("register", *options, dataset, *sources)
        if done.returncode:
            raise Failed(f"register {dataset} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def marks(self) -> dict:
        """How far each log is, so that a test can look at what came after."""
        return {process.name: process.log.size() for process in self.processes}

    def unexpected(self, allowed: list[str], marks: dict) -> list[str]:
        """Log lines since `marks` that no pattern allows."""
        found = []
        for process in self.processes:
            lines = process.log.unexpected(allowed, marks.get(process.name, 0))
            found += [f"{process.name}: {line}" for line in lines]
        return found

    def stop(self) -> None:
        for process in self.processes:
            process.stop()


def environment(token: str | None = TOKEN, **more: str) -> dict:
    """The environment of a server or command: no settings of the machine leak in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDIFY_")}
    kept.pop("RUST_LOG", None)
    kept["RUST_BACKTRACE"] = "1"
    if token is not None:
        kept["CLOUDIFY_ADMIN_TOKEN"] = token
    return {**kept, **more}


def start(
    kind: str,
    directory: pathlib.Path,
    roots: list[pathlib.Path],
    *,
    config: str | None = None,
    token: str | None = TOKEN,
    workers: int = 1,
    catalog: pathlib.Path | None = None,
) -> Topology:
    """Starts `serve`, or `two-process`: a gateway and its workers, with one catalog."""
    directory.mkdir(parents=True, exist_ok=True)
    catalog = catalog or directory / "catalog"
    catalog.mkdir(exist_ok=True)
    settings = []
    if config is not None:
        (directory / "cloudify.toml").write_text(config)
        settings = ["--config", str(directory / "cloudify.toml")]
    common = ["--listen", "127.0.0.1:0", "--log", "json", *settings]
    places = ["--catalog", str(catalog)]
    for root in roots:
        places += ["--root", str(root)]
    variables = environment(token)
    if kind == "serve":
        front = Process("serve", ["serve", *common, *places], directory, variables)
        return Topology(front, [], catalog, roots, variables)
    behind = [
        Process(f"worker{number}", ["worker", *common, *places], directory, variables)
        for number in range(workers)
    ]
    urls = [argument for worker in behind for argument in ("--worker", worker.url)]
    front = Process("gateway", ["gateway", *common, *urls], directory, variables)
    return Topology(front, behind, catalog, roots, variables)
