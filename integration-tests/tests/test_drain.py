"""Ending and failing: SIGTERM drains, a dead worker is a 503 that heals, one of two workers is no failure."""

import threading
import time

import netCDF4
import numpy as np
import pytest
import requests

from harness import raw_http, samples

KINDS = ["serve", "two-process"]
WORKER_GONE = r"worker|connect|transport|[Uu]navailable|ready"


@pytest.fixture
def large(data):
    path = data / "large.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("x", 10_000_000)
        file.createVariable("data", "f4", ("x",), chunksizes=(10_000_000,))[:] = np.arange(10_000_000)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_sigterm_lets_answers_end_and_takes_no_more(start, large, kind):
    system = start(kind)
    system.register("large", large)
    with raw_http.connect(system.url, receive_buffer=65536) as connection:
        connection.sendall(raw_http.request(b"/datasets/large/kerchunk/data/0"))
        answer = connection.recv(1000)
        system.front.terminate()
        time.sleep(0.5)
        while piece := connection.recv(1 << 20):
            answer += piece
    body = answer.partition(b"\r\n\r\n")[2]
    assert body == np.arange(10_000_000, dtype="<f4").tobytes()
    # Not `stop`: a second SIGTERM would end it at once.
    assert system.front.child.wait(20) == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{system.url}/healthz/live")


@pytest.mark.parametrize("kind", KINDS)
def test_idle_connections_do_not_hold_up_the_end(start, kind):
    system = start(kind)
    idle = [raw_http.connect(system.url) for _ in range(20)]
    begin = time.monotonic()
    assert system.front.stop() == 0
    assert time.monotonic() - begin < 10
    for connection in idle:
        connection.close()


def test_a_dead_worker_is_503_with_retry_after_and_heals(start, copy, allowed_log):
    allowed_log.append(WORKER_GONE)
    system = start("two-process")
    system.register("nemo", copy(samples.NEMO[0]))
    url = f"{system.kerchunk('nemo')}/tos/0.0.0"
    whole = requests.get(url).content
    worker = system.workers[0]
    address = worker.address
    worker.kill()
    gone = requests.get(url, timeout=60)
    assert gone.status_code == 503
    assert int(gone.headers["Retry-After"]) > 0
    assert gone.headers["Access-Control-Allow-Origin"] == "*"
    assert gone.headers["Content-Type"].startswith("application/problem+json")
    assert address not in gone.text
    assert requests.get(f"{system.url}/healthz/live").status_code == 200
    assert requests.get(f"{system.url}/healthz/ready", timeout=60).status_code == 503
    worker.start_again()
    deadline = time.monotonic() + 30
    while requests.get(url, timeout=60).status_code != 200:
        assert time.monotonic() < deadline, "it never healed"
        time.sleep(0.2)
    assert requests.get(url).content == whole
    assert requests.get(f"{system.url}/healthz/ready").status_code == 200


def test_a_worker_that_hangs_is_no_404(start, copy, allowed_log):
    import signal

    allowed_log.append(WORKER_GONE + "|deadline|Deadline|timed out")
    system = start("two-process", config="[http]\nworker_timeout_seconds = 2\n")
    system.register("nemo", copy(samples.NEMO[0]))
    url = f"{system.kerchunk('nemo')}/tos/0.0.0"
    assert requests.get(url).status_code == 200
    system.workers[0].child.send_signal(signal.SIGSTOP)
    try:
        answer = requests.get(url, timeout=30)
        assert answer.status_code in (503, 504)
    finally:
        system.workers[0].child.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + 20
    while requests.get(url, timeout=30).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_one_of_two_workers_may_die_without_a_failed_answer(start, copy, allowed_log):
    allowed_log.append(WORKER_GONE)
    system = start("two-process", workers=2)
    system.register("awi", *[copy(path) for path in samples.SERIES["awi.Amon"]])
    url = system.kerchunk("awi")
    count = requests.get(f"{url}/ta/.zarray").json()
    chunks = [f"ta/{n}" + ".0" * (len(count["shape"]) - 1) for n in range(count["shape"][0] // count["chunks"][0])]
    expected = {key: requests.get(f"{url}/{key}").content for key in chunks}
    failures, stop = [], threading.Event()

    def read():
        with requests.Session() as session:
            while not stop.is_set():
                for key in chunks:
                    answer = session.get(f"{url}/{key}", timeout=60)
                    if answer.status_code != 200 or answer.content != expected[key]:
                        failures.append((key, answer.status_code))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    time.sleep(1)
    system.workers[0].kill()
    time.sleep(3)
    stop.set()
    for reader in readers:
        reader.join()
    assert failures == []


def test_a_worker_ends_gracefully_too(start, copy):
    system = start("two-process")
    system.register("nemo", copy(samples.NEMO[0]))
    assert system.front.stop() == 0
    assert system.workers[0].stop() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_health_and_metrics(start, copy, kind):
    system = start(kind)
    assert requests.get(f"{system.url}/healthz/live").status_code == 200
    assert requests.get(f"{system.url}/healthz/ready").status_code == 200
    system.register("nemo", copy(samples.NEMO[0]))
    requests.get(f"{system.kerchunk('nemo')}/tos/0.0.0")
    metrics = requests.get(f"{system.url}/metrics")
    assert metrics.status_code == 200
    assert metrics.headers["Content-Type"].startswith("text/plain")
    assert "# TYPE" in metrics.text
    import prometheus_client.parser

    families = list(prometheus_client.parser.text_string_to_metric_families(metrics.text))
    assert any("request" in family.name for family in families)
