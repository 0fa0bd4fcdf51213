"""Networks onto engines: compiled, warmed up, and held against what their passport promises."""

import logging
from pathlib import Path

from edge.bundle import Bundle
from edge.errors import BundleError
from edge.inference.detector import Detector, GoldenMissed
from edge.inference.runner import Candidate, Opener, RunFailed, opener

log = logging.getLogger(__name__)
INT8, FP32 = Candidate("", "int8"), Candidate("", "fp32")  # of the usual engine


def load_chosen(
    bundle: Bundle, name: str, chosen: Candidate, *, threads: int, cache: Path | None = None
) -> Detector:
    """Compile, warm up and prove one detector on the engine that was chosen for it.

    Raises:
        ConfigError: the engine is not here any more.
        BundleError: it cannot be compiled, or does not keep what the passport promises.
    """
    one = opener(chosen.engine)
    return _proved(bundle, name, one, chosen, threads=threads, cache=cache)


def load(
    bundle: Bundle, name: str, open_runner: Opener, *, threads: int, cache: Path | None = None
) -> Detector:
    """Compile, warm up and prove one detector.

    In integers first. A processor without instructions for INT8 sums adds products in 16 bits,
    which may saturate; where the golden data show it, the network is calculated in float.

    Raises:
        BundleError: it cannot be compiled, or does not keep what the passport promises.
    """
    try:
        return _proved(bundle, name, open_runner, INT8, threads=threads, cache=cache)
    except GoldenMissed as missed:
        try:
            one = _proved(bundle, name, open_runner, FP32, threads=threads, cache=cache)
        except GoldenMissed:
            raise missed from None
        log.warning(
            "%s: this processor misses the golden data in integers; it is calculated in float",
            one.label,
        )
        return one


def _proved(
    bundle: Bundle,
    name: str,
    open_runner: Opener,
    wanted: Candidate,
    *,
    threads: int,
    cache: Path | None,
) -> Detector:
    passport = bundle.manifest.detectors[name]
    file = bundle.folder / passport.file
    runner = open_runner(
        file,
        passport.input,
        threads=threads,
        precision=wanted.precision,
        most=wanted.most,
        cache=cache,
    )
    detector = Detector(bundle, name, runner)
    try:
        detector.warm_up()
        detector.check_golden()
    except RunFailed as error:
        raise BundleError(f"{file}: does not run: {error}") from error
    return detector
