"""Faults as they stand in the blocks of a device, block by block, without waiting."""

import itertools
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sensors.block import Block
from sensors.simulator import pool
from sensors.simulator.devices import Device, Taken, devices_of
from sensors.simulator.plan import DeviceClock, Fault, FaultKind, SimulatedSensor
from sensors.simulator.timepiece import Timepiece

from .conftest import MakePlan

EPOCH_NS = 1_700_000_000_000_000_000
CLOCK = DeviceClock(offset_s=0.5, drift_ppm=30.0)
VIBRATION = SimulatedSensor(id="vib", sense="vibration", topic="v", clock=CLOCK)
CAMERA = SimulatedSensor(id="cam", sense="camera", topic="c", clock=CLOCK)

Run = Callable[..., list[Taken]]


@pytest.fixture(scope="module")
def loaded(pool_folder: object) -> pool.Pool:
    return pool.load(pool_folder)  # type: ignore[arg-type]


@pytest.fixture
def run(make_plan: MakePlan, loaded: pool.Pool) -> Run:
    """Blocks of one sensor over the first seconds of a plan that starts at monotonic 1e12."""

    def take(sensor: SimulatedSensor, *faults: Fault, seconds: float = 3.0) -> list[Taken]:
        plan = make_plan(sensor, faults=faults, start_ns=10**12, seed=11)
        device = devices_of(plan, plan.stations[0], loaded, EPOCH_NS)[0]
        device.start(plan.start_ns)
        taken = []
        while device.due_ns < plan.start_ns + seconds * 1e9:
            taken.append(device.take())
        return taken

    return take


def fault(kind: FaultKind, amount: float = 0.0, *, sensor: str = "vib") -> Fault:
    """From 1 s to 2 s of the plan."""
    return Fault(sensor=sensor, kind=kind, start_s=1.0, duration_s=1.0, amount=amount)


def blocks(taken: list[Taken]) -> list[Block]:
    return [one.block for one in taken if one.block is not None]


def samples(block: Block) -> NDArray[np.float32]:
    return np.frombuffer(block.data, "<f4").reshape(block.shape)


