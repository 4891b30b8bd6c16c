"""Limits and fairness: nobody's requests cost others theirs, and a refusal says when to come again."""

import contextlib
import hashlib
import threading

import netCDF4
import numpy as np
import pytest
import requests
import xarray

from harness import raw_http, samples

KINDS = ["serve", "two-process"]
BEHIND_PROXY = 'trusted_proxies = ["127.0.0.0/8"]\n'
SEVERE = "[limits.network]\nrequests_per_second = 0.01\nrequests_burst = 2\n"


@pytest.fixture(autouse=True)
def busy(allowed_log):
    """On a machine that is busy with the test a worker may be taken for silent; answers are looked at."""
    allowed_log.append(r"a worker is left alone|the worker is silent|another worker is asked")


def large(path, megabytes=100, count=2):
    """Chunks of so many MB that cannot be compressed."""
    dice = np.random.default_rng(4)
    size = megabytes * 1_000_000 // 4
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("t", count)
        file.createDimension("x", size)
        variable = file.createVariable("data", "i4", ("t", "x"), chunksizes=(1, size))
        for step in range(count):
            variable[step] = dice.integers(-(2**31), 2**31, size, dtype="i4")
    return path


def refused(answer, status):
    """Whether an answer refuses as every refusal should."""
    assert answer.status_code == status, answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.headers["access-control-allow-origin"] == "*"
    return True


@contextlib.contextmanager
def taking_nothing(url, target, count, *headers):
    """Clients that ask and then take next to nothing of their answers."""
    with contextlib.ExitStack() as opened:
        for _ in range(count):
            connection = opened.enter_context(raw_http.connect(url, receive_buffer=4096))
            connection.sendall(raw_http.request(target.encode(), b"GET", *headers))
            assert connection.recv(12) == b"HTTP/1.1 200"
        yield


@pytest.mark.parametrize("kind", KINDS)
def test_a_rate_delays_and_does_not_refuse(start, copy, kind):
    system = start(kind, config="[limits.network]\nrequests_per_second = 20\nrequests_burst = 5\n")
    system.register("nemo", copy(samples.NEMO[0]))
    with requests.Session() as session:
        statuses = [session.get(f"{system.kerchunk('nemo')}/tos/.zarray").status_code for _ in range(40)]
    assert statuses == [200] * 40
    metrics = requests.get(f"{system.url}/metrics").text
    assert "cloudify_requests_limited_total 0" in metrics


@pytest.mark.parametrize("kind", KINDS)
def test_what_would_wait_for_too_long_is_refused_with_429_but_not_what_operators_ask(start, copy, kind):
    system = start(kind, config="[limits]\ndelay_seconds_max = 1\n" + SEVERE)
    system.register("nemo", copy(samples.NEMO[0]))
    url = f"{system.kerchunk('nemo')}/tos/.zarray"
    assert [requests.get(url).status_code for _ in range(2)] == [200, 200]
    assert refused(requests.get(url), 429)
    assert refused(requests.get(f"{system.kerchunk('nemo')}/tos/0.0.0"), 429), "never a 404"
    for path in ("/healthz/live", "/healthz/ready", "/metrics"):
        assert requests.get(system.url + path).status_code == 200
    # What administrators ask is not limited.
    assert system.command("ls", "nemo").returncode == 0
    assert "cloudify_requests_limited_total 2" in requests.get(f"{system.url}/metrics").text


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_are_limited_too(start, data, kind):
    large(data / "large.nc", 5)
    config = "[limits]\ndelay_seconds_max = 1\n[limits.network]\nbytes_per_second = 100_000\nbytes_burst = 6_000_000\n"
    system = start(kind, config=config)
    system.register("large", data / "large.nc")
    url = f"{system.kerchunk('large')}/data/0.0"
    assert [requests.get(url).status_code for _ in range(2)] == [200, 200], "what was owed is within the burst"
    assert refused(requests.get(url), 429)


