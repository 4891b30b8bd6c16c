"""Phases that kill, pause and cut off members."""

import subprocess
import sys
import time

from chaos.scene import Phase, Scene, by_turns

KILL_SECONDS = 5
"""From one killed worker to the next."""


def quiet(scene: Scene, seconds: float) -> None:
    """Nothing is broken."""
    time.sleep(seconds)


def kill_workers(scene: Scene, seconds: float) -> None:
    """One of four ends as by a crash, again and again, and comes back."""
    _kill(scene, scene.cluster.workers, seconds)


def kill_gateways(scene: Scene, seconds: float) -> None:
    """One of two ends as by a crash. What it was answering is lost."""
    _kill(scene, scene.cluster.gateways, seconds)


def _kill(scene: Scene, processes: list, seconds: float) -> None:
    for process, half in by_turns(processes, seconds, KILL_SECONDS):
        deadline = time.monotonic() + 2 * half
        scene.fault(f"kill {process.name}", process.kill)
        time.sleep(half)
        scene.mend(f"{process.name} is back", process.start)
        time.sleep(max(0, deadline - time.monotonic()))


def drain_workers(scene: Scene, seconds: float) -> None:
    """One of four is asked to end, as for an upgrade, and comes back."""
    for process, half in by_turns(scene.cluster.workers, seconds, KILL_SECONDS):
        scene.fault(f"drain {process.name}", process.terminate)
        time.sleep(half)
        scene.mend(f"{process.name} is back", lambda process=process: (process.stop(), process.start()))
        time.sleep(half)


def pause_workers(scene: Scene, seconds: float) -> None:
    """One of four does nothing for some seconds, its connections open."""
    for process, half in by_turns(scene.cluster.workers, seconds, 8):
        scene.fault(f"pause {process.name}", lambda process=process: scene.pause(process))
        time.sleep(half)
        scene.mend(f"{process.name} goes on", lambda process=process: scene.go_on(process))
        time.sleep(half)


def cut_links(scene: Scene, seconds: float) -> None:
    """The network between one of four workers and all others is gone for some seconds."""
    workers = [name for name in scene.cluster.links if name != "redis"]
    for name, half in by_turns(workers, seconds, 8):
        link = scene.cluster.links[name]
        scene.fault(f"cut the link of {name}", link.cut)
        time.sleep(half)
        scene.mend(f"mend the link of {name}", link.mend)
        time.sleep(half)


def slow_links(scene: Scene, seconds: float) -> None:
    """The network of one of four workers is slow for some seconds: it answers, but late."""
    workers = [name for name in scene.cluster.links if name != "redis"]
    for name, half in by_turns(workers, seconds, 10):
        link = scene.cluster.links[name]
        scene.fault(f"throttle the link of {name} to 4 Mbit/s", lambda link=link: link.throttle("4mbit"))
        time.sleep(half)
        scene.mend(f"release the link of {name}", link.release)
        time.sleep(half)


def lose_all_workers(scene: Scene, seconds: float) -> None:
    """All workers are gone, a gateway starts that has never met one, then they are back: errors, but nothing is missing."""
    workers, gateway = scene.cluster.workers, scene.cluster.gateways[1]
    for worker in workers:
        worker.kill()
    scene.tell("all workers are killed")
    time.sleep(seconds / 4)
    gateway.kill()
    scene.mend("gateway1 is started again", gateway.start)
    time.sleep(seconds / 4)
    for worker in workers:
        worker.start()
    scene.tell("all workers are back", True)
    time.sleep(seconds / 2)


def replace_by_stranger(scene: Scene, seconds: float) -> None:
    """Where a worker listened, a web server does that knows nothing of it and answers 404, as where addresses are used again."""
    for worker, half in by_turns(scene.cluster.workers, seconds, KILL_SECONDS):
        worker.kill()
        host, _, port = worker.address.rpartition(":")
        command = [*worker.prefix, sys.executable, "-m", "http.server", "--bind", host, port]
        stranger = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=scene.folder / "load")
        scene.tell(f"a stranger listens in place of {worker.name}", True)
        time.sleep(half)
        stranger.kill()
        stranger.wait()
        scene.mend(f"{worker.name} is back", worker.start)
        time.sleep(half)


PHASES = [
    Phase("quiet", 12, quiet),
    Phase("kill-workers", 30, kill_workers),
    Phase("drain-workers", 10, drain_workers),
    Phase("pause-workers", 16, pause_workers),
    Phase("cut-links", 16, cut_links, "links"),
    Phase("slow-links", 10, slow_links, "links"),
    Phase("kill-gateways", 10, kill_gateways),
    Phase("lose-workers", 10, lose_all_workers),
    Phase("strangers", 10, replace_by_stranger),
]
