"""The command line that scripts rely on: scan, config, exit codes, precedence of settings."""

import json
import subprocess
import tomllib

import netCDF4
import pytest

from harness import samples, server
from harness.paths import binary


def run(*arguments, **environment):
    token = environment.pop("token", None)
    return subprocess.run(
        [binary(), *map(str, arguments)], capture_output=True, text=True, timeout=60,
        env=server.environment(token, **environment),
    )


def test_scan_says_what_a_registration_would_make():
    done = run("scan", "--json", samples.NEMO[0])
    assert done.returncode == 0, done.stderr
    arrays = {array["path"]: array for array in json.loads(done.stdout)["arrays"]}
    with netCDF4.Dataset(samples.NEMO[0]) as truth:
        assert set(arrays) == set(truth.variables)
        for name, variable in truth.variables.items():
            assert arrays[name]["shape"] == list(variable.shape)
            assert arrays[name]["dimensions"] == list(variable.dimensions)
        assert arrays["tos"]["codecs"] == ["zlib"]
        assert arrays["tos"]["chunks"] == truth["tos"].chunking()


def test_scan_of_several_files_shows_the_joined_dataset():
    done = run("scan", *samples.SERIES["awi.Amon"])
    assert done.returncode == 0, done.stderr
    assert "84" in done.stdout and "1950-01" in done.stdout and "1956-12" in done.stdout


def test_scan_names_what_it_leaves_out():
    done = run("scan", samples.REAL / "libhdf5" / "tcompound.h5")
    assert done.returncode == 0, done.stderr
    assert "compound" in (done.stdout + done.stderr).lower()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--version"], 0),
        (["help"], 0),
        (["no-such-command"], 2),
        (["serve", "--no-such-flag"], 2),
        (["register", "only-an-id"], 2),
        (["scan", "/no/such/file.nc"], 1),
        (["config", "--config", "/no/such/file.toml"], 3),
        (["ls", "--server", "http://127.0.0.1:1"], 4),
        (["register", "--server", "http://127.0.0.1:1", "a", "/b.nc"], 4),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else str(value),
)
def test_exit_codes(arguments, code):
    done = run(*arguments, token="t")
    assert done.returncode == code, done.stderr
    assert code == 0 or done.stderr.strip()
    assert "panicked" not in done.stderr


def test_settings_of_flags_count_more_than_environment_and_file(tmp_path):
    file = tmp_path / "cloudify.toml"
    file.write_text('listen = "127.0.0.1:1111"\n[http]\nconnections_max = 5\n')
    shown = tomllib.loads(run("config", "--config", file).stdout)
    assert shown["listen"] == "127.0.0.1:1111" and shown["http"]["connections_max"] == 5
    shown = tomllib.loads(run("config", "--config", file, CLOUDIFY_LISTEN="127.0.0.1:2222").stdout)
    assert shown["listen"] == "127.0.0.1:2222" and shown["http"]["connections_max"] == 5


@pytest.mark.parametrize("text", ["colour = 1", "[http]\ncolour = 1", "listen = [", "[http]\nconnections_max = 'x'"])
def test_a_wrong_configuration_is_an_error_that_names_it(tmp_path, text):
    file = tmp_path / "cloudify.toml"
    file.write_text(text)
    done = run("config", "--config", file)
    assert done.returncode == 3
    assert "colour" in done.stderr or "cloudify.toml" in done.stderr or "connections_max" in done.stderr


def test_a_token_is_never_printed():
    done = run("config", token="very-secret-token")
    assert done.returncode == 0
    assert "very-secret-token" not in done.stdout + done.stderr


def test_an_address_in_use_is_said(start, tmp_path):
    system = start("serve")
    done = run("serve", "--listen", system.front.address, "--catalog", tmp_path / "c", "--root", tmp_path)
    assert done.returncode == 1
    assert system.front.address in done.stderr


def test_logs_for_people_hold_no_colours_in_a_pipe(tmp_path):
    child = subprocess.Popen(
        [binary(), "serve", "--listen", "127.0.0.1:0", "--catalog", tmp_path / "c", "--root", tmp_path],
        stderr=subprocess.PIPE, text=True, env=server.environment(None),
    )
    try:
        for line in child.stderr:
            assert "\x1b" not in line
            if "ready" in line:
                break
    finally:
        child.terminate()
        assert child.wait(20) == 0
