"""Exact statistics of counts: how sure a rate is, and whether two methods err alike."""

from collections.abc import Sequence

from scipy import stats


def clopper_pearson(events: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided exact interval of a rate: Clopper & Pearson 1934, Biometrika 26, 404-413.

    Raises:
        ValueError: no trial, or a number of events that cannot be.
    """
    if not 0 <= events <= trials or trials == 0:
        raise ValueError(
            f"{events} events in {trials} trials; expected 0 to {trials} of at least 1"
        )
    tail = (1.0 - confidence) / 2.0
    missed = trials - events
    low = float(stats.beta.ppf(tail, events, missed + 1)) if events else 0.0
    high = float(stats.beta.ppf(1.0 - tail, events + 1, missed)) if missed else 1.0
    return low, high


def upper_bound(events: int, trials: int, confidence: float) -> float:
    """One-sided exact upper bound of a rate (Clopper & Pearson 1934)."""
    return clopper_pearson(events, trials, 2.0 * confidence - 1.0)[1]


def at_most(events: int, trials: int, rate: float) -> float:
    """Probability of so few events if each trial had one with probability `rate`: binomial.

    As a p-value it is valid against any larger rate, too: under that, so few are rarer still.
    """
    return float(stats.binom.cdf(events, trials, rate))


def trials_needed(events: int, rate: float, confidence: float) -> int:
    """The fewest trials among which `events` still show, at `confidence`, a rate of at most `rate`.

    By bisection, since more trials with as many events are always better evidence.
    """
    low, high = events, events + 1
    while at_most(events, high, rate) > 1.0 - confidence:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if at_most(events, middle, rate) > 1.0 - confidence:
            low = middle
        else:
            high = middle
    return high


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p-value of as many or more lopsided discordant pairs, if both erred alike.

    McNemar 1947, Psychometrika 12, 153-157, by the binomial distribution instead of chi-squared.
    Pairs on which both methods say the same carry no information and are not asked for.
    """
    discordant = only_first + only_second
    if discordant == 0:
        return 1.0
    return min(1.0, 2.0 * float(stats.binom.cdf(min(only_first, only_second), discordant, 0.5)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Each p-value adjusted for how many were asked for: Holm 1979, Scand. J. Statistics 6, 65-70.

    Those below a level then hold all together, with less than that chance of one false among them.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted
