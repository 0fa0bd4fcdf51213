"""From what healthy windows measured to the limits and statistics of a bundle."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.bundle import MANIFEST, Bundle, load
from edge.fusion.doubt import unlike
from edge.manifest import Manifest
from edge.monitor import Band, Familiar, Measure, Typical, typical
from models import toml
from models.monitor.observed import Observations, Observed
from models.statistics import clopper_pearson

Real = NDArray[np.float64]

FOLDS = 5
STRETCH = 1.15  # limits lie so far beyond the most extreme window of thousands, from the median
SICK = 1.5  # and a window that is so many times as far from the median as its limit is foreign
FEWEST = 5  # windows of an answer
STATISTICS = "monitor.npz"
OPEN_BELOW: frozenset[Measure] = frozenset({"energy", "distance"})  # familiar has no other end
MAGNITUDES: frozenset[Measure] = frozenset(
    {"sharpness", "brightness", "level", "floor", "whiteness"}
)


@dataclass(frozen=True, slots=True)
class Learnt:
    """Of one detector."""

    familiar: Familiar
    monitor: Mapping[Measure, Band]
    typical: Typical
    healthy: int  # windows of good parts, each held against limits learnt without it
    doubted: int  # of these, lie outside one


def learn(found: Observations, bundle: Bundle) -> dict[str, Learnt]:
    """Statistics and limits from all parts; how often they are wrong by cross-validation.

    A part is held against what was learnt without its fifth of the parts: with fewer, so that the
    limits of the bundle, which are those of more windows, lie no nearer.
    """
    fold = np.arange(len(found)) * FOLDS // len(found)
    is_good = found.hypothesis == 0
    learnt = {}
    for name in bundle.manifest.detectors:
        doubted = 0
        for one in range(FOLDS):
            familiar, monitor = _fit(found.rows(fold != one).of[name])
            tried = everything(found.rows((fold == one) & is_good).of[name], familiar)
            doubted += sum(bool(unlike(monitor, row)) for row in rows(tried))
        good = found.rows(is_good).of[name]
        middle = typical(good.logits, good.embedding, good.measured)
        learnt[name] = Learnt(
            *_fit(found.of[name]), middle, int(np.count_nonzero(is_good)), doubted
        )
    return learnt


def _fit(seen: Observed) -> tuple[Familiar, dict[Measure, Band]]:
    """Limits are those of windows that made no mean and no covariance, which favour their own."""
    number = np.arange(len(seen.logits))
    shown, measured = (seen.rows(chosen) for chosen in (number % 2 == 0, number % 2 == 1))
    familiar = statistics(shown, measured)
    apart = everything(measured, familiar)
    return familiar, bands({**seen.measured, "distance": apart["distance"]})


def statistics(shown: Observed, measured: Observed) -> Familiar:
    """A mean of each class that the network answers, and one covariance about them, shrunk.

    Features are first scaled to unit deviation, so that the shrinkage favours none. The radii are
    those of other windows, `measured`: a covariance makes light of those that it was made of.

    Raises:
        ValueError: a class was hardly ever answered.
    """
    answered = _answered(shown)
    centres = np.array(
        [shown.embedding[answered == c].mean(axis=0) for c in range(_classes(shown))]
    )
    about = shown.embedding - centres[answered]
    scale = np.maximum(about.std(axis=0), 1e-6)
    whitening = np.linalg.inv(np.linalg.cholesky(shrunk(about / scale))) / scale
    said = _answered(measured)
    away = np.linalg.norm((measured.embedding - centres[said]) @ whitening.T, axis=1)
    radii = np.array([away[said == c].max() for c in range(_classes(measured))])
    columns = (centres @ whitening.T, radii, whitening)
    return Familiar(*(column.astype(np.float32) for column in columns))


def _answered(seen: Observed) -> NDArray[np.int64]:
    answered = seen.logits.argmax(axis=1)
    fewest = int(np.bincount(answered, minlength=_classes(seen)).min())
    if fewest < FEWEST:
        raise ValueError(f"a class was answered {fewest} times, of {FEWEST}: simulate more parts")
    return np.asarray(answered)


def _classes(seen: Observed) -> int:
    return int(seen.logits.shape[1])


def shrunk(values: Real) -> Real:
    """The covariance of centred rows, drawn to a multiple of the identity as far as is best.

    Ledoit & Wolf 2004, J. Multivariate Anal. 88, 365-411, section 3.3.
    """
    count, features = values.shape
    sample = values.T @ values / count
    identity = np.eye(features) * (np.trace(sample) / features)
    apart = float(((sample - identity) ** 2).sum())
    squares = values**2
    noise = float((squares.T @ squares).sum() / count - (sample**2).sum()) / count
    share = min(1.0, max(0.0, noise) / apart) if apart else 1.0
    return np.asarray(share * identity + (1.0 - share) * sample)


def everything(seen: Observed, familiar: Familiar) -> dict[str, Real]:
    """What was measured, and the distance."""
    answered = seen.logits.argmax(axis=1)
    embeddings = seen.embedding.astype(np.float32)
    distances = [familiar.distance(e, int(a)) for e, a in zip(embeddings, answered, strict=True)]
    return {**seen.measured, "distance": np.array(distances)}


def rows(values: Mapping[str, Real]) -> list[dict[str, float]]:
    """Window by window."""
    count = len(next(iter(values.values())))
    return [{key: float(column[i]) for key, column in values.items()} for i in range(count)]


def bands(values: Mapping[str, Real]) -> dict[Measure, Band]:
    """Limits around these windows, all of them, good and defective: these are no foreigners.

    Magnitudes are treated as logarithms: half is as far away as double.
    """
    return {key: _band(key, column) for key, column in _named(values).items()}


def write(learnt: Mapping[str, Learnt], bundle: Bundle, version: str) -> Manifest:
    """Put the statistics and limits into the bundle's folder.

    Raises:
        ValueError: the manifest does not read back as it was meant.
    """
    columns: dict[str, NDArray[np.float32]] = {}
    for name, one in learnt.items():
        columns[f"{name}.centres"] = one.familiar.centres
        columns[f"{name}.radii"] = one.familiar.radii
        columns[f"{name}.whitening"] = one.familiar.whitening
        columns |= {f"{name}.typical.{key}": value for key, value in _columns(one.typical).items()}
    file = bundle.folder / STATISTICS
    with file.open("wb") as out:
        np.savez(out, allow_pickle=False, **columns)
    before = bundle.manifest
    detectors = {
        name: one.model_copy(update={"monitor": dict(learnt[name].monitor)})
        for name, one in before.detectors.items()
    }
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    origin = before.origin.model_copy(update={"metrics": before.origin.metrics | metrics(learnt)})
    update = {
        "version": version,
        "detectors": detectors,
        "statistics": STATISTICS,
        "files": {**before.files, STATISTICS: digest},
        "origin": origin,
    }
    whole = Manifest.model_validate(before.model_copy(update=update).model_dump())
    text = toml.dumps(whole.model_dump(exclude_none=True))
    (bundle.folder / MANIFEST).write_text(text, encoding="utf-8")
    if load(bundle.folder).manifest != whole:
        raise ValueError(f"{bundle.folder / MANIFEST} does not say what was meant")
    return whole


def _columns(one: Typical) -> dict[str, NDArray[np.float32]]:
    measured = {key: np.float32(value) for key, value in one.measured.items()}
    return {"logits": one.logits, "embedding": one.embedding} | {
        key: np.asarray(value) for key, value in measured.items()
    }


def metrics(learnt: Mapping[str, Learnt]) -> dict[str, float]:
    """How often healthy windows are doubted, with the exact two-sided 95 % interval."""
    found: dict[str, float] = {}
    for name, one in learnt.items():
        low, high = clopper_pearson(one.doubted, one.healthy)
        found |= {
            f"{name}_healthy_windows": float(one.healthy),
            f"{name}_healthy_doubted": round(one.doubted / one.healthy, 6),
            f"{name}_healthy_doubted_low": round(low, 6),
            f"{name}_healthy_doubted_high": round(high, 6),
        }
    return found


def _named(values: Mapping[str, Real]) -> dict[Measure, Real]:
    return {key: values[key] for key in _MEASURES if key in values}


def _band(key: Measure, values: Real) -> Band:
    is_magnitude = key in MAGNITUDES
    scaled = np.log(np.maximum(values, 1e-12)) if is_magnitude else values
    middle = float(np.median(scaled))
    below, above = middle - float(scaled.min()), float(scaled.max()) - middle

    def limit(away: float) -> float:
        value = middle + away
        return float(f"{np.exp(value) if is_magnitude else value:.5g}")

    high, high_sick = limit(STRETCH * above), limit(SICK * STRETCH * above)
    if key in OPEN_BELOW:
        return Band(high=high, high_sick=high_sick)
    low, low_sick = limit(-STRETCH * below), limit(-SICK * STRETCH * below)
    return Band(low_sick=low_sick, low=low, high=high, high_sick=high_sick)


_MEASURES: tuple[Measure, ...] = (
    "sharpness", "brightness", "level", "floor", "whiteness", "energy", "distance"
)  # fmt: skip
