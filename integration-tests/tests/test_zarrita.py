"""zarrita.js, the reader in browsers: both formats, consolidated or not, every numeric array bit for bit."""

import hashlib
import json
import subprocess

import numpy as np
import pytest

from harness import samples, truth
from harness.compare import native
from harness.paths import HERE

PATHS = [
    samples.AIR,
    samples.NEMO[0],
    samples.ROTATED,
    samples.REAL / "netcdf-c" / "test_groups1.nc",
    samples.REAL / "pyfive" / "netcdf4_classic.nc",
    samples.SERIES["bcc.Amon"][0],
]


def read(url, version, consolidated, paths):
    done = subprocess.run(
        ["node", HERE / "tests" / "zarrita_read.mjs", url, version, str(consolidated).lower(), *paths],
        capture_output=True, text=True, timeout=120, cwd=HERE,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("consolidated", [True, False], ids=["consolidated", "unconsolidated"])
@pytest.mark.parametrize("version", ["v2", "v3"])
@pytest.mark.parametrize("path", PATHS, ids=samples.dataset_id)
def test_zarrita_reads_what_netcdf_c_reads(served, path, version, consolidated):
    held = [v for v in truth.netcdf_variables(path)[0] if v.values.dtype.kind in "iuf" and v.values.ndim]
    answer = read(served.of(path), version, consolidated, [f"/{v.path}" for v in held])
    if consolidated:
        assert {f"/{v.path}" for v in held} <= {name if name[0] == "/" else f"/{name}" for name in answer["listed"]}
    for variable in held:
        mine = answer["arrays"][f"/{variable.path}"]
        assert mine["shape"] == list(variable.values.shape)
        values = np.ascontiguousarray(native(variable.values))
        assert mine["sha256"] == hashlib.sha256(values.tobytes()).hexdigest(), variable.path
