"""The whole plant, each part in a process of its own: broker, PLC, stations, and the daemon."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from edge import bundle, config
from edge.bundle import Bundle
from edge.trial import linefile, plans, toml
from edge.trial.broker import Broker, find_mosquitto, free_port
from edge.trial.errors import TrialFailed
from edge.trial.field import Field
from edge.trial.files import Files
from edge.trial.pace import SETTLE_S, Pace
from edge.trial.processes import Child, Kept, python
from edge.trial.recordings import cache, recorded
from edge.trial.setup import Setup
from edge.trial.stock import stock
from edge.trial.wires import SENSES
from sensors.recording import Truth, read_truth
from sensors.simulator import pki
from sensors.simulator.plan import Plan

POLL_S = 0.02
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Site:
    """Everything a trial needs before a plan is played: files, keys, ports, broker, parts."""

    setup: Setup
    files: Files
    bundle: Bundle
    broker: Broker
    ports: plans.Ports
    keys: plans.Keys
    recordings: list[Path]
    field: Field
    pace: Pace
    say: Say

    @property
    def http(self) -> str:
        return f"127.0.0.1:{self.ports.http}"

    @property
    def window_ns(self) -> int:
        """From a part's edge to the last sample that any sensor owes."""
        return max(
            detector.input.duration_ns
            + (round(plans.CAMERA_OFFSET_S * 1e9) if detector.sense == "camera" else 0)
            for detector in self.bundle.manifest.detectors.values()
        ) + round(self.setup.offsets_s[-1] * 1e9)

    def plan(self, setup: Setup, lead_s: float, ledger: Path) -> Plan:
        """A plan whose first part comes after `lead_s`."""
        start_ns = time.monotonic_ns() + round(lead_s * 1e9)
        return plans.plan(
            setup, self.ports, self.keys, self.recordings, ledger=ledger, start_ns=start_ns
        )

    def truths(self) -> dict[str, dict[int, Truth]]:
        """By station, by recorded part."""
        stations = self.setup.station_ids()
        return {s: read_truth(r) for s, r in zip(stations, self.recordings, strict=True)}


@dataclass(frozen=True, slots=True)
class Plant:
    """A plant at work: the daemon is kept alive, everything else must not die."""

    site: Site
    plan: Plan
    daemon: Kept
    start_to_ready_s: float | None  # of the daemon; None when the plant was not up all that time

    @property
    def parts(self) -> int:
        return self.plan.parts * len(self.plan.stations)

    @property
    def last_edge_ns(self) -> int:
        return max(self.plan.edge_ns(s, self.plan.parts - 1) for s in self.plan.stations)


@contextlib.asynccontextmanager
async def site(setup: Setup, folder: Path, say: Say) -> AsyncIterator[Site]:
    """Render what is not yet rendered, write the line, start the broker.

    Raises:
        TrialFailed: alone or within a group: something of it could not be made or started.
    """
    named = setup.bundle if setup.stored else next(iter(setup.bundles().values()))
    one, detectors = _bundle(named)
    files = Files(folder)
    if setup.stored:
        await asyncio.to_thread(stock, folder, one.folder, setup)
    recordings = await recorded(setup, cache())
    keys = await asyncio.to_thread(_keys, folder)
    program = _broker_program(setup)
    async with Broker(folder / "broker", program=program) as broker, Field(files) as field:
        if broker.lacks:
            say(broker.lacks)
        ports = plans.Ports(broker.port, free_port(), free_port(), free_port())
        files.line.write_text(toml.dump(linefile.tables(setup, ports, keys, detectors)))
        pace = Pace(cache() / "seconds-to-start")
        yield Site(setup, files, one, broker, ports, keys, recordings, field, pace, say)


@contextlib.asynccontextmanager
async def plant(at: Site, *, may_die: bool = False) -> AsyncIterator[Plant]:
    """Start PLC, stations and daemon; handed over when all is ready and no part has come yet.

    With `may_die`, broker, PLC and stations may be pulled out; else their death ends the trial.

    Raises:
        TrialFailed: alone or within a group: a process could not be started, or died.
    """
    line, log = at.files.line, at.files.log("daemon")
    settings = {"CACHE_DIRECTORY": str(at.files.folder / "cache")}  # as systemd gives a service
    child = Child("daemon", python("edge", "run", str(line)), log, settings=settings)
    daemon = Kept(child, at.say)
    async with contextlib.AsyncExitStack() as stack:
        began_s: float | None = None
        for attempt, lead_s in enumerate(at.pace.leads_s()):
            tried_s = time.monotonic()
            plan = at.plan(at.setup, lead_s, at.files.ledger)
            try:
                async with asyncio.timeout(lead_s - SETTLE_S):
                    await at.field.start(plan)
                    if began_s is None:
                        began_s = time.monotonic()
                        await stack.enter_async_context(beside(daemon.run()))
                    await until_ready(at.http)
            except TimeoutError:
                at.say(f"not everything was up after {lead_s:g} s: the plant starts again, later")
                continue
            at.pace.learn(time.monotonic() - tried_s)
            ready_s = time.monotonic() - began_s if attempt == 0 else None
            if not may_die:
                watch = beside(at.broker.child.watch(), at.field.watch())
                await stack.enter_async_context(watch)
            yield Plant(at, plan, daemon, ready_s)
            return
        raise TrialFailed(f"the daemon is not ready; its log ends:\n{daemon.child.last_words()}")


@contextlib.asynccontextmanager
async def beside(*jobs: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Jobs that live as long as the body; one that fails ends it."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job) for job in jobs]
        yield
        for task in tasks:
            task.cancel()


async def until_ready(http: str) -> None:
    """Wait until the daemon says that it is."""
    async with aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"http://{http}/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(POLL_S)


def _bundle(name: str) -> tuple[Bundle, dict[str, str]]:
    """A bundle, and its detector of each sense."""
    is_ours = name.startswith("shipped:")
    folder = config.SHIPPED / name.removeprefix("shipped:") if is_ours else Path(name)
    one = bundle.load(folder)
    detectors = {d.sense: name for name, d in one.manifest.detectors.items()}
    if missing := set(SENSES) - detectors.keys():
        raise TrialFailed(f"bundle {one.label} has no detector for {', '.join(sorted(missing))}")
    return one, {str(sense): name for sense, name in detectors.items()}


def _broker_program(setup: Setup) -> str | None:
    """The mosquitto to run; None for amqtt."""
    program = find_mosquitto() if setup.broker != "amqtt" else None
    if setup.broker == "mosquitto" and program is None:
        raise TrialFailed("--broker mosquitto: it is not installed; apt-get install mosquitto")
    if program is None and any(wire.payload == "raw" for wire in setup.wires.values()):
        raise TrialFailed(
            "--wire with raw needs MQTT 5, and amqtt speaks 3.1.1: apt-get install mosquitto, or "
            "take messagepack"
        )
    return program


def _keys(folder: Path) -> plans.Keys:
    password = secrets.token_urlsafe(24)
    password_file = folder / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    return plans.Keys(pki.make_plant_identities(folder / "pki"), password, password_file)
