"""The publisher against a real mosquitto, heard by a subscriber that knows nothing of it."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from edge.config import Publishing
from edge.publish.mqtt import WINDOW, MqttPublisher
from edge.publish.outbox import Delivery
from edge.supervisor import Up, keep
from edge.trial.broker import Broker as Amqtt
from sensors.errors import LinkLost
from sensors.wiring import MqttLink

from .box import Box, body
from .broker import Heard, Mosquitto, Subscriber

ROOT = Path(__file__).parents[3]
CHILD = Path(__file__).with_name("publishing.py")
STATUS = "leipzig/line-1/status"


def publisher(
    box: Box,
    port: int,
    up: Up = lambda: None,
    published: Callable[[Delivery, int], None] = lambda *_: None,
) -> MqttPublisher:
    return MqttPublisher(
        "mqtt",
        MqttLink(kind="mqtt", port=port),
        Publishing(link="broker", expiry_s=600),
        box.outbox,
        site="leipzig",
        line="line-1",
        published=published,
        up=up,
    )


@asynccontextmanager
async def publishing(box: Box, port: int) -> AsyncIterator[list[bool]]:
    """The publisher under the supervisor; what that reported of its link."""
    link: list[bool] = []
    task = asyncio.create_task(
        keep(
            "mqtt",
            lambda up: publisher(box, port, up).run(),
            lambda _, is_up: link.append(is_up),
        )
    )
    try:
        yield link
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    give_up = time.monotonic() + seconds
    while True:
        if condition():
            return
        assert time.monotonic() < give_up, "waited in vain"
        await asyncio.sleep(0.01)


def verdicts(mes: Subscriber) -> list[Heard]:
    return [one for one in mes.heard if one.topic.endswith("/verdict")]


def has_heard(mes: Subscriber, more_than: int) -> bool:
    return len(verdicts(mes)) > more_than


def states(mes: Subscriber) -> list[tuple[str, str]]:
    said = [json.loads(one.body) for one in mes.heard if one.topic == STATUS]
    return [(one["state"], one.get("reason", "")) for one in said]


async def test_a_verdict_arrives_as_it_was_sealed_with_what_a_subscriber_needs(
    box: Box, mosquitto: Mosquitto, mes: Subscriber
) -> None:
    async with publishing(box, mosquitto.port):
        await until(lambda: states(mes))
        before_ns = time.time_ns()
        name = await box.judge()
        await until(lambda: verdicts(mes))
        (heard,) = verdicts(mes)
    assert heard.topic == "leipzig/line-1/a/verdict"
    assert heard.body == body(name)
    assert not heard.retain
    assert heard.content_type == "application/json"
    assert heard.expiry_s is not None
    assert 590 <= heard.expiry_s <= 600
    assert heard.properties["schema"] == "verdict/1"
    assert heard.properties["id"] == name
    assert heard.properties["replayed"] == "false"
    assert before_ns <= int(heard.properties["published_ns"]) <= time.time_ns()


async def test_what_the_broker_acknowledged_is_owed_no_more_and_is_reported_once(
    box: Box, mosquitto: Mosquitto
) -> None:
    reports: list[tuple[str, int]] = []
    started_ns = time.monotonic_ns()
    session = publisher(
        box, mosquitto.port, published=lambda one, at_ns: reports.append((one.id, at_ns))
    )
    task = asyncio.create_task(session.run())
    names = [await box.judge("ab"[i % 2]) for i in range(60)]
    await until(lambda: not box.outbox.backlog("mqtt"))
    assert [name for name, _ in reports] == names
    assert all(started_ns < at_ns < time.monotonic_ns() for _, at_ns in reports)
    assert box.outbox.backlog("plc.a") == 30
    task.cancel()
    await asyncio.wait([task])


async def test_a_verdict_that_waited_for_room_is_not_overtaken(
    box: Box, mosquitto: Mosquitto, mes: Subscriber
) -> None:
    """By the next one, committed in the very turn in which there is room again."""
    reports: list[Delivery] = []
    session = publisher(box, mosquitto.port, published=lambda one, _: reports.append(one))
    task = asyncio.create_task(session.run())
    await box.judge()
    await until(lambda: reports)
    feed, last = box.outbox.feed("mqtt"), reports[0]
    for _ in range(WINDOW):
        session._window.take_now()
    waited, later = (
        replace(last, number=last.number + i, id=name, body=body(name))
        for i, name in ((1, "waited"), (2, "later"))
    )
    feed.offer(waited)
    for _ in range(WINDOW):
        session._window.give()
    asyncio.get_running_loop().call_soon(feed.offer, later)
    await until(lambda: len(verdicts(mes)) == 3)
    assert [one.body for one in verdicts(mes)][1:] == [body("waited"), body("later")]
    task.cancel()
    await asyncio.wait([task])


async def test_verdicts_of_a_burst_arrive_in_order(
    box: Box, mosquitto: Mosquitto, mes: Subscriber
) -> None:
    async with publishing(box, mosquitto.port):
        names = [await box.judge("abc"[i % 3]) for i in range(300)]
        await until(lambda: len(verdicts(mes)) == 300)
    assert [one.body for one in verdicts(mes)] == [body(name) for name in names]


async def test_a_broker_that_only_speaks_3_1_1_gets_the_same_bodies(
    box: Box, tmp_path: Path
) -> None:
    async with Amqtt(tmp_path / "amqtt", program=None) as amqtt:
        with Subscriber(amqtt.port, "leipzig/line-1/+/verdict", is_5=False) as mes:
            async with publishing(box, amqtt.port):
                names = [await box.judge() for _ in range(5)]
                await until(lambda: len(mes.heard) == 5)
                await until(lambda: not box.outbox.backlog("mqtt"))
    assert mes.bodies() == [body(name) for name in names]


async def test_the_state_is_retained_online_while_it_runs_and_offline_after(
    box: Box, mosquitto: Mosquitto
) -> None:
    async with publishing(box, mosquitto.port) as link:
        await until(lambda: True in link)
        with Subscriber(mosquitto.port, STATUS, "late") as late:
            await until(lambda: late.heard)
            assert late.heard[0].retain
            assert states(late) == [("online", "")]
    with Subscriber(mosquitto.port, STATUS, "later") as later:
        await until(lambda: later.heard)
        assert states(later) == [("offline", "stopped")]


async def test_a_refusal_says_what_to_allow_and_keeps_the_verdict(box: Box, tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text(f"topic readwrite {STATUS}\n")
    with Mosquitto(tmp_path, f"allow_anonymous true\nacl_file {acl}\n") as mosquitto:
        await box.judge()
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.timeout(5):
                await publisher(box, mosquitto.port).run()
    assert caught.group_contains(LinkLost, match=r"refused .*a/verdict.* access list")
    assert box.outbox.backlog("mqtt") == 1


async def test_no_more_than_the_window_is_sent_to_a_broker_that_does_not_answer(
    box: Box, mosquitto: Mosquitto, mes: Subscriber
) -> None:
    async with publishing(box, mosquitto.port):
        await until(lambda: states(mes))
        mosquitto.freeze()
        names = [await box.judge() for _ in range(3 * WINDOW)]
        await asyncio.sleep(0.2)
        feed = box.outbox.feed("mqtt")
        assert (await feed.next()).id == names[WINDOW + 1]  # one more waits for its turn
        mosquitto.thaw()


async def test_a_broker_killed_and_started_again_gets_everything(
    box: Box, mosquitto: Mosquitto, mes: Subscriber
) -> None:
    """Killed while its subscriber is there: what a broker loses after acknowledging is its own."""
    async with publishing(box, mosquitto.port) as link:
        names: list[str] = []
        for _ in range(2):
            await until(lambda: set(mes.bodies()) >= {body(name) for name in names}, 15)
            for i in range(150):
                names.append(await box.judge("ab"[i % 2]))
                await asyncio.sleep(0.003)
                if i == 50:
                    mosquitto.kill()
                if i == 100:
                    mosquitto.start()
            await until(lambda: link[-1], 5)
        await until(lambda: set(mes.bodies()) >= {body(name) for name in names}, 15)
        await until(lambda: not box.outbox.backlog("mqtt"))
    assert link.count(True) == 3
    check_each_has_one_body_and_repeats_say_so(verdicts(mes))
    assert any(one.properties["replayed"] == "true" for one in verdicts(mes))


async def test_a_broker_frozen_for_ten_seconds_gets_everything(
    box: Box, mosquitto: Mosquitto, mes: Subscriber
) -> None:
    async with publishing(box, mosquitto.port):
        names = []
        for i in range(130):
            names.append(await box.judge())
            await asyncio.sleep(0.1)
            if i == 10:
                mosquitto.freeze()
            if i == 110:
                mosquitto.thaw()
                thawed = time.monotonic()
        await until(lambda: set(mes.bodies()) >= {body(name) for name in names}, 10)
        assert time.monotonic() - thawed < 10
        await until(lambda: not box.outbox.backlog("mqtt"))
    check_each_has_one_body_and_repeats_say_so(verdicts(mes))


def test_a_publisher_killed_and_started_again_delivers_everything(
    path: Path, mosquitto: Mosquitto, mes: Subscriber
) -> None:
    for kill in range(1, 4):
        with start(path, mosquitto, "work") as box:
            asyncio.run(until(partial(has_heard, mes, 40 * kill), 20))
            box.kill()
            assert box.wait() == -9
    with start(path, mosquitto, "last") as box:
        assert box.wait(20) == 0
    heard = verdicts(mes)
    check_each_has_one_body_and_repeats_say_so(heard)
    numbers = {int(one.properties["id"].split("-")[1]) for one in heard}
    assert numbers == set(range(1, max(numbers) + 1))
    assert any(one.properties["replayed"] == "true" for one in heard)
    assert states(mes)[0] == ("online", "")
    assert ("offline", "lost") in states(mes)
    assert states(mes)[-1] == ("offline", "stopped")


def start(path: Path, mosquitto: Mosquitto, mode: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, str(CHILD), str(path), str(mosquitto.port), mode],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def check_each_has_one_body_and_repeats_say_so(heard: list[Heard]) -> None:
    by_id: defaultdict[str, list[Heard]] = defaultdict(list)
    for one in heard:
        by_id[one.properties["id"]].append(one)
    for told in by_id.values():
        assert len({one.body for one in told}) == 1
        for again in told[1:]:
            assert again.properties["replayed"] == "true" or again.is_repeated_by_broker
