"""Archives that grow: a refresh scans what is new or changed, and readers of the version before are not disturbed."""

import json
import os
import pathlib
import re
import threading
import time

import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr

from harness.growing import BASE, month
from harness.server import TOKEN

KINDS = ["serve", "two-process"]


def same_as_files(system, dataset: str, files: list[pathlib.Path]) -> None:
    """What is served equals what xarray reads of the files."""
    with xr.open_dataset(system.kerchunk(dataset), engine="zarr", chunks={}) as mine:
        with xr.open_mfdataset(sorted(files), combine="nested", concat_dim="time", data_vars="minimal") as theirs:
            assert mine.sizes == theirs.sizes
            np.testing.assert_array_equal(mine.tas.values, theirs.tas.values)
            np.testing.assert_array_equal(mine.time.values, theirs.time.values)


def ask(system, method, path, **options):
    headers = {"Authorization": f"Bearer {TOKEN}", **options.pop("headers", {})}
    return requests.request(method, f"{system.url}/admin/v1/{path}", headers=headers, timeout=60, **options)


def refresh(system, *arguments):
    return system.command("refresh", *arguments)


@pytest.fixture(params=KINDS)
def grown(request, start, data, allowed_log):
    """A system with three months, registered by a glob."""
    allowed_log.append("Conflict")
    system = start(request.param)
    files = [month(data, number) for number in range(3)]
    system.register("tas", data / "tas_*.nc")
    return system, data, files


def test_only_what_is_new_or_changed_is_scanned(grown):
    system, data, files = grown
    done = refresh(system, "tas")
    assert done.returncode == 0 and "unchanged, version 1 (0 files new, 0 changed, 0 gone, 3 unchanged)" in done.stdout
    files.append(month(data, 3))
    done = refresh(system, "tas")
    assert "published version 2 (1 files new, 0 changed, 0 gone, 3 unchanged)" in done.stdout, done.stdout + done.stderr
    same_as_files(system, "tas", files)
    month(data, 1, value=100)
    done = refresh(system, "tas")
    assert "published version 3 (0 files new, 1 changed, 0 gone, 3 unchanged)" in done.stdout, done.stdout
    same_as_files(system, "tas", files)
    files.pop(0).unlink()
    done = refresh(system, "tas")
    assert "published version 4 (0 files new, 0 changed, 1 gone, 3 unchanged)" in done.stdout, done.stdout
    same_as_files(system, "tas", files)
    shown = ask(system, "GET", "datasets/tas").json()
    assert shown["current"] == 4
    assert shown["refresh"]["last"]["outcome"] == "published"
    assert "1 gone" in shown["refresh"]["last"]["message"]


