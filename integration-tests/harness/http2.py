"""HTTP/2 on a bare socket, without TLS: several requests on one connection, each answer taken as fast as we want.

Of HPACK it knows how to write headers that are in no table, and that an answer which begins with 0x88 has the status 200.
"""

import struct
from urllib.parse import urlsplit

from harness import raw_http

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE, CANCEL = 4, 8
WINDOW_MAX = (1 << 31) - 1
FIRST_WINDOW = 65535
FRAME_MAX = 16384


class Answer:
    """What came on one stream."""

    def __init__(self):
        self.headers, self.body, self.has_ended = b"", bytearray(), False

    @property
    def is_ok(self) -> bool:
        return self.headers.startswith(b"\x88")


class Connection:
    """One connection whose own window is as wide as can be: a stream is held up by its window of `FIRST_WINDOW` alone."""

    def __init__(self, url: str):
        self.authority, self.last = urlsplit(url).netloc, -1
        self.answers: dict[int, Answer] = {}
        self.taken: set[int] = set()
        self.room = FIRST_WINDOW
        self.socket = raw_http.connect(url)
        self.input = self.socket.makefile("rb")
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self.send(SETTINGS, 0, 0, struct.pack("!HI", INITIAL_WINDOW_SIZE, FIRST_WINDOW))
        self.widen(0, WINDOW_MAX - FIRST_WINDOW)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.input.close()
        self.socket.close()

    def send(self, kind: int, flags: int, stream: int, payload: bytes = b"") -> None:
        self.socket.sendall(struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload)

    def widen(self, stream: int, by: int) -> None:
        self.send(WINDOW_UPDATE, 0, stream, struct.pack("!I", by))

    def ask(self, method: str, path: str, body: bytes = b"") -> int:
        """Begins a request; which stream it is. Nothing of its answer is taken but what fits into the first window."""
        assert len(body) < FIRST_WINDOW
        fields = {":method": method, ":scheme": "http", ":authority": self.authority, ":path": path}
        if body:
            fields |= {"content-type": "application/json", "content-length": str(len(body))}
        block = b"".join(b"\0" + text(name) + text(value) for name, value in fields.items())
        self.last += 2
        self.answers[self.last] = Answer()
        self.send(HEADERS, END_HEADERS | (0 if body else END_STREAM), self.last, block)
        for at in range(0, len(body), FRAME_MAX):
            piece, is_last = body[at : at + FRAME_MAX], at + FRAME_MAX >= len(body)
            while self.room < len(piece):  # what the server takes on the whole connection
                self.receive()
            self.room -= len(piece)
            self.send(DATA, END_STREAM if is_last else 0, self.last, piece)
        return self.last

    def take(self, stream: int) -> Answer:
        """Takes all of an answer, and of others what comes meanwhile."""
        self.taken.add(stream)
        self.widen(stream, WINDOW_MAX - FIRST_WINDOW)
        while not self.answers[stream].has_ended:
            self.receive()
        return self.answers[stream]

    def cancel(self, stream: int) -> None:
        self.send(RST_STREAM, 0, stream, struct.pack("!I", CANCEL))

    def receive(self) -> None:
        """One frame, and what is to be said to it."""
        head = self.input.read(9)
        assert len(head) == 9, "the server has closed the connection"
        length, (kind, flags, stream) = int.from_bytes(head[:3], "big"), struct.unpack("!BBI", head[3:])
        payload = self.input.read(length)
        if kind in (SETTINGS, PING) and not flags & ACK:
            self.send(kind, ACK, 0, payload if kind == PING else b"")
        if kind == GOAWAY or kind == RST_STREAM and stream in self.taken:
            raise AssertionError(f"the server ends stream {stream}: {payload!r}")
        if kind == WINDOW_UPDATE and stream == 0:
            self.room += int.from_bytes(payload, "big")
        if kind not in (DATA, HEADERS):
            return
        answer = self.answers[stream]
        if kind == DATA:
            answer.body += payload
            if payload:
                self.widen(0, len(payload))
                if stream in self.taken and not flags & END_STREAM:
                    self.widen(stream, len(payload))
        else:
            answer.headers += payload
        answer.has_ended = bool(flags & END_STREAM)


def text(value: str) -> bytes:
    """A string of HPACK that is not compressed."""
    if len(value) < 127:
        return bytes([len(value)]) + value.encode()
    rest, found = len(value) - 127, bytearray([127])
    while rest >= 128:
        found.append(rest % 128 + 128)
        rest //= 128
    return bytes(found) + bytes([rest]) + value.encode()
