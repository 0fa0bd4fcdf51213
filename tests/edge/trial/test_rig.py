"""The bare path of the floor, on a plan and blocks whose times are known by hand."""

import threading
from collections import deque
from pathlib import Path

import msgpack
import numpy as np
import pytest

from edge import bundle, config
from edge.trial import linefile, plans, toml
from edge.trial.extent import Extent
from edge.trial.rig import Needed, Rig, Timing, networks, owed, report
from edge.trial.setup import Setup
from edge.trial.wires import SENSES, wired
from sensors.simulator.plan import DeviceClock, Plan, SimulatedSensor
from sensors.simulator.timepiece import Timepiece

from .test_plans import keys

MS = 1_000_000
S = 1000 * MS
START_NS = 100 * S


def written(
    tmp_path: Path, tiny: Path, transport: str, windows: int = 1
) -> tuple[Plan, config.Line]:
    wires = wired(f"vibration={transport}")
    setup = Setup(parts=4, stations=2, rate=2.0, wires=wires, bundle=str(tiny), windows=windows)
    ports, known = plans.Ports(1, 2, 3, 4), keys(tmp_path)
    recordings = [tmp_path / "one", tmp_path / "two"]
    ledger = tmp_path / "ledger"
    plan = plans.plan(setup, ports, known, recordings, ledger=ledger, start_ns=START_NS)
    tables = linefile.tables(setup, ports, known, {sense: sense for sense in SENSES})
    (tmp_path / "LINE.toml").write_text(toml.dump(tables))
    return plan, config.read(tmp_path / "LINE.toml")


def test_what_each_sensor_owes_follows_from_the_plan(tmp_path: Path, tiny_bundle: Path) -> None:
    plan, line = written(tmp_path, tiny_bundle, "opcua")
    timings, needs = owed(plan, line, bundle.load(tiny_bundle), parts=2)
    # stations take turns: edges at 100.0, 101.0 and 100.5, 101.5 s; windows of 0.5 s
    assert {part: (t.end_ns - START_NS) / S for part, t in timings.items()} == {
        ("cell1", 0): 0.5, ("cell1", 1): 1.5, ("cell2", 0): 1.0, ("cell2", 1): 2.0,
    }  # fmt: skip
    assert set(needs) == {
        "plant/cell1/camera", "plant/cell1/audio", "ns=2;s=cell1.vibration",
        "plant/cell2/camera", "plant/cell2/audio", "ns=2;s=cell2.vibration",
    }  # fmt: skip
    # last picture: stated at 16.7 + 14/30 s after the edge, nearest from half a period before
    camera_ns, _ = needs["plant/cell1/camera"].pending[0]
    assert camera_ns - START_NS == pytest.approx((16.7 + 466.667 - 16.667) * MS, abs=0.1 * MS)


def test_of_several_windows_each_is_owed_and_the_last_ends_the_part(
    tmp_path: Path, tiny_bundle: Path
) -> None:
    plan, line = written(tmp_path, tiny_bundle, "opcua", windows=2)
    timings, needs = owed(plan, line, bundle.load(tiny_bundle), parts=2)
    first = timings["cell1", 0]
    assert ((first.end_ns - START_NS) / S, first.owed) == (0.75, 6)
    ends_ms = [round((at - START_NS) / MS) for at, _ in needs["plant/cell1/audio"].pending]
    assert ends_ms == [500, 750, 1500, 1750]


def test_a_block_completes_the_parts_whose_last_sample_it_holds() -> None:
    clock = Timepiece(DeviceClock(offset_s=1.5), START_NS, 7000 * S)  # shows 7001.5 s at the start
    sensor = SimulatedSensor(id="x", sense="audio", topic="x")
    pending = [(START_NS + 500 * MS, ("a", 0)), (START_NS + 505 * MS, ("a", 1))]
    needed = Needed(sensor, clock, "audio", pending=deque(pending))

    def block(start_ms: int) -> Extent:
        return Extent(round(7001.5 * S) + start_ms * MS, 160, 16_000.0)

    assert needed.reached(block(489)) == []  # ends at 499 ms
    assert needed.reached(block(490)) == [("a", 0)]
    assert needed.reached(block(500)) == [("a", 1)]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_part_is_answered_when_its_last_sensor_is(
    workers: int, tiny_bundle: Path, tmp_path: Path
) -> None:
    _, line = written(tmp_path, tiny_bundle, "mqtt")
    one = bundle.load(tiny_bundle)
    clock = Timepiece(DeviceClock(), 0, 0)
    part = ("cell1", 0)
    needs = {
        sense: Needed(
            SimulatedSensor(id=sense, sense=sense, topic=sense),
            clock,
            sense,
            deque([(500 * MS, part)]),
        )
        for sense in ("vibration", "audio")
    }
    timings = {part: Timing(end_ns=0, owed=2), ("cell1", 1): Timing(end_ns=0, owed=1)}
    payload = msgpack.packb({"shape": [1, 160], "rate_hz": 16_000.0, "t0_ns": 495 * MS})
    done = threading.Event()
    with Rig(timings, needs, networks(line, one), done.set, workers) as rig:
        rig.arrived("vibration", payload)
        rig.arrived("vibration", payload)  # again: the part is not owed twice
        assert not done.wait(0.05)
        rig.arrived("audio", payload)
    told = report(timings)
    timing = timings[part]
    assert timing.owed == 0
    assert 0 < timing.arrived_ns < timing.answered_ns
    assert 0 < timing.running_ns <= timing.answered_ns
    assert told["lost"] == 1  # the other part never came
    assert len(told["floor_ms"]) == 1
    assert told["floor_ms"][0] > told["ingest_ms"][0]


def test_the_networks_of_the_floor_are_the_bundles_own(tiny_bundle: Path, tmp_path: Path) -> None:
    _, line = written(tmp_path, tiny_bundle, "mqtt")
    opened = networks(line, bundle.load(tiny_bundle))
    with np.load(tiny_bundle / "golden.npz") as golden:
        for name, (runner, data) in opened.items():
            answer = runner.run(data)["logits"]
            np.testing.assert_allclose(answer, golden[f"{name}.logits"][0], rtol=1e-3, atol=1e-3)
