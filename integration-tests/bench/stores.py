"""Fetching a whole Zarr store, and what is in it."""

import dataclasses
import http.client
import itertools
import json
import math
import threading
import urllib.parse

import numcodecs
import numpy as np


@dataclasses.dataclass
class Store:
    """What a server gave: a consolidated Zarr v2 store."""

    documents: dict[str, dict]
    chunks: dict[str, bytes]

    def values(self, name: str) -> np.ndarray:
        """An array, decoded."""
        about = self.documents[f"{name}/.zarray"]
        whole = np.empty(about["shape"], about["dtype"])
        codec = numcodecs.get_codec(about["compressor"]) if about["compressor"] else None
        assert not about["filters"], about
        for index in indexes(about):
            stored = self.chunks[key(name, about, index)]
            chunk = np.frombuffer(codec.decode(stored) if codec else stored, about["dtype"]).reshape(about["chunks"])
            begins = [number * length for number, length in zip(index, chunk.shape, strict=True)]
            place = tuple(slice(begin, begin + length) for begin, length in zip(begins, chunk.shape, strict=True))
            whole[place] = chunk[tuple(map(slice, whole[place].shape))]
        return whole


def indexes(about: dict):
    """The index of each chunk of an array."""
    counts = (math.ceil(length / chunk) for length, chunk in zip(about["shape"], about["chunks"], strict=True))
    return itertools.product(*map(range, counts))


def key(name: str, about: dict, index: tuple[int, ...]) -> str:
    return f"{name}/" + (about.get("dimension_separator", ".").join(map(str, index)) or "0")


def fetch(url: str, connections: int) -> Store:
    """The metadata, and then every chunk of every array over some connections."""
    address = urllib.parse.urlparse(url)

    def get(connection: http.client.HTTPConnection, key: str) -> bytes:
        connection.request("GET", f"{address.path}/{key}")
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} for {address.path}/{key}: {body[:500].decode('utf-8', 'replace')}")
        return body

    opened = [http.client.HTTPConnection(address.hostname, address.port, timeout=120) for _ in range(connections)]
    documents = json.loads(get(opened[0], ".zmetadata"))["metadata"]
    arrays = {name.removesuffix("/.zarray"): about for name, about in documents.items() if name.endswith("/.zarray")}
    wanted = iter([key(name, about, index) for name, about in arrays.items() for index in indexes(about)])
    chunks, failures, lock = {}, [], threading.Lock()

    def work(connection):
        try:
            while True:
                with lock:
                    each = next(wanted, None)
                if each is None or failures:
                    return
                chunks[each] = get(connection, each)
        except (OSError, RuntimeError, http.client.HTTPException) as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(connection,)) for connection in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for connection in opened:
        connection.close()
    if failures:
        raise failures[0]
    return Store(documents, chunks)
