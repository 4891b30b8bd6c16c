"""Workers that end and start anew, all or nearly all at once: requests wait, or find the one that is left."""

import concurrent.futures
import signal

import requests

from harness.pools import WORKER_GONE, archive, asked_all_the_time, keys, pools, until  # noqa: F401 a fixture

UNCACHED = "[cache]\nbytes_max = 0\n[evaluate]\ncache_bytes_max = 0\n"
TOO_SLOW = r"calls did not finish in time"


def all_up(system) -> None:
    until(lambda: pools(system)["default"]["members_up"] == len(system.workers))


def computed(system) -> list[str]:
    return keys(system, store="view/bitround=5/zarr")


def test_a_worker_that_drains_waits_for_no_idle_connection(start, archive, allowed_log):
    allowed_log += WORKER_GONE
    system = start("two-process", workers=1)
    system.register("large", archive / "large.nc")
    assert requests.get(f"{system.url}/datasets/large/kerchunk/v/0", timeout=60).ok
    worker = system.workers[0]
    worker.child.send_signal(signal.SIGTERM)
    worker.child.wait(60)
    assert not [record for record in worker.log.records(0) if TOO_SLOW in record.get("message", "")]


def test_chunks_that_are_made_wait_for_workers_that_are_all_started_again(start, archive, allowed_log):
    allowed_log += WORKER_GONE
    system = start("two-process", workers=2, config=UNCACHED)
    system.register("small", archive / "small.nc")
    all_up(system)
    with asked_all_the_time(computed(system), 8) as answered:
        for _ in range(8):
            begun = len(answered)
            until(lambda begun=begun: len(answered) > begun + 20)
            for worker in system.workers:
                worker.kill()
            for worker in system.workers:
                worker.start_again()


def test_the_one_worker_that_is_left_of_many_answers(start, archive, allowed_log):
    allowed_log += WORKER_GONE
    system = start("two-process", workers=5, config=UNCACHED)
    system.register("small", archive / "small.nc")
    all_up(system)
    with asked_all_the_time([*computed(system), *keys(system)], 8) as answered:
        for left in range(5):
            begun = len(answered)
            until(lambda begun=begun: len(answered) > begun + 20)
            lost = [worker for number, worker in enumerate(system.workers) if number != left]
            for worker in lost:
                worker.child.send_signal(signal.SIGKILL)
            for worker in lost:
                worker.child.wait()
                worker.start_again()
            all_up(system)


def test_changes_of_the_catalog_wait_for_a_worker_that_is_started_again(start, archive, allowed_log):
    allowed_log += WORKER_GONE
    system = start("two-process", workers=1)
    system.register("small", archive / "small.nc")
    worker = system.workers[0]
    worker.kill()
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(system.command, "register", "again", archive / "small.nc")
        worker.start_again()
        done = waiting.result()
    assert done.returncode == 0, done.stderr
    assert requests.get(f"{system.url}/datasets", timeout=30).json() == ["small", "again"]
