"""What each URL has to answer, known before anything is broken.

Of stored chunks it is said by the bytes of the files, at the places that libhdf5 names; of computed chunks by the quiet
system, once xarray has read the same values through it that netCDF4 reads from the files.
"""

import dataclasses
import hashlib
import itertools
import math
import pathlib

import netCDF4
import numpy as np
import requests
import xarray as xr

from chaos.data import CHANGING_STEPS, STEPS, Sources
from harness import truth


@dataclasses.dataclass
class Expected:
    """One URL's answer."""

    path: str
    kind: str
    """small, large, hole, decoded, view, metadata."""
    status: int
    sha256: str
    """Of the body, where the status is 200."""


class Wrong(RuntimeError):
    """The quiet system is not right: nothing can be said about it under faults."""


def of_stored(dataset: str, variable: str, files: list[pathlib.Path], steps: int) -> list[Expected]:
    """Stored chunks of a variable of joined files, and the chunks that were never written."""
    found = []
    for number, file in enumerate(files):
        there = {index: content for index, content in truth.chunk_bytes(file, variable)}
        dimensions = len(next(iter(there)))
        for step in range(steps):
            content = there.get((step, *(0,) * (dimensions - 1)))
            place = f"{number * steps + step}" + ".0" * (dimensions - 1)
            path = f"/datasets/{dataset}/kerchunk/{variable}/{place}"
            if content is None:
                found.append(Expected(path, "hole", 404, ""))
            else:
                kind = "small" if len(content) < 1 << 18 else "large"
                found.append(Expected(path, kind, 200, hashlib.sha256(content).hexdigest()))
    return found


def of_metadata(url: str, dataset: str) -> list[Expected]:
    """Documents of the stores, as the quiet system gives them."""
    stores = [f"/datasets/{dataset}/{store}" for store in ("kerchunk", "zarr")]
    names = [".zmetadata", ".zattrs", "zarr.json", "tas/.zarray"]
    return [quiet(url, f"{store}/{name}", "metadata") for store in stores for name in names]


def of_computed(url: str, prefix: str, variable: str, kind: str, wanted: np.ndarray) -> list[Expected]:
    """Chunks of a computed variable, whose values have to be those wanted."""
    with xr.open_dataset(url + prefix, engine="zarr", zarr_format=2, consolidated=True, chunks=None) as opened:
        np.testing.assert_allclose(opened[variable].values, wanted, rtol=1e-5, atol=1e-4)
    array = requests.get(f"{url}{prefix}/{variable}/.zarray", timeout=60).json()
    counts = [math.ceil(size / chunk) for size, chunk in zip(array["shape"], array["chunks"], strict=True)]
    places = itertools.product(*map(range, counts))
    return [quiet(url, f"{prefix}/{variable}/{'.'.join(map(str, place))}", kind) for place in places]


def quiet(url: str, path: str, kind: str) -> Expected:
    """What the system answers while nothing is wrong."""
    answer = requests.get(url + path, timeout=120, headers={"Accept-Encoding": "identity"})
    if answer.status_code != 200:
        raise Wrong(f"{path} is {answer.status_code} on the quiet system: {answer.text[:500]}")
    return Expected(path, kind, 200, hashlib.sha256(answer.content).hexdigest())


def values(files: list[pathlib.Path]) -> np.ndarray:
    """`tas` of joined files, as netCDF4 reads it."""
    parts = []
    for file in files:
        with netCDF4.Dataset(file) as opened:
            parts.append(np.asarray(opened["tas"][:]))
    return np.concatenate(parts)


def of_archives(url: str, sources: Sources) -> list[Expected]:
    """All that the load asks for, but of the files that will be changed."""
    tas = values(sources.small)
    blocks = tas.reshape(len(tas), 13, 7, 30, 6).astype("f8")
    views = {
        "coarsen=lat:7,lon:6:mean": blocks.mean((2, 4)),
        "resample=time:8D:mean": tas.reshape(-1, 8, *tas.shape[1:]).astype("f8").mean(1),
        "mean=time": tas.astype("f8").mean(0),
        "sel=lat:20..60": tas[:, 20:61],
    }
    found = [one for variable in ("tas", "sparse") for one in of_stored("small", variable, sources.small, STEPS)]
    found += [one for variable in ("data0", "data1") for one in of_stored("large", variable, sources.large, 1)]
    found += of_metadata(url, "small")
    found += of_computed(url, "/datasets/small/zarr", "tas", "decoded", tas)
    for view, wanted in views.items():
        found += of_computed(url, f"/datasets/small/view/{view}/zarr", "tas", "view", wanted)
    check(url, found)
    return found


def of_changing(url: str, sources: Sources) -> list[Expected]:
    """What is asked of the files that will be changed: stored and computed chunks."""
    tas = values(sources.changing)
    found = of_stored("changing", "tas", sources.changing, CHANGING_STEPS)
    found += of_computed(url, "/datasets/changing/zarr", "tas", "decoded", tas)
    found += of_computed(url, "/datasets/changing/view/mean=time/zarr", "tas", "view", tas.astype("f8").mean(0))
    check(url, found)
    return found


def check(url: str, found: list[Expected]) -> None:
    """Asks for everything once more: other gateways and workers say the same."""
    for one in found:
        answer = requests.get(url + one.path, timeout=120, headers={"Accept-Encoding": "identity"})
        right = answer.status_code == one.status and (
            one.status != 200 or hashlib.sha256(answer.content).hexdigest() == one.sha256
        )
        if not right:
            raise Wrong(f"{one.path} is {answer.status_code} or has other bytes on the quiet system")
