"""`make chaos`. Environment: CHAOS_SECONDS of the whole run (180), CHAOS_PHASES, CHAOS_RESULT (the file of figures),
CHAOS_RATE (requests a second; a part of what the quiet system can do if not given)."""

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from chaos import bounds, data, expected, load, measure, members, redis, report, storage, watch
from chaos.scene import LONG, Phase, Scene
from cluster import local, network
from harness.paths import REPOSITORY

os.environ.setdefault("BINARY_UNDER_TEST", str(REPOSITORY / "target" / "release" / "cloudify"))
PHASES = {phase.name: phase for phase in [*members.PHASES, *redis.PHASES, *storage.PHASES]}
OURS = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
"""Gives a network, mounts and processes of our own: whatever happens, all is gone when it ends."""
SHARE = 0.4
"""Of what the quiet system can do, what the load asks for: a fault is seen, not the machine's limit."""
SETTLE_SECONDS = 2


def isolate() -> None:
    """Runs this program again with a network of its own, where the rights allow it."""
    command = OURS if os.geteuid() == 0 else [*OURS, "--map-root-user"]
    if subprocess.run([*command, "true"], capture_output=True).returncode:
        print("no rights for network namespaces: no links are cut, no disks filled", flush=True)
        return
    os.environ["CHAOS_ISOLATED"] = "1"
    os.execvp(command[0], [*command, "--", sys.executable, "-m", "chaos"])


def chosen(isolated: bool) -> list[Phase]:
    """The phases that are wanted and can be done. Each run begins quiet."""
    wanted = os.environ.get("CHAOS_PHASES", ",".join(PHASES)).split(",")
    phases = [PHASES["quiet"], *(PHASES[name] for name in wanted if name != "quiet")]
    for phase in phases:
        if phase.needs and not isolated:
            print(f"{phase.name} is left out: it needs {phase.needs}")
    return [phase for phase in phases if isolated or not phase.needs]


def begin(folder: pathlib.Path, isolated: bool) -> Scene:
    """Starts the cluster and registers everything."""
    sources = data.make(folder / "data")
    disks = {}
    if isolated:
        network.prepare()
        sizes = {"catalog": "32m"} | {f"worker{number}": "8m" for number in range(4)}
        disks = {name: storage.mount(folder / "disks" / name, size) for name, size in sizes.items()}
    catalog = disks.get("catalog", folder) / "catalog"
    temporary = {name: place for name, place in disks.items() if name != "catalog"}
    plan = local.Plan(folder / "cluster", [folder / "data"], catalog, bounds.CONFIG, linked=isolated, temporary=temporary)
    cluster = local.start(plan)
    for dataset in ("small", "large", "changing"):
        cluster.system.register(dataset, *getattr(sources, dataset))
    # Gateways look at the catalog once a second.
    time.sleep(1.5)
    return Scene(cluster, sources, folder, disks, time.monotonic())


def run_phase(scene: Scene, phase: Phase, seconds: float, clients: load.Load, normal: float) -> list[dict]:
    """Breaks the scene under a load of its own, so that no request is of two phases; the figures."""
    begin = time.monotonic()
    scene.tell(f"{phase.name}: {' '.join(phase.act.__doc__.split())}")
    changed = phase.act(scene, seconds)
    time.sleep(SETTLE_SECONDS)
    end = time.monotonic()
    clients.stop()
    faults = [event.at for event in scene.events if event.is_fault and event.at >= begin]
    found = {"name": phase.name, "begin": begin - scene.begin}
    found |= measure.figures(clients.records(), begin, end, faults, normal) | {"failed": clients.failures()}
    found["memory_bytes"] = watch.resident(scene.cluster)
    return [found, {"name": "changed files", "begin": found["begin"], **changed}] if changed else [found]


def run(folder: pathlib.Path, phases: list[Phase], seconds: float, isolated: bool) -> dict:
    """Everything; what it found."""
    scene = begin(folder, isolated)
    try:
        url = scene.cluster.url
        known = expected.of_archives(url, scene.sources)
        able = load.capacity(url, known, folder / "load", 3)
        rate = float(os.environ.get("CHAOS_RATE", SHARE * able))
        print(f"{len(known)} URLs whose answers are known; the quiet system answers {able:.0f} a second, {rate:.0f} are asked")
        before, done, beside = watch.settled(scene.cluster), [], watch.Watch(scene.cluster)
        scene.begin = time.monotonic()
        for phase in phases:
            clients = load.start(phase.name, url, known, folder / "load", rate)
            normal = done[0]["requests_per_second"] if done else 0
            beside.machine_stall()
            found = run_phase(scene, phase, phase.seconds * seconds / LONG, clients, normal)
            stall = beside.machine_stall()
            done += [one | {"machine_stall_seconds": stall} for one in found]
        beside.stop()
        sizes = {"before": before, "after": watch.settled(scene.cluster), "largest": beside.peaks}
    finally:
        scene.cluster.stop()
    growth = {name: size - before[name] for name, size in sizes["after"].items()}
    events = [dataclasses.asdict(event) | {"at": round(event.at - scene.begin, 2)} for event in scene.events]
    broken = bounds.broken(done, growth, scene.versions)
    return {"total": report.total(done), "phases": done, "memory_bytes": sizes, "broken_bounds": broken, "events": events}


def main() -> int:
    isolated = "CHAOS_ISOLATED" in os.environ
    if not isolated:
        isolate()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    target = REPOSITORY / "target" / "chaos"
    folder = pathlib.Path(os.environ.get("CHAOS_FOLDER", target / "run"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    seconds = float(os.environ.get("CHAOS_SECONDS", "180"))
    found = run(folder, chosen(isolated), seconds, isolated)
    result = pathlib.Path(os.environ.get("CHAOS_RESULT", folder.parent / "chaos.json"))
    result.write_text(json.dumps(found, indent=1))
    print("\n" + report.table([*found["phases"], {"name": "in all", **total_row(found)}]))
    print(report.kinds(found["phases"]))
    print("\n" + report.memory(*(found["memory_bytes"][name] for name in ("before", "after", "largest"))))
    print("\n" + ("\n".join(f"BROKEN {text}" for text in found["broken_bounds"]) or "all bounds hold"))
    print(f"figures, events and failures: {result}; logs: {folder}")
    return 1 if found["broken_bounds"] else 0


def total_row(found: dict) -> dict:
    """The sums as a line of the table."""
    return found["total"] | {"recovery_seconds": [found["total"]["recovery_seconds"]]}


sys.exit(main())
