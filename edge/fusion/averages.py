"""Rules that average the sources, each by its weight, and combine the average with itself.

What most sources say wins: one sensor that alone sees a defect is outvoted by those that cannot see
it. Of k sources the average is combined k - 1 times with itself by Dempster's rule.
"""

import math
from collections.abc import Sequence

from edge.fusion.errors import TotalConflict
from edge.fusion.mass import Mass
from edge.fusion.measures import check_normal, deng_entropy, distances, divergences
from edge.fusion.products import Focal, conjunction, dempster


def murphy(_joint: Focal, masses: Sequence[Mass]) -> Focal:
    """Every source weighs the same (Murphy 2000)."""
    return _combined_with_itself(masses, [1 / len(masses)] * len(masses))


def deng(_joint: Focal, masses: Sequence[Mass]) -> Focal:
    """A source weighs as much as the others support it: the sum of 1 - its distance to each.

    The distance is Jousselme's (Deng, Shi, Zhu & Liu 2004).

    Raises:
        TotalConflict: every two sources are as far apart as can be, so that none has any support.
        Undefined: mass on the empty set.
    """
    check_normal(masses, "Deng's rule")
    if len(masses) == 1:
        return dict(masses[0].items())
    apart = distances(masses)
    support = [float(len(masses) - 1 - row.sum()) for row in apart]
    if max(support) <= 0.0:
        raise TotalConflict(
            "no source supports another (every distance is 1): Deng's rule has no weights. "
            "Discount the sources, so that each leaves something open, or take yager"
        )
    return _combined_with_itself(masses, support)


def xiao(_joint: Focal, masses: Sequence[Mass]) -> Focal:
    """A source weighs more the nearer it is to the others, and the more it leaves open.

    Nearness is one over the mean belief divergence to the others, openness the exponential of the
    Deng entropy; the weight is their product (Xiao 2019).

    Raises:
        Undefined: mass on the empty set.
    """
    check_normal(masses, "Xiao's rule")
    away = divergences(masses).sum(axis=1) / max(1, len(masses) - 1)
    # A source at no distance from any other is the same as all of them: then all weigh alike.
    nearness = [1 / float(one) for one in away] if away.min() > 0.0 else [1.0] * len(masses)
    openness = [math.exp(deng_entropy(mass)) for mass in masses]
    return _combined_with_itself(
        masses, [near * wide for near, wide in zip(nearness, openness, strict=True)]
    )


def _combined_with_itself(masses: Sequence[Mass], weights: Sequence[float]) -> Focal:
    total = math.fsum(weights)
    average: Focal = {}
    for mass, weight in zip(masses, weights, strict=True):
        for mask, value in mass.items():
            average[mask] = average.get(mask, 0.0) + weight / total * value
    mean = Mass(masses[0].frame, average)
    combined = mean
    for _ in masses[1:]:
        both = (combined, mean)
        combined = Mass(mean.frame, dempster(conjunction(both), both))
    return dict(combined.items())
