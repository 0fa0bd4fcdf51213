"""How far apart two masses are, and how much one leaves open.

The matrices over many masses are what the averaging rules weigh sources by.
"""

import math
from collections.abc import Sequence

import numpy as np

from edge.fusion.errors import Undefined
from edge.fusion.mass import Mass
from edge.fusion.transforms import Real, Sets


def jousselme_distance(one: Mass, other: Mass) -> float:
    """0 for the same mass, 1 for two certainties with nothing in common.

    Jousselme, Grenier & Bosse 2001, Information Fusion 2, 91-101: sqrt(d' D d / 2), d the
    difference of the masses, D(A, B) = |A and B| / |A or B|.

    Raises:
        ValueError: two frames; Undefined, mass on the empty set.
    """
    return float(distances([one, other])[0, 1])


def belief_divergence(one: Mass, other: Mass) -> float:
    """Jensen-Shannon divergence of the two masses in bits, 0 to 1, each set a symbol by itself.

    Xiao 2019, Information Fusion 46, 23-32 ("belief Jensen-Shannon divergence"). That {a} is nearer
    to {a, b} than to {c} it does not see.

    Raises:
        ValueError: two frames; Undefined, mass on the empty set.
    """
    return float(divergences([one, other])[0, 1])


def deng_entropy(mass: Mass) -> float:
    """What the mass leaves open, in bits: of a probability Shannon's entropy, more for larger sets.

    Deng 2016, Chaos, Solitons & Fractals 91, 549-553: - sum m(A) log2(m(A) / (2^|A| - 1)).

    Raises:
        Undefined: mass on the empty set.
    """
    check_normal([mass], "Deng entropy")
    return -math.fsum(
        value * math.log2(value / ((1 << mask.bit_count()) - 1)) for mask, value in mass.items()
    )


def distances(masses: Sequence[Mass]) -> Real:
    """Jousselme's distance of every two.  # (source, source)"""
    sets, values = _table(masses, "Jousselme's distance")
    met = np.bitwise_count(sets[:, None] & sets)
    alike = met / np.bitwise_count(sets[:, None] | sets)  # (set, set)
    difference = values[:, None] - values  # (source, source, set)
    squares = np.sum((difference @ alike) * difference, axis=2) / 2
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def divergences(masses: Sequence[Mass]) -> Real:
    """Belief Jensen-Shannon divergence of every two, in bits.  # (source, source)"""
    _, values = _table(masses, "the belief divergence")
    here, there = np.broadcast_arrays(values[:, None], values)  # (source, source, set)
    logarithm = np.zeros(here.shape)
    np.log2(2 * here / np.where(here, here + there, 1.0), out=logarithm, where=here > 0.0)
    toward = np.sum(here * logarithm, axis=2)  # of each, from the middle between the two
    return np.asarray(np.maximum(toward + toward.T, 0.0) / 2)


def check_normal(masses: Sequence[Mass], what: str) -> None:
    """Refuse mass on the empty set, of which `what` is not defined.

    Raises:
        Undefined: which source has it, and how much.
    """
    for number, mass in enumerate(masses, 1):
        if mass[0] > 0.0:
            raise Undefined(
                f"{what} is not defined with mass on the empty set, and source {number} has "
                f"{mass[0]:.6g} there. It is conflict that an earlier rule kept: combine that "
                "one's own sources by dempster or yager instead"
            )


def _table(masses: Sequence[Mass], what: str) -> tuple[Sets, Real]:
    """The sets that any source has mass on, and each source's mass of them.

    # (set,), (source, set)
    """
    check_normal(masses, what)
    if any(mass.frame != masses[0].frame for mass in masses):
        raise ValueError(f"{what} of masses on two frames: bring them to one")
    sets = sorted({mask for mass in masses for mask in mass.focal})
    return np.array(sets), np.array([[mass[mask] for mask in sets] for mass in masses])
