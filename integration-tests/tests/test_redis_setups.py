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


@pytest.mark.parametrize("how", ["killed", "demoted", "frozen"])
def test_sentinel_and_its_failover(sentinel, start, source, expected, how):
    running = sentinel()
    system = start("two-process", config=settings(f'sentinels = ["{running.url}"]\n', NO_MEMORY))
    system.register("v", source)
    trouble = {"killed": running.master.kill, "demoted": running.fail_over, "frozen": running.master.freeze}[how]
    fails_over(system, running, expected, trouble)
    if how == "frozen":
        # The old master wakes and takes itself for the master until the Sentinel tells it.
        running.master.thaw()
        for _ in range(3):
            assert chunks(system) == expected


@pytest.mark.parametrize("has_tls", [False, True])
@pytest.mark.parametrize("user", ["default", "cloudify"])
def test_sentinel_of_servers_with_a_password(sentinel, start, source, expected, tmp_path, monkeypatch, user, has_tls):
    """The servers want a password; the Sentinel, which gives none away, does not. TLS, where it is, is of all of them."""
    tls = certificates(tmp_path / "tls") if has_tls else None
    if tls is not None:
        # `ca_file` is for one server: here the system's authorities are asked, and this names them.
        monkeypatch.setenv("SSL_CERT_FILE", str(tls / "ca.pem"))
    running = sentinel(tls=tls, password="s3cret-word")
    login = 'password = "s3cret-word"\n'
    if user != "default":
        login = f'username = "{user}"\n{login}'
        for server in (running.master, running.replica):
            server.cli("ACL", "SETUSER", user, "on", ">s3cret-word", *RIGHTS.split(), "+role")
    system = start("two-process", config=settings(f'sentinels = ["{running.url}"]\n{login}', NO_MEMORY))
    system.register("v", source)
    fails_over(system, running, expected, running.master.kill)
    assert all("s3cret" not in process.log.path.read_text() for process in system.processes)


def test_sentinels_with_a_password_of_their_own(sentinel, start, source, expected):
    running = sentinel(password="s3cret-word", own_password="s3cret-other")
    login = f'sentinels = ["{running.url}"]\npassword = "s3cret-word"\nsentinel_password = "s3cret-other"\n'
    system = start("two-process", config=settings(login, NO_MEMORY))
    system.register("v", source)
    fails_over(system, running, expected, running.master.kill)
    assert all("s3cret" not in process.log.path.read_text() for process in system.processes)


def test_who_has_not_the_password_goes_without(sentinel, start, source, expected):
    running = sentinel(password="s3cret-word")
    system = start("two-process", config=settings(f'sentinels = ["{running.url}"]\npassword = "another"\n', NO_MEMORY))
    system.register("v", source)
    for _ in range(3):
        assert chunks(system) == expected
    assert came_from(system, "redis") == 0 and running.master.keys("cloudify:*") == []


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
