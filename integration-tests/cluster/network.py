"""Links that can be cut: each member has a network of its own, joined to ours by a pair of virtual interfaces.

Needs a network namespace that is ours alone, with the rights of root in it: `unshare --net`.
"""

import os
import pathlib
import subprocess
import time

NET = "198.18"
"""Set aside for tests of networks (RFC 2544)."""
WITH_US = ("setpriv", "--pdeathsig", "TERM", "--")
"""The command that runs another, which ends when this process does, however that ends."""


class Link:
    """One member's network. `here` and `there` are the addresses of its two ends."""

    def __init__(self, number: int):
        self.here, self.there = f"{NET}.{number}.1", f"{NET}.{number}.2"
        self.interface, self.peer = f"link{number}", f"peer{number}"
        self.holder = subprocess.Popen([*WITH_US, "unshare", "--net", "sleep", "infinity"])
        while network_of(self.holder.pid) == network_of("self"):
            time.sleep(0.005)
        run("ip", "link", "add", self.interface, "type", "veth", "peer", "name", self.peer)
        run("ip", "link", "set", self.peer, "netns", str(self.holder.pid))
        run("ip", "addr", "add", f"{self.here}/30", "dev", self.interface)
        run("ip", "link", "set", self.interface, "up")
        run(*self.inside, "ip", "addr", "add", f"{self.there}/30", "dev", self.peer)
        run(*self.inside, "ip", "link", "set", "lo", "up")
        self.mend()

    @property
    def inside(self) -> tuple[str, ...]:
        """The command that runs another in this network."""
        return ("nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--")

    def cut(self) -> None:
        """Packets vanish, both ways. Only the far end is set down: a route to it remains, so that nobody is told."""
        run(*self.inside, "ip", "link", "set", self.peer, "down")

    def mend(self) -> None:
        """Packets pass, also to the other members, which are reached through us."""
        run(*self.inside, "ip", "link", "set", self.peer, "up")
        run(*self.inside, "ip", "route", "replace", "default", "via", self.here)

    def throttle(self, rate: str) -> None:
        """No more than `rate`, such as `2mbit`, passes each way."""
        limit = ("root", "tbf", "rate", rate, "burst", "16kb", "latency", "500ms")
        run("tc", "qdisc", "replace", "dev", self.interface, *limit)
        run(*self.inside, "tc", "qdisc", "replace", "dev", self.peer, *limit)

    def release(self) -> None:
        """Ends `throttle`."""
        run("tc", "qdisc", "del", "dev", self.interface, "root")
        run(*self.inside, "tc", "qdisc", "del", "dev", self.peer, "root")

    def close(self) -> None:
        self.holder.kill()
        self.holder.wait()


def prepare() -> None:
    """Makes a new network namespace usable: its loopback is down at first, and packets stay where they are."""
    run("ip", "link", "set", "lo", "up")
    pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def network_of(process) -> str:
    """Which network namespace a process is in."""
    return os.readlink(f"/proc/{process}/ns/net")


def run(*command: str) -> None:
    """Runs a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