def test_a_token_is_a_client_of_its_own(start, copy):
    system = start("serve", config="[limits]\ndelay_seconds_max = 0\n" + SEVERE)
    system.register("nemo", copy(samples.NEMO[0]))
    url = f"{system.kerchunk('nemo')}/tos/.zarray"
    assert [requests.get(url).status_code for _ in range(3)] == [200, 200, 429]
    token = {"Authorization": f"Bearer {system.environment['CLOUDIFY_ADMIN_TOKEN']}"}
    assert [requests.get(url, headers=token).status_code for _ in range(5)] == [200] * 5
    assert requests.get(url, headers={"Authorization": "Bearer invented"}).status_code == 429


def test_nobody_becomes_another_by_a_header(start, copy):
    system = start("serve", config="[limits]\ndelay_seconds_max = 0\n" + SEVERE)
    system.register("nemo", copy(samples.NEMO[0]))
    url = f"{system.kerchunk('nemo')}/tos/.zarray"
    names = ("X-Forwarded-For", "Forwarded", "X-Real-IP")
    statuses = [
        requests.get(url, headers={name: f"for=198.51.{number}.1" if name == "Forwarded" else f"198.51.{number}.1"}).status_code
        for number, name in enumerate(names * 2)
    ]
    assert statuses == [200, 200, 429, 429, 429, 429]


def test_a_trusted_proxy_says_who_asks_and_the_client_before_it_cannot(start, copy):
    system = start("serve", config="[limits]\ndelay_seconds_max = 0\n" + BEHIND_PROXY + SEVERE)
    system.register("nemo", copy(samples.NEMO[0]))
    url = f"{system.kerchunk('nemo')}/tos/.zarray"

    def ask(forwarded):
        return requests.get(url, headers={"X-Forwarded-For": forwarded}).status_code

    assert [ask(f"198.51.{number}.1") for number in range(6)] == [200] * 6
    assert [ask(f"198.51.100.{number}") for number in range(4)] == [200, 200, 429, 429], "one network"
    spoofed = [ask(f"192.0.{number}.1, 203.0.113.5") for number in range(4)]
    assert spoofed == [200, 200, 429, 429], "what the client itself put before is not believed"


