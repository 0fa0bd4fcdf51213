"""Pictures are looked at in advance when the thread has time, and never before a window."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from edge.inference.engine import Engine
from edge.inference.jobs import LOOKS
from edge.inference.pictures import PictureByPicture
from edge.inference.runner import Input, RunFailed
from inference.conftest import MakeBundle
from inference.gate import SETTINGS, Box, Gate


class LookingBox(Box):
    """A network that looks at each row of its window by itself, on a gate."""

    def __init__(self, make_bundle: MakeBundle) -> None:
        super().__init__(make_bundle())
        self.judging = Gate()
        self.engine = Engine(
            SETTINGS,
            [self.bundle],
            lambda sensor, cause: self.counted.update([(sensor, cause)]),
            open_runner=self.open_runner,
        )

    def open_runner(self, file: Path, wanted: Input, **_: object) -> PictureByPicture:
        return PictureByPicture(self.gate, self.judging, "logits")

    def look(self, number: float) -> None:
        row = np.full(64, number, np.float32)
        self.engine.look(self.bundle, "vibration", "vib1", row)  # type: ignore[arg-type]


@pytest.fixture
async def box(make_bundle: MakeBundle) -> AsyncIterator[LookingBox]:
    box = LookingBox(make_bundle)
    async with box.engine:
        box.gate.given.clear()
        yield box
        box.gate.opened.set()


async def test_what_was_looked_at_is_not_looked_at_again(box: LookingBox) -> None:
    box.look(5.0)
    score = await box.submit(5.0)  # three rows of fives
    assert box.gate.given == [5.0]
    assert score.logits[0] == 5.0


async def test_windows_go_before_pictures(box: LookingBox) -> None:
    box.gate.close()
    first = box.submit(1.0)
    await box.gate.until_entered()
    box.look(2.0)
    second = box.submit(3.0)
    box.gate.opened.set()
    await asyncio.gather(first, second)
    await box.submit(2.0)
    assert box.gate.given == [1.0, 3.0, 2.0]


async def test_a_full_queue_of_looks_refuses_the_newest_and_counts_it(box: LookingBox) -> None:
    box.gate.close()
    running = box.submit(1.0)
    await box.gate.until_entered()
    for k in range(LOOKS + 2):
        box.look(10.0 + k)
    assert box.counted == {("vib1", "look_queue_full"): 2}
    box.gate.opened.set()
    await running
    await box.submit(10.0 + LOOKS)  # which was refused: looked at now
    assert box.gate.given[-1] == 10.0 + LOOKS


async def test_a_look_that_fails_is_told_by_the_windows_run(box: LookingBox) -> None:
    box.look(2e6)
    with pytest.raises(RunFailed, match="gave up"):
        await box.submit(2e6)
    assert box.counted == {("vib1", "inference_failed"): 1}
    await box.submit(1.0)


async def test_leaving_drops_the_pictures_that_wait(make_bundle: MakeBundle) -> None:
    box = LookingBox(make_bundle)
    async with box.engine:
        box.gate.given.clear()
        box.gate.close()
        box.submit(1.0)
        await box.gate.until_entered()
        box.look(2.0)
        asyncio.get_running_loop().call_later(0.02, box.gate.opened.set)
    assert 2.0 not in box.gate.given
