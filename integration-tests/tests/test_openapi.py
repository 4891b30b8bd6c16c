"""schemathesis sends what the OpenAPI document allows, and what it does not: nothing is a 5xx."""

import subprocess
import sys

from harness import samples

CONFIG = """
[parameters]
"path.dataset_id" = {dataset!r}
"path.id" = {dataset!r}
"""


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
