"""A mass on every subset at once: belief, plausibility and commonality as arrays, and back.

An array of a frame of n hypotheses has 2^n numbers, number i that of the set with bit mask i. From
one function to the other the fast Moebius transform takes n 2^(n-1) additions instead of 4^n:
Kennes 1992, IEEE Trans. Systems, Man and Cybernetics 22, 201-223.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edge.fusion.frame import Frame
from edge.fusion.mass import TOLERANCE, Mass

Real = NDArray[np.float64]
Sets = NDArray[np.int64]  # bit masks

ROUNDING = 1e-12  # mass below this that comes out of a transform is its rounding


def dense(mass: Mass) -> Real:
    """The mass of every subset.  # (2^n,)"""
    values = np.zeros(mass.frame.everything + 1)
    values[list(mass.focal)] = list(mass.focal.values())
    return values


def sparse(frame: Frame, values: Real) -> Mass:
    """The mass function of an array of masses, its rounding errors left out.  # (2^n,)

    Raises:
        ValueError: an array of another shape, or of what is no mass function.
    """
    _check_shape(frame, values)
    at = np.flatnonzero((np.abs(values) > ROUNDING) | np.isnan(values))
    kept = {int(i): float(values[i]) for i in at if not -TOLERANCE < values[i] < 0.0}
    return Mass(frame, kept)


def beliefs(mass: Mass) -> Real:
    """Bel of every subset (Shafer 1976, ch. 2).  # (2^n,)"""
    return sum_subsets(dense(mass)) - mass[0]


def plausibilities(mass: Mass) -> Real:
    """Pl of every subset: what the belief in the contrary leaves (Shafer 1976, ch. 2).  # (2^n,)"""
    implied = sum_subsets(dense(mass))
    # the contrary of mask i is mask 2^n - 1 - i
    return np.asarray(implied[-1] - implied[::-1])


def commonalities(mass: Mass) -> Real:
    """q of every subset (Shafer 1976, ch. 2).  # (2^n,)"""
    return sum_supersets(dense(mass))


def from_beliefs(frame: Frame, values: Real) -> Mass:
    """The mass whose belief this is; what Bel of the frame lacks to 1 is on the empty set.

    Raises:
        ValueError: an array of another shape, or of what is no belief function.
    """
    _check(frame, values, "belief", 0.0)
    return _mass(frame, part_subsets(values + (1.0 - values[-1])), "belief")


def from_plausibilities(frame: Frame, values: Real) -> Mass:
    """The mass whose plausibility this is.

    Raises:
        ValueError: an array of another shape, or of what is no plausibility function.
    """
    _check(frame, values, "plausibility", 0.0)
    return _mass(frame, part_subsets(1.0 - values[::-1]), "plausibility")


def from_commonalities(frame: Frame, values: Real) -> Mass:
    """The mass whose commonality this is.

    Raises:
        ValueError: an array of another shape, or of what is no commonality function.
    """
    _check(frame, values, "commonality", 1.0)
    return _mass(frame, part_supersets(values), "commonality")


def sum_subsets(values: Real) -> Real:
    """To each set the numbers of all its subsets added.  # (..., 2^n)"""
    summed = np.array(values, dtype=np.float64)
    for without, including in _halves(summed):
        np.add(including, without, out=including)
    return summed


def sum_supersets(values: Real) -> Real:
    """To each set the numbers of all sets that hold it added.  # (..., 2^n)"""
    summed = np.array(values, dtype=np.float64)
    for without, including in _halves(summed):
        np.add(without, including, out=without)
    return summed


def part_subsets(values: Real) -> Real:
    """The numbers of which `sum_subsets` makes these.  # (..., 2^n)"""
    parted = np.array(values, dtype=np.float64)
    for without, including in _halves(parted):
        np.subtract(including, without, out=including)
    return parted


def part_supersets(values: Real) -> Real:
    """The numbers of which `sum_supersets` makes these.  # (..., 2^n)"""
    parted = np.array(values, dtype=np.float64)
    for without, including in _halves(parted):
        np.subtract(without, including, out=without)
    return parted


def _halves(values: Real) -> Iterator[tuple[Real, Real]]:
    """For each hypothesis views on the sets without it, and on the same sets including it."""
    size = values.shape[-1]
    step = 1
    while step < size:
        pairs = values.reshape(*values.shape[:-1], size // (2 * step), 2, step)
        yield pairs[..., 0, :], pairs[..., 1, :]
        step *= 2


def _check_shape(frame: Frame, values: Real) -> None:
    expected = (frame.everything + 1,)
    if values.shape != expected:
        raise ValueError(
            f"an array of shape {values.shape} on a frame of {len(frame.hypotheses)} hypotheses; "
            f"expected {expected}: one number a subset, by its bit mask"
        )


def _check(frame: Frame, values: Real, what: str, of_empty: float) -> None:
    _check_shape(frame, values)
    if not np.all(np.isfinite(values)):
        raise ValueError(f"a {what} is not finite; expected 0 to 1 for every subset")
    if abs(values[0] - of_empty) > TOLERANCE:
        raise ValueError(f"{what} of the empty set is {values[0]}; expected {of_empty}")


def _mass(frame: Frame, values: Real, what: str) -> Mass:
    lowest = int(np.argmin(values))
    if values[lowest] <= -TOLERANCE:
        raise ValueError(
            f"no {what} function: the mass of {frame.label(lowest)} would be {values[lowest]:.6g}; "
            f"a {what} needs one number for every subset that a mass function gives it"
        )
    return sparse(frame, values)
