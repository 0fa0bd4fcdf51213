"""Exact statistics of counts. Pure; the box has no scipy."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

CONFIDENCE = 0.95
_STEPS = 200  # halvings: more than a float has bits, wherever between 0 and 1 the answer lies
_TERMS = 10_000
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Rate:
    """Events among trials, and how sure the share is.

    Trials on one physical part are alike: `effective` is how many independent ones they are worth.
    Shares and bounds are NaN where there is no trial.
    """

    events: int
    trials: int
    groups: int  # physical parts
    design_effect: float  # trials / effective
    effective: float
    low: float  # two-sided interval
    high: float
    upper: float  # one-sided bound
    share: float


def rate(events: Iterable[tuple[str, bool]], confidence: float = CONFIDENCE) -> Rate:
    """Of (group, whether it happened): share, Clopper-Pearson interval, and one-sided upper bound.

    Repeats within a group count by the effective sample size n / (1 + (m - 1) ICC) (Kish 1965,
    sec. 5.4), with which Clopper-Pearson is asked (Korn & Graubard 1998, Survey Methodology 24).
    Where all trials agree the correlation is not known: each group then counts once.
    """
    rows = list(events)
    totals: dict[str, list[int]] = {}
    for group, happened in rows:
        counted = totals.setdefault(group, [0, 0])
        counted[0] += happened
        counted[1] += 1
    happened_in_all, trials = sum(e for e, _ in totals.values()), len(rows)
    if not trials:
        return Rate(0, 0, 0, 1.0, 0.0, math.nan, math.nan, math.nan, math.nan)
    effect = _design_effect([(e, n) for e, n in totals.values()])
    effective = trials / effect
    counted_as = happened_in_all / effect
    low, high = clopper_pearson(counted_as, effective, confidence)
    upper = upper_bound(counted_as, effective, confidence)
    share = happened_in_all / trials
    return Rate(happened_in_all, trials, len(totals), effect, effective, low, high, upper, share)


def clopper_pearson(
    events: float, trials: float, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Two-sided exact interval of a rate: Clopper & Pearson 1934, Biometrika 26, 404-413.

    Fractions of events and trials are taken as they come; NaN without a trial.
    """
    if trials <= 0:
        return math.nan, math.nan
    tail = (1.0 - confidence) / 2.0
    low = beta_quantile(tail, events, trials - events + 1.0) if events > 0 else 0.0
    return low, upper_bound(events, trials, 1.0 - tail)


def upper_bound(events: float, trials: float, confidence: float = CONFIDENCE) -> float:
    """Clopper & Pearson's one-sided upper bound of a rate; NaN without a trial."""
    if trials <= 0:
        return math.nan
    missed = trials - events
    return beta_quantile(confidence, events + 1.0, missed) if missed > 0 else 1.0


def needed(events: int, target: float, confidence: float = CONFIDENCE) -> int:
    """The fewest trials of which `events` leave the upper bound at or below `target`."""
    low, high = events, events + 1
    while upper_bound(events, high, confidence) > target:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if upper_bound(events, middle, confidence) > target:
            low = middle
        else:
            high = middle
    return high


def binomial_cdf(events: int, trials: int, chance: float) -> float:
    """Probability of `events` or fewer in `trials`."""
    return 1.0 if events >= trials else beta_cdf(1.0 - chance, trials - events, events + 1.0)


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p-value of pairs that two methods judge differently, if both erred alike.

    McNemar 1947, Psychometrika 12, 153-157, by the binomial distribution.
    """
    discordant = only_first + only_second
    if discordant == 0:
        return 1.0
    return min(1.0, 2.0 * binomial_cdf(min(only_first, only_second), discordant, 0.5))


def beta_quantile(probability: float, a: float, b: float) -> float:
    """Where the beta distribution has `probability` below it, by halving."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        if not low < middle < high:
            break
        if beta_cdf(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def beta_cdf(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function I_x(a, b), a and b > 0.

    By its continued fraction, DLMF 8.17.22, evaluated as Lentz 1976 does (DLMF 3.10.iii); from the
    other side where that converges faster, DLMF 8.17.4.
    """
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - beta_cdf(1.0 - x, b, a)
    log_front = a * math.log(x) + b * math.log1p(-x)
    log_front += math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(log_front) / a / _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """1 + d1/(1 + d2/(1 + ...))."""
    value, above, below = 1.0, 1.0, 0.0
    for term in range(1, _TERMS):
        half = term // 2
        if term % 2:
            step = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1.0))
        else:
            step = half * (b - half) * x / ((a + 2 * half - 1.0) * (a + 2 * half))
        below = 1.0 / ((1.0 + step * below) or _TINY)
        above = (1.0 + step / above) or _TINY
        value *= above * below
        if abs(above * below - 1.0) < 1e-15:
            return value
    raise ArithmeticError(f"incomplete beta function at {x}, {a}, {b} did not converge")


def _design_effect(groups: list[tuple[int, int]]) -> float:
    """1 + (m - 1) ICC, from (events, trials) of each group; at least 1.

    The intraclass correlation is that of the analysis of variance (Donner 1986, Int. Stat. Rev.
    54, 67-82), m the size of a group as a trial sees it.
    """
    trials, count = sum(n for _, n in groups), len(groups)
    if trials == count:
        return 1.0
    share = sum(e for e, _ in groups) / trials
    if share in (0.0, 1.0) or count == 1:
        return trials / count
    between = sum(n * (e / n - share) ** 2 for e, n in groups) / (count - 1)
    within = sum(e * (n - e) / n for e, n in groups) / (trials - count)
    squares = sum(n * n for _, n in groups)
    typical = (trials - squares / trials) / (count - 1)
    correlation = (between - within) / (between + (typical - 1.0) * within)
    return max(1.0, 1.0 + (squares / trials - 1.0) * correlation)
