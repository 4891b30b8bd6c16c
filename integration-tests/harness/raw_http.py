"""HTTP on a bare socket: paths that no client library would send, and clients that are slow."""

import socket
from urllib.parse import urlsplit


def connect(url: str, receive_buffer: int | None = None) -> socket.socket:
    """A connection to the server of a URL."""
    place = urlsplit(url)
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(60)
    connection.connect((place.hostname, place.port))
    return connection


def request(target: bytes, method: bytes = b"GET", *headers: bytes, close: bool = True) -> bytes:
    """A request's head with the target as it is, nothing normalised."""
    lines = [method + b" " + target + b" HTTP/1.1", b"Host: localhost", *headers]
    if close:
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def exchange(url: str, head: bytes) -> tuple[int, dict[str, str], bytes]:
    """Sends a head and reads to the end: status, headers with names in lower case, body."""
    with connect(url) as connection:
        connection.sendall(head)
        answer = b""
        while piece := connection.recv(1 << 16):
            answer += piece
    start, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = start.decode("latin-1").split("\r\n")
    if not first:
        return 0, {}, b""
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split()[1]), headers, body


def get(url: str, target: bytes, *headers: bytes) -> tuple[int, dict[str, str], bytes]:
    """GETs exactly this target."""
    return exchange(url, request(target, b"GET", *headers))
