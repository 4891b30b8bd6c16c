"""Pools by the name of a host: members are its addresses, come and go with them, and no request fails for that."""

import hashlib
import shutil

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


@pytest.fixture
def stranger(tmp_path):
    """A worker of another catalog, which has other datasets by the names that ours have: `stranger("127.0.0.9", port)`."""
    started, directory = [], tmp_path / "other"
    (directory / "root").mkdir(parents=True), (directory / "catalog").mkdir()
    with netCDF4.Dataset(directory / "root" / "other.nc", "w") as file:
        file.createDimension("x", 10)
        file.createVariable("v", "f4", ("x",))[:] = 7

    def begin(address, port):
        common = ["--log", "json", "--catalog", str(directory / "catalog"), "--root", str(directory / "root")]
        listen = ["--listen", f"{address}:{port}"]
        started.append(server.Process("stranger", ["worker", *listen, *common], directory, server.environment()))
        listen = ["--listen", "127.0.0.1:0", "--log", "json", "--worker", started[0].url]
        started.append(server.Process("strangers-gateway", ["gateway", *listen], directory, server.environment()))
        theirs = server.Topology(started[1], started[:1], directory / "catalog", [], server.environment())
        for dataset in ("theirs", "small", "large"):
            theirs.register(dataset, directory / "root" / "other.nc")
        return started[0]

    yield begin
    for process in started:
        process.kill()


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


@pytest.mark.parametrize("turn", range(3))
def test_a_request_that_waits_finds_a_worker_that_came_meanwhile(named, name, turn):
    """As where the only worker comes back with another address."""
    first, second, _ = ADDRESSES
    system = named([first])
    session = requests.Session()
    for key in all_keys(system):
        session.get(key, timeout=60)
    name.addresses = [second]
    worker_at(system, first).kill()
    assert [session.get(key, timeout=60).status_code for key in all_keys(system)[:8]] == [200] * 8


@pytest.mark.parametrize("reused", [False, True])
def test_a_worker_of_another_catalog_at_the_name_is_asked_for_nothing(named, name, stranger, allowed_log, reused):
    """What it does not have is not missing: a 404 is missing data to a client. It may be at an address that one of ours had."""
    allowed_log += [r"is of another catalog"]
    first, second, _ = ADDRESSES
    system = named([first, second])
    port = worker_at(system, first).url.rsplit(":", 1)[1]
    listed = requests.get(f"{system.url}/datasets", timeout=60).json()
    with asked_all_the_time(all_keys(system)) as answered:
        if reused:
            worker_at(system, second).kill()
        their_address = second if reused else "127.0.0.9"
        their_worker = stranger(their_address, port)
        name.addresses = [first, their_address]
        until(lambda: members(system) == name.addresses)
        for turn in range(12):
            assert requests.get(f"{system.url}/datasets", timeout=60).json() == listed
            view = f"{system.url}/datasets/small/view/isel=lat:{turn}/zarr/v/0.0"
            assert requests.get(view, timeout=60).status_code == 200, view
            large = requests.get(f"{system.url}/datasets/large/kerchunk/v/0", timeout=60)
            assert (large.status_code, len(large.content)) == (200, 32 << 20)
        answers_more(answered)
        until(lambda: pools(system)["default"]["members_up"] == 1)
    assert any("is of another catalog" in record["message"] for record in system.front.log.records())
    # It serves those of its own still.
    assert their_worker.running()


def test_a_catalog_that_was_made_anew_in_place_of_ours_is_served(named, stranger, tmp_path, allowed_log):
    allowed_log += [r"another catalog"]
    system = named(ADDRESSES)
    stranger("127.0.0.9", worker_at(system, ADDRESSES[0]).url.rsplit(":", 1)[1])
    assert "theirs" not in requests.get(f"{system.url}/datasets", timeout=60).text
    (tmp_path / "catalog").rename(tmp_path / "catalog-before")
    shutil.copytree(tmp_path / "other" / "catalog", tmp_path / "catalog")
    theirs = f"{system.url}/datasets/theirs/kerchunk/.zmetadata"
    until(lambda: requests.get(theirs, timeout=60).status_code == 200, seconds=90)
    until(lambda: pools(system)["default"]["members_up"] == 3)
    assert any("taken for ours" in record["message"] for record in system.front.log.records())
