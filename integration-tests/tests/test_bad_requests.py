"""Hostile requests: paths, encodings, sizes, malformed JSON. And no answer names a place on the server."""

import os

import pytest
import requests

from harness import raw_http, samples
from harness.server import TOKEN

AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def target(served):
    """Path of the NEMO dataset's store."""
    return served.of(samples.NEMO[0]).removeprefix(served.url).encode()


CLIMBS = [
    b"/../../../../../../etc/passwd",
    b"/..%2f..%2f..%2f..%2fetc%2fpasswd",
    b"/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    b"/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    b"/..%5c..%5cetc%5cpasswd",
    b"/..%252f..%252fetc%252fpasswd",
    b"/%c0%ae%c0%ae/etc/passwd",
    b"//etc/passwd",
    b"/tos/../../../../../../etc/passwd",
    b"/tos/0.0.0%00.json",
    b"/%00",
    b"/tos/\xff\xfe",
    b"/%ff%fe",
    b"/%zz",
    b"/%",
    b"/tos/0.0.0/",
    b"/tos//0.0.0",
    b"/./tos/0.0.0",
    b"/tos/00.0.0",
    b"/tos/+0.0.0",
    b"/tos/0.0.18446744073709551616",
    b"/tos/18446744073709551615.18446744073709551615.18446744073709551615",
    b"/tos/0" + b".0" * 2000,
    b"/" + b"a" * 6000,
    b"/" + b"%41" * 2000,
    b"/" + b"a/" * 2000,
]


@pytest.mark.parametrize("suffix", CLIMBS, ids=lambda s: s[:40].decode("latin-1"))
def test_a_path_that_climbs_or_confuses_finds_nothing(served, target, suffix):
    status, headers, body = raw_http.get(served.url, target + suffix)
    assert status in (400, 404, 414)
    assert b"root:" not in body
    assert headers.get("access-control-allow-origin") == "*" or status == 400


@pytest.mark.parametrize("size", [20_000, 100_000, 1_000_000])
def test_a_very_long_target_is_refused(served, size):
    status, _, _ = raw_http.get(served.url, b"/datasets/" + b"a" * size)
    assert status in (0, 400, 404, 414, 431)
    assert requests.get(f"{served.url}/healthz/live").status_code == 200


@pytest.mark.parametrize("name", [b"a" * 300, b"..", b"%2e%2e", b".zmetadata", b"zarr.json", b"%00", b"a%2Fb", b"*"])
def test_a_strange_dataset_id_finds_nothing(served, name):
    status, _, _ = raw_http.get(served.url, b"/datasets/" + name + b"/kerchunk/.zmetadata")
    assert status in (400, 404)


@pytest.mark.parametrize(
    "head",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /datasets HTTP/9.9\r\n\r\n",
        b"GET /datasets HTTP/1.1\r\n\r\n",
        b"GET /datasets HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"GET /datasets HTTP/1.1\r\nHost: a\r\nBad\0Name: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
        b"POST /admin/v1/datasets HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /datasets HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
    ],
    ids=["garbage", "version", "no-host", "length", "nul", "tls", "chunk-size", "headers"],
)
def test_a_malformed_head_is_answered_or_closed(served, head):
    with raw_http.connect(served.url) as connection:
        try:
            connection.sendall(head)
            first = connection.recv(100)
        except (ConnectionResetError, BrokenPipeError, TimeoutError):
            first = b""
    assert first == b"" or first.startswith(b"HTTP/1.1 ")
    assert not first.startswith(b"HTTP/1.1 5") or first.startswith(b"HTTP/1.1 505")
    assert requests.get(f"{served.url}/healthz/live").status_code == 200


BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"a"',
    b"{}",
    b'{"id": 5, "sources": []}',
    b'{"id": "a"}',
    b'{"id": "a", "sources": []}',
    b'{"id": "a", "sources": "b"}',
    b'{"id": "a", "sources": [1]}',
    b'{"id": "a", "sources": ["relative.nc"]}',
    b'{"id": "a", "sources": ["/x.nc"], "colour": "red"}',
    b'{"id": "a/b", "sources": ["/x.nc"]}',
    b'{"id": "", "sources": ["/x.nc"]}',
    b'{"id": "..", "sources": ["/x.nc"]}',
    b'{"id": ".zmetadata", "sources": ["/x.nc"]}',
    b'{"id": "a\\u0000", "sources": ["/x.nc"]}',
    b'{"id": "a", "sources": ["/x\\u0000.nc"]}',
    b'{"id": "a", "sources": ["' + b"/a" * 5000 + b'"]}',
    b'{"id": "' + b"a" * 5000 + b'", "sources": ["/x.nc"]}',
    b"[" * 100_000,
    b"\xff\xfe{}",
]


