"""Many keys in one request, and several ranges of a chunk: the bytes of the file, each key with its own status."""

import asyncio
import email
import json
import shutil
import signal
import threading
import time

import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr
import zarr

from harness import batches, raw_http, samples, truth
from harness.batch_store import BatchStore

KINDS = ["serve", "two-process"]
SERIES = samples.SERIES["fesom.temp"]
CHUNK = 100_000_000
RESIDENT_MAX = 400_000_000
CHANGED = r"Conflict"
WORKER_GONE = r"worker|connection|transport|broken pipe|h2|broken off"


def dataset_of(served, path) -> str:
    return served.of(path).removesuffix("/kerchunk")


def stored_keys(path, variable) -> dict[str, bytes]:
    """Keys and bytes of a variable's chunks, as libhdf5 finds them in the file."""
    return {f"{variable}/{'.'.join(map(str, index))}": data for index, data in truth.chunk_bytes(path, variable)}


@pytest.mark.parametrize(("path", "variable"), [(samples.NEMO[0], "tos"), (SERIES[0], "temp")])
def test_chunks_are_the_bytes_in_the_file(served, path, variable):
    stored = stored_keys(path, variable)
    keys = list(stored) * 2
    for key, (status, data) in zip(keys, batches.fetch(dataset_of(served, path), "kerchunk", keys), strict=True):
        assert (status, data) == (200, stored[key]), key


@pytest.mark.parametrize("store", ["kerchunk", "zarr"])
def test_each_key_has_the_status_and_bytes_that_it_has_alone(served, store):
    dataset = dataset_of(served, samples.NEMO[0])
    keys = [
        "tos/0.0.0", "tos/c/0/0/0", "tos/99.0.0", "tos/0.0", "nav_lat/0.0", "time_counter/0", ".zmetadata", "zarr.json",
        "tos/.zarray", "tos/zarr.json", "nope/0.0", "nope/.zarray", "pp_tos_time.month_mean/0.0", "a/../b", "a\\b", "x" * 2000,
    ]
    for key, (status, data) in zip(keys, batches.fetch(dataset, store, keys), strict=True):
        alone = requests.get(f"{dataset}/{store}/" + requests.utils.quote(key.replace("/../", "/%2E%2E/")))
        if "/../" not in key:
            assert status == alone.status_code, key
        assert (status == 200) == (data == alone.content and alone.ok), key
        if status != 200:
            assert json.loads(data)["status"] == status
    assert {status for status, _ in batches.fetch(dataset, store, keys)} == {200, 400, 404, 410}


def test_views_have_batches(served):
    dataset = dataset_of(served, samples.NEMO[0])
    view = f"{dataset}/view/mean=time_counter"
    [(status, data), (missing, _)] = batches.fetch(view, "zarr", ["tos/0.0", "tos/7.7"])
    assert (status, missing) == (200, 404)
    assert data == requests.get(f"{view}/zarr/tos/0.0").content
    assert requests.post(f"{view}/chunks", json={"store": "kerchunk", "keys": []}).status_code == 400
    assert requests.post(f"{dataset}/view/mean=nope/chunks", json={"store": "zarr", "keys": []}).status_code != 404


def test_limits_of_requests(served):
    dataset = dataset_of(served, samples.NEMO[0])
    many = requests.post(f"{dataset}/chunks", json={"store": "zarr", "keys": ["tos/0.0.0"] * 10_001})
    assert many.status_code == 413 and "10001" in many.json()["detail"] and "10000" in many.json()["detail"]
    most = batches.fetch(dataset, "kerchunk", ["time_counter/0"] * 9_999 + ["nope/0"])
    assert [status for status, _ in most] == [200] * 9_999 + [404]
    long = requests.post(f"{dataset}/chunks", data=b'{"store":"zarr","keys":["' + b"x" * (5 << 20) + b'"]}')
    assert long.status_code == 413

    def endless():
        yield b'{"store":"zarr","keys":["a"'
        for _ in range(100):
            yield b',"a"' * 100_000

    # The answer may come, and the connection end, before all is sent.
    try:
        assert requests.post(f"{dataset}/chunks", data=endless()).status_code == 413
    except requests.ConnectionError:
        pass
    for body in (b"", b"[]", b"{", b'{"store":"zarr"}', b'{"store":"zarr","keys":[1]}', b'{"store":"zarr","keys":[],"x":1}'):
        answer = requests.post(f"{dataset}/chunks", data=body)
        assert answer.status_code == 400 and answer.headers["Content-Type"] == "application/problem+json", body
    gone = requests.post(f"{served.url}/datasets/nope/chunks", json={"store": "zarr", "keys": ["a/0"]})
    assert gone.status_code == 410


