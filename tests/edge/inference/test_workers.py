"""Workers: what runs at once, what never does, and what is run as one batch."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from edge import config
from edge.bundle import Bundle
from edge.errors import QueueFull
from edge.inference.engine import Engine
from edge.inference.jobs import Job, Jobs
from edge.inference.runner import Done, Input, Outputs, RunFailed
from inference.conftest import MakeBundle
from inference.networks import clips, reference, series, window

LIMIT_S = 10.0
POISON = 666.0


class Recorder:
    """A network that tells what it is called with, and answers the first number of its window."""

    name = "recorder"
    precision: Literal["fp32"] = "fp32"

    def __init__(self, name: str, told: list[str], most: int = 1) -> None:
        self.most = most
        self.told = told
        self.called = name
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.inside = 0
        self.crowd = 0  # most calls that were in here at a time

    def start(self, windows: Sequence[NDArray[np.generic]]) -> Any:
        self.inside += 1
        self.crowd = max(self.crowd, self.inside)
        numbers = [float(one.flat[0]) for one in windows]
        self.told.append(f"{self.called} {numbers}")
        self.entered.set()
        assert self.gate.wait(LIMIT_S)
        self.inside -= 1
        if POISON in numbers:
            raise RunFailed("the driver gave up")
        return Done([answer(number) for number in numbers])

    def run(self, data: NDArray[np.generic]) -> Outputs:
        return self.start([data]).wait()[0]  # type: ignore[no-any-return]

    def close(self) -> None:
        self.entered.clear()
        self.gate.clear()

    async def until_entered(self) -> None:
        assert await asyncio.to_thread(self.entered.wait, LIMIT_S)


class Device(Recorder):
    """One whose runs are on their way when `start` returns, as on a GPU."""

    def start(self, windows: Sequence[NDArray[np.generic]]) -> Any:
        numbers = [float(one.flat[0]) for one in windows]
        self.told.append(f"start {self.called} {numbers}")
        return Flight(self, numbers)


class Flight:
    def __init__(self, device: Device, numbers: list[float]) -> None:
        self._device = device
        self._numbers = numbers

    def wait(self) -> list[Outputs]:
        self._device.told.append(f"wait {self._device.called}")
        self._device.entered.set()
        assert self._device.gate.wait(LIMIT_S)
        return [answer(number) for number in self._numbers]


def answer(number: float) -> Outputs:
    logits = np.array([number, 0.0, 1.0], np.float32)
    return {"logits": logits, "activation": logits, "embedding": logits}


class Line:
    """An engine on two recorders."""

    def __init__(self, one: Bundle, engine: Engine, networks: dict[str, Any]) -> None:
        self.engine = engine
        self.told: list[str] = networks["camera"].told
        self.camera, self.vibration = networks["camera"], networks["vibration"]
        self._bundle = one

    def see(self, number: int) -> "asyncio.Future[Any]":
        data = np.full((4, 16, 16), number, np.uint8)
        return self.engine.submit(self._bundle, "camera", window(data, "cam1"))

    def feel(self, number: float) -> "asyncio.Future[Any]":
        data = np.full((3, 64), number, np.float32)
        return self.engine.submit(self._bundle, "vibration", window(data, "vib1"))


MakeLine = Callable[..., Any]


@pytest.fixture
def make_line(make_bundle: MakeBundle) -> MakeLine:
    @asynccontextmanager
    async def make(
        workers: int = 2,
        most: int = 1,
        kind: type[Recorder] = Recorder,
        timeout_ms: float = 5000.0,
    ) -> AsyncIterator[Line]:
        whole, told = make_bundle(), list[str]()
        one = Bundle(whole.folder, whole.manifest.model_copy(update={"golden": None}), whole.sha256)
        networks = {name: kind(name, told, most) for name in ("camera", "vibration")}

        def open_runner(file: Path, wanted: Input, **_: object) -> Recorder:
            return networks[file.stem]

        settings = config.Engine(timeout_ms=timeout_ms, workers=workers)
        async with Engine(settings, [one], lambda *_: None, open_runner=open_runner) as engine:
            told.clear()
            for network in networks.values():
                network.entered.clear()
            try:
                yield Line(one, engine, networks)
            finally:
                for network in networks.values():
                    network.gate.set()

    return make


async def test_the_networks_of_a_part_run_at_once(make_line: MakeLine) -> None:
    async with make_line() as line:
        line.camera.close()
        line.vibration.close()
        seen, felt = line.see(1), line.feel(2.0)
        await line.camera.until_entered()
        await line.vibration.until_entered()  # while the other has not answered
        assert not seen.done()
        line.vibration.gate.set()
        assert (await felt).logits[0] == 2.0
        assert not seen.done()
        line.camera.gate.set()
        assert (await seen).logits[0] == 1.0


async def test_one_worker_runs_them_one_after_the_other(make_line: MakeLine) -> None:
    async with make_line(workers=1) as line:
        line.camera.close()
        seen, felt = line.see(1), line.feel(2.0)
        await line.camera.until_entered()
        await asyncio.sleep(0.05)
        assert line.told == ["camera [1.0]"]
        line.camera.gate.set()
        await asyncio.gather(seen, felt)
        assert line.told == ["camera [1.0]", "vibration [2.0]"]


async def test_a_network_is_called_once_at_a_time_in_order_of_arrival(make_line: MakeLine) -> None:
    async with make_line(workers=4) as line:
        await asyncio.gather(*(line.feel(float(i)) for i in range(40)))
        assert line.vibration.crowd == 1
        assert line.told == [f"vibration [{float(i)}]" for i in range(40)]


async def test_no_window_is_forgotten_however_they_come(make_line: MakeLine) -> None:
    """In bursts and singly, so that workers fall asleep and are woken in every order."""
    async with make_line(workers=3) as line:
        for burst in range(300):
            jobs = [line.see(k) if (burst + k) % 3 else line.feel(k) for k in range(burst % 5 + 1)]
            async with asyncio.timeout(LIMIT_S):
                scores = await asyncio.gather(*jobs)
            assert [one.logits[0] for one in scores] == list(range(burst % 5 + 1))


async def test_what_waits_for_a_network_at_work_holds_up_no_other(make_line: MakeLine) -> None:
    async with make_line() as line:
        line.camera.close()
        seen = [line.see(1), line.see(2)]
        await line.camera.until_entered()
        assert (await line.feel(3.0)).logits[0] == 3.0
        assert line.told == ["camera [1.0]", "vibration [3.0]"]
        line.camera.gate.set()
        assert [one.logits[0] for one in await asyncio.gather(*seen)] == [1.0, 2.0]


async def test_windows_that_wait_for_one_network_go_along_as_many_as_it_takes(
    make_line: MakeLine,
) -> None:
    async with make_line(most=4) as line:
        line.vibration.close()
        waiting = [line.feel(0.0)]
        await line.vibration.until_entered()
        waiting += [line.feel(float(i)) for i in range(1, 4)]
        waiting.append(line.see(9))
        waiting += [line.feel(float(i)) for i in range(4, 7)]
        line.vibration.gate.set()
        scores = await asyncio.gather(*waiting)
        felt = [entry for entry in line.told if entry.startswith("vibration")]
        assert felt == ["vibration [0.0]", "vibration [1.0, 2.0, 3.0, 4.0]", "vibration [5.0, 6.0]"]
        assert [one.logits[0] for one in scores] == [0.0, 1.0, 2.0, 3.0, 9.0, 4.0, 5.0, 6.0]


async def test_a_window_never_waits_for_company(make_line: MakeLine) -> None:
    async with make_line(most=8) as line:
        assert (await line.feel(5.0)).logits[0] == 5.0
        assert line.told == ["vibration [5.0]"]


async def test_a_window_that_breaks_a_batch_costs_the_others_nothing(make_line: MakeLine) -> None:
    async with make_line(most=4) as line:
        line.vibration.close()
        first = line.feel(0.0)
        await line.vibration.until_entered()
        good, bad, also = line.feel(1.0), line.feel(POISON), line.feel(2.0)
        line.vibration.gate.set()
        await first
        with pytest.raises(RunFailed, match="gave up"):
            await bad
        assert ((await good).logits[0], (await also).logits[0]) == (1.0, 2.0)


async def test_a_window_nobody_waits_for_leaves_its_batch(make_line: MakeLine) -> None:
    async with make_line(most=4) as line:
        line.vibration.close()
        first = line.feel(0.0)
        await line.vibration.until_entered()
        kept, dropped = line.feel(1.0), line.feel(2.0)
        dropped.cancel()
        line.vibration.gate.set()
        await asyncio.gather(first, kept)
        assert line.told == ["vibration [0.0]", "vibration [1.0]"]


async def test_where_a_run_returns_at_once_all_start_before_the_first_is_waited_for(
    make_line: MakeLine,
) -> None:
    async with make_line(workers=1, kind=Device) as line:
        line.camera.close()
        busy = line.see(0)
        await line.camera.until_entered()
        line.told.clear()
        # both wait for the worker, which waits for the device
        seen, felt = line.see(1), line.feel(2.0)
        line.camera.gate.set()
        await asyncio.gather(busy, seen, felt)
        assert line.told[:2] == ["start camera [1.0]", "start vibration [2.0]"]
        assert (seen.result().logits[0], felt.result().logits[0]) == (1.0, 2.0)


async def test_one_hung_network_is_seen_while_others_still_answer(make_line: MakeLine) -> None:
    async with make_line(timeout_ms=300.0) as line:
        line.camera.close()
        seen = line.see(1)
        await line.camera.until_entered()
        assert (await line.feel(2.0)).logits[0] == 2.0
        assert not line.engine.is_hung
        await asyncio.sleep(0.4)
        assert line.engine.is_hung
        with pytest.raises(QueueFull, match="hangs"):
            line.feel(3.0)
        line.camera.gate.set()
        await seen
        assert not line.engine.is_hung


async def test_leaving_ends_every_worker(make_line: MakeLine) -> None:
    async with make_line(workers=3) as line:
        await asyncio.gather(line.see(1), line.feel(2.0))
    assert "inference" not in [one.name for one in threading.enumerate()]


async def test_what_is_behind_everything_has_its_network_for_itself(make_line: MakeLine) -> None:
    """A shadow that is promoted while it works on a part gets the next part's window."""
    async with make_line() as line:
        engine, bundle = line.engine, line._bundle
        network = engine.loaded.detector(bundle, "vibration")
        line.vibration.close()
        data = window(np.full((3, 64), 1.0, np.float32), "vib1")
        shadow = engine.behind(partial(network.infer, data), network)
        await line.vibration.until_entered()
        felt = line.feel(2.0)
        assert (await line.see(3)).logits[0] == 3.0
        line.vibration.gate.set()
        assert [one.logits[0] for one in await asyncio.gather(shadow, felt)] == [1.0, 2.0]
        assert line.vibration.crowd == 1


