"""HTTP as it is specified: HEAD, ranges, validators, caching, CORS, compression."""

import email.utils
import gzip

import pytest
import requests

from harness import samples

CHUNK = "tos/0.0.0"
METADATA = [".zmetadata", ".zgroup", ".zattrs", "tos/.zarray", "tos/.zattrs", "zarr.json", "tos/zarr.json"]


@pytest.fixture
def url(served):
    return served.of(samples.NEMO[0])


@pytest.mark.parametrize("key", [CHUNK, *METADATA])
def test_head_says_what_get_would(url, key):
    plain = {"Accept-Encoding": "identity"}
    got, head = requests.get(f"{url}/{key}", headers=plain), requests.head(f"{url}/{key}", headers=plain)
    assert got.status_code == head.status_code == 200
    assert head.content == b""
    assert int(head.headers["Content-Length"]) == len(got.content) > 0
    for name in ("ETag", "Content-Type", "Cache-Control", "Last-Modified"):
        assert head.headers[name] == got.headers[name]


RANGES = [
    ("bytes=0-0", 0, 1),
    ("bytes=0-99", 0, 100),
    ("bytes=100-", 100, None),
    ("bytes=-10", -10, None),
    ("bytes=5-999999999", 5, None),
    ("bytes=-999999999", 0, None),
]


@pytest.mark.parametrize("key", [CHUNK, ".zmetadata"])
@pytest.mark.parametrize(("header", "begin", "end"), RANGES)
def test_one_range_is_206_with_its_place(url, key, header, begin, end):
    whole = requests.get(f"{url}/{key}", headers={"Accept-Encoding": "identity"}).content
    part = requests.get(f"{url}/{key}", headers={"Range": header, "Accept-Encoding": "identity"})
    expected = whole[begin:end]
    assert part.status_code == 206
    assert part.content == expected
    first = len(whole) + begin if begin < 0 else begin
    assert part.headers["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(whole)}"
    assert part.headers["Accept-Ranges"] == "bytes"
    assert int(part.headers["Content-Length"]) == len(expected)


@pytest.mark.parametrize("header", ["bytes=999999999-", "bytes=-0"])
def test_a_range_behind_the_end_is_416(url, header):
    size = len(requests.get(f"{url}/{CHUNK}").content)
    answer = requests.get(f"{url}/{CHUNK}", headers={"Range": header})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{size}"


@pytest.mark.parametrize("header", ["bytes=5-2", "items=0-1", "bytes=a-b", "bytes=", "nonsense"])
def test_a_malformed_range_is_as_if_absent(url, header):
    """RFC 9110, 14.2: an invalid Range is ignored."""
    answer = requests.get(f"{url}/{CHUNK}", headers={"Range": header})
    assert answer.status_code in (200, 416) if header == "bytes=5-2" else answer.status_code == 200


def test_if_range_gives_the_range_only_of_the_same_representation(url):
    tag = requests.head(f"{url}/{CHUNK}").headers["ETag"]
    same = requests.get(f"{url}/{CHUNK}", headers={"Range": "bytes=0-9", "If-Range": tag})
    other = requests.get(f"{url}/{CHUNK}", headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (same.status_code, other.status_code) == (206, 200)


@pytest.mark.parametrize("key", [CHUNK, *METADATA])
def test_what_the_client_has_is_304(url, key):
    first = requests.get(f"{url}/{key}")
    tag = first.headers["ETag"]
    assert tag.startswith('"'), "a strong validator"
    for header in (tag, "*", f'"other", {tag}', f"W/{tag}"):
        again = requests.get(f"{url}/{key}", headers={"If-None-Match": header})
        assert again.status_code == 304, header
        assert again.content == b""
        assert again.headers["ETag"] == tag
    assert requests.get(f"{url}/{key}", headers={"If-None-Match": '"other"'}).status_code == 200
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    assert requests.get(f"{url}/{key}", headers=since).status_code == 304
    assert requests.get(f"{url}/{key}", headers={"If-Match": '"other"'}).status_code == 412


def test_last_modified_of_a_chunk_is_the_files_time(url):
    answer = requests.head(f"{url}/{CHUNK}")
    modified = email.utils.parsedate_to_datetime(answer.headers["Last-Modified"]).timestamp()
    assert modified == int(samples.NEMO[0].stat().st_mtime)


def test_etags_differ_between_chunks_and_stay_the_same(served):
    url = served.series("nemo")
    tags = [requests.head(f"{url}/tos/{n}.0.0").headers["ETag"] for n in (0, 1, 2)]
    assert len(set(tags)) == 3
    assert tags == [requests.head(f"{url}/tos/{n}.0.0").headers["ETag"] for n in (0, 1, 2)]


@pytest.mark.parametrize("key", [CHUNK, ".zmetadata"])
def test_answers_say_how_long_they_hold(url, key):
    assert "max-age=" in requests.get(f"{url}/{key}").headers["Cache-Control"]


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
@pytest.mark.parametrize("key", [".zmetadata", "zarr.json"])
def test_metadata_is_compressed_for_who_asks(url, key, encoding):
    plain = requests.get(f"{url}/{key}", headers={"Accept-Encoding": "identity"})
    packed = requests.get(f"{url}/{key}", headers={"Accept-Encoding": encoding}, stream=True)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == encoding
    assert "accept-encoding" in packed.headers["Vary"].lower()
    raw = packed.raw.read(decode_content=False)
    assert len(raw) < len(plain.content)
    if encoding == "gzip":
        assert gzip.decompress(raw) == plain.content
    assert packed.headers["ETag"] != plain.headers["ETag"], "one strong ETag for each representation"


def test_chunks_are_never_compressed_again(url):
    answer = requests.get(f"{url}/{CHUNK}", headers={"Accept-Encoding": "gzip, br, zstd"})
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(
    ("key", "status"),
    [(CHUNK, 200), (".zmetadata", 200), ("tos/9.9.9", 404), ("nothing/.zarray", 404), ("../../..", None)],
)
def test_every_answer_has_cors(url, key, status):
    answer = requests.get(f"{url}/{key}", headers={"Origin": "https://example.org"})
    assert status in (None, answer.status_code)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    exposed = answer.headers["Access-Control-Expose-Headers"].lower()
    for name in ("etag", "content-range", "retry-after"):
        assert name in exposed


def test_a_preflight_allows_what_browsers_ask_for(url):
    ask = {
        "Origin": "https://example.org",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "range, if-none-match",
    }
    answer = requests.options(f"{url}/{CHUNK}", headers=ask)
    assert answer.status_code in (200, 204)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "GET" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert allowed == "*" or "range" in allowed


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_405(url, method):
    answer = requests.request(method, f"{url}/{CHUNK}")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "key", ["tos/99.0.0", "tos/0.0.99", "tos/0.0", "tos/0.0.0.0", "tos/-1.0.0", "tos/a", "nothing/0", "tos", "tos/c/0"]
)
def test_a_key_that_is_no_chunk_is_404(url, key):
    answer = requests.get(f"{url}/{key}")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json()["detail"]


def test_keep_alive_serves_many_requests_on_one_connection(url):
    with requests.Session() as session:
        for _ in range(50):
            assert session.get(f"{url}/{CHUNK}").status_code == 200
        adapter = session.get_adapter(url)
        pools = list(adapter.poolmanager.pools._container.values())
        assert sum(pool.num_connections for pool in pools) == 1
