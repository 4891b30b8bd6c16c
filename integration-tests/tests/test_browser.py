"""Pages in a real browser with no network: the interactive documentation and a dataset's page."""

import re
import shutil
import subprocess

import pytest
import requests

from harness import samples

CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), "chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync", "--window-size=1200,1600", "--virtual-time-budget=8000",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def browse(url, profile, *arguments):
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *arguments, url], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_interactive_documentation_works_without_a_network(served, tmp_path):
    page = browse(f"{served.url}/docs", tmp_path / "profile", "--dump-dom")
    assert "/datasets/{dataset_id}" in page or "/datasets/{id}" in page, "the routes are drawn"
    browse(f"{served.url}/docs", tmp_path / "profile", f"--screenshot={tmp_path}/docs.png")
    assert (tmp_path / "docs.png").stat().st_size > 20_000, "something is drawn"


@pytest.mark.parametrize("path", ["docs", "datasets/{id}/"])
def test_pages_load_nothing_from_elsewhere(served, path):
    served.of(samples.AIR)
    answer = requests.get(f"{served.url}/{path.format(id=samples.dataset_id(samples.AIR))}")
    assert answer.status_code == 200
    assert not re.findall(r'(?:src\s*=|<link[^>]*href\s*=|@import|url\()\s*["\']?(?:https?:)?//', answer.text)


def test_the_page_of_a_dataset_shows_its_variables(served, tmp_path):
    served.of(samples.AIR)
    page = browse(f"{served.url}/datasets/{samples.dataset_id(samples.AIR)}/", tmp_path / "profile", "--dump-dom")
    assert "air" in page and "lat" in page
