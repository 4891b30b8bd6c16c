"""Gateways, workers, Redis and a load balancer, started together and stopped together."""

import dataclasses
import os
import pathlib
import random
import socket

from cluster import daemons
from cluster.network import WITH_US, Link
from harness import server

LEASES = os.environ.get("CLUSTER_MEMBERS", "leases") == "leases"
"""Whether gateways learn of their workers by leases in Redis; else (`static`) each is given the list of them."""


@dataclasses.dataclass
class Cluster:
    """A running cluster. Clients speak to the balancer."""

    balancer: daemons.Daemon
    gateways: list[server.Process]
    workers: list[server.Process]
    redis: daemons.Redis
    links: dict[str, Link]
    """The links of workers and Redis by name, where each has a network of its own."""
    system: server.Topology
    """For an administrator's commands."""

    @property
    def url(self) -> str:
        return f"http://{self.balancer.address}"

    @property
    def services(self) -> list[server.Process]:
        return [*self.gateways, *self.workers]

    def stop(self) -> None:
        """Ends everything, from the front to the back."""
        for part in [self.balancer, *self.services, self.redis]:
            part.stop()
        for link in self.links.values():
            link.close()


@dataclasses.dataclass
class Plan:
    """What to start, and where."""

    directory: pathlib.Path
    roots: list[pathlib.Path]
    catalog: pathlib.Path
    config: str = ""
    """Settings of gateways and workers (TOML)."""
    token: str = server.TOKEN
    port: int | None = None
    """Of the balancer; a free one if none."""
    gateways: int = 2
    workers: int = 4
    linked: bool = False
    """Whether each worker, and Redis, gets a network of its own."""
    temporary: dict[str, pathlib.Path] = dataclasses.field(default_factory=dict)
    """Directories for temporary files of workers, by name."""


def start(plan: Plan) -> Cluster:
    """Starts a cluster; it ends with this process, however that ends."""
    plan.directory.mkdir(parents=True, exist_ok=True)
    plan.catalog.mkdir(parents=True, exist_ok=True)
    names = [f"worker{number}" for number in range(plan.workers)]
    links = {name: Link(number) for number, name in enumerate([*names, "redis"])} if plan.linked else {}
    redis = daemons.Redis(plan.directory, place("redis", links), prefix("redis", links))
    config = plan.directory / "cloudify.toml"
    config.write_text(plan.config + (f'\n[redis]\nurl = "{redis.url}"\n' if LEASES else ""))
    workers = [_worker(plan, name, config, links) for name in names]
    gateways = [_gateway(plan, f"gateway{number}", config, workers) for number in range(plan.gateways)]
    front = f"127.0.0.1:{plan.port or free_port()}"
    balancer = daemons.balancer(plan.directory, front, [gateway.address for gateway in gateways], WITH_US)
    system = server.Topology(gateways[0], workers, plan.catalog, plan.roots, gateways[0].environment)
    return Cluster(balancer, gateways, workers, redis, links, system)


def _worker(plan: Plan, name: str, config: pathlib.Path, links: dict[str, Link]) -> server.Process:
    address = place(name, links)
    arguments = ["worker", "--catalog", str(plan.catalog), *_common(address, config)]
    for root in plan.roots:
        arguments += ["--root", str(root)]
    if LEASES:
        arguments += ["--announce", f"http://{address}"]
    more = {"TMPDIR": str(plan.temporary[name])} if name in plan.temporary else {}
    variables = server.environment(plan.token, **more)
    return server.Process(name, arguments, plan.directory, variables, prefix(name, links))


def _gateway(plan: Plan, name: str, config: pathlib.Path, workers: list[server.Process]) -> server.Process:
    arguments = ["gateway", *_common(f"127.0.0.1:{free_port()}", config)]
    if not LEASES:
        arguments += [argument for worker in workers for argument in ("--worker", worker.url)]
    return server.Process(name, arguments, plan.directory, server.environment(plan.token), WITH_US)


def _common(address: str, config: pathlib.Path) -> list[str]:
    return ["--listen", address, "--log", "json", "--config", str(config)]


def place(name: str, links: dict[str, Link]) -> str:
    """Where a member listens: in its own network, or here. It comes back at the same place when it is started again."""
    return f"{links[name].there}:9100" if name in links else f"127.0.0.1:{free_port()}"


def prefix(name: str, links: dict[str, Link]) -> tuple[str, ...]:
    return (*(links[name].inside if name in links else ()), *WITH_US)


def free_port() -> int:
    """A port that nobody listens at, of those that the system gives no connection of its own accord."""
    for port in random.sample(range(20000, 32000), 1000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise server.Failed("no port is free")
