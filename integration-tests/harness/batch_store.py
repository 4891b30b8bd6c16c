"""A Zarr store over Cloudify that fetches what zarr asks for together with one `POST`.

zarr.config.set({"async.concurrency": 1000})  # how many chunks zarr asks for at once
xarray.open_zarr(BatchStore("https://server/datasets/tas"), chunks=None)
"""
import asyncio
import struct

import aiohttp
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import default_buffer_prototype

HEAD = struct.Struct("<IIQ")  # of a frame: place of the key in the request, its status, how many bytes follow
END = 0xFFFFFFFF  # place in the last frame: all came

class BatchStore(Store):
    supports_writes = supports_deletes = supports_listing = False
    def __init__(self, dataset: str, store: str = "zarr"):
        super().__init__(read_only=True)
        self.dataset, self.store, self.asked, self.requests = dataset, store, [], set()
    def __eq__(self, other):
        return isinstance(other, BatchStore) and (self.dataset, self.store) == (other.dataset, other.store)
    async def get(self, key, prototype, byte_range=None):
        if len(self.asked) in (0, 10_000):  # the request goes once all that are ready to ask have done so
            self.asked = []
            asyncio.get_running_loop().call_soon(self._request, self.asked)
        self.asked.append((key, answer := asyncio.get_running_loop().create_future()))
        data = await answer
        match byte_range:
            case RangeByteRequest(start, end): data = data and data[start:end]
            case OffsetByteRequest(offset): data = data and data[offset:]
            case SuffixByteRequest(suffix): data = data and data[-suffix:]
        return None if data is None else prototype.buffer.from_bytes(data)
    async def get_partial_values(self, prototype, key_ranges):
        return await asyncio.gather(*(self.get(key, prototype, part) for key, part in key_ranges))
    async def exists(self, key):
        return await self.get(key, default_buffer_prototype()) is not None
    def _request(self, asked):
        self.asked = [] if asked is self.asked else self.asked
        self.requests.add(task := asyncio.ensure_future(self._fetch(asked)))
        task.add_done_callback(self.requests.discard)
    async def _fetch(self, asked):
        body = {"store": self.store, "keys": [key for key, _ in asked]}
        try:
            async with aiohttp.request("POST", f"{self.dataset}/chunks", json=body, raise_for_status=True) as answer:
                while (head := HEAD.unpack(await answer.content.readexactly(HEAD.size)))[0] != END:
                    (key, future), status, data = asked[head[0]], head[1], await answer.content.readexactly(head[2])
                    if future.done():  # nobody waits for it any more
                        continue
                    if status in (200, 404):  # 404 alone says that the chunk is missing and reads as the fill value
                        future.set_result(data if status == 200 else None)
                    else:
                        future.set_exception(OSError(f"{key}: {status} {data.decode()}"))
        except Exception as error:  # nobody may wait for ever, or take this for missing chunks
            for _, future in asked:
                future.done() or future.set_exception(OSError(f"{self.dataset}: {error!r}"))
    def _unsupported(self, *_):
        raise NotImplementedError
    set = delete = list = list_prefix = list_dir = _unsupported
