"""The inference thread: order, bounds, hanging, and ends."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

import edge
from edge import config
from edge.errors import BundleError, ConfigError, QueueFull
from edge.inference.engine import DEPTH, Engine
from edge.inference.runner import Input, RunFailed
from inference.conftest import MakeBundle
from inference.gate import SETTINGS, Box, Gate, vibration_only
from inference.networks import clips, reference, series, window


@pytest.fixture
async def box(make_bundle: MakeBundle) -> AsyncIterator[Box]:
    one = Box(make_bundle())
    async with one.engine:
        yield one
        one.gate.opened.set()


def is_hung(box: Box) -> bool:
    return box.engine.is_hung


async def test_it_scores_windows_of_every_detector_by_the_real_engine(
    make_bundle: MakeBundle,
) -> None:
    bundle = make_bundle()
    async with Engine(config.Engine(), [bundle], lambda *_: None) as engine:
        camera = engine.submit(bundle, "camera", window(clips()[0], "cam1"))
        vibration = engine.submit(bundle, "vibration", window(series()[0], "vib1"))
        seen, felt = await asyncio.gather(camera, vibration)
        assert engine.loaded.names.keys() == {"motor 1.2.3 camera", "motor 1.2.3 vibration"}
        assert engine.loaded.names["motor 1.2.3 camera"].endswith("cpu, int8")
        ran = dict(engine.loaded.ran(bundle))
        assert {name: (one.engine, one.precision) for name, one in ran.items()} == {
            "camera": (seen.engine, seen.precision),
            "vibration": (felt.engine, felt.precision),
        }
    folder = bundle.folder
    expected = reference(folder / "camera.onnx", clips()[0])["logits"]
    assert seen.logits == pytest.approx(expected, abs=0.02)
    expected = reference(folder / "vibration.onnx", series()[0])["logits"]
    assert felt.logits == pytest.approx(expected, abs=2e-5)
    assert (seen.sensor, felt.sensor) == ("cam1", "vib1")


async def test_each_detector_of_each_bundle_is_loaded_once(make_bundle: MakeBundle) -> None:
    one, other = make_bundle("one"), make_bundle("other", seed=30)
    gate, opened = Gate(), []

    def open_runner(file: Path, wanted: Input, **_: object) -> Gate:
        opened.append(file)
        return gate

    bundles = [vibration_only(bundle) for bundle in (one, other, one)]
    async with Engine(SETTINGS, bundles, lambda *_: None, open_runner=open_runner):
        pass
    assert opened == [one.folder / "vibration.onnx", other.folder / "vibration.onnx"]


async def test_it_runs_on_one_thread_off_the_loop_in_order_of_arrival(box: Box) -> None:
    box.gate.given.clear()
    await asyncio.gather(*(box.submit(float(i)) for i in range(20)))
    assert box.gate.given == [float(i) for i in range(20)]
    assert len(box.gate.threads) == 1
    assert threading.get_ident() not in box.gate.threads


async def test_the_loop_goes_on_while_a_network_runs(box: Box) -> None:
    box.gate.close()
    running = box.submit()
    await box.gate.until_entered()
    ticks = 0
    while ticks < 20:
        await asyncio.sleep(0.001)
        ticks += 1
    assert not running.done()
    box.gate.opened.set()
    await running


async def test_a_full_queue_refuses_the_newest_and_counts_it(box: Box) -> None:
    box.gate.close()
    waiting = [box.submit(float(i)) for i in range(DEPTH)]
    with pytest.raises(QueueFull, match=f"{DEPTH} windows wait"):
        box.submit()
    assert box.counted == {("vib1", "inference_queue_full"): 1}
    box.gate.opened.set()
    await asyncio.gather(*waiting)
    await box.submit()


async def test_a_hung_network_is_seen_and_refuses_more(box: Box) -> None:
    box.gate.close()
    running = box.submit()
    await box.gate.until_entered()
    assert not is_hung(box)
    await asyncio.sleep(0.15)
    assert is_hung(box)
    with pytest.raises(QueueFull, match="hangs"):
        box.submit()
    assert box.counted == {("vib1", "engine_hung"): 1}
    box.gate.opened.set()
    await running
    assert not is_hung(box)
    await box.submit()


async def test_a_score_that_comes_too_late_is_dropped_and_counted(box: Box) -> None:
    box.gate.close()
    running = box.submit()
    await box.gate.until_entered()
    running.cancel()
    box.gate.opened.set()
    await box.submit()
    assert box.counted == {("vib1", "late_result"): 1}


async def test_a_window_nobody_waits_for_is_not_run(box: Box) -> None:
    box.gate.close()
    running, dropped = box.submit(1.0), box.submit(2.0)
    await box.gate.until_entered()
    dropped.cancel()
    box.gate.opened.set()
    await running
    await box.submit(3.0)
    assert 2.0 not in box.gate.given
    assert box.counted == {("vib1", "inference_skipped"): 1}


async def test_a_failed_run_reaches_who_waits_and_the_next_one_works(box: Box) -> None:
    with pytest.raises(RunFailed, match="gave up"):
        await box.submit(2e6)
    assert box.counted == {("vib1", "inference_failed"): 1}
    await box.submit()


async def test_a_fault_of_logic_reaches_who_waits(box: Box) -> None:
    misshapen = window(np.zeros((3, 63), np.float32), "vib1")
    with pytest.raises(ValueError, match="the passport says"):
        await box.engine.submit(box.bundle, "vibration", misshapen)


async def test_leaving_drops_what_waits_and_ends_the_thread(make_bundle: MakeBundle) -> None:
    box = Box(make_bundle())
    async with box.engine:
        box.gate.close()
        waiting = [box.submit() for _ in range(3)]
        await box.gate.until_entered()
        threading.Timer(0.02, box.gate.opened.set).start()
    assert [one.cancelled() for one in waiting[1:]] == [True, True]
    assert "inference" not in [t.name for t in threading.enumerate() if t.is_alive()]


async def test_a_bundle_that_does_not_keep_its_promise_is_not_entered(
    make_bundle: MakeBundle,
) -> None:
    bundle = make_bundle(golden_error=0.1)
    with pytest.raises(BundleError, match="golden"):
        async with Engine(config.Engine(), [bundle], lambda *_: None):
            pytest.fail("entered")
    assert "inference" not in [t.name for t in threading.enumerate() if t.is_alive()]


async def test_an_engine_that_is_not_there_is_not_entered(make_bundle: MakeBundle) -> None:
    settings = config.Engine.model_construct(name="tensorrt", threads=1, timeout_ms=100.0)
    with pytest.raises(ConfigError, match="tensorrt"):
        async with Engine(settings, [make_bundle()], lambda *_: None):
            pytest.fail("entered")


def test_a_process_ends_though_a_network_never_comes_back(make_bundle: MakeBundle) -> None:
    bundle = make_bundle()
    started = time.monotonic()
    program = Path(__file__).with_name("hanging.py")
    ended = subprocess.run(
        [sys.executable, program, bundle.folder],
        env=os.environ | {"PYTHONPATH": str(Path(edge.__file__).parents[1])},
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "left\n", "")
    assert time.monotonic() - started < 20
