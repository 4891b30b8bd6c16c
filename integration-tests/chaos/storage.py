"""Phases that fill disks and change source files."""

import os
import pathlib
import shutil
import subprocess
import time

import requests

from chaos import data, load, measure
from chaos.expected import Expected, of_changing
from chaos.scene import Phase, Scene
from harness.paths import binary
from harness.server import Failed

RATE = 40
"""Requests a second for files that are changed."""
REFUSALS = [409, 410, 500, 502, 503, 504]
"""Answers that are right where a source is not what was registered."""
HEAL_SECONDS = 10


def fill_disks(scene: Scene, seconds: float) -> None:
    """The temporary directories of workers are full, then the catalog's disk: nothing can be published, all is served."""
    each = seconds / 2
    workers = [name for name in scene.disks if name != "catalog"]
    scene.fault("fill the disks for temporary files of the workers", lambda: [fill(scene.disks[name]) for name in workers])
    time.sleep(each)
    scene.mend("they have room", lambda: [empty(scene.disks[name]) for name in workers])
    scene.fault("fill the disk of the catalog", lambda: fill(scene.disks["catalog"]))
    refused = scene.cluster.system.command("register", "--replace", "small", *scene.sources.small)
    if refused.returncode == 0:
        raise Failed("a registration succeeded on a full disk")
    scene.tell(f"a registration is refused: {refused.stderr.strip().splitlines()[-1][:150]}")
    time.sleep(each)
    scene.mend("it has room", lambda: empty(scene.disks["catalog"]))
    scene.publish("small", *scene.sources.small)
    scene.tell("a registration succeeds")


def fill(place: pathlib.Path) -> None:
    """Writes until nothing more fits."""
    with (place / "filling").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass


def empty(place: pathlib.Path) -> None:
    (place / "filling").unlink()


def truncate(path: pathlib.Path, number: int, values: int) -> None:
    os.truncate(path, path.stat().st_size // 3)


def replace(path: pathlib.Path, number: int, values: int) -> None:
    """Another file takes its name."""
    data.another(path.with_suffix(".other"), number, values).rename(path)


def overwrite(path: pathlib.Path, number: int, values: int) -> None:
    """Other bytes at the same places of the same file."""
    other = data.another(path.with_suffix(".other"), number, values)
    with path.open("r+b") as file:
        file.write(other.read_bytes())
    other.unlink()


def remove(path: pathlib.Path, number: int, values: int) -> None:
    path.unlink()


CHANGES = [truncate, replace, overwrite, remove]


def change_sources(scene: Scene, seconds: float) -> dict:
    """Files are changed, each in another way, put back and registered again. Nobody may be given other bytes for the old."""
    expected, rounds = of_changing(scene.cluster.url, scene.sources), max(1, round(seconds / 5))
    clients = load.start(
        "changing", scene.cluster.url, expected, scene.folder / "load", RATE, processes=1, connections=8, refusals=REFUSALS
    )
    begin, files = time.monotonic(), scene.sources.changing
    for turn in range(rounds):
        kept = [shutil.copy2(path, path.with_suffix(".kept")) for path in files]
        for number, path in enumerate(files):
            change = CHANGES[(turn + number) % len(CHANGES)]
            scene.tell(f"{change.__name__} {path.name}")
            change(path, number, turn + 1)
        time.sleep(seconds / rounds / 2)
        for copy, path in zip(kept, files, strict=True):
            os.replace(copy, path)
        scene.publish("changing", *files)
        scene.tell("they are put back and registered again")
        time.sleep(seconds / rounds / 2)
    _heals(scene, expected)
    clients.stop()
    return measure.figures(clients.records(), begin, time.monotonic(), [], 0) | {"failed": clients.failures()}


def _heals(scene: Scene, expected: list[Expected]) -> None:
    """Once the files are what they were, every answer is the right one."""
    deadline = time.monotonic() + HEAL_SECONDS
    waiting = expected
    while waiting:
        waiting = [one for one in waiting if requests.get(scene.cluster.url + one.path, timeout=60).status_code != one.status]
        if waiting and time.monotonic() > deadline:
            raise Failed(f"{waiting[0].path} did not heal within {HEAL_SECONDS} s of its registration")


def publish(scene: Scene, seconds: float) -> None:
    """New versions are published again and again, while workers are killed: each request is answered by one or another."""
    deadline, workers, number = time.monotonic() + seconds, scene.cluster.workers, 0
    while time.monotonic() < deadline:
        command = [binary(), "register", "--server", scene.cluster.gateways[0].url, "--replace", "small", *scene.sources.small]
        registering = subprocess.Popen(
            command, env=scene.cluster.system.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        worker = workers[number % len(workers)]
        if number % 2:
            time.sleep(0.1)
            worker.kill()
            scene.tell(f"{worker.name} is killed during a registration")
        _, errors = registering.communicate(timeout=60)
        last = errors.strip().splitlines()[-1:] or [""]
        scene.versions += registering.returncode == 0
        scene.tell("a version is published" if registering.returncode == 0 else f"a registration failed: {last[0][:150]}")
        if not worker.running():
            worker.start()
        time.sleep(1)
        number += 1


def lose_catalog(scene: Scene, seconds: float) -> None:
    """The catalog's directory is empty for a while, as where a file system is not mounted, and a gateway starts meanwhile:
    errors, but nothing is missing."""
    catalog, gateway = scene.cluster.system.catalog, scene.cluster.gateways[1]
    away = catalog.with_name("away")
    catalog.rename(away)
    catalog.mkdir()
    scene.tell("the catalog's directory is empty")
    time.sleep(seconds / 3)
    gateway.kill()
    scene.mend("gateway1 is started again", gateway.start)
    time.sleep(seconds / 3)
    shutil.rmtree(catalog)
    away.rename(catalog)
    scene.tell("the catalog is back", True)
    time.sleep(seconds / 3)


def mount(place: pathlib.Path, size: str) -> pathlib.Path:
    """A file system of this size in memory."""
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "chaos", place], check=True)
    return place


PHASES = [
    Phase("publish", 12, publish),
    Phase("lose-catalog", 8, lose_catalog),
    Phase("fill-disks", 12, fill_disks, "disks"),
    Phase("change-sources", 20, change_sources),
]