def grey(block: Block) -> NDArray[np.uint8]:
    return np.asarray(
        cv2.imdecode(np.frombuffer(block.data, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8
    )


def begins_s(block: Block) -> float:
    """Seconds after the plan's start, by the device's clock without faults."""
    clock = Timepiece(CLOCK, 10**12, EPOCH_NS)
    return (clock.instant(block.t0_ns) - 10**12) * 1e-9


def is_faulty(block: Block) -> bool:
    return 1.0 <= begins_s(block) < 2.0


def test_a_healthy_device_sends_every_block_at_its_time(run: Run) -> None:
    taken = run(VIBRATION)
    assert len(blocks(taken)) == len(taken) in (299, 300)
    for one in taken:
        assert one.block is not None
        end_ns = 10**12 + (begins_s(one.block) + 0.01 / (1 + 30e-6)) * 1e9
        assert one.send_ns == pytest.approx(end_ns, abs=200)


def test_the_same_seed_gives_the_same_blocks(run: Run) -> None:
    gaps = fault("gaps", 0.5)
    assert run(VIBRATION, gaps) == run(VIBRATION, gaps)


def test_a_silent_sensor_counts_on(run: Run) -> None:
    heard = blocks(run(VIBRATION, fault("silent")))
    assert not any(is_faulty(block) for block in heard)
    steps = [after.seq - before.seq for before, after in itertools.pairwise(heard)]
    assert sorted(steps)[-1] == 101
    assert sum(step > 1 for step in steps) == 1


def test_gaps_lose_their_share_of_the_blocks(run: Run) -> None:
    healthy, heard = run(VIBRATION), blocks(run(VIBRATION, fault("gaps", 0.3)))
    lost = len(healthy) - len(heard)
    assert 15 <= lost <= 45  # 30 of 100 expected, four standard deviations
    assert sum(is_faulty(block) for block in heard) == 100 - lost
    by_seq = {one.block.seq: one.block for one in healthy if one.block is not None}
    assert all(block == by_seq[block.seq] for block in heard)


def test_a_late_sensor_sends_the_same_blocks_later(run: Run) -> None:
    healthy, late = run(VIBRATION), run(VIBRATION, fault("late", 0.25))
    for right, delayed in zip(healthy, late, strict=True):
        assert delayed.block == right.block
        assert right.block is not None
        expected_ns = 250_000_000 if is_faulty(right.block) else 0
        assert delayed.send_ns - right.send_ns == expected_ns


def test_a_stuck_sensor_repeats_its_last_block_under_new_numbers(run: Run) -> None:
    healthy, stuck = blocks(run(VIBRATION)), blocks(run(VIBRATION, fault("stuck")))
    last = [block for block in healthy if begins_s(block) < 1.0][-1]
    for right, block in zip(healthy, stuck, strict=True):
        assert (block.seq, block.t0_ns) == (right.seq, right.t0_ns)
        assert block.data == (last.data if is_faulty(right) else right.data)


def test_a_stuck_camera_shows_a_frozen_picture(run: Run) -> None:
    healthy = blocks(run(CAMERA))
    stuck = blocks(run(CAMERA, fault("stuck", sensor="cam")))
    frozen = {block.data for block in stuck if is_faulty(block)}
    assert frozen == {[block for block in healthy if begins_s(block) < 1.0][-1].data}
    assert len({block.data for block in healthy if is_faulty(block)}) > 20


def test_a_clipped_waveform_ends_at_its_share_of_the_range(run: Run, loaded: pool.Pool) -> None:
    peak = max(float(np.abs(part.waves["vibration"].data).max()) for part in loaded.parts)
    healthy, clipped = blocks(run(VIBRATION)), blocks(run(VIBRATION, fault("clipped", 0.2)))
    limit, touched = np.float32(0.2 * peak), 0
    for right, block in zip(healthy, clipped, strict=True):
        expected = np.clip(samples(right), -limit, limit) if is_faulty(right) else samples(right)
        np.testing.assert_array_equal(samples(block), expected)
        touched += int(np.count_nonzero(np.abs(samples(block)) == limit))
    assert touched > 100


def test_a_clipped_camera_is_overexposed(run: Run) -> None:
    healthy = blocks(run(CAMERA))
    glaring = blocks(run(CAMERA, fault("clipped", 0.4, sensor="cam")))
    for right, block in zip(healthy, glaring, strict=True):
        if not is_faulty(right):
            assert block.data == right.data
            continue
        bright = grey(right) > 0.5 * 255
        assert bright.any()
        assert np.mean(grey(block)[bright] > 240) > 0.95


@pytest.mark.parametrize("step_s", [3.0, -3.0])
def test_a_clock_step_moves_the_stamps_there_and_back(run: Run, step_s: float) -> None:
    healthy, stepped = blocks(run(VIBRATION)), blocks(run(VIBRATION, fault("clock_step", step_s)))
    for right, block in zip(healthy, stepped, strict=True):
        expected_ns = round(step_s * 1e9) if is_faulty(right) else 0
        assert block.t0_ns - right.t0_ns == expected_ns
        assert block.data == right.data


def test_a_clock_drift_gathers_and_stays(run: Run) -> None:
    healthy, drifting = run(VIBRATION), run(VIBRATION, fault("clock_drift", 500.0))
    for right, wrong in zip(healthy, drifting, strict=True):
        assert right.block is not None
        assert wrong.block is not None
        for_s = min(max(begins_s(right.block) - 1.0, 0.0), 1.0)
        error_us = (wrong.block.t0_ns - right.block.t0_ns) * 1e-3
        assert error_us == pytest.approx(500.0 * for_s, abs=0.01)
        assert wrong.send_ns == right.send_ns


def test_a_fault_touches_no_other_sensor(make_plan: MakePlan, loaded: pool.Pool) -> None:
    def all_blocks(*faults: Fault) -> dict[str, list[Taken]]:
        plan = make_plan(VIBRATION, CAMERA, faults=faults, start_ns=10**12)
        found: dict[str, list[Taken]] = {}
        devices: list[Device] = devices_of(plan, plan.stations[0], loaded, EPOCH_NS)
        for device in devices:
            device.start(plan.start_ns)
            found[device.sensor.id] = [device.take() for _ in range(60)]
        return found

    healthy = all_blocks()
    faulty = all_blocks(Fault(sensor="cam", kind="silent"))
    assert faulty["vib"] == healthy["vib"]
    assert blocks(faulty["cam"]) == []


def test_a_looping_sensor_shows_its_last_stretch_again_and_again(run: Run) -> None:
    healthy, looped = blocks(run(VIBRATION)), blocks(run(VIBRATION, fault("looped", 0.2)))
    before = [block for block in healthy if begins_s(block) < 1.0][-20:]
    again = [block for block in looped if is_faulty(block)]
    assert len(again) == 100
    assert [one.data for one in again] == [before[k % 20].data for k in range(100)]
    assert [one.seq for one in looped] == [one.seq for one in healthy]