def test_many_addresses_take_no_memory(start, copy):
    config = "[limits]\nclients_max = 1000\n" + BEHIND_PROXY + "[limits.network]\nrequests_per_second = 1000\n"
    system = start("serve", config=config)
    system.register("nemo", copy(samples.NEMO[0]))

    def ask(numbers):
        with raw_http.connect(system.url) as connection:
            for number in numbers:
                header = f"X-Forwarded-For: 10.{number >> 16}.{number >> 8 & 255}.{number & 255}".encode()
                head = raw_http.request(b"/datasets/nemo/kerchunk/tos/.zattrs", b"HEAD", header, close=False)
                connection.sendall(head)
                answer = b""
                while b"\r\n\r\n" not in answer:
                    answer += connection.recv(1 << 16)
                assert answer.startswith(b"HTTP/1.1 200"), answer

    ask(range(0, 256 * 2000, 256))
    before = system.front.resident_bytes()
    ask(range(256 * 2000, 256 * 22_000, 256))
    assert system.front.resident_bytes() - before < 10_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_queue_sheds_with_503_and_what_is_small_is_answered(start, data, kind, allowed_log):
    allowed_log.append("the server is busy")
    large(data / "large.nc", 20)
    system = start(kind, config="[limits]\nlarge_answers_max = 4\nqueue_max = 1\nqueue_seconds_max = 1\n")
    system.register("large", data / "large.nc")
    url = f"{system.kerchunk('large')}/data/1.0"
    with taking_nothing(system.url, "/datasets/large/kerchunk/data/0.0", 3):
        answers = []
        asking = [threading.Thread(target=lambda: answers.append(requests.get(url))) for _ in range(4)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        assert all(refused(answer, 503) for answer in answers)
        assert requests.get(url, headers={"Range": "bytes=0-999"}).status_code == 206
        for path in ("/healthz/live", "/healthz/ready", "/metrics", "/datasets/large/kerchunk/data/.zarray"):
            assert requests.get(system.url + path).status_code == 200
    assert requests.get(url).status_code == 200, "those that took nothing are gone"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("store", ["kerchunk", "view/codec=none/zarr"])
def test_who_takes_nothing_keeps_nobody_else_waiting(start, data, kind, store):
    large(data / "large.nc", 20)
    limits = "[limits]\nanswer_bytes_max = 100_000_000\nlarge_answers_max = 4\n"
    system = start(kind, config=limits + BEHIND_PROXY)
    system.register("large", data / "large.nc")
    target = f"/datasets/large/{store}/data/1.0"
    with netCDF4.Dataset(data / "large.nc") as file:
        expected = hashlib.sha256(file["data"][1].tobytes()).hexdigest()
    with taking_nothing(system.url, target, 3, b"X-Forwarded-For: 192.0.2.1"):
        for _ in range(3):
            answer = requests.get(system.url + target, headers={"X-Forwarded-For": "198.51.100.1"})
            assert hashlib.sha256(answer.content).hexdigest() == expected


def read_on(url, target, stop, statuses):
    """Reads one large chunk after another."""
    with requests.Session() as session:
        while not stop.is_set():
            answer = session.get(url + target, stream=True)
            statuses.append(answer.status_code)
            for _ in answer.iter_content(1 << 20):
                pass


@pytest.mark.parametrize("kind", KINDS)
def test_xarray_reads_without_a_fault_while_others_saturate_the_server(start, data, copy, kind):
    large(data / "large.nc", 8)
    system = start(kind, config="[limits]\nlarge_answers_max = 8\nanswer_bytes_max = 40_000_000\n")
    system.register("large", data / "large.nc")
    system.register("nemo", *(copy(path) for path in samples.NEMO))
    targets = ["/datasets/large/kerchunk/data/0.0", "/datasets/large/view/codec=none/zarr/data/1.0"]
    stop, statuses = threading.Event(), []
    bulk = [
        threading.Thread(target=read_on, args=(system.url, targets[number % 2], stop, statuses)) for number in range(24)
    ]
    for thread in bulk:
        thread.start()
    try:
        truth = np.concatenate(
            [xarray.open_dataset(path, decode_times=False)["tos"].values for path in samples.NEMO]
        )
        for store in ("kerchunk", "zarr"):
            url = f"{system.url}/datasets/nemo/{store}"
            with xarray.open_dataset(url, engine="zarr", chunks={}, decode_times=False) as read:
                np.testing.assert_array_equal(read["tos"].values, truth)
    finally:
        stop.set()
        for thread in bulk:
            thread.join()
    assert set(statuses) == {200}


def test_many_large_answers_take_bounded_memory_of_the_gateway(start, data, allowed_log):
    allowed_log.append("the server is busy")
    large(data / "large.nc", 100)
    system = start("two-process")
    system.register("large", data / "large.nc")
    target = "/datasets/large/view/codec=none/zarr/data/{}.0"
    stop = threading.Event()

    def take_slowly(number):
        with raw_http.connect(system.url, receive_buffer=65536) as connection:
            connection.settimeout(1)
            connection.sendall(raw_http.request(target.format(number % 2).encode()))
            while not stop.wait(0.2):
                with contextlib.suppress(TimeoutError):
                    connection.recv(65536)

    readers = [threading.Thread(target=take_slowly, args=(number,)) for number in range(256)]
    for reader in readers:
        reader.start()
    stop.wait(12)
    assert requests.get(f"{system.kerchunk('large')}/data/.zarray").status_code == 200
    stop.set()
    for reader in readers:
        reader.join()
    assert 100_000_000 < system.front.resident_bytes(peak=True) < 1_000_000_000