def test_kept_scans_spare_scans_and_damage_of_them_spoils_nothing(grown):
    system, data, files = grown
    directory = system.catalog / "datasets" / "tas"
    kept = directory / "scans.1"
    whole = kept.read_bytes()
    assert all(str(path).encode() in whole for path in files)
    # Files that cannot be read any more prove that they were not scanned again.
    for damage in (whole[: len(whole) // 2], whole[:40], b"", bytes([byte ^ 0x55 for byte in whole])):
        kept = next(directory.glob("scans.*"))
        kept.write_bytes(damage)
        files.append(month(data, len(files)))
        done = refresh(system, "tas")
        assert done.returncode == 0, done.stderr
        same_as_files(system, "tas", files)
    assert [path.name for path in directory.glob("scans.*")] == ["scans.5"]


def test_a_flipped_byte_anywhere_in_kept_scans_spoils_nothing(grown):
    system, data, files = grown
    directory = system.catalog / "datasets" / "tas"
    random = np.random.default_rng(7)
    for _ in range(6):
        kept = next(directory.glob("scans.*"))
        content = bytearray(kept.read_bytes())
        content[random.integers(len(content))] ^= 1 << random.integers(8)
        kept.write_bytes(content)
        files.append(month(data, len(files)))
        assert refresh(system, "tas").returncode == 0
        same_as_files(system, "tas", files)


def test_a_reader_of_the_version_before_finishes(grown):
    system, data, files = grown
    with xr.open_dataset(system.kerchunk("tas"), engine="zarr", chunks={}) as before:
        first = before.tas[0].values
        files.append(month(data, 3))
        assert refresh(system, "tas").returncode == 0
        # The chunks of the version that it opened are the same bytes in the new one.
        np.testing.assert_array_equal(before.tas[0].values, first)
        np.testing.assert_array_equal(before.tas[5].values, (BASE - 2)[0])
        assert before.sizes["time"] == 6
    same_as_files(system, "tas", files)


def test_reads_go_on_while_datasets_are_refreshed(grown):
    system, data, files = grown
    failures, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            answer = requests.get(f"{system.kerchunk('tas')}/tas/0.0.0", timeout=20)
            if answer.status_code != 200:
                failures.append(answer.status_code)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(4):
        files.append(month(data, len(files)))
        assert refresh(system, "tas").returncode == 0
    stop.set()
    for reader in readers:
        reader.join()
    assert failures == []


def test_a_file_that_is_appended_to_is_refused_until_it_is_refreshed(grown):
    system, data, files = grown
    with netCDF4.Dataset(files[2], "a") as file:
        file["time"][2] = 80
        file["tas"][2] = BASE[0] * 2
    assert requests.get(f"{system.kerchunk('tas')}/tas/4.0.0").status_code == 409
    assert requests.get(f"{system.kerchunk('tas')}/tas/0.0.0").status_code == 200
    assert refresh(system, "tas").returncode == 0
    same_as_files(system, "tas", files)
    assert requests.get(f"{system.kerchunk('tas')}/tas/4.0.0").status_code == 200


def test_a_failed_refresh_leaves_what_was_there(grown, allowed_log):
    allowed_log.append("cannot be scanned")
    system, data, files = grown
    broken = data / "tas_900.nc"
    broken.write_bytes(files[0].read_bytes()[:700])
    done = refresh(system, "tas")
    assert done.returncode == 1 and "tas_900.nc" in done.stderr
    same_as_files(system, "tas", files)
    shown = ask(system, "GET", "datasets/tas").json()
    assert shown["current"] == 1 and shown["refresh"]["last"]["outcome"] == "failed"
    broken.unlink()
    assert "unchanged" in refresh(system, "tas").stdout
    assert not list((system.catalog / "datasets").rglob(".unfinished-*"))


def test_a_named_file_that_is_gone_is_an_error_and_one_of_a_glob_is_not(grown):
    system, data, files = grown
    system.register("named", *files)
    files[1].unlink()
    done = refresh(system, "named")
    assert done.returncode == 1 and "does not exist" in done.stderr
    assert refresh(system, "tas").returncode == 0
    for path in files:
        path.unlink(missing_ok=True)
    done = refresh(system, "tas")
    assert done.returncode == 1 and "matches" in done.stderr


def test_all_datasets_at_once_and_one_that_fails(grown):
    system, data, files = grown
    system.register("named", *files)
    files[0].unlink()
    done = refresh(system, "--all")
    assert done.returncode == 1
    assert re.search(r"tas: published version 2", done.stdout) and "named" in done.stderr
    assert refresh(system, "nothing").returncode == 1


def test_events_and_answers_of_the_api(grown):
    system, data, files = grown
    files.append(month(data, 3))
    answer = ask(system, "POST", "datasets/tas/refresh", headers={"Accept": "text/event-stream"}, stream=True)
    lines = [line for line in answer.iter_lines(decode_unicode=True) if line]
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert names[0] == "compared" and names[-1] == "published" and "preview" in names
    answer = ask(system, "POST", "datasets/tas/refresh")
    assert answer.status_code == 200
    assert answer.json() == {
        "id": "tas", "version": 2, "unchanged": True,
        "compared": {"added": 0, "changed": 0, "gone": 0, "unchanged": 4},
    }
    assert requests.post(f"{system.url}/admin/v1/datasets/tas/refresh").status_code == 401
    assert ask(system, "POST", "datasets/none/refresh").status_code == 404


def test_by_period_once_among_several_workers(start, data):
    system = start("two-process", workers=2)
    files = [month(data, 0)]
    done = system.command("register", "--refresh-every", "1s", "tas", data / "tas_*.nc")
    assert done.returncode == 0, done.stderr
    assert ask(system, "GET", "datasets/tas").json()["refresh"]["every_seconds"] == 1
    files.append(month(data, 1))
    deadline = time.monotonic() + 30
    while ask(system, "GET", "datasets/tas").json()["current"] < 2:
        assert time.monotonic() < deadline, "nobody refreshed it"
        time.sleep(0.2)
    time.sleep(1.5)
    same_as_files(system, "tas", files)
    shown = ask(system, "GET", "datasets/tas").json()
    assert shown["current"] == 2, "nothing changed, so nothing is published"
    assert shown["refresh"]["last"]["at_ms"] > 0
    # A new version keeps the period; `never` ends it.
    assert system.command("register", "--replace", "--refresh-every", "never", "tas", data / "tas_*.nc").returncode == 0
    assert ask(system, "GET", "datasets/tas").json()["refresh"]["every_seconds"] is None
    files.append(month(data, 2))
    time.sleep(3)
    assert ask(system, "GET", "datasets/tas").json()["current"] == 3


def test_a_failing_period_is_told_once(start, data, allowed_log):
    allowed_log.append("a refresh failed")
    system = start("serve")
    path = month(data, 0)
    system.command("register", "--refresh-every", "1s", "tas", path)
    path.unlink()
    deadline = time.monotonic() + 30
    while (ask(system, "GET", "datasets/tas").json()["refresh"]["last"] or {}).get("outcome") != "failed":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    time.sleep(4)
    told = [record for record in system.front.log.records(0) if "a refresh failed" in record.get("message", "")]
    assert len(told) == 1, told


def test_old_versions_are_taken_away(start, data):
    system = start("serve", config="[refresh]\nversions_kept = 2\nversions_kept_seconds = 0\n")
    month(data, 0)
    system.register("tas", data / "tas_*.nc")
    for number in range(1, 6):
        month(data, number)
        assert refresh(system, "tas").returncode == 0
    shown = ask(system, "GET", "datasets/tas").json()
    assert [version["version"] for version in shown["versions"]] == [5, 6]
    assert sorted(path.name for path in (system.catalog / "datasets" / "tas").glob("v*")) == ["v5", "v6"]
    assert system.command("rollback", "tas").returncode == 0


def test_versions_within_the_hour_stay(start, data):
    system = start("serve", config="[refresh]\nversions_kept = 1\n")
    month(data, 0)
    system.register("tas", data / "tas_*.nc")
    for number in range(1, 4):
        month(data, number)
        assert refresh(system, "tas").returncode == 0
    assert len(ask(system, "GET", "datasets/tas").json()["versions"]) == 4


def test_after_a_roll_back_the_call_publishes_again(grown):
    system, data, files = grown
    files.append(month(data, 3))
    assert refresh(system, "tas").returncode == 0
    assert system.command("rollback", "tas").returncode == 0
    same_as_files(system, "tas", files[:3])
    assert "published version 3" in refresh(system, "tas").stdout
    same_as_files(system, "tas", files)


def test_a_lease_of_a_worker_that_died_expires(grown):
    system, data, files = grown
    lease = system.catalog / "datasets" / "tas" / "refresh.lease"
    lease.write_text(json.dumps({"holder": "other", "until_ms": int(time.time() * 1000) + 60_000}))
    done = refresh(system, "tas")
    assert done.returncode == 1 and "being refreshed already" in done.stderr
    lease.write_text(json.dumps({"holder": "other", "until_ms": int(time.time() * 1000) - 1}))
    assert refresh(system, "tas").returncode == 0
    lease.write_bytes(os.urandom(30))
    assert refresh(system, "tas").returncode == 0
    assert not lease.exists()
