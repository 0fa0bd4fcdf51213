"""The rules of combination as their papers define them, on sets, one choice at a time."""

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import reduce
from itertools import product
from typing import Any

from edge.fusion.mass import Mass

Named = frozenset[str]
Focal = dict[Named, Any]  # floats, or fractions where a definition would lose their digits


def sets(one: Mass) -> Focal:
    return {frozenset(one.frame.names(mask)): value for mask, value in one.items()}


def meet(chosen: Iterable[Named]) -> Named:
    return reduce(frozenset.intersection, chosen)


def join(chosen: Iterable[Named]) -> Named:
    return reduce(frozenset.union, chosen)


def by_definition(sources: Sequence[Focal], landing: Callable[[Sequence[Named]], Named]) -> Focal:
    """Sum over every choice of one focal set a source, of the product of their masses."""
    focal: Focal = {}
    for choice in product(*(source.items() for source in sources)):
        at = landing([chosen for chosen, _ in choice])
        focal[at] = focal.get(at, 0) + math.prod(value for _, value in choice)
    return focal


def dempster(sources: Sequence[Focal]) -> Focal:
    met = by_definition(sources, meet)
    conflict = met.pop(frozenset(), 0.0)
    return {at: value / (1 - conflict) for at, value in met.items()}


def averaged(sources: Sequence[Focal], weights: Sequence[float]) -> Focal:
    """Murphy 2000: the weighted mean, as often as there are sources, by Dempster's rule."""
    mean = {
        at: sum(w * one.get(at, 0.0) for w, one in zip(weights, sources, strict=True))
        / sum(weights)
        for at in set().union(*sources)
    }
    return dempster([mean] * len(sources))


def jousselme(one: Focal, other: Focal) -> float:
    difference = {at: one.get(at, 0.0) - other.get(at, 0.0) for at in one.keys() | other.keys()}
    square = sum(
        x * y * len(a & b) / len(a | b)
        for a, x in difference.items()
        for b, y in difference.items()
    )
    return math.sqrt(max(0.0, square / 2))


def deng(sources: Sequence[Focal]) -> Focal:
    if len(sources) == 1:
        return sources[0]
    support = [
        sum(1 - jousselme(one, other) for other in sources if other is not one) for one in sources
    ]
    return averaged(sources, support)


def divergence(one: Focal, other: Focal) -> float:
    """Jensen-Shannon, with each set a symbol."""

    def half(p: Focal, q: Focal) -> float:
        return sum(x * math.log2(2 * x / (x + q.get(at, 0.0))) for at, x in p.items()) / 2

    return half(one, other) + half(other, one)


def entropy(one: Focal) -> float:
    return -sum(x * math.log2(x / (2 ** len(at) - 1)) for at, x in one.items())


def xiao(sources: Sequence[Focal]) -> Focal:
    if len(sources) == 1:
        return sources[0]
    mean = [
        sum(divergence(one, other) for other in sources if other is not one) / (len(sources) - 1)
        for one in sources
    ]
    support = [1 / away for away in mean] if min(mean) > 0 else [1.0] * len(sources)
    credibility = [one / sum(support) for one in support]
    volume = [math.exp(entropy(one)) for one in sources]
    share = [one / sum(volume) for one in volume]
    return averaged(sources, [c * v for c, v in zip(credibility, share, strict=True)])


def pcr(sources: Sequence[Focal], *, multiplied: bool) -> Focal:
    """Dezert, Dezert & Smarandache 2021: eq. 14 (PCR5) when multiplied, eq. 15 (PCR6) when not."""
    focal: Focal = {}
    for choice in product(*(source.items() for source in sources)):
        amount = math.prod(value for _, value in choice)
        common = meet([at for at, _ in choice])
        if common:
            focal[common] = focal.get(common, 0.0) + amount
            continue
        parts: dict[Named, list[float]] = {}
        for at, value in choice:
            parts.setdefault(at, []).append(value)
        weight = {at: math.prod(v) if multiplied else sum(v) for at, v in parts.items()}
        for at, one in weight.items():
            focal[at] = focal.get(at, 0.0) + amount * one / sum(weight.values())
    return focal


def subsets(frame: Named) -> list[Named]:
    ordered = sorted(frame)
    return [
        frozenset(name for i, name in enumerate(ordered) if mask >> i & 1)
        for mask in range(1 << len(ordered))
    ]


def commonality(one: Focal, at: Named) -> Fraction:
    return sum((value for focal, value in one.items() if at <= focal), Fraction(0))


def weight(one: Focal, at: Named, frame: Named) -> Fraction:
    """w(A), the product over B that hold A of q(B) to the power of (-1)^(|B| - |A| + 1)."""
    return math.prod(
        commonality(one, b) ** (-1) ** (len(b) - len(at) + 1) for b in subsets(frame) if at <= b
    )


def cautious(sources: Sequence[Focal], frame: Named) -> Focal:
    """Denoeux 2008: simple masses of the least weights, combined; a weight above 1 takes away."""
    exact = [{at: Fraction(x).limit_denominator(10**6) for at, x in one.items()} for one in sources]
    focal: Focal = {frame: Fraction(1)}
    for at in subsets(frame):
        if at != frame:
            least = min(weight(one, at, frame) for one in exact)
            focal = by_definition([focal, {at: 1 - least, frame: least}], meet)
    return {at: float(value) for at, value in focal.items()}


DEFINITIONS: dict[str, Callable[[Sequence[Focal], Named], Focal]] = {
    "conjunctive": lambda sources, _: by_definition(sources, meet),
    "dempster": lambda sources, _: dempster(sources),
    "yager": lambda sources, frame: by_definition(sources, lambda chosen: meet(chosen) or frame),
    "dubois_prade": lambda sources, _: by_definition(
        sources, lambda chosen: meet(chosen) or join(chosen)
    ),
    "disjunctive": lambda sources, _: by_definition(sources, join),
    "murphy": lambda sources, _: averaged(sources, [1.0] * len(sources)),
    "deng": lambda sources, _: deng(sources),
    "xiao": lambda sources, _: xiao(sources),
    "pcr5": lambda sources, _: pcr(sources, multiplied=True),
    "pcr6": lambda sources, _: pcr(sources, multiplied=False),
    "cautious": cautious,
}
