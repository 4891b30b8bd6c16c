"""schemathesis sends what the OpenAPI document allows, and what it does not: nothing is a 5xx."""

import re
import subprocess
import sys

import requests

from harness import samples
from harness.paths import REPOSITORY

CONFIG = """
[parameters]
"path.dataset_id" = {dataset!r}
"path.id" = {dataset!r}
"""


ROUTES = REPOSITORY / "services" / "gateway" / "src" / "http.rs"
BESIDE = {"/docs", "/docs/", "/docs/{file}"}
"""Pages about the document itself."""


def test_every_route_is_in_the_document(served):
    """The router's own list, but for a path's second spelling with or without a slash at its end."""
    document = requests.get(f"{served.url}/openapi.json").json()
    routes = {route.replace("{*", "{") for route in re.findall(r'\.route\("([^"]+)"', ROUTES.read_text())}
    assert "/datasets/{id}/zarr/{key}" in routes and len(routes) > 30
    told = {path.rstrip("/") for path in document["paths"]}
    assert {route for route in routes - BESIDE if route.rstrip("/") not in told} == set()
    operations = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(operations) == len(set(operations))


def test_no_request_is_a_server_error(served, tmp_path):
    served.of(samples.NEMO[0])
    (tmp_path / "schemathesis.toml").write_text(CONFIG.format(dataset=samples.dataset_id(samples.NEMO[0])).replace("'", '"'))
    done = subprocess.run(
        [
            f"{sys.prefix}/bin/schemathesis", "--config-file", str(tmp_path / "schemathesis.toml"),
            "run", f"{served.url}/openapi.json",
            "--checks", "not_a_server_error", "--max-examples", "15", "--phases", "examples,coverage,fuzzing",
            "--exclude-path-regex", "admin", "--suppress-health-check", "all", "--seed", "1", "--max-failures", "20",
        ],
        capture_output=True, text=True, timeout=250, cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
