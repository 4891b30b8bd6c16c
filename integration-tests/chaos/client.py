"""A client process: asks for URLs at a steady pace and writes down what came. `python -m chaos.client PLAN RECORDS`.

It retries nothing, nor does its library: every answer that is not the right one is written down.
"""

import asyncio
import hashlib
import json
import pathlib
import random
import signal
import sys
import time

import aiohttp
import yarl

from chaos.records import LAYOUT, Outcome

ANSWER_SECONDS = 60
"""A request without a whole answer for so long is a failure."""


class Client:
    """Connections that share a plan and a file of records."""

    def __init__(self, plan: dict, sink, notes):
        self.plan, self.sink, self.notes = plan, sink, notes
        self.ending = asyncio.Event()
        by_kind: dict[str, list[int]] = {}
        for number, one in enumerate(plan["expected"]):
            by_kind.setdefault(one["kind"], []).append(number)
        self.numbers = by_kind
        self.kinds = list(by_kind)
        self.weights = [plan["weights"].get(kind, 1) for kind in self.kinds]
        self.dice = random.Random(plan["seed"])

    async def run(self) -> None:
        # The library sends a request again whose connection was closed; nothing else turns that off.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=120)
        limit = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with aiohttp.ClientSession(connector=connector, timeout=limit, auto_decompress=False) as session:
            session._retry_connection = False
            await asyncio.gather(*(self.connection(session) for _ in range(self.plan["connections"])))

    async def connection(self, session: aiohttp.ClientSession) -> None:
        """One request after another, none earlier than the pace allows; what was missed is not made up for."""
        interval = self.plan["interval"]
        due = time.monotonic() + self.dice.random() * interval
        while not self.ending.is_set():
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            await self.ask(session, self.choose())
            due = max(due + interval, time.monotonic())

    def choose(self) -> int:
        kind = self.dice.choices(self.kinds, self.weights)[0]
        return self.dice.choice(self.numbers[kind])

    async def ask(self, session: aiohttp.ClientSession, number: int) -> None:
        expected = self.plan["expected"][number]
        url = yarl.URL(self.plan["url"] + expected["path"], encoded=True)
        begin, status, note = time.monotonic(), 0, ""
        try:
            async with session.get(url, headers={"Accept-Encoding": "identity"}) as answer:
                status = answer.status
                body = await answer.read()
            outcome = judge(expected, status, body, self.plan["refusals"])
            if outcome.is_failure:
                note = body[:300].decode("utf-8", "replace")
        except TimeoutError:
            outcome = Outcome.TIMEOUT
        except aiohttp.ClientError as error:
            outcome = Outcome.BROKEN if status else Outcome.NO_ANSWER
            note = repr(error)
        end = time.monotonic()
        self.sink.write(LAYOUT.pack(end, end - begin, status, outcome, number))
        if outcome.is_failure:
            line = {"end": end, "seconds": end - begin, "outcome": outcome.name, "status": status,
                    "path": expected["path"], "note": note}
            self.notes.write(json.dumps(line) + "\n")
            self.notes.flush()


def judge(expected: dict, status: int, body: bytes, refusals: list[int]) -> Outcome:
    """What an answer is; `refusals` are statuses that are as right as the bytes."""
    if status == 200 and expected["status"] == 200:
        return Outcome.RIGHT if hashlib.sha256(body).hexdigest() == expected["sha256"] else Outcome.WRONG
    if status == expected["status"]:
        return Outcome.RIGHT
    if status == 404:
        return Outcome.MISSING
    if 200 <= status < 300:
        return Outcome.WRONG
    return Outcome.REFUSED if status in refusals else Outcome.STATUS


async def main(plan: pathlib.Path, records: pathlib.Path) -> None:
    with records.open("wb", buffering=0) as sink, records.with_suffix(".failures").open("w") as notes:
        client = Client(json.loads(plan.read_text()), sink, notes)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, client.ending.set)
        await client.run()


if __name__ == "__main__":
    asyncio.run(main(*map(pathlib.Path, sys.argv[1:3])))
