"""Views that reduce a whole variable: ours, CDO, and the floor, a program that does nothing but one pass over the chunks.

The floor (`floor.rs`) inflates with the same library as we do. Each of our answers is a new server's first, from opening
the view to the last chunk, so that nothing is there from before; the client's own work is not counted. All must give the
same numbers.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import time
import urllib.parse

import netCDF4
import numpy as np

from bench import commands, data, goals, processes, spread, stores, view_chunks
from bench.commands import Cost
from harness import server
from harness.paths import REPOSITORY

CONNECTIONS = 4
LAT, LON = 100, 200
POINT, NEIGHBOUR = f"isel=lat:{LAT},lon:{LON}", f"isel=lat:{LAT + 1},lon:{LON + 1}"
ANSWERS = [
    ("Monthly climatology", "groupby=time.month:mean", "climatology", "ymonmean", True),
    ("Global means", "fldmean", "fldmean", "fldmean", False),
    ("Mean over time", "mean=time", "timmean", "timmean", False),
]
"""Title, our steps, the floor's mode, CDO's operator, and whether the climatology's bounds hold for it."""
TOLD = "240 × 721 × 1440 f4, shuffled and deflated, one chunk a step"
ROUNDING = {"rtol": 2.5e-7}
"""All sum doubles: a unit in the last place of a float is what may differ."""


def plan(folder: pathlib.Path, source: pathlib.Path) -> pathlib.Path:
    """Where the chunks are and what the rows weigh, for the floor."""
    import h5py

    with netCDF4.Dataset(source) as file:
        dates = netCDF4.num2date(file["time"][:], file["time"].units, file["time"].calendar)
        lat, columns = np.asarray(file["lat"][:]), len(file["lon"])
    between = (lat[1:] + lat[:-1]) / 2
    edges = np.clip([2 * lat[0] - between[0], *between, 2 * lat[-1] - between[-1]], -90, 90)
    with h5py.File(source) as file:
        found = [file["tas"].id.get_chunk_info_by_coord((step, 0, 0)) for step in range(len(dates))]
    chunks = [
        {"offset": chunk.byte_offset, "length": chunk.size, "month": date.month - 1}
        for chunk, date in zip(found, dates, strict=True)
    ]
    path = folder / "plan.json"
    path.write_text(json.dumps({
        "file": str(source),
        "columns": columns,
        "weights": np.abs(np.diff(np.sin(np.deg2rad(edges)))).tolist(),
        "cell": LAT * columns + LON,
        "chunks": chunks,
    }))
    return path


class Bench:
    """The file, the floor built, and a catalog with the dataset."""

    def __init__(self, folder: pathlib.Path):
        self.root, self.folder = folder, folder / "views"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.catalog = self.folder / "catalog"
        self.catalog.mkdir(parents=True)
        self.source = data.climate(folder / "climate.nc")
        self.plan = plan(self.folder, self.source)
        target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
        self.program = target / "release" / "examples" / "floor"
        build = ["cargo", "build", "--release", "--locked", "--quiet", "-p", "integration-tests", "--example", "floor"]
        subprocess.run(build, cwd=REPOSITORY, check=True)

    def floor(self, mode: str) -> tuple[Cost, np.ndarray]:
        result = self.folder / "floor.f4"
        cost = commands.run([self.program, mode, self.plan, result])
        return cost, np.fromfile(result, "<f4")

    def cdo(self, operator: str) -> tuple[Cost, np.ndarray]:
        result = self.folder / "cdo.nc"
        result.unlink(missing_ok=True)
        cost = commands.run(["cdo", "-s", operator, self.source, result])
        with netCDF4.Dataset(result) as file:
            return cost, np.asarray(file["tas"][:]).ravel()

    def register(self) -> None:
        system = self.start("register")
        try:
            system.register("bench", self.source)
        finally:
            system.stop()

    def start(self, name: str) -> server.Topology:
        return server.start("serve", self.folder / name, [self.root], catalog=self.catalog)

    def ours(self, *views: str) -> list[tuple[Cost, np.ndarray]]:
        """A new server, and views of it one after the other."""
        system = self.start("serve")
        try:
            return [self.answer(system, steps) for steps in views]
        finally:
            system.stop()

    def answer(self, system: server.Topology, steps: str) -> tuple[Cost, np.ndarray]:
        url = f"{system.url}/datasets/bench/view/{urllib.parse.quote(steps, safe='')}/zarr"
        pids = [process.pid for process in system.processes]
        cpu, machine, own = processes.cpu_seconds(pids), processes.machine_seconds(), time.process_time()
        begin = time.perf_counter()
        store = stores.fetch(url, CONNECTIONS)
        wall = time.perf_counter() - begin
        cpu, own = processes.cpu_seconds(pids) - cpu, time.process_time() - own
        others = commands.foreign(processes.machine_seconds() - machine, cpu + own, wall)
        peak = sum(processes.peak_bytes(pid) for pid in pids)
        return Cost(wall, cpu, peak, others), store.values("tas").ravel()


