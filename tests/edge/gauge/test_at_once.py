"""The networks of a part at once on bare runners: the same answers, and in truth at once."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inference.conftest import MakeBundle
from inference.networks import CLIP, SERIES, clips, series, write_camera, write_vibration
from numpy.typing import NDArray

from edge.build.decisions import golden_parts
from edge.gauge import at_once
from edge.gauge.at_once import ONE_THREAD, THREAD_EACH, Threads, started
from edge.inference.proved import load_chosen
from edge.inference.runner import Candidate, Done, Outputs, RunFailed, opener

LIMIT_S = 10.0


class Device:
    """A network whose runs are on their way when `start` returns, and tells what it is asked."""

    name, precision, most = "device", "fp32", 1

    def __init__(self, called: str, told: list[str]) -> None:
        self._called = called
        self._told = told

    def start(self, windows: Sequence[NDArray[np.generic]]) -> "Device":
        self._told.append(f"start {self._called}")
        return self

    def wait(self) -> list[Outputs]:
        self._told.append(f"wait {self._called}")
        return [{"logits": np.zeros(1, np.float32)}]


class Meeting:
    """A network that answers once another one has been called, too."""

    name, precision, most = "meeting", "fp32", 1

    def __init__(self, barrier: threading.Barrier) -> None:
        self._barrier = barrier

    def run(self, data: NDArray[np.generic]) -> Outputs:
        self._barrier.wait(LIMIT_S)
        return {"logits": np.asarray(data, np.float32)}


class Failing(Device):
    def run(self, data: NDArray[np.generic]) -> Outputs:
        raise RunFailed("the driver gave up")


def test_one_thread_starts_every_network_before_it_waits_for_the_first() -> None:
    told: list[str] = []
    given: Any = [(Device(name, told), np.zeros(1)) for name in ("a", "b", "c")]
    started(given)
    assert told == ["start a", "start b", "start c", "wait a", "wait b", "wait c"]


def test_with_a_thread_each_all_are_called_at_once_and_answer_in_their_order() -> None:
    barrier = threading.Barrier(3)
    runners: Any = [Meeting(barrier) for _ in range(3)]
    with Threads(runners) as threads:
        for _ in range(5):
            answers = threads.run([(one, np.array([i])) for i, one in enumerate(runners)])
            assert [one["logits"][0] for one in answers] == [0.0, 1.0, 2.0]


def test_an_engine_that_breaks_off_is_told_and_the_threads_end() -> None:
    runner: Any = Failing("a", [])
    before = threading.active_count()
    with pytest.raises(RunFailed, match="gave up"), Threads([runner]) as threads:
        threads.run([(runner, np.zeros(1))])
    assert threading.active_count() == before


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_both_ways_give_the_answers_that_each_network_gives_alone(
    engine: str, tmp_path: Path
) -> None:
    camera = opener(engine)(write_camera(tmp_path / "camera.onnx"), CLIP, threads=1)
    vibration = opener(engine)(write_vibration(tmp_path / "vibration.onnx"), SERIES, threads=1)
    given: at_once.Given = [(camera, clips()[0]), (vibration, series()[0])]
    alone = [runner.run(window) for runner, window in given]
    assert isinstance(camera.start([clips()[0]]), Done)
    with Threads([camera, vibration]) as threads:
        for answers in (started(given), threads.run(given)):
            for one, expected in zip(answers, alone, strict=True):
                np.testing.assert_array_equal(one["logits"], expected["logits"])


def test_both_ways_are_measured_and_say_what_ran(make_bundle: MakeBundle) -> None:
    one = make_bundle()
    detectors = {
        name: load_chosen(one, name, Candidate("onnxruntime", "fp32"), threads=1)
        for name in one.manifest.detectors
    }
    found = at_once.measure(detectors, golden_parts(one), rounds=30)
    assert [row.way for row in found] == [ONE_THREAD, THREAD_EACH]
    for row in found:
        assert row.rounds == 30
        assert set(row.engines) == {"camera", "vibration"}
        assert all(each.endswith(" cpu fp32") for each in row.engines.values())
        assert 0.0 < row.p50_ms <= row.p90_ms <= row.p99_ms <= row.max_ms
