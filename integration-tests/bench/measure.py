"""One measurement: wrk walking over the chunks of a variable."""

import dataclasses
import json
import os
import pathlib
import subprocess
import time

from bench import processes
from bench.targets import Target

SCRIPT = pathlib.Path(__file__).with_name("walk.lua")


@dataclasses.dataclass
class Sample:
    """What one round of one server gave."""

    megabytes: float
    """MB (10⁶ bytes) a second."""
    requests: float
    """Requests a second."""
    p50_ms: float
    p99_ms: float
    server_cpu: float
    """CPU seconds a GB (10⁹ bytes), or a million requests where there are no bytes, of all server processes."""
    client_cpu: float
    request_cpu: float
    """CPU seconds a request of all server processes."""
    foreign: float
    """Share of the machine that neither the servers nor wrk used but others did."""

    @property
    def cpu(self) -> float:
        return self.server_cpu + self.client_cpu


def measure(target: Target, prefix: str, suffix: str, count: int, connections: int, seconds: float) -> Sample:
    """Runs wrk once."""
    threads = min(2, connections)
    command = [
        "wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(SCRIPT),
        target.url, "--", prefix, str(count), suffix,
    ]
    server_before, machine_before, begin = processes.cpu_seconds(target.pids), processes.machine_seconds(), time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = status
    elapsed = time.monotonic() - begin
    client = usage.ru_utime + usage.ru_stime
    servers = processes.cpu_seconds(target.pids) - server_before
    machine = processes.machine_seconds() - machine_before
    line = next((line for line in output.splitlines() if line.startswith("RESULT ")), None)
    if status or line is None:
        raise RuntimeError(f"wrk failed against {target.name}:\n{output}")
    result = json.loads(line.removeprefix("RESULT "))
    if result["errors"]:
        raise RuntimeError(f"{result['errors']} failed answers of {target.name}:\n{output}")
    duration = result["microseconds"] / 1e6
    gigabytes = result["bytes"] / 1e9
    return Sample(
        megabytes=result["bytes"] / 1e6 / duration,
        requests=result["requests"] / duration,
        p50_ms=result["p50_us"] / 1000,
        p99_ms=result["p99_us"] / 1000,
        server_cpu=servers / gigabytes,
        client_cpu=client / gigabytes,
        request_cpu=servers / max(1, result["requests"]),
        foreign=max(0.0, machine - servers - client) / (elapsed * (os.cpu_count() or 1)),
    )
