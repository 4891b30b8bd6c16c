"""Redis with users, TLS, Sentinel and as a Cluster: answers are those without it, and each setup is used."""

import contextlib
import json
import time

import pytest
import requests

from harness.redis import Cluster, Sentinel, certificates
from harness.tier import (  # noqa: F401 fixtures are used by their names
    COUNT, NO_MEMORY, announced, came_from, chunks, expected, expected_trouble, filled, metric, redis, settings, source, until,
)

RIGHTS = (
    "resetkeys ~cloudify:* ~{cloudify:workers}* resetchannels &cloudify:* -@all "
    "+get +set +del +exists +mget +psetex +zadd +zrange +zrem +zremrangebyscore +publish +subscribe +ping +info +unwatch"
)
"""As in docs/decisions/0019-redis-tier.md."""


def test_a_user_with_few_rights_is_enough(start, redis, source, expected, allowed_log):
    running = redis()
    running.cli("ACL", "SETUSER", "cloudify", "on", ">s3cret-word", *RIGHTS.split())
    running.cli("ACL", "SETUSER", "default", "off")
    running.password = ""
    config = settings(running.url, 'username = "cloudify"\npassword = "s3cret-word"\n', NO_MEMORY)
    system = start("two-process", config=config)
    system.register("v", source)
    for _ in range(3):
        assert chunks(system) == expected
        time.sleep(0.3)
    until(lambda: metric(system.front, 'redis_writes_total{outcome="written"}') >= COUNT)
    before = came_from(system, "redis")
    assert chunks(system) == expected and came_from(system, "redis") > before
    # Nothing of what was asked was refused, and nothing of it was told.
    refused = [metric(system.front, f'redis_questions_total{{outcome="{outcome}"}}') for outcome in ("failed", "refused")]
    assert refused == [0, 0]
    assert all("s3cret" not in process.log.path.read_text() for process in system.processes)


def test_tls_with_an_authority_of_its_own(start, redis, source, expected, tmp_path):
    tls = certificates(tmp_path / "tls")
    running = redis(tls=tls)
    system = start("two-process", config=settings(running.url, f'ca_file = "{tls}/ca.pem"\n', NO_MEMORY))
    system.register("v", source)
    filled(system, running, expected)
    # Who does not know the authority does not speak to it.
    other = start("two-process", config=settings(running.url, NO_MEMORY), catalog=system.catalog)
    assert chunks(other) == expected and came_from(other, "redis") == 0


@pytest.fixture
def sentinel(tmp_path):
    """Starts Sentinel and what it watches; those stop after the systems that ask them."""
    with contextlib.ExitStack() as stack:

        def begin(**options):
            running = Sentinel(tmp_path, **options)
            stack.callback(running.stop)
            return running

        yield begin


def test_sentinel_and_its_failover(sentinel, start, source, expected):
    running = sentinel()
    system = start("two-process", config=settings(f'sentinels = ["{running.url}"]\n', NO_MEMORY))
    system.register("v", source)
    fails_over(system, running, expected, running.master.kill)


def fails_over(system, running, expected, trouble):
    """Chunks, word of changes and all go by the other server once the master is not it any more."""

    def hears(server):
        return server.cli("PUBSUB", "NUMSUB", "cloudify:changes").split()[1] == "1"

    filled(system, running.master, expected)
    until(lambda: hears(running.master))
    trouble()

    def is_another_master():
        assert chunks(system) == expected
        said = running.replica.cli("INFO", "replication")
        return "role:master" in said and metric(system.front, "redis_is_asked") == 1

    until(is_another_master, 60)
    # What was copied before is no sign that anybody writes there.
    running.replica.cli("FLUSHALL")
    filled(system, running.replica, expected)
    until(lambda: hears(running.replica))


@pytest.fixture
def cluster(tmp_path):
    """A Cluster, which stops after the systems that ask it."""
    running = Cluster(tmp_path)
    yield running
    running.stop()


def test_a_cluster(cluster, start, source, expected, tmp_path):
    system = start("two-process", config=settings(f"cluster = {json.dumps(cluster.urls)}\n", NO_MEMORY))
    system.register("v", source)
    filled(system, cluster, expected)
    announced(start, cluster, f"cluster = {json.dumps(cluster.urls)}\n", tmp_path)
    cluster.nodes[0].kill()
    for _ in range(3):
        assert chunks(system) == expected
