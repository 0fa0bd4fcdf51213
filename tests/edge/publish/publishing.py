"""A box that judges parts and publishes them to a broker, until it is killed or has caught up."""

import asyncio
import sys
import time
from pathlib import Path

from edge.config import Publishing
from edge.disk import Disk
from edge.journal import Journal
from edge.publish.mqtt import MqttPublisher
from edge.publish.outbox import Outbox
from edge.supervisor import Up, keep
from sensors.signal import Trigger
from sensors.wiring import MqttLink

PERIOD_S = 0.005
PADDING = "x" * 2000  # a verdict is a few kilobytes


async def judge(journal: Journal, outbox: Outbox) -> None:
    newest = journal.newest("a")
    sequence = newest.trigger.sequence if newest else 0
    while True:
        sequence += 1
        now_ns = time.monotonic_ns()
        accepted = await journal.accept(
            Trigger("a", sequence, "p", "motor", time.time_ns(), now_ns, now_ns)
        )
        assert accepted
        body = f'{{"id":"{accepted.id}","at":{time.time_ns()},"x":"{PADDING}"}}'
        await outbox.put(accepted.id, "a", body.encode(), sealed_ns=time.time_ns())
        await asyncio.sleep(PERIOD_S)


async def catch_up(journal: Journal, outbox: Outbox) -> None:
    for one in journal.pending():
        await outbox.put(one.id, "a", b'{"id":"%s"}' % one.id.encode(), sealed_ns=time.time_ns())
    for _ in range(1000):
        if outbox.backlog("mqtt"):
            await asyncio.sleep(0.01)


async def main(path: Path, port: int, last: bool) -> None:
    link = MqttLink(kind="mqtt", port=port)
    async with (
        Disk(path, "FULL") as disk,
        Journal(disk) as journal,
        Outbox(disk, {"mqtt": None}, lambda *_: None) as outbox,
    ):

        async def session(up: Up) -> None:
            await MqttPublisher(
                "mqtt",
                link,
                Publishing(link="broker"),
                outbox,
                site="leipzig",
                line="line-1",
                published=lambda *_: None,
                up=up,
            ).run()

        publishing = asyncio.create_task(keep("mqtt", session, lambda *_: None))
        await (catch_up if last else judge)(journal, outbox)
        publishing.cancel()
        await asyncio.wait([publishing])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), last=sys.argv[3] == "last"))
