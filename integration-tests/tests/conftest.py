"""Fixtures: the system in both of its shapes, with the sample files registered, and its log watched."""

import dataclasses
import pathlib
import shutil

import pytest

from harness import samples, server
from harness.paths import DATA, SHARED, binary

KINDS = ["serve", "two-process"]

try:
    import zarr

    ZARR_2 = zarr.__version__.startswith("2.")
except ImportError:
    ZARR_2 = False

collect_ignore_glob = (
    [f for f in ("test_[!z]*.py", "test_zarr_[!2]*.py", "test_zarrita*.py")] if ZARR_2 else ["test_zarr_2*.py"]
)


@dataclasses.dataclass
class Served:
    """A running system with every sample file as a dataset."""

    system: server.Topology
    output: dict[str, str]
    """What registering each dataset printed."""

    @property
    def url(self) -> str:
        return self.system.url

    def kerchunk(self, dataset: str) -> str:
        return self.system.kerchunk(dataset)

    def of(self, path: pathlib.Path) -> str:
        """URL of the dataset made of this file alone, registered at first use."""
        dataset = samples.dataset_id(path)
        if dataset not in self.output:
            self.output[dataset] = self.system.register(dataset, path)
        return self.kerchunk(dataset)

    def series(self, name: str) -> str:
        """URL of a joined series, registered at first use."""
        if name not in self.output:
            self.output[name] = self.system.register(name, *samples.SERIES[name])
        return self.kerchunk(name)


def pytest_configure(config):
    if not binary().exists():
        pytest.exit(f"{binary()} is not there: `cargo build` first, or set BINARY_UNDER_TEST", 2)


@pytest.fixture(scope="session", params=KINDS)
def served(request, tmp_path_factory):
    """The shared system of one shape; tests may add datasets of their own but leave the samples alone."""
    roots = [DATA, tmp_path_factory.getbasetemp()]
    if SHARED.exists():
        roots.append(SHARED)
    directory = tmp_path_factory.mktemp(request.param)
    system = server.start(request.param, directory, roots)
    yield Served(system, {})
    system.stop()


@pytest.fixture
def start(request, tmp_path):
    """Starts a system of the test's own: `start("serve", config=…)`. Its root is `tmp_path/"data"`."""
    started = []
    (tmp_path / "data").mkdir()

    def begin(kind: str, **settings) -> server.Topology:
        roots = settings.pop("roots", [tmp_path / "data"])
        system = server.start(kind, tmp_path / f"system{len(started)}", roots, **settings)
        started.append(system)
        return system

    yield begin
    for system in started:
        for process in system.processes:
            if process.running():
                process.stop()


@pytest.fixture
def static(tmp_path):
    """A web server over `tmp_path/"web"`."""
    # Not everywhere are its requirements installed.
    from harness.remote import Static

    (tmp_path / "web").mkdir()
    running = Static(tmp_path / "web")
    yield running
    running.stop()


@pytest.fixture
def allowed_log() -> list[str]:
    """Patterns of the warnings and errors that a test provokes; it appends to the list."""
    return []


@pytest.fixture
def workers_go(allowed_log):
    """For tests in which workers are stopped, killed, paused or kept from answering: gateways say so, and who answers instead.

    Answers tell whether that did any harm.
    """
    allowed_log += [r"a worker is left alone until it answers", r"a lane to a worker broke", r"another worker is asked"]


@pytest.fixture(autouse=True)
def quiet_log(request, allowed_log):
    """Fails a test when a server warned, erred or panicked in a way that it did not announce."""
    watched = []
    if "served" in request.fixturenames:
        shared = request.getfixturevalue("served").system
        watched.append((shared, shared.marks()))
    original = server.start

    def recorded(*arguments, **settings):
        system = original(*arguments, **settings)
        watched.append((system, {}))
        return system

    server.start = recorded
    yield
    server.start = original
    found = [line for system, marks in watched for line in system.unexpected(allowed_log, marks)]
    if found:
        pytest.fail("the log has lines that nobody expected:\n" + "\n".join(found[:20]), pytrace=False)


@pytest.fixture
def data(tmp_path) -> pathlib.Path:
    """A root of the test's own, for systems made by `start`."""
    return tmp_path / "data"


@pytest.fixture
def copy(tmp_path):
    """Copies a sample into the test's own root."""

    def take(path: pathlib.Path, name: str | None = None) -> pathlib.Path:
        (tmp_path / "data").mkdir(exist_ok=True)
        target = tmp_path / "data" / (name or path.name)
        shutil.copyfile(path, target)
        return target

    return take

