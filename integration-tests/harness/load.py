"""Many connections, and slow ones."""

import asyncio
import contextlib
import resource
from urllib.parse import urlsplit


def raise_file_limit(wanted: int) -> int:
    """As many open files as the machine lets us have, up to `wanted`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
        return wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, wanted), hard))
    return min(hard, wanted)


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """One answer with a Content-Length."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)


async def keep_alive(url: str, path: str, count: int, rounds: int) -> dict[int, int]:
    """Opens `count` connections and keeps them; asks on each, `rounds` times. How often each status came."""
    place = urlsplit(url)
    head = f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode()
    gate = asyncio.Semaphore(200)
    statuses: dict[int, int] = {}

    async def connect():
        async with gate:
            return await asyncio.open_connection(place.hostname, place.port)

    async def ask(pair):
        async with gate:
            reader, writer = pair
            writer.write(head)
            status, _ = await asyncio.wait_for(read_answer(reader), 120)
            statuses[status] = statuses.get(status, 0) + 1

    pairs = await asyncio.gather(*(connect() for _ in range(count)))
    try:
        for _ in range(rounds):
            await asyncio.gather(*(ask(pair) for pair in pairs))
    finally:
        for _, writer in pairs:
            writer.close()
    return statuses