def test_browsers_may_ask(served):
    dataset = dataset_of(served, samples.NEMO[0])
    preflight = requests.options(f"{dataset}/chunks", headers={
        "Origin": "https://a.org", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type",
    })
    assert preflight.ok and preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "content-type" in preflight.headers["Access-Control-Allow-Headers"].lower()
    answer = requests.post(f"{dataset}/chunks", json={"store": "zarr", "keys": []}, headers={"Origin": "https://a.org"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("store", ["kerchunk", "zarr"])
def test_xarray_reads_by_batches_what_netcdf4_reads(served, store, zarr_format):
    url = served.series("nemo").removesuffix("/kerchunk")
    posted = []
    with zarr.config.set({"async.concurrency": 1000}):
        asking = counted(BatchStore(url, store), posted)
        opened = xr.open_zarr(asking, chunks=None, zarr_format=zarr_format, mask_and_scale=False)
        values = opened.tos.values
    expected = []
    for path in samples.SERIES["nemo"]:
        with netCDF4.Dataset(path) as file:
            file.set_auto_maskandscale(False)
            expected.append(file["tos"][...])
    np.testing.assert_array_equal(values, np.concatenate(expected))
    asked = [sum(key.startswith("tos/") and "z" not in key for key in keys) for keys in posted]
    assert max(asked) == sum(asked) > 1, "its chunks came by one request"


def counted(store, posted):
    """Notes the keys of each request."""
    fetch = store._fetch
    store._fetch = lambda asked: posted.append([key for key, _ in asked]) or fetch(asked)
    return store


def test_parts_of_values_by_batches(served):
    from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
    from zarr.core.buffer import default_buffer_prototype

    dataset = dataset_of(served, samples.NEMO[0])
    whole = requests.get(f"{dataset}/kerchunk/tos/0.0.0").content
    parts = {None: whole, RangeByteRequest(3, 9): whole[3:9], OffsetByteRequest(50): whole[50:], SuffixByteRequest(7): whole[-7:]}

    async def read():
        store = BatchStore(dataset, "kerchunk")
        asked = [("tos/0.0.0", part) for part in parts] + [("tos/99.0.0", None)]
        assert await store.exists("tos/0.0.0") and not await store.exists("tos/99.0.0")
        with pytest.raises(OSError, match="410"):
            await BatchStore(f"{served.url}/datasets/nope").exists("tos/0.0.0")
        with pytest.raises(OSError, match="400"):
            await store.exists("a/../b")
        return await store.get_partial_values(default_buffer_prototype(), asked)

    *found, absent = asyncio.run(read())
    assert [part.to_bytes() for part in found] == list(parts.values()) and absent is None


@pytest.fixture(params=KINDS)
def changing(request, start, copy, allowed_log):
    """A system with two datasets of its own, and the file of the first."""
    allowed_log.append(CHANGED)
    system = start(request.param)
    path = copy(samples.NEMO[0], "nemo.nc")
    system.register("nemo", path)
    return system, path


def test_a_source_that_changed_is_a_conflict_in_its_frame(changing):
    system, path = changing
    dataset = f"{system.url}/datasets/nemo"
    keys = [*stored_keys(path, "tos"), ".zmetadata", "tos/99.0.0"]
    assert [status for status, _ in batches.fetch(dataset, "kerchunk", keys)] == [200] * (len(keys) - 1) + [404]
    path.write_bytes(path.read_bytes()[::-1])
    *chunks, document, missing = batches.fetch(dataset, "kerchunk", keys)
    assert {status for status, _ in chunks} == {409}
    assert all(json.loads(data)["status"] == 409 and str(path.parent) not in data.decode() for _, data in chunks)
    assert (document[0], missing[0]) == (200, 404)


@pytest.fixture(scope="module")
def large_file(tmp_path_factory):
    """Four uncompressed chunks of 100 MB, and 2000 of 40 kB."""
    path = tmp_path_factory.mktemp("large") / "large.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("t", 4)
        file.createDimension("x", CHUNK // 4)
        file.createDimension("s", 2000)
        file.createDimension("y", 10_000)
        data = file.createVariable("data", "f4", ("t", "x"), chunksizes=(1, CHUNK // 4))
        for step in range(4):
            data[step] = np.arange(CHUNK // 4, dtype="f4") + step
        small = file.createVariable("small", "i4", ("s", "y"), chunksizes=(1, 10_000))
        small[...] = np.arange(2000 * 10_000).reshape(2000, 10_000)
    return path


LARGE_KEYS = [f"data/{number % 4}.0" for number in range(40)]
SMALL_KEYS = [f"small/{number}.0" for number in range(2000)]


def small_chunk(number: int) -> bytes:
    return np.arange(number * 10_000, (number + 1) * 10_000, dtype="<i4").tobytes()


def large_system(start, kind, large_file, **settings):
    system = start(kind, roots=[large_file.parent], **settings)
    system.register("large", large_file)
    return system, f"{system.url}/datasets/large"


@pytest.mark.parametrize("kind", KINDS)
def test_slow_readers_take_bounded_memory(start, large_file, kind):
    system, dataset = large_system(start, kind, large_file)
    received = [0] * 16

    def read(number):
        keys = LARGE_KEYS if number % 2 else SMALL_KEYS * 5
        with batches.begin(system.url, dataset, "kerchunk", keys, 65536) as connection:
            end = time.monotonic() + 6
            while time.monotonic() < end:
                received[number] += len(connection.recv(65536))
                time.sleep(0.05)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(len(received))]
    for thread in threads:
        thread.start()
    time.sleep(3)
    # Others are served meanwhile, by batches too.
    answered = batches.fetch(dataset, "kerchunk", SMALL_KEYS[:200])
    assert [data for _, data in answered] == [small_chunk(number) for number in range(200)]
    for thread in threads:
        thread.join()
    assert min(received) > 0
    for process in system.processes:
        assert process.resident_bytes(peak=True) < RESIDENT_MAX, process.name


@pytest.mark.parametrize("kind", KINDS)
def test_clients_that_leave_end_the_work(start, large_file, kind):
    system, dataset = large_system(start, kind, large_file)
    for _ in range(30):
        with batches.begin(system.url, dataset, "kerchunk", SMALL_KEYS * 5, 4096) as connection:
            connection.recv(1000)
    time.sleep(1)
    begun = keys_answered(system)
    time.sleep(1)
    assert keys_answered(system) == begun < 30 * 10_000 / 2
    for process in system.processes:
        assert process.resident_bytes(peak=True) < RESIDENT_MAX, process.name


def keys_answered(system) -> int:
    metrics = requests.get(f"{system.url}/metrics").text
    return sum(int(line.split()[-1]) for line in metrics.splitlines() if line.startswith("cloudify_batch_keys_total"))


@pytest.mark.parametrize("kind", KINDS)
def test_large_chunks_arrive_whole(start, large_file, kind):
    _, dataset = large_system(start, kind, large_file)
    found = batches.fetch(dataset, "kerchunk", ["data/0.0", "small/7.0", "data/3.0"])
    whole = [np.arange(CHUNK // 4, dtype="<f4") + np.float32(step) for step in (0, 3)]
    assert found == [(200, whole[0].tobytes()), (200, small_chunk(7)), (200, whole[1].tobytes())]


def test_a_worker_that_dies_is_replaced_by_another(start, large_file, allowed_log):
    allowed_log.append(WORKER_GONE)
    system, dataset = large_system(start, "two-process", large_file, workers=2)
    batches.fetch(dataset, "kerchunk", SMALL_KEYS[:10])
    # Whichever of the two serves this file: first one goes, then it comes back and the other goes.
    for number in (0, 1):
        with batches.begin(system.url, dataset, "kerchunk", SMALL_KEYS, 65536) as connection:
            pieces = [connection.recv(65536)]
            system.workers[number].child.send_signal(signal.SIGKILL)
            while piece := connection.recv(1 << 20):
                pieces.append(piece)
        found = batches.frames(unchunked(b"".join(pieces).partition(b"\r\n\r\n")[2]))
        assert [found[place] for place in range(2000)] == [(200, small_chunk(place)) for place in range(2000)]
        system.workers[number].child.wait()
        if number == 0:
            system.workers[0].start_again()


def unchunked(body: bytes) -> bytes:
    """What HTTP's chunked transfer coding carries; fails where its end is missing."""
    found, at = [], 0
    while True:
        begin = body.index(b"\r\n", at) + 2
        length = int(body[at:begin], 16)
        if length == 0:
            return b"".join(found)
        found.append(body[begin : begin + length])
        at = begin + length + 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_chunk_that_fails_once_begun_breaks_the_answer_off(start, tmp_path, kind, large_file, allowed_log):
    allowed_log += [CHANGED, r"broken off"]
    path = tmp_path / "data" / "large.nc"
    shutil.copyfile(large_file, path)
    system = start(kind)
    system.register("large", path)
    dataset = f"{system.url}/datasets/large"
    with batches.begin(system.url, dataset, "kerchunk", LARGE_KEYS[:1], 65536) as connection:
        pieces = [connection.recv(65536)]
        while sum(map(len, pieces)) < 100_000:  # the frame has begun
            pieces.append(connection.recv(65536))
        with path.open("r+b") as file:
            file.truncate(CHUNK // 2)
        while piece := read_more(connection):
            pieces.append(piece)
    stream = b"".join(pieces)
    assert b" 200 " in stream[:20] and not stream.endswith(b"0\r\n\r\n")


def read_more(connection) -> bytes:
    try:
        return connection.recv(1 << 20)
    except ConnectionResetError:
        return b""


RANGES = {
    "0-99,200-299": [(0, 100), (200, 300)],
    "200-299, 0-99": [(200, 300), (0, 100)],
    "-5,0-0": [(-5, None), (0, 1)],
    "0-9,5-20,30-39": [(0, 21), (30, 40)],
}


def parts_of(answer) -> list[tuple[str, str, bytes]]:
    """Content type, range and bytes of each part, as Python's reader of MIME finds them."""
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.content, policy=email.policy.HTTP)
    return [(part["Content-Type"], part["Content-Range"], part.get_payload(decode=True)) for part in message.iter_parts()]


@pytest.mark.parametrize("store", ["kerchunk", "zarr"])
@pytest.mark.parametrize("key", ["tos/0.0.0", ".zmetadata"])
@pytest.mark.parametrize("ranges", RANGES)
def test_several_ranges_of_one_answer(served, store, key, ranges):
    url = f"{dataset_of(served, samples.NEMO[0])}/{store}/{key}"
    whole = requests.get(url)
    answer = requests.get(url, headers={"Range": f"bytes={ranges}"})
    assert answer.status_code == 206 and answer.headers["Content-Type"].startswith("multipart/byteranges; boundary=")
    assert answer.headers["ETag"].split("-")[0].strip('"') == whole.headers["ETag"].split("-")[0].strip('"')
    assert "Content-Range" not in answer.headers
    size = len(whole.content)
    found = parts_of(answer)
    for (kind, place, data), (begin, end) in zip(found, RANGES[ranges], strict=True):
        first, last, _ = slice(begin, end).indices(size)
        assert place == f"bytes {first}-{last - 1}/{size}" and kind == whole.headers["Content-Type"]
        assert data == whole.content[begin:end]


def test_several_ranges_that_are_none_or_one_or_too_many(served):
    url = f"{dataset_of(served, samples.NEMO[0])}/kerchunk/tos/0.0.0"
    whole = requests.get(url)
    size = len(whole.content)

    def get(ranges, **headers):
        return requests.get(url, headers={"Range": f"bytes={ranges}", **headers})

    one = get(f"0-9,{size}-,10-19")
    assert one.status_code == 206 and one.content == whole.content[:20]
    assert one.headers["Content-Range"] == f"bytes 0-19/{size}"
    none = get(f"{size}-{size + 5},-0")
    assert none.status_code == 416 and none.headers["Content-Range"] == f"bytes */{size}"
    for malformed in ("0-1,5-2", "0-1,a-b", "0-1;4-5", ","):
        assert (get(malformed).status_code, get(malformed).content) == (200, whole.content), malformed
    many = get(",".join(f"{2 * at}-{2 * at}" for at in range(65)))
    assert (many.status_code, many.content) == (200, whole.content)
    most = get(",".join(f"{2 * at}-{2 * at}" for at in range(64)))
    assert [data for *_, data in parts_of(most)] == [whole.content[2 * at : 2 * at + 1] for at in range(64)]
    assert get("0-1,4-5", **{"If-Range": whole.headers["ETag"]}).status_code == 206
    assert get("0-1,4-5", **{"If-Range": '"other"'}).status_code == 200
    assert get("0-1,4-5", **{"If-None-Match": whole.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("kind", KINDS)
def test_several_ranges_of_a_large_chunk(start, large_file, kind):
    system, dataset = large_system(start, kind, large_file)
    ranges = [(90_000_000, 99_999_999), (0, 4_999_999), (50_000_000, 50_000_003)]
    text = ",".join(f"{first}-{last}" for first, last in ranges)
    answer = requests.get(f"{dataset}/kerchunk/data/2.0", headers={"Range": f"bytes={text}"}, timeout=60)
    whole = (np.arange(CHUNK // 4, dtype="<f4") + np.float32(2)).tobytes()
    assert [data for *_, data in parts_of(answer)] == [whole[first : last + 1] for first, last in ranges]
    status, headers, _ = raw_http.exchange(
        system.url, raw_http.request(b"/datasets/large/kerchunk/data/2.0", b"HEAD", b"Range: bytes=0-1,4-5")
    )
    assert status == 200 and int(headers["content-length"]) == CHUNK
