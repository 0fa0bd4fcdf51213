"""From the answers to good parts of a station to its baselines, and what these change."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge.baseline import Baseline, Baselines, Offset, network_sha256, offsets
from edge.bundle import Bundle
from edge.config import Sensor
from edge.errors import ConfigError
from edge.fusion.doubt import measures
from edge.fusion.evidence import log_odds, placed, signs
from edge.judge import Answer, Judged, hear, weigh
from edge.monitor import Typical, typical
from edge.windows import join

FEWEST = 10  # windows of a sensor; the median of fewer is another one with the next part

Answers = Sequence[Sequence[Answer]]  # of each sensor, by its windows
Made = Callable[[Sequence["GoodPart"]], Baselines]


@dataclass(frozen=True, slots=True)
class GoodPart:
    """One part that is known to be good, and what was answered to it."""

    name: str
    answers: Answers


@dataclass(frozen=True, slots=True)
class Change:
    """One part, judged without a baseline, and by one that it has no share in."""

    part: str
    before: Judged
    after: Judged


def usable(answer: Answer, bundle: Bundle) -> bool:
    """Whether a window shows its part and is whole: nothing is learnt from a sick sensor."""
    if answer.window is None or answer.score is None or answer.score.embedding is None:
        return False
    quality = answer.window.quality
    return not [*placed(answer.window.clock), *signs(quality, bundle.manifest.rejecting)]


def baselines(
    parts: Sequence[GoodPart],
    sensors: Iterable[Sensor],
    bundle: Bundle,
    station: str,
    today: str,
    fewest: int = FEWEST,
) -> Baselines:
    """Of every sensor of a station that these parts say enough of.

    Raises:
        ConfigError: the bundle has no typical parts, or none of the sensors has enough windows.
    """
    if not bundle.typical:
        raise ConfigError(
            f"{bundle.label}: does not say what good parts gave in the workshop; make the bundle "
            "again (python -m models monitor)"
        )
    found: list[Baseline] = []
    for sensor in sensors:
        windows = windows_of(parts, sensor.id, bundle)
        if len(windows) >= fewest:
            middle = _typical(windows, bundle)
            found.append(_baseline(sensor, middle, windows, bundle, today))
    if not found:
        raise ConfigError(
            f"{station}: {len(parts)} good parts, and no sensor has {fewest} whole windows of "
            "them; run more parts that are known to be good"
        )
    return Baselines(station=station, baselines=tuple(found))


def windows_of(parts: Sequence[GoodPart], sensor: str, bundle: Bundle) -> list[Answer]:
    """Every window of a sensor that something can be learnt from."""
    return [
        one
        for part in parts
        for answers in part.answers
        for one in answers
        if one.sensor.id == sensor and usable(one, bundle)
    ]


def limit(windows: Sequence[Answer], bundle: Bundle) -> float | None:
    """The highest log-odds of a defect among windows of one sensor that show good parts, and the
    passport's margin; None where the passport asks for none."""
    manifest = bundle.manifest
    detector = manifest.detectors[windows[0].sensor.input]
    if detector.limit_margin is None:
        return None
    odds = [log_odds(one.score.logits, detector, manifest.good) for one in windows if one.score]
    return float(f"{max(odds) + detector.limit_margin:.6g}")


def changes(
    parts: Sequence[GoodPart], sensors: Mapping[str, Sensor], bundle: Bundle, made: Made
) -> list[Change]:
    """What the parts are judged as, without and with; each by a baseline of all the others."""
    found: list[Change] = []
    for number, one in enumerate(parts):
        known = made([*parts[:number], *parts[number + 1 :]])
        taken_off = offsets(known, sensors, bundle)
        found.append(Change(one.name, judge(one, {}, bundle), judge(one, taken_off, bundle)))
    return found


def shift(logits: Sequence[float], workshop: Typical, is_passing: Sequence[bool]) -> float:
    """How far a station moves the log-odds of the class that it favours most, against good.

    Natural units, of a baseline's logits (class,). `is_passing` says of each class whether a good
    part may have it.
    """
    moved, passing = np.asarray(logits) - workshop.logits, np.asarray(is_passing)
    return float(moved[~passing].max() - moved[passing].max())


def judge(part: GoodPart, taken_off: Mapping[str, Offset], bundle: Bundle) -> Judged:
    """As the daemon would."""
    heard = [
        join(
            [hear(replace(one, offset=taken_off.get(one.sensor.id)), bundle) for one in answers],
            bundle,
        )
        for answers in part.answers
    ]
    return weigh(heard, bundle)


def _typical(windows: Sequence[Answer], bundle: Bundle) -> Typical:
    rows, logits, embeddings = [], [], []
    for one in windows:
        assert one.window is not None
        assert one.score is not None
        assert one.score.embedding is not None
        temperature = bundle.manifest.detectors[one.sensor.input].temperature
        rows.append(measures(one.window.quality, one.score.logits, None, temperature, None))
        logits.append(one.score.logits)
        embeddings.append(one.score.embedding)
    names = set.intersection(*(set(row) for row in rows))
    measured = {name: np.array([row[name] for row in rows]) for name in sorted(names)}
    return typical(np.array(logits), np.array(embeddings), measured)


def _baseline(
    sensor: Sensor, middle: Typical, windows: Sequence[Answer], bundle: Bundle, today: str
) -> Baseline:
    return Baseline(
        sensor=sensor.id,
        network_sha256=network_sha256(bundle, sensor.input),
        bundle=bundle.label,
        parts=len(windows) // len(sensor.offsets),
        created=today,
        logits=tuple(float(f"{one:.6g}") for one in middle.logits),
        embedding=tuple(float(f"{one:.6g}") for one in middle.embedding),
        measured={name: float(f"{value:.6g}") for name, value in middle.measured.items()},
        limit=limit(windows, bundle),
    )
