"""Rules that give each conflicting product back to the focal sets that it is made of (PCR).

The products are held in arrays, one number for each choice of one focal set a source.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np

from edge.fusion.mass import Mass
from edge.fusion.measures import check_normal
from edge.fusion.products import Focal
from edge.fusion.transforms import Real, Sets

BLOCK = 1 << 17  # products held at once: some 10 MB for three sources


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Products of one focal set a source that have nothing in common."""

    at: tuple[Sets, ...]  # of each source the place of its set among its focal ones: (conflict,)
    sets: tuple[Sets, ...]  # that set: (conflict,)
    values: tuple[Real, ...]  # and its mass: (conflict,)
    products: Real  # of these masses, above 0: (conflict,)


Weigh = Callable[[Conflicts], Sequence[Real]]  # in what proportion each source's set gets it


def pcr5(joint: Focal, masses: Sequence[Mass]) -> Focal:
    """Each set of a conflicting product gets of it in proportion to the product of its own masses.

    A set that several sources name in the product counts once, with their masses multiplied
    (Dezert, Dezert & Smarandache 2021, eq. 14).

    Raises:
        Undefined: mass on the empty set.
    """
    check_normal(masses, "PCR5")
    return _given_back(joint, masses, _products_of_equal_sets)


def pcr6(joint: Focal, masses: Sequence[Mass]) -> Focal:
    """Each source's set in a conflicting product gets of it in proportion to that source's mass.

    Dezert, Dezert & Smarandache 2021, eq. 15.

    Raises:
        Undefined: mass on the empty set.
    """
    check_normal(masses, "PCR6")
    return _given_back(joint, masses, lambda found: found.values)


def _given_back(joint: Focal, masses: Sequence[Mass], weigh: Weigh) -> Focal:
    focal = {mask: value for mask, value in joint.items() if mask}
    for block in _blocks(masses):
        found = _conflicts(block)
        weights = weigh(found)
        shares = found.products / reduce(np.add, weights)
        for (sets, _), at, weight in zip(block, found.at, weights, strict=True):
            returned = np.bincount(at, shares * weight, minlength=sets.size)
            for mask, value in zip(sets.tolist(), returned.tolist(), strict=True):
                focal[mask] = focal.get(mask, 0.0) + value
    return focal


def _products_of_equal_sets(found: Conflicts) -> list[Real]:
    """For each source the product of all masses of its set, 0 where an earlier one has that set."""
    weights = []
    for i, sets in enumerate(found.sets):
        weight = found.values[i].copy()
        for j, others in enumerate(found.sets):
            if j < i:
                weight[sets == others] = 0.0
            elif j > i:
                np.multiply(weight, found.values[j], out=weight, where=sets == others)
        weights.append(weight)
    return weights


def _conflicts(sources: Sequence[tuple[Sets, Real]]) -> Conflicts:
    met = reduce(np.bitwise_and.outer, [sets for sets, _ in sources])  # (focal of 1, of 2, ...)
    products = reduce(np.multiply.outer, [values for _, values in sources])
    at = np.unravel_index(np.flatnonzero((met == 0) & (products > 0.0)), met.shape)
    return Conflicts(
        at,
        tuple(sets[i] for (sets, _), i in zip(sources, at, strict=True)),
        tuple(values[i] for (_, values), i in zip(sources, at, strict=True)),
        products[at],
    )


def _blocks(masses: Sequence[Mass]) -> Iterator[list[tuple[Sets, Real]]]:
    """The sources' focal sets and masses, cut so that no block has too many products.

    Of the first sources each block takes one set, of the others all.
    """
    sources = [(np.array(list(m.focal)), np.array(list(m.focal.values()))) for m in masses]
    sizes = [sets.size for sets, _ in sources]
    cut = 0
    while math.prod(sizes[cut:]) > BLOCK:
        cut += 1
    for chosen in product(*(range(size) for size in sizes[:cut])):
        first = zip(sources[:cut], chosen, strict=True)
        yield [(sets[i : i + 1], values[i : i + 1]) for (sets, values), i in first] + sources[cut:]
