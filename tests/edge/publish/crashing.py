"""A box that accepts, judges and publishes as fast as it can, until it is killed.

Every promise is written to stdout the moment it is given, one line each:
`accepted ID`, `judged ID SHA`, `taken PUBLISHER ID SHA`, `done PUBLISHER ID`.
"""

import asyncio
import hashlib
import os
import random
import sys
import time
from pathlib import Path

from edge.disk import Disk
from edge.journal import Accepted, Journal
from edge.publish.outbox import Outbox
from sensors.signal import Trigger

STATIONS = ("a", "b", "c")
PUBLISHERS = {"mqtt": None, "plc.a": ("a",)}


def say(*words: str) -> None:
    os.write(1, (" ".join(words) + "\n").encode())  # one write: whole lines, or nothing


def sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]


async def accept(journal: Journal, station: str, sequence: int) -> Accepted | None:
    now_ns = time.monotonic_ns()
    accepted = await journal.accept(
        Trigger(station, sequence, "", "motor", time.time_ns(), now_ns, now_ns)
    )
    if accepted:
        say("accepted", accepted.id)
    return accepted


async def judge(outbox: Outbox, accepted: Accepted, word: str) -> None:
    text = f"{accepted.id} {word} {random.random()}"
    body = (text * (1 + random.randrange(150))).encode()
    if await outbox.put(accepted.id, accepted.trigger.station, body, sealed_ns=time.time_ns()):
        say("judged", accepted.id, sha(body))


async def work(journal: Journal, outbox: Outbox, station: str) -> None:
    newest = journal.newest(station)
    sequence = newest.trigger.sequence if newest else 0
    while True:
        batch = range(sequence + 1, sequence + 1 + random.randrange(1, 20))
        sequence = batch[-1]
        taken = await asyncio.gather(*(accept(journal, station, number) for number in batch))
        await asyncio.gather(*(judge(outbox, one, "watched") for one in taken if one))


async def publish(outbox: Outbox, publisher: str) -> None:
    async with outbox.feed(publisher) as feed:
        while True:
            owed = [await feed.next()]
            for one in owed:
                say("taken", publisher, one.id, sha(one.body))
                await outbox.done(publisher, one, time.time_ns())
                say("done", publisher, one.id)


async def main(path: Path, last: bool) -> None:
    async with (
        Disk(path, "FULL") as disk,
        Journal(disk) as journal,
        Outbox(disk, PUBLISHERS, lambda *_: None) as outbox,
        asyncio.TaskGroup() as group,
    ):
        for one in journal.pending():
            await judge(outbox, one, "recovered")
        if last:
            return
        for publisher in PUBLISHERS:
            group.create_task(publish(outbox, publisher))
        for station in STATIONS:
            group.create_task(work(journal, outbox, station))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), last=sys.argv[2] == "last"))
