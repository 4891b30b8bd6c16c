"""Pools by the name of a host: members are its addresses, come and go with them, and no request fails for that."""

import hashlib

import netCDF4
import numpy as np
import pytest
import requests

from harness import dns, server
from harness.pools import (  # noqa: F401 the fixture is used by its name
    WORKER_GONE, archive, asked_all_the_time, keys, metric, pools, until,
)
from harness.redis import free_port

pytestmark = pytest.mark.skipif(not dns.can_be_asked(), reason="only root can give a process a resolver of its own")
ADDRESSES = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
OFTEN = "[routing]\nmembership_ms = 300\n"


@pytest.fixture
def name():
    """The name's server, which has no address yet."""
    running = dns.Dns()
    yield running
    running.stop()


@pytest.fixture
def named(tmp_path, archive, name, allowed_log):
    """Workers at addresses of their own and one port, and a gateway that knows them by the name: `named(["127.0.0.2"])`."""
    allowed_log += WORKER_GONE
    port, started = free_port(), []
    (tmp_path / "catalog").mkdir()
    common = ["--log", "json", "--catalog", str(tmp_path / "catalog"), "--root", str(archive)]

    def begin(addresses, is_known=True):
        name.addresses = addresses
        for address in ADDRESSES:
            listen = ["--listen", f"{address}:{port}"]
            started.append(server.Process(address, ["worker", *listen, *common], tmp_path, server.environment()))
        workers = list(started)
        (tmp_path / "gateway.toml").write_text(f'workers = ["dns://{dns.NAME}:{port}"]\n{OFTEN}')
        listen = ["--listen", "127.0.0.1:0", "--log", "json", "--config", str(tmp_path / "gateway.toml")]
        front = server.Process("gateway", ["gateway", *listen], tmp_path, server.environment(), dns.asking(tmp_path))
        started.append(front)
        system = server.Topology(front, workers, tmp_path / "catalog", [archive], server.environment())
        if is_known:
            until(lambda: members(system) == addresses and pools(system)["default"]["members_up"] == len(addresses))
            system.register("small", archive / "small.nc")
            system.register("large", archive / "large.nc")
        return system

    yield begin
    for process in started:
        if process.running():
            process.kill()


def members(system):
    """Addresses of the default pool's members."""
    return [member["url"].removeprefix("http://").rsplit(":", 1)[0] for member in pools(system)["default"]["members"]]


def all_keys(system):
    return [key for store in ("kerchunk", "zarr") for key in keys(system, store=store)]


def worker_at(system, address):
    return next(worker for worker in system.workers if worker.name == address)


def answers_more(answered, count=30):
    begun = len(answered)
    until(lambda: len(answered) > begun + count)


def test_members_follow_the_name_and_no_request_fails(named, name):
    """Also where all are exchanged at once, and those that are not named any more end."""
    first, second, third = ADDRESSES
    system = named([first])
    with asked_all_the_time(all_keys(system)) as answered:
        for addresses in ([first, second], [first, second, third], [second], [third], [first, third], [second], ADDRESSES):
            name.addresses = addresses
            until(lambda: members(system) == addresses)
            answers_more(answered)
        name.addresses = [third]
        until(lambda: members(system) == [third])
        for address in (first, second):
            assert worker_at(system, address).stop() == 0
        answers_more(answered, 100)


def test_a_name_that_fails_for_a_while_changes_nothing(named, name):
    system = named(ADDRESSES[:2])
    with asked_all_the_time(all_keys(system)) as answered:
        for trouble in ("no such name", "broken", "no addresses", "silent"):
            name.trouble = trouble
            name.asked_again(3)
            answers_more(answered)
            assert members(system) == ADDRESSES[:2], trouble
            name.trouble = ""
            name.asked_again()
        # One of them dies while nobody can say so.
        name.trouble = "broken"
        name.asked_again()
        worker_at(system, ADDRESSES[0]).kill()
        answers_more(answered, 100)
        assert members(system) == ADDRESSES[:2] and pools(system)["default"]["members_up"] == 1
        name.trouble, name.addresses = "", ADDRESSES[1:]
        until(lambda: members(system) == ADDRESSES[1:] and pools(system)["default"]["members_up"] == 2)
        answers_more(answered)


def test_a_name_that_shows_other_addresses_at_each_look_fails_no_request(named, name):
    """Some servers of names give a few of many addresses, by turn."""
    system = named(ADDRESSES)
    name.shown = lambda turn, addresses: [addresses[turn % 3]]
    seen = set()

    def all_were_seen():
        seen.update(members(system))
        return len(seen) == 3

    with asked_all_the_time(all_keys(system)) as answered:
        name.asked_again()
        until(all_were_seen)
        name.asked_again(10)
        answers_more(answered)


@pytest.mark.parametrize("ends", [False, True])
def test_a_large_chunk_outlives_that_its_worker_is_not_named_any_more(named, name, archive, ends):
    """It comes from the worker that began it, or, where that one ends too, from one that it did not know when it began."""
    first, second, _ = ADDRESSES
    system = named([first])
    with netCDF4.Dataset(archive / "large.nc") as file:
        whole = hashlib.sha256(np.asarray(file["v"][:]).astype("<f4").tobytes()).hexdigest()
    begun = requests.get(f"{system.url}/datasets/large/kerchunk/v/0", stream=True, timeout=120)
    taken = begun.raw.read(1 << 20)
    name.addresses = [second]
    until(lambda: members(system) == [second])
    if ends:
        worker_at(system, first).kill()
    rest = begun.raw.read()
    assert hashlib.sha256(taken + rest).hexdigest() == whole
    assert metric(system, "worker_resumed_total") == ends


def test_a_gateway_may_start_before_its_name_has_addresses(named, name):
    name.trouble = "no such name"
    system = named(ADDRESSES[:1], is_known=False)
    assert members(system) == []
    assert requests.get(f"{system.url}/datasets/small/kerchunk/.zmetadata", timeout=60).status_code == 503
    assert requests.get(f"{system.url}/healthz/ready", timeout=60).status_code == 503
    name.trouble = ""
    until(lambda: members(system) == ADDRESSES[:1] and requests.get(f"{system.url}/healthz/ready", timeout=60).ok)
    assert requests.get(f"{system.url}/datasets/small/kerchunk/.zmetadata", timeout=60).status_code in (404, 410)