def ratio(mine: list[Cost], theirs: list[Cost], value) -> float:
    """Median over rounds of the ratio within a round."""
    return statistics.median(value(one) / value(other) for one, other in zip(mine, theirs, strict=True))


def show(title: str, costs: dict[str, list[Cost]]) -> None:
    print(f"\n{title} ({len(costs['floor'])} rounds, medians)")
    print("  program      wall s  (min..max)    CPU s  (min..max)    peak MB  foreign load")
    for name, runs in costs.items():
        wall, cpu = [run.wall for run in runs], [run.cpu for run in runs]
        peak = max(run.peak for run in runs) / 1e6
        others = statistics.median(run.foreign for run in runs)
        print(
            f"  {name:10} {statistics.median(wall):8.3f}  {f'({min(wall):.2f}..{max(wall):.2f})':12} "
            f"{statistics.median(cpu):6.2f}  {f'({min(cpu):.2f}..{max(cpu):.2f})':12} {peak:8.0f}  {others:12.0%}"
        )


def line(goal: goals.Goal, value: float) -> None:
    print(f"  {goal.what:32} {goal.verdict(value)}")


def judge(costs: dict[str, list[Cost]], is_climatology: bool) -> None:
    mine, floor, cdo = costs["cloudify"], costs["floor"], costs["CDO"]
    if is_climatology:
        line(goals.VIEW_FLOOR, ratio(mine, floor, lambda cost: cost.cpu))
        line(goals.VIEW_CDO_WALL, ratio(mine, cdo, lambda cost: cost.wall))
        line(goals.VIEW_MEMORY, max(cost.peak for cost in mine) / 200e6)
    else:
        line(goals.VIEW_CDO_CPU, ratio(mine, cdo, lambda cost: cost.cpu))


def reductions(bench: Bench, rounds: int) -> None:
    """Each program once a round, one after the other."""
    for title, steps, mode, operator, is_climatology in ANSWERS:
        costs = {"floor": [], "CDO": [], "cloudify": []}
        for _ in range(rounds):
            floor, truth = bench.floor(mode)
            cdo, of_cdo = bench.cdo(operator)
            [(mine, found)] = bench.ours(steps)
            np.testing.assert_allclose(found, truth, **ROUNDING)
            np.testing.assert_allclose(of_cdo, truth, **ROUNDING)
            for name, cost in (("floor", floor), ("CDO", cdo), ("cloudify", mine)):
                costs[name].append(cost)
        show(f"{title}, `{steps}`, of {TOLD}", costs)
        judge(costs, is_climatology)


def point(bench: Bench, rounds: int) -> None:
    """A series that needs every chunk, and one beside it after that."""
    costs = {"floor": [], "cloudify": [], "neighbour": []}
    for _ in range(rounds):
        floor, truth = bench.floor("inflate")
        (mine, found), (neighbour, _) = bench.ours(POINT, NEIGHBOUR)
        np.testing.assert_array_equal(found, truth)
        for name, cost in (("floor", floor), ("cloudify", mine), ("neighbour", neighbour)):
            costs[name].append(cost)
    show(f"Series of a point, `{POINT}`, and of its neighbour, of {TOLD}; the floor inflates", costs)
    line(goals.VIEW_FLOOR, ratio(costs["cloudify"], costs["floor"], lambda cost: cost.cpu))
    line(goals.VIEW_NEIGHBOUR, ratio(costs["cloudify"], costs["neighbour"], lambda cost: cost.wall))


def run(folder: pathlib.Path, seconds: int, rounds: int) -> None:
    bench = Bench(folder)
    bench.register()
    # The file comes into memory.
    bench.floor("inflate")
    reductions(bench, rounds)
    point(bench, rounds)
    view_chunks.encoding(bench, seconds, rounds)
    view_chunks.scaling(bench, seconds, rounds)
    spread.run(bench, rounds)
