"""Phases that break Redis."""

import time

from chaos.scene import Phase, Scene


def kill(scene: Scene, seconds: float) -> None:
    """It is gone, and comes back empty."""
    redis = scene.cluster.redis
    scene.fault("kill Redis", redis.kill)
    time.sleep(seconds / 2)
    scene.mend("Redis is back, empty", redis.start)
    time.sleep(seconds / 2)


def block(scene: Scene, seconds: float) -> None:
    """It takes connections and commands, and does not answer."""
    redis, each = scene.cluster.redis, seconds / 4
    scene.fault("Redis pauses its clients", lambda: redis.ask("CLIENT", "PAUSE", str(round(each * 1000)), "ALL"))
    time.sleep(2 * each)
    scene.fault("Redis does nothing at all", lambda: redis.begin("DEBUG", "SLEEP", f"{each:.1f}"))
    time.sleep(2 * each)
    redis.ask("PING")


def refuse(scene: Scene, seconds: float) -> None:
    """It is full, then it is a replica and takes no writes, then it is emptied."""
    redis, each = scene.cluster.redis, seconds / 3
    scene.fault("Redis is full", lambda: redis.ask("CONFIG", "SET", "maxmemory", "1"))
    time.sleep(each)
    scene.mend("Redis has room", lambda: redis.ask("CONFIG", "SET", "maxmemory", "0"))
    scene.fault("Redis is read-only", lambda: redis.ask("REPLICAOF", "127.0.0.1", "1"))
    time.sleep(each)
    scene.mend("Redis takes writes", lambda: redis.ask("REPLICAOF", "NO", "ONE"))
    scene.fault("Redis is emptied", lambda: redis.ask("FLUSHALL"))
    time.sleep(each)


def cut(scene: Scene, seconds: float) -> None:
    """The network to it is gone."""
    link = scene.cluster.links["redis"]
    scene.fault("cut the link of Redis", link.cut)
    time.sleep(seconds / 2)
    scene.mend("mend the link of Redis", link.mend)
    time.sleep(seconds / 2)


PHASES = [
    Phase("redis-kill", 12, kill),
    Phase("redis-block", 12, block),
    Phase("redis-refuse", 9, refuse),
    Phase("redis-cut", 10, cut, "links"),
]
