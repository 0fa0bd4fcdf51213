"""A network that answers only when it is let, as one behind a hanging driver, and a box with it."""

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge import config
from edge.bundle import Bundle
from edge.inference.detector import Score
from edge.inference.engine import Engine
from edge.inference.runner import Done, Input, Outputs, RunFailed
from inference.networks import window

SETTINGS = config.Engine(timeout_ms=100.0, workers=1)


class Gate:
    """A network that answers right, but only when it is let: how a hanging driver behaves."""

    name = "gate"
    precision: Literal["fp32"] = "fp32"
    most = 1

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.opened.set()
        self.entered = threading.Event()
        self.threads: set[int] = set()
        self.given: list[float] = []

    def open_runner(self, file: Path, wanted: Input, **_: object) -> "Gate":
        return self

    def start(self, windows: Sequence[NDArray[np.generic]]) -> Done:
        return Done([self.run(one) for one in windows])

    def run_pieces(self, pieces: Sequence[NDArray[np.generic]]) -> Outputs:
        return self.run(np.stack(pieces))

    def run(self, data: NDArray[np.generic]) -> Outputs:
        self.threads.add(threading.get_ident())
        self.entered.set()
        self.opened.wait(10.0)
        first = float(data.flat[0])
        self.given.append(first)
        if first > 1e6:
            raise RunFailed("the driver gave up")
        return {"logits": np.array([first, 0.0, 1.0], np.float32)}

    def close(self) -> None:
        self.entered.clear()
        self.opened.clear()

    async def until_entered(self) -> None:
        assert await asyncio.to_thread(self.entered.wait, 10.0)


def vibration_only(whole: Bundle) -> Bundle:
    """A bundle of one detector without golden data, for runners that answer something else."""
    detectors = {"vibration": whole.manifest.detectors["vibration"]}
    manifest = whole.manifest.model_copy(update={"golden": None, "detectors": detectors})
    return Bundle(whole.folder, manifest, whole.sha256)


class Box:
    """An engine on a gate, with what was counted."""

    def __init__(self, whole: Bundle) -> None:
        self.bundle = vibration_only(whole)
        self.gate = Gate()
        self.counted: Counter[tuple[str, str]] = Counter()
        self.engine = Engine(
            SETTINGS,
            [self.bundle],
            lambda sensor, cause: self.counted.update([(sensor, cause)]),
            open_runner=self.gate.open_runner,
        )

    def submit(self, number: float = 1.0) -> "asyncio.Future[Score]":
        data = np.full((3, 64), number, np.float32)
        return self.engine.submit(self.bundle, "vibration", window(data, "vib1"))
