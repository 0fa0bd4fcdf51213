"""Ingest from a real OPC UA server: blocks, arrays, triggers, the ring, every way to lose it."""

import asyncio
import contextlib
import datetime
import signal
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asyncua import ua
from asyncua.client.client import Client

from sensors import codec
from sensors.block import Block
from sensors.errors import LinkLost
from sensors.link import dial_opcua
from sensors.opcua import CLOCK_READINGS, Granted, OpcUaSource
from sensors.signal import Announcement
from sensors.wiring import OpcUaLink, SensorSource, TriggerNodes, TriggerSource

EPOCH = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
EPOCH_NS = round(EPOCH.timestamp() * 1e9)
NAMES = ("sequence", "part", "recipe", "ring_sequence", "ring_part", "ring_recipe", "ring_time")
NODES = TriggerNodes(**{name: f"ns=2;s={name}" for name in NAMES})

KINDS = {
    "sequence": ua.VariantType.UInt32,
    "ring_sequence": ua.VariantType.UInt32,
    "floats": ua.VariantType.Float,
    "counts": ua.VariantType.Int16,
}


@dataclass
class Server:
    """`ua_server.py` as a process."""

    keys: Any
    port: int
    slowest_ms: float = 0.0
    process: subprocess.Popen[bytes] | None = None

    @property
    def link(self) -> OpcUaLink:
        return OpcUaLink(kind="opcua", endpoint=f"opc.tcp://127.0.0.1:{self.port}", security="None")

    def start(self) -> None:
        script = Path(__file__).with_name("ua_server.py")
        arguments = [self.port, self.keys.certificate_file, self.keys.key_file, self.slowest_ms]
        self.process = subprocess.Popen(
            [sys.executable, script, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def send_signal(self, which: int) -> None:
        assert self.process is not None
        self.process.send_signal(which)


@pytest.fixture(scope="module")
def shared(keys: dict[str, Any], free_port: Callable[[], int]) -> Iterator[Server]:
    one = Server(keys["server"], free_port())
    one.start()
    yield one
    one.kill()


@pytest.fixture
def mortal(keys: dict[str, Any], free_port: Callable[[], int]) -> Iterator[Server]:
    one = Server(keys["server"], free_port())
    one.start()
    yield one
    one.kill()


@contextlib.asynccontextmanager
async def plc_of(server: Server) -> AsyncIterator[Callable[..., Any]]:
    """Writes as the PLC's program does: `await write(part="A7", sequence=3)`, in that order."""
    async with Client(server.link.endpoint) as client:

        async def write(stamp: datetime.datetime | None = None, **values: Any) -> None:
            for name, value in values.items():
                await client.get_node(f"ns=2;s={name}").write_attribute(
                    ua.AttributeIds.Value, stamped(name, value, stamp)
                )

        yield write


def stamped(name: str, value: Any, stamp: datetime.datetime | None) -> ua.DataValue:
    if isinstance(value, ua.DataValue):
        return value
    variant = ua.Variant(value, KINDS.get(name))
    return ua.DataValue(variant, SourceTimestamp=stamp or datetime.datetime.now(datetime.UTC))


async def clear(write: Callable[..., Any]) -> None:
    never = datetime.datetime(1601, 1, 1, tzinfo=datetime.UTC)
    await write(sequence=0, part="", recipe="", ring_sequence=[0] * 16)
    await write(ring_part=[""] * 16, ring_recipe=[""] * 16, ring_time=[never] * 16)


class Daemon:
    """What a daemon does with a source, kept for judging."""

    def __init__(self, link: OpcUaLink, *, poll_ms: float | None = None, **sensors: str) -> None:
        self.blocks: list[tuple[str, bytes, Mapping[str, str], int]] = []
        self.parts: list[Announcement] = []
        self.clocks: list[tuple[str, int, int]] = []
        self.granted: dict[str, Granted] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self.up = asyncio.Event()
        facts = {"unit": "Pa", "rate_hz": 1000.0, "channels": 2}
        self.rows = {
            node: SensorSource(
                id=node, link="l", node=f"ns=2;s={node}", payload=payload,
                **(facts if payload == "array" else {}),
            )
            for node, payload in sensors.items()
        }  # fmt: skip
        self.source = OpcUaSource(
            "l",
            link,
            sensors=self.rows.values(),
            triggers={"st1": TriggerSource(link="l", nodes=NODES, poll_ms=poll_ms)},
            deliver=lambda *row: self.blocks.append(row),
            announce=lambda part, _: self.parts.append(part),
            observe_clock=lambda *row: self.clocks.append(row),
            count=lambda name, cause: self.counts.update([(name, cause)]),
            granted=lambda one: self.granted.update({one.node: one}),
            up=self.up.set,
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.source.run())
        up = asyncio.create_task(self.up.wait())
        await asyncio.wait([task, up], timeout=10, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        await until(lambda: len(self.clocks) > 0)
        yield task
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what it waits for is not this test's to signal
            await asyncio.sleep(0.005)


async def test_blocks_come_byte_for_byte_and_the_value_that_stood_there_is_no_news(
    shared: Server,
) -> None:
    blocks = [
        codec.pack(Block("block", k, k, 1000.0, "Pa", "f4", (1, 2), struct.pack("<2f", k, k)))
        for k in range(30)
    ]
    daemon = Daemon(shared.link, block="messagepack")
    async with plc_of(shared) as write:
        await clear(write)
        await write(block=b"stood there")
        async with daemon.running():
            for block in blocks:
                await write(block=block)
            await write(block=blocks[-1])  # the same value with a new stamp is sent, too
            await until(lambda: len(daemon.blocks) == 31)
    assert [payload for _, payload, _, _ in daemon.blocks] == [*blocks, blocks[-1]]
    assert daemon.blocks[0][0] == "block"
    assert all(a[3] <= b[3] for a, b in zip(daemon.blocks, daemon.blocks[1:], strict=False))
    assert codec.unpack(daemon.blocks[5][1], daemon.blocks[5][2], daemon.rows["block"]).seq == 5


async def test_plain_arrays_get_their_time_and_number_from_their_stamps(shared: Server) -> None:
    """Two channels, 10 samples of 1 kHz: 10 ms an array; the fourth never comes."""
    daemon = Daemon(shared.link, floats="array", counts="array")
    async with plc_of(shared) as write:
        await clear(write)
        async with daemon.running():
            for k in (0, 1, 2, 4, 5):
                stamp = EPOCH + datetime.timedelta(milliseconds=10 * k)
                await write(stamp, floats=[0.5, 7.0] * 10)
            await write(EPOCH, counts=[1, -1] * 10)
            await until(lambda: len(daemon.blocks) == 6)
    rows = [
        codec.unpack(payload, facts, daemon.rows[sensor])
        for sensor, payload, facts, _ in daemon.blocks
    ]
    floats = [block for block in rows if block.sensor == "floats"]
    assert [b.seq - floats[0].seq for b in floats] == [0, 1, 2, 4, 5]
    assert [b.t0_ns - EPOCH_NS for b in floats] == [0, 10**7, 2 * 10**7, 4 * 10**7, 5 * 10**7]
    source = daemon.rows["floats"]
    values = codec.series(floats[0], source, unit="Pa", channels=2, rate_hz=1000.0)
    np.testing.assert_array_equal(values, [[0.5] * 10, [7.0] * 10])
    (counts,) = [block for block in rows if block.sensor == "counts"]
    assert (counts.dtype, counts.shape) == ("i2", (2, 10))


async def test_bad_status_overflow_and_wrong_types_are_counted(shared: Server) -> None:
    daemon = Daemon(shared.link, block="messagepack", sequence="messagepack", recipe="array")
    bad = ua.DataValue(
        ua.Variant(b"x", ua.VariantType.ByteString),
        StatusCode=ua.StatusCode(ua.StatusCodes.BadSensorFailure),
    )
    lost = ua.DataValue(
        ua.Variant(b"y", ua.VariantType.ByteString), StatusCode=ua.StatusCode(0x00000480)
    )
    async with plc_of(shared) as write:
        await clear(write)
        async with daemon.running():
            await write(block=bad)
            await write(block=lost)
            await write(recipe="no array", sequence=1)
            await until(lambda: daemon.blocks and sum(daemon.counts.values()) == 4)
    assert [payload for _, payload, _, _ in daemon.blocks] == [b"y"]
    assert daemon.counts == {
        ("block", "bad_status"): 1,
        ("block", "overflow"): 1,
        ("sequence", "wrong_type"): 1,
        ("recipe", "wrong_type"): 1,
    }


async def test_a_part_is_announced_once_with_the_id_read_after_its_edge(shared: Server) -> None:
    daemon = Daemon(shared.link)
    async with plc_of(shared) as write:
        await clear(write)
        async with daemon.running():
            for k in range(1, 6):
                stamp = EPOCH + datetime.timedelta(seconds=k)
                await write(stamp, part=f"A{k}", recipe="motor", sequence=k)
                await until(lambda k=k: len(daemon.parts) == k)
            await write(sequence=5)  # a new stamp of the same sequence is no new part
            await asyncio.sleep(0.1)
    assert [(p.station, p.sequence, p.part, p.recipe, p.from_ring) for p in daemon.parts] == [
        ("st1", k, f"A{k}", "motor", False) for k in range(1, 6)
    ]
    assert [p.source_ns - EPOCH_NS for p in daemon.parts] == [k * 10**9 for k in range(1, 6)]
    assert not daemon.counts


def ring(last: int) -> dict[str, list[Any]]:
    """A PLC's ring after `last` parts: part `s` in place `s % 16`."""
    places = [max(s for s in range(last - 15, last + 1) if s % 16 == k) for k in range(16)]
    known = [max(0, s) for s in places]
    return {
        "ring_sequence": known,
        "ring_part": [f"A{s}" if s else "" for s in known],
        "ring_recipe": ["motor"] * 16,
        "ring_time": [EPOCH + datetime.timedelta(seconds=s) for s in known],
    }


async def test_at_every_connect_the_ring_is_announced_oldest_first(shared: Server) -> None:
    async with plc_of(shared) as write:
        await clear(write)
        await write(EPOCH, **ring(20), part="A20", recipe="motor", sequence=20)
        for _ in range(2):
            daemon = Daemon(shared.link)
            async with daemon.running():
                await asyncio.sleep(0.1)
            assert [p.sequence for p in daemon.parts] == list(range(5, 21))
            assert [p.part for p in daemon.parts] == [f"A{k}" for k in range(5, 21)]
            assert all(p.from_ring for p in daemon.parts)
            assert daemon.parts[0].source_ns == EPOCH_NS + 5 * 10**9


async def test_sequences_skipped_between_two_notifications_are_found_in_the_ring(
    shared: Server,
) -> None:
    daemon = Daemon(shared.link)
    async with plc_of(shared) as write:
        await clear(write)
        await write(EPOCH, **ring(3), part="A3", sequence=3)
        async with daemon.running():
            await until(lambda: len(daemon.parts) == 3)
            await write(EPOCH, **ring(7), part="A7", sequence=7)
            await until(lambda: len(daemon.parts) == 7)
    assert [(p.sequence, p.part) for p in daemon.parts[3:]] == [(k, f"A{k}") for k in (4, 5, 6, 7)]
    assert [p.from_ring for p in daemon.parts[3:]] == [True, True, True, False]


async def test_a_part_id_overtaken_by_the_next_part_comes_from_the_ring(
    keys: dict[str, Any], free_port: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    """A server that publishes every 300 ms tells of two edges when only the second stands."""
    server = Server(keys["server"], free_port(), slowest_ms=300)
    server.start()
    try:
        daemon = Daemon(server.link)
        async with plc_of(server) as write:
            async with daemon.running():
                await write(EPOCH, **ring(1), part="A1", sequence=1)
                await write(EPOCH, **ring(2), part="A2", sequence=2)
                await until(lambda: len(daemon.parts) == 2)
            assert [(p.sequence, p.part) for p in daemon.parts] == [(1, "A1"), (2, "A2")]
            slow = daemon.granted["ns=2;s=sequence"]
            assert slow.is_slower
            assert slow.publishing_ms == (5.0, 300.0)
            assert "blocks that come faster than it samples are lost" in caplog.text
    finally:
        server.kill()


async def test_a_polled_server_announces_as_well(shared: Server) -> None:
    daemon = Daemon(shared.link, poll_ms=10)
    async with plc_of(shared) as write:
        await clear(write)
        async with daemon.running():
            await write(part="A1", recipe="motor", sequence=1)
            await until(lambda: daemon.parts)
            await write(part="A2", recipe="motor", sequence=2)
            await until(lambda: len(daemon.parts) == 2)
    assert [(p.sequence, p.part) for p in daemon.parts] == [(1, "A1"), (2, "A2")]


async def test_what_was_granted_is_told(shared: Server) -> None:
    daemon = Daemon(shared.link, block="messagepack")
    async with daemon.running():
        one = daemon.granted["ns=2;s=block"]
    assert (one.link, one.publishing_ms[0], one.queue[0]) == ("l", 5.0, 100)
    assert one.queue[1] == 100
    assert not one.is_slower
    assert Granted("l", "n", (5, 5), (0, 50), (100, 100)).is_slower
    assert Granted("l", "n", (5, 5), (0, 5), (100, 10)).is_slower


async def test_the_servers_clock_is_read_at_connect_and_every_second(shared: Server) -> None:
    daemon = Daemon(shared.link)
    async with daemon.running():
        await until(lambda: len(daemon.clocks) == CLOCK_READINGS + 2)
    times_ns = [received for _, _, received in daemon.clocks]
    assert times_ns[-1] - times_ns[-2] > 0.9e9
    for name, epoch, received in daemon.clocks:
        assert name == "l"
        assert abs((time.time_ns() - epoch) - (time.monotonic_ns() - received)) < 1.5e9


async def test_a_node_that_is_not_there_leaves_the_others_working(shared: Server) -> None:
    daemon = Daemon(shared.link, nowhere="messagepack", block="messagepack")
    async with plc_of(shared) as write:
        await clear(write)
        async with daemon.running():
            await write(block=b"works")
            await until(lambda: daemon.blocks)
    assert daemon.counts == {("nowhere", "node_refused"): 1}


@pytest.mark.alone
async def test_a_server_that_dies_is_a_lost_link_at_once_and_nothing_is_left(
    mortal: Server,
) -> None:
    daemon = Daemon(mortal.link, block="messagepack")
    async with daemon.running() as task:
        mortal.kill()
        started = time.monotonic()
        with pytest.raises(LinkLost):
            await asyncio.wait_for(task, 5)
        assert time.monotonic() - started < 1.5
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with pytest.raises(LinkLost, match="is the server running"):
        await daemon.source.run()
    mortal.start()
    again = Daemon(mortal.link, block="messagepack")
    async with plc_of(mortal) as write, again.running():
        await write(block=b"back")
        await until(lambda: again.blocks)


@pytest.mark.alone
async def test_a_server_that_freezes_is_a_lost_link_within_three_seconds(mortal: Server) -> None:
    daemon = Daemon(mortal.link, block="messagepack")
    async with daemon.running() as task:
        mortal.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(LinkLost):
            await asyncio.wait_for(task, 8)
        assert time.monotonic() - started < 4.0
        mortal.send_signal(signal.SIGCONT)
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_listeners_bug_ends_the_session_under_its_own_name(shared: Server) -> None:
    daemon = Daemon(shared.link, block="messagepack")

    def deliver(*_: object) -> None:
        raise ZeroDivisionError

    daemon.source = OpcUaSource(
        "l", shared.link, sensors=daemon.rows.values(), triggers={}, deliver=deliver,
        announce=lambda *_: None, observe_clock=lambda *row: daemon.clocks.append(row),
        count=lambda *_: None, granted=lambda _: None, up=daemon.up.set,
    )  # fmt: skip
    async with plc_of(shared) as write, daemon.running() as task:
        await write(block=b"1")
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(task, 5)


@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes256Sha256RsaPss"])
async def test_a_listed_server_is_trusted_and_logged_in_to(
    shared: Server, keys: dict[str, Any], tmp_path: Path, policy: str
) -> None:
    secret = tmp_path / "password"
    secret.write_text("secret\n")
    async with dial_opcua(secure(shared, keys, policy, "server", secret)) as client:
        assert await client.nodes.server_state.read_value() == 0
    both = secure(shared, keys, policy, "server", secret)
    several = (keys["stranger"].certificate_file, keys["server"].certificate_file)
    async with dial_opcua(both.model_copy(update={"trusted_files": several})):
        pass


async def test_strangers_and_wrong_passwords_are_refused_with_a_cure(
    shared: Server, keys: dict[str, Any], tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("guess")
    with pytest.raises(LinkLost, match="check username and password_file"):
        async with dial_opcua(secure(shared, keys, "Basic256Sha256", "server", secret)):
            pass
    secret.write_text("secret")
    stranger = secure(shared, keys, "Basic256Sha256", "stranger", secret)
    with pytest.raises(LinkLost, match="trusted_files"):
        async with dial_opcua(stranger):
            pass
    several = stranger.model_copy(
        update={"trusted_files": (keys["stranger"].certificate_file, keys["box"].certificate_file)}
    )
    with pytest.raises(LinkLost, match="is not among trusted_files"):
        async with dial_opcua(several):
            pass
    mixed = stranger.model_copy(update={"key_file": keys["stranger"].key_file})
    with pytest.raises(LinkLost, match="is not the key of certificate_file"):
        async with dial_opcua(mixed):
            pass


def secure(
    server: Server, keys: dict[str, Any], policy: str, trusted: str, secret: Path
) -> OpcUaLink:
    return OpcUaLink(
        kind="opcua", endpoint=server.link.endpoint, security=policy,
        certificate_file=keys["box"].certificate_file, key_file=keys["box"].key_file,
        trusted_files=(keys[trusted].certificate_file,), username="edge", password_file=secret,
        application_uri="urn:test:box",
    )  # fmt: skip
