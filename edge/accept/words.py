"""Numbers of a report as people read them."""

import math

from edge.accept.exact import Rate

NONE = "\N{EN DASH}"


def percent(share: float) -> str:
    """Three significant digits: "0.245 %", "12.3 %"."""
    if math.isnan(share):
        return NONE
    value = 100.0 * share
    digits = 2 if abs(value) < 10.0 else 1
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return f"{text} %"


def interval(low: float, high: float, unit: str = "%") -> str:
    """Two ends of shares: "0.01 to 1.78 %"."""
    if math.isnan(low) or math.isnan(high):
        return NONE
    return f"{100.0 * low:.2f} to {100.0 * high:.2f} {unit}"


def ends(rate: Rate) -> str:
    """The two-sided interval of a rate."""
    return interval(rate.low, rate.high)


def counted(rate: Rate) -> str:
    """ "2 of 508 = 0.39 %"."""
    return f"{rate.events} of {rate.trials} = {percent(rate.share)}" if rate.trials else "no part"


def number(value: float | None, digits: int = 2) -> str:
    return NONE if value is None or math.isnan(value) else f"{value:.{digits}f}"


def times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def one_in(share: float) -> str:
    return f"1 in {1.0 / share:.0f}"