def test_what_nobody_waits_for_comes_last() -> None:
    jobs, told = Jobs(), list[str]()
    for put, name in ((jobs.put_behind, "behind"), (jobs.put_look, "look"), (jobs.put, "window")):
        put(Job("s", lambda _, outcome: told.append(outcome), call=lambda name=name: name))
    for _ in range(3):
        (job,) = jobs.get() or []
        assert job.call is not None
        job.report(job, job.call())
    assert told == ["window", "look", "behind"]
    assert jobs.get(is_idle=False) == []
    assert jobs.end() == []
    assert jobs.get() is None


async def test_real_networks_side_by_side_answer_as_the_reference_does(
    make_bundle: MakeBundle,
) -> None:
    one = make_bundle()
    async with Engine(config.Engine(workers=2), [one], lambda *_: None) as engine:
        jobs = [
            engine.submit(one, detector, window(data, "s"))
            for pair in zip(clips(20), series(20), strict=True)
            for detector, data in zip(("camera", "vibration"), pair, strict=True)
        ]
        scores = await asyncio.gather(*jobs)
    for number, (seen, felt) in enumerate(zip(scores[::2], scores[1::2], strict=True)):
        right = reference(one.folder / "camera.onnx", clips(20)[number])["logits"]
        assert seen.logits == pytest.approx(right, abs=0.05)
        right = reference(one.folder / "vibration.onnx", series(20)[number])["logits"]
        assert felt.logits == pytest.approx(right, abs=1e-4)
