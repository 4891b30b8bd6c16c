"""The admin API: register, preview, progress, replace, roll back, remove, and who may."""

import hashlib
import json

import netCDF4
import pytest
import requests
import xarray as xr

from harness import samples
from harness.server import TOKEN

KINDS = ["serve", "two-process"]


def ask(system, method, path, token=TOKEN, **options):
    headers = options.pop("headers", {})
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return requests.request(method, f"{system.url}/admin/v1/{path}", headers=headers, timeout=60, **options)


def post(system, token=TOKEN, **body):
    return ask(system, "POST", "datasets", token, json=body)


def events(answer):
    """Server-sent events as (name, data)."""
    found, name = [], "message"
    for line in answer.iter_lines(decode_unicode=True):
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            found.append((name, json.loads(line[5:])))
    return found


def ids(system):
    return requests.get(f"{system.url}/datasets").json()


@pytest.fixture(params=KINDS)
def system(request, start, allowed_log):
    allowed_log.append("Conflict")
    return start(request.param)


def test_a_preview_publishes_nothing(system, copy):
    answer = post(system, id="nemo", sources=[str(copy(samples.NEMO[0]))], preview=True)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    document = document.get("preview", document)
    tos = next(array for array in document["arrays"] if array["path"] == "tos")
    with netCDF4.Dataset(samples.NEMO[0]) as truth:
        variable = truth["tos"]
        assert tos["shape"] == list(variable.shape)
        assert tos["chunks"] == variable.chunking()
        assert tos["dimensions"] == list(variable.dimensions)
    assert 0 < tos["stored_bytes"] <= samples.NEMO[0].stat().st_size
    assert ids(system) == []


def test_registering_answers_with_where_it_is(system, copy):
    answer = post(system, id="nemo", sources=[str(copy(samples.NEMO[0]))])
    assert answer.status_code == 201, answer.text
    assert "nemo" in answer.text
    assert ids(system) == ["nemo"]
    listed = ask(system, "GET", "datasets").json()
    assert "nemo" in json.dumps(listed)
    assert ask(system, "GET", "datasets/nemo").status_code == 200


