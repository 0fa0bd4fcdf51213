"""Every wire turned round, two cameras, several recipes: the whole plant, and a verdict on each."""

import asyncio
import shutil
import time
from math import comb
from pathlib import Path

import pytest

from edge.bundle import read_manifest
from edge.config import SHIPPED
from edge.trial.account import Account, Row
from edge.trial.demo import witness_at
from edge.trial.observe import Observer
from edge.trial.plant import Plant, beside, plant, site
from edge.trial.setup import Recipe, Setup
from edge.trial.wires import wired

pytestmark = [pytest.mark.timeout(200), pytest.mark.usefixtures("cache")]
# the wires are looked at here, not how busy this machine is: a late verdict must be a lost block
DEADLINE_MS = 1000.0
CHANCE = 0.01
PARTS, DISTINCT, PERIOD_S = 24, 10, 0.5
SHIPPED_VERSION = read_manifest(SHIPPED / "motor")[0].version


async def test_every_wire_turned_round_carries_its_parts_and_triggers_wait_for_a_killed_daemon(
    tmp_path: Path,
) -> None:
    wires = wired("camera=opcua", "audio=opcua", "vibration=mqtt:raw", "trigger=mqtt")
    account = await judged(one_station(wires=wires), tmp_path, kill_after=20)
    sound(account)
    watched = [row for row in account.rows() if row.verdict.sequence < 20]
    healthy(watched, sensors=3)
    assert agreement_by_chance(watched) < CHANCE
    assert {r.verdict.bundle for r in watched} == {"motor"}
    assert len(account.results) == PARTS  # the way back to the PLC is OPC UA all the same


async def test_arrays_json_and_two_cameras_are_judged_by_the_bundle_of_each_recipe(
    tmp_path: Path,
) -> None:
    bundles = {"motor": SHIPPED / "motor", "fan": renamed_bundle(tmp_path / "fan")}
    recipes = [Recipe(name, str(folder)) for name, folder in bundles.items()]
    setup = one_station(
        wires=wired("vibration=opcua:array", "audio=mqtt:json", "camera=mqtt:json"),
        cameras=2,
        recipes=(*recipes, Recipe("pump", None)),
    )
    (tmp_path / "trial").mkdir()
    account = await judged(setup, tmp_path / "trial")
    sound(account)
    known = [row for row in account.rows() if row.verdict.recipe != "pump"]
    healthy(known, sensors=4)
    assert {s for r in known for s in r.verdict.sensors} == {
        "cell1-camera", "cell1-camera2", "cell1-vibration", "cell1-audio",
    }  # fmt: skip
    assert agreement_by_chance(known) < CHANCE
    judges = {(r.verdict.recipe, r.verdict.bundle, r.verdict.bundle_version) for r in known}
    assert judges == {("motor", "motor", SHIPPED_VERSION), ("fan", "fan", "9.0.0")}
    strange = [row.verdict for row in account.rows() if row.verdict.recipe == "pump"]
    assert len(strange) == PARTS // 3
    assert {(verdict.decision, verdict.bundle) for verdict in strange} == {("uncertain", "")}
    assert all("no bundle for recipe 'pump'" in v.degraded_reason for v in strange)


def one_station(**given: object) -> Setup:
    setup = {
        "parts": PARTS,
        "rate": 1 / PERIOD_S,
        "recorded": DISTINCT,
        "broker": "mosquitto",
        "deadline_ms": DEADLINE_MS,
    }
    return Setup(**setup, **given)  # type: ignore[arg-type]


async def judged(setup: Setup, folder: Path, *, kill_after: int | None = None) -> Account:
    """The books of a whole trial; the daemon is killed right before part `kill_after` is whole."""
    async with (
        site(setup, folder, lambda _: None) as at,
        witness_at(at) as witness,
        plant(at) as running,
        beside(*([kill(running, kill_after)] if kill_after else [])),
    ):
        observer = Observer(running, witness, lambda _: None, lambda _: None)
        await observer.run(asyncio.Event())
        assert running.daemon.restarts == (1 if kill_after else 0)
        return observer.account


async def kill(running: Plant, sequence: int) -> None:
    edge_ns = running.plan.edge_ns(running.plan.stations[0], sequence - 1)
    await asyncio.sleep((edge_ns - time.monotonic_ns()) / 1e9 + PERIOD_S / 2)
    running.daemon.child.kill()


def renamed_bundle(folder: Path) -> Path:
    """The shipped one under another name."""
    shutil.copytree(SHIPPED / "motor", folder)
    manifest = folder / "manifest.toml"
    text = manifest.read_text()
    for old, new in (('name = "motor"', 'name = "fan"'), (f'"{SHIPPED_VERSION}"', '"9.0.0"')):
        assert old in text
        text = text.replace(old, new, 1)
    manifest.write_text(text)
    return folder


def sound(account: Account) -> None:
    """Every trigger has its verdict, none has two, and the PLC was told the same."""
    assert len(account.announced) == PARTS
    assert account.missing == []
    assert account.duplicates == []
    assert account.contradicted == []


def healthy(rows: list[Row], *, sensors: int) -> None:
    """All the sensors spoke of nearly every part, and nearly every verdict was out in time."""
    assert {len(row.verdict.sensors) for row in rows} == {sensors}
    failures = [row.verdict.degraded_reason for row in rows if row.verdict.degraded]
    assert len(failures) <= len(rows) / 10, failures
    assert sum(row.verdict.late for row in rows) <= len(rows) / 10


def agreement_by_chance(rows: list[Row]) -> float:
    """How likely a tossed coin agrees with the truth as often, of the parts that were decided.

    Small defects count nowhere. Uncertain is not wrong: on a starved machine a camera's pictures
    may all come late for seconds, and then nothing tells that its clock is not so.
    """
    told = [
        (row.verdict.decision == "ok") == (row.truth.hypothesis == "ok")
        for row in rows
        if row.verdict.decision != "uncertain"
        and row.truth is not None
        and (row.truth.hypothesis == "ok" or row.truth.is_reject)
    ]
    return sum(comb(len(told), k) for k in range(sum(told), len(told) + 1)) / 2.0 ** len(told)
