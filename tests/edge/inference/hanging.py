"""A process whose network never comes back: run as a program, with a bundle's folder."""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge import bundle, config
from edge.inference.engine import Engine
from edge.inference.runner import Done, Input, Outputs
from sensors.signal import Quality, Window

DEADLY = 666.0


class Hanging:
    """Answers every window but one."""

    name = "hanging"
    precision: Literal["fp32"] = "fp32"
    most = 1

    def start(self, windows: Sequence[NDArray[np.generic]]) -> Done:
        return Done([self.run(one) for one in windows])

    def run(self, data: NDArray[np.generic]) -> Outputs:
        if float(data.flat[0]) == DEADLY:
            time.sleep(60.0)
        return {name: np.zeros(3, np.float32) for name in ("logits", "activation", "embedding")}


def open_runner(file: Path, wanted: Input, **_: object) -> Hanging:
    return Hanging()


async def main(folder: Path) -> None:
    whole = bundle.load(folder)
    one = bundle.Bundle(folder, whole.manifest.model_copy(update={"golden": None}), whole.sha256)
    settings = config.Engine(timeout_ms=50.0)
    async with Engine(settings, [one], lambda *_: None, open_runner=open_runner) as engine:
        data = np.full((3, 64), DEADLY, np.float32)
        engine.submit(one, "vibration", Window("vib1", data, 0, 1, 2, 3, "synchronised", Quality()))
        await asyncio.sleep(0.2)
        assert engine.is_hung
    print("left")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
