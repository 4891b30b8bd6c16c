"""Batches on a bare socket: what is asked for, and the frames of what comes."""

import json
import struct
from urllib.parse import urlsplit

import requests

from harness import raw_http

HEAD = struct.Struct("<IIQ")
END = (0xFFFFFFFF, 200, 0)


def frames(stream: bytes) -> dict[int, tuple[int, bytes]]:
    """Status and bytes of each key by its place in the request; fails where the stream was broken off."""
    found, at = {}, 0
    while True:
        place, status, length = head = HEAD.unpack_from(stream, at)
        at += HEAD.size
        if head == END:
            assert at == len(stream)
            return found
        assert place not in found and at + length <= len(stream)
        found[place] = (status, stream[at : at + length])
        at += length


def fetch(dataset: str, store: str, keys: list[str], **options) -> list[tuple[int, bytes]]:
    """Status and bytes of each key of a dataset's store."""
    answer = requests.post(f"{dataset}/chunks", json={"store": store, "keys": keys}, timeout=120, **options)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/vnd.cloudify.chunks"
    found = frames(answer.content)
    assert sorted(found) == list(range(len(keys)))
    return [found[place] for place in range(len(keys))]


def begin(url: str, dataset: str, store: str, keys: list[str], receive_buffer: int | None = None):
    """A connection on which a batch has been asked for and nothing been read."""
    body = json.dumps({"store": store, "keys": keys}).encode()
    connection = raw_http.connect(url, receive_buffer)
    length = b"Content-Length: %d" % len(body)
    path = urlsplit(dataset).path.encode() + b"/chunks"
    connection.sendall(raw_http.request(path, b"POST", b"Content-Type: application/json", length) + body)
    return connection