@pytest.mark.parametrize("body", BODIES, ids=lambda b: repr(b[:40]))
def test_malformed_registrations_are_400_and_say_why(served, body):
    headers = {**AUTHORIZED, "Content-Type": "application/json"}
    answer = requests.post(f"{served.url}/admin/v1/datasets", data=body, headers=headers)
    assert answer.status_code in (400, 403, 404, 422)
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert len(answer.json()["detail"]) > 10


def test_a_registration_without_a_json_type_is_refused(served):
    answer = requests.post(f"{served.url}/admin/v1/datasets", data=b"id=a", headers={**AUTHORIZED, "Content-Type": "text/plain"})
    assert answer.status_code in (400, 415)


def test_a_body_that_is_too_large_is_413(served):
    body = b'{"id": "a", "sources": ["' + b"a" * (2 << 20) + b'"]}'
    headers = {**AUTHORIZED, "Content-Type": "application/json"}
    answer = requests.post(f"{served.url}/admin/v1/datasets", data=body, headers=headers)
    assert answer.status_code == 413


def test_sources_outside_the_roots_are_refused(served, tmp_path_factory):
    inside = tmp_path_factory.mktemp("inside")
    (inside / "file.nc").symlink_to("/etc/hostname")
    (inside / "folder").symlink_to("/etc")
    (inside / "loop").symlink_to(inside / "loop")
    sources = [
        "/etc/hostname",
        f"{inside}/file.nc",
        f"{inside}/folder/hostname",
        f"{inside}/folder/host*",
        f"{inside}/../../../../../../../etc/hostname",
        f"{inside}/loop",
        "/proc/self/environ",
        "/dev/zero",
    ]
    for source in sources:
        done = served.system.command("register", "outside", source)
        assert done.returncode == 1, source
        assert "root:" not in done.stderr
    assert "outside" not in requests.get(f"{served.url}/datasets").json()


def test_a_link_to_a_file_inside_the_roots_is_served(served, tmp_path_factory):
    place = tmp_path_factory.mktemp("links")
    (place / "link.nc").symlink_to(samples.AIR)
    served.system.register(f"link.{place.name}", place / "link.nc")
    keys = requests.get(f"{served.url}/datasets/link.{place.name}/keys").json()
    assert "air" in keys


def test_a_root_that_is_itself_a_link_is_a_root(start, tmp_path):
    (tmp_path / "root").symlink_to(samples.REAL / "misc")
    system = start("serve", roots=[tmp_path / "root"])
    system.register("air", tmp_path / "root" / samples.AIR.name)


def test_no_public_answer_names_a_place_on_the_server(served):
    url = served.of(samples.NEMO[0])
    base = url.removesuffix("/kerchunk")
    secrets = [str(samples.REAL).encode(), str(served.system.catalog).encode(), os.path.expanduser("~").encode() + b"/"]
    paths = [
        f"{served.url}/datasets", f"{base}/", f"{base}/keys", f"{base}/dict", f"{base}/info", f"{url}/.zmetadata",
        f"{url}/zarr.json", f"{url}/tos/0.0.0", f"{url}/tos/9.9.9", f"{url}/nothing", f"{served.url}/nothing",
        f"{served.url}/versions", f"{served.url}/plugins", f"{served.url}/openapi.json", f"{served.url}/docs",
        f"{served.url}/healthz/live", f"{served.url}/healthz/ready", f"{served.url}/metrics",
        f"{served.url}/datasets/.zmetadata", f"{served.url}/datasets/zarr.json", f"{base}/versions",
    ]
    for path in paths:
        answer = requests.get(path)
        told = answer.content + repr(dict(answer.headers)).encode()
        for secret in secrets:
            assert secret not in told, path