def test_progress_comes_as_events(system, copy):
    sources = [str(copy(path)) for path in samples.SERIES["awi.Amon"]]
    answer = ask(
        system, "POST", "datasets", json={"id": "awi", "sources": sources},
        headers={"Accept": "text/event-stream"}, stream=True,
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    got = events(answer)
    names = [name for name, _ in got]
    assert names[-1] == "published" and "preview" in names and "progress" in names
    progress = [data for name, data in got if name == "progress"]
    assert any(data["total"] == len(sources) for data in progress)
    assert ids(system) == ["awi"]


def test_a_failure_comes_as_an_event(system, data):
    answer = ask(
        system, "POST", "datasets", json={"id": "none", "sources": [str(data / "nothing.nc")]},
        headers={"Accept": "text/event-stream"}, stream=True,
    )
    if answer.status_code == 200:
        assert events(answer)[-1][0] == "error"
    else:
        assert answer.status_code in (400, 404)
    assert ids(system) == []


def test_an_id_that_is_taken_is_a_conflict_unless_it_is_to_be_replaced(system, copy):
    first, second = copy(samples.AIR), copy(samples.ROTATED)
    assert post(system, id="a", sources=[str(first)]).status_code == 201
    answer = post(system, id="a", sources=[str(second)])
    assert answer.status_code == 409
    assert "replace" in answer.json()["detail"]
    assert post(system, id="a", sources=[str(second)], replace=True).status_code in (200, 201)
    with xr.open_dataset(system.kerchunk("a"), engine="zarr") as mine, xr.open_dataset(second) as theirs:
        assert set(mine.variables) == set(theirs.variables)


def test_rolling_back_makes_the_earlier_version_current(system, copy):
    first, second = copy(samples.AIR), copy(samples.ROTATED)
    post(system, id="a", sources=[str(first)])
    post(system, id="a", sources=[str(second)], replace=True)
    answer = ask(system, "POST", "datasets/a/rollback", json={})
    assert answer.status_code == 200, answer.text
    assert answer.json()["version"] == 1
    assert set(requests.get(f"{system.url}/datasets/a/keys").json()) == set(xr.open_dataset(first).variables)
    assert ask(system, "POST", "datasets/a/rollback", json={"version": 2}).json()["version"] == 2
    assert set(requests.get(f"{system.url}/datasets/a/keys").json()) == set(xr.open_dataset(second).variables)
    assert ask(system, "POST", "datasets/a/rollback", json={"version": 99}).status_code in (400, 404)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_reading_on_in_a_dataset_that_was_removed_fails(system, copy, zarr_format):
    """Zarr clients fill in what is 404: none of it may be."""
    post(system, id="a", sources=[str(copy(samples.AIR))])
    with xr.open_dataset(system.kerchunk("a"), engine="zarr", zarr_format=zarr_format) as opened:
        assert ask(system, "DELETE", "datasets/a").status_code in (200, 204)
        with pytest.raises(Exception, match="410|Gone"):
            opened.air.values
    key = "air/0.0.0" if zarr_format == 2 else "air/c/0/0/0"
    answer = requests.get(f"{system.kerchunk('a')}/{key}")
    assert answer.status_code == 410 and answer.headers["Content-Type"].startswith("application/problem+json")


def test_removing_takes_it_out_and_leaves_the_file(system, copy):
    path = copy(samples.AIR)
    before = path.read_bytes()
    post(system, id="a", sources=[str(path)])
    assert ask(system, "DELETE", "datasets/a").status_code in (200, 204)
    assert ids(system) == []
    assert requests.get(f"{system.kerchunk('a')}/.zmetadata").status_code == 404
    assert path.read_bytes() == before
    assert ask(system, "DELETE", "datasets/a").status_code == 404
    assert post(system, id="a", sources=[str(path)]).status_code == 201


def test_commands_list_remove_and_roll_back(system, copy):
    system.register("a", copy(samples.AIR))
    system.register("a", copy(samples.ROTATED), replace=True)
    assert system.command("ls").stdout.split() == ["a"]
    assert system.command("rollback", "a").returncode == 0
    assert system.command("rm", "a").returncode == 0
    assert system.command("ls").stdout.split() == []
    refused = system.command("rm", "a")
    assert refused.returncode == 1 and "a" in refused.stderr


ROLES = """
[[admin.tokens]]
name = "looker"
sha256 = "{looker}"
role = "viewer"

[[admin.tokens]]
name = "writer"
sha256 = "{writer}"
role = "editor"
"""


@pytest.mark.parametrize("kind", KINDS)
def test_roles_allow_what_they_say(start, copy, kind):
    hashes = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("looker", "writer")}
    system = start(kind, config=ROLES.format(**hashes))
    path = str(copy(samples.AIR))
    assert ask(system, "GET", "datasets", "looker").status_code == 200
    assert post(system, "looker", id="a", sources=[path], preview=True).status_code == 200
    assert post(system, "looker", id="a", sources=[path]).status_code == 403
    assert post(system, "writer", id="a", sources=[path]).status_code == 201
    assert ask(system, "DELETE", "datasets/a", "writer").status_code == 403
    assert ask(system, "POST", "datasets/a/rollback", "writer", json={}).status_code == 403
    assert ask(system, "DELETE", "datasets/a", TOKEN).status_code in (200, 204)


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x", TOKEN[:-1]])
def test_without_a_known_token_it_is_401(system, copy, token):
    answer = post(system, token, id="a", sources=[str(copy(samples.AIR))])
    assert answer.status_code == 401
    assert "Bearer" in answer.headers["WWW-Authenticate"]
    assert ids(system) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_admin_api_is_off_unless_a_token_is_configured(start, copy, kind):
    system = start(kind, token=None)
    for token in (None, "", TOKEN):
        answer = post(system, token, id="a", sources=[str(copy(samples.AIR))])
        assert answer.status_code in (401, 403, 404)
    assert ids(system) == []


def test_what_cannot_be_represented_is_a_warning(system, copy):
    answer = post(system, id="c", sources=[str(copy(samples.REAL / "libhdf5" / "tcompound.h5"))], preview=True)
    assert answer.status_code == 200
    warnings = answer.json().get("preview", answer.json())["warnings"]
    assert any("compound" in warning["message"].lower() for warning in warnings)


def test_versions_say_what_they_were_made_of(system, copy):
    path = copy(samples.AIR)
    post(system, id="a", sources=[str(path)])
    post(system, id="a", sources=[str(path)], replace=True)
    text = ask(system, "GET", "datasets/a").text
    assert str(path) in text
    versions = requests.get(f"{system.url}/datasets/a/versions")
    if versions.status_code == 200:
        assert str(path.parent) not in versions.text
