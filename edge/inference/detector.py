"""One detector of a bundle on one engine: a window in, a score out. Reads nothing into it."""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle
from edge.errors import BundleError
from edge.inference import golden
from edge.inference.answers import Answers, Broken
from edge.inference.pictures import PictureByPicture
from edge.inference.runner import (
    Outputs,
    Pending,
    Precision,
    RunFailed,
    Runner,
    element_type,
)
from sensors.signal import Window

log = logging.getLogger(__name__)
WARM_UP = 3  # runs: the first ones allocate, and touch every weight


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """What a network answered to one window."""

    sensor: str
    detector: str
    logits: NDArray[np.float32]  # (class,)
    activation: NDArray[np.float32] | None  # where in the window each class was found
    embedding: NDArray[np.float32] | None  # (feature,)
    inferred_ns: int  # when it was there
    run_ns: int  # how long the engine took
    engine: str
    precision: Precision


class GoldenMissed(BundleError):  # noqa: N818 - named by what happened; the catcher tries on
    """An engine does not give the golden logits again. Another precision may."""


class Detector:
    """A network with its passport. Blocks: it lives on the inference thread."""

    def __init__(self, bundle: Bundle, name: str, runner: Runner) -> None:
        self.runner = runner
        self._bundle = bundle
        self._name = name
        self._passport = bundle.manifest.detectors[name]
        self._element = element_type(self._passport.input)

    @property
    def most(self) -> int:
        """Windows that it takes at once."""
        return self.runner.most

    def start(self, windows: Sequence[Window]) -> Answers[Score]:
        """Let the network begin with 1 to `most` windows; the answers tell what breaks off."""
        for window in windows:
            self._check(window.data)
        start_ns = time.monotonic_ns()
        try:
            pending: Pending = self.runner.start([one.data for one in windows])
        except RunFailed as error:
            pending = Broken(error)
        return Answers(self, windows, pending, start_ns)

    def infer(self, window: Window) -> Score:
        """Run the network on one window.

        Raises:
            RunFailed: the engine broke off, or its answer is no number.
        """
        (outcome,) = self.start([window]).wait()
        if isinstance(outcome, RunFailed):
            raise outcome
        return outcome

    def read(self, window: Window, outputs: Outputs, start_ns: int, now_ns: int) -> Score:
        """What was answered to a window.

        Raises:
            RunFailed: that is no number.
        """
        passport = self._passport
        self._check_answer(outputs)
        return Score(
            sensor=window.sensor,
            detector=self._name,
            logits=outputs[passport.logits],
            activation=outputs[passport.activation] if passport.activation else None,
            embedding=outputs[passport.embedding] if passport.embedding else None,
            inferred_ns=now_ns,
            run_ns=now_ns - start_ns,
            engine=self.runner.name,
            precision=self.runner.precision,
        )

    @property
    def looks(self) -> bool:
        """It can look at a picture before its window is whole."""
        return isinstance(self.runner, PictureByPicture)

    def look(self, picture: NDArray[np.uint8]) -> None:
        """Do what can be done with one picture (height, width) of a window to come.

        Raises:
            RunFailed: the engine broke off.
        """
        if isinstance(self.runner, PictureByPicture):
            self.runner.look(picture)

    def _run(self, data: NDArray[np.generic]) -> Outputs:
        self._check(data)
        outputs = self.runner.run(data)
        self._check_answer(outputs)
        return outputs

    def _check(self, data: NDArray[np.generic]) -> None:
        wanted = self._passport.input.shape
        if data.shape != wanted or data.dtype != self._element:
            raise ValueError(
                f"{self.label}: a window of {data.dtype} {data.shape} was cut; "
                f"the passport says {np.dtype(self._element)} {wanted}"
            )

    def _check_answer(self, outputs: Outputs) -> None:
        logits = outputs[self._passport.logits]
        if not all(map(math.isfinite, logits.tolist())):
            raise RunFailed(f"{self.label}: {self.runner.name} answered {logits.tolist()}")

    @property
    def label(self) -> str:
        return f"{self._bundle.label}, detector {self._name}"

    def warm_up(self) -> None:
        """Run it on silence a few times, and hold its outputs against the passport.

        Raises:
            BundleError: an output is missing or has another size.
            RunFailed: the engine broke off.
        """
        silence = np.zeros(self._passport.input.shape, self._element)
        for _ in range(WARM_UP):
            outputs = self.runner.run(silence)
        wanted = [self._passport.logits, self._passport.activation, self._passport.embedding]
        if missing := [name for name in wanted if name and name not in outputs]:
            raise BundleError(
                f"{self.label}: has no output {missing[0]!r}; it has {', '.join(outputs)}"
            )
        found, classes = outputs[self._passport.logits].shape, len(self._passport.classes)
        if found != (classes,):
            raise BundleError(f"{self.label}: logits of shape {found} for {classes} classes")

    def check_golden(self) -> None:
        """Give the golden inputs again and expect the golden logits, if the bundle has any.

        Raises:
            GoldenMissed: they differ by more of their span than the passport allows, as they do
                where an engine's integer arithmetic saturates.
            RunFailed: the engine broke off, or its answer is no number.
        """
        known = golden.read(self._bundle, self._name)
        if known is None:
            return
        answers = np.stack([self._run(one)[self._passport.logits] for one in known.inputs])
        worst = float(np.abs(answers - known.logits).max())
        allowed = self._bundle.manifest.comparison.logits * float(np.ptp(known.logits))
        if worst > allowed:
            raise GoldenMissed(
                f"{self.label}: {self.runner.name} misses the golden logits by {worst:.4g}, "
                f"{allowed:.4g} is allowed; try another engine, or make the bundle on this one"
            )
