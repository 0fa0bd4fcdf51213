"""What several windows of one sensor say of one part: dependent sources that look for defects.

A *sighting* is a set of hypotheses that a mass supports and that does not hold the good one. A
window that saw nothing says so of itself, not of the others: a scratch that turns into view late,
or one blow, is in one window only. So windows are not asked to agree:

- what was sighted is combined by the cautious rule (Denoeux 2008, Artificial Intelligence 172,
  234-264): two windows that show the same scratch by the same light count once;
- windows that sighted different defects keep both: the rule's conflict is shared by all sightings
  as they stand, and stays belief in a defect;
- a set that holds the good hypothesis has the least that any window leaves it, of what is not
  sighted: a part is good as far as every window found it so.

Whole masses by the cautious rule would not do. One that hesitates between two sets is not
separable, its weight of the empty set is above 1, and the least of these makes conflict where
nobody contradicts: two windows that both say "good", by 0.95 and by 0.98, come out with conflict
0.59.
"""

from collections.abc import Sequence

from edge.fusion.cautious import cautious
from edge.fusion.mass import Mass
from edge.fusion.transforms import beliefs, plausibilities


def together(masses: Sequence[Mass], good: int) -> Mass:
    """One mass of several windows of one sensor; `good` is the set of the good hypothesis.

    It is idempotent, and the order of the windows counts for nothing. Belief in a defect is at
    least that of any window, and the mass of a set that holds `good`, short of the frame, at most
    that of any window. A window without evidence is to be left out: as a vacuous mass it would
    leave nothing to be good.

    Raises:
        Undefined: a window is sure of a defect and leaves nothing open: discount it first.
        ValueError: no window.
    """
    if not masses:
        raise ValueError("no window has evidence; a sensor without any is a vacuous mass")
    if len(masses) == 1:
        return masses[0]
    frame = masses[0].frame
    everything = frame.everything
    joint = cautious({}, [_sightings(mass, good) for mass in masses])
    unsighted = joint.pop(everything, 0.0)
    joint.pop(0, None)
    sighted = sum(joint.values())
    focal = {at: (1.0 - unsighted) * value / sighted for at, value in joint.items()}
    focal[everything] = unsighted
    for at, share in _least_clear(masses, good).items():
        focal[at] = unsighted * share
        focal[everything] -= unsighted * share
    return Mass(frame, focal)


def least_conflict(one: Mass, other: Mass) -> float:
    """How far two sources contradict each other, however they depend: 0 for a source with itself.

    The least mass on disjoint pairs of focal sets over all joint masses with these two margins. By
    Strassen's theorem (1965, Annals of Mathematical Statistics 36, 423-439) it is the largest
    Bel(A) - Pl(A), belief by the one and plausibility by the other, over all sets A. Cattaneo 2003
    (ISIPTA, Combining belief functions issued from dependent sources) combines by it.
    """
    return max(0.0, float((beliefs(one) - plausibilities(other)).max()))


def _sightings(mass: Mass, good: int) -> Mass:
    """Only what speaks for a defect; the rest is open."""
    focal = {at: value for at, value in mass.items() if not at & good}
    focal[mass.frame.everything] = sum(value for at, value in mass.items() if at & good)
    return Mass(mass.frame, focal)


def _least_clear(masses: Sequence[Mass], good: int) -> dict[int, float]:
    """Of what is not sighted the least share of any window on each set short of the frame."""
    everything = masses[0].frame.everything
    least: dict[int, float] = {}
    for number, mass in enumerate(masses):
        clear = {at: value for at, value in mass.items() if at & good}
        total = sum(clear.values())
        shares = {at: value / total for at, value in clear.items() if at != everything}
        if number:
            shares = {at: min(share, shares.get(at, 0.0)) for at, share in least.items()}
        least = shares
    return least
