"""Rules of combination: one table, each row one rule of the literature.

Every rule is k-ary: all sources at once, so that rules that are not associative (Yager,
Dubois-Prade, the averages, PCR) mean one thing and the order of the sensors none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edge.fusion.averages import deng, murphy, xiao
from edge.fusion.cautious import cautious
from edge.fusion.mass import Mass
from edge.fusion.products import (
    Focal,
    conjunctive,
    dempster,
    disjunctive,
    dubois_prade,
    yager,
)
from edge.fusion.proportional import pcr5, pcr6


@dataclass(frozen=True, slots=True)
class Rule:
    """A row: `function` takes the conjunctive combination, conflict kept at 0, and the sources."""

    name: str
    source: str
    cost: str  # k sources of f focal sets, n hypotheses, N sets in the result, at most 2^n
    when: str
    is_neutral: bool  # a source that knows nothing changes nothing, whatever the others say
    needs_open: bool  # has no answer to some sources that leave nothing open
    function: Callable[[Focal, Sequence[Mass]], Focal]


def named(rule_name: str) -> Rule:
    """The row of that name.

    Raises:
        ValueError: there is none.
    """
    rule = RULES.get(rule_name)
    if rule is None:
        raise ValueError(f"no rule of combination {rule_name!r}; there are {', '.join(RULES)}")
    return rule


RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            "yager",
            "Yager 1987, Information Sciences 41, 93-137",
            "k f N",
            "safety first: conflict becomes 'not known', and no source is outvoted; the default",
            is_neutral=True,
            needs_open=False,
            function=yager,
        ),
        Rule(
            "dempster",
            "Dempster 1967, Annals of Mathematical Statistics 38, 325-339; Shafer 1976",
            "k f N",
            "reliable, independent sources in low conflict; undefined in total conflict",
            is_neutral=True,
            needs_open=True,
            function=dempster,
        ),
        Rule(
            "conjunctive",
            "Smets 1990, IEEE PAMI 12, 447-458 (transferable belief model)",
            "k f N",
            "as dempster, with the conflict kept on the empty set as an alarm",
            is_neutral=True,
            needs_open=False,
            function=conjunctive,
        ),
        Rule(
            "dubois_prade",
            "Dubois & Prade 1988, Computational Intelligence 4, 244-264",
            "k f N^2, at most f^k",
            "as yager, and what conflicts stays visible: each conflict goes to the union it is of",
            is_neutral=False,
            needs_open=False,
            function=dubois_prade,
        ),
        Rule(
            "disjunctive",
            "Dubois & Prade 1986, Int. J. General Systems 12, 193-226",
            "k f N",
            "at least one source is reliable, and nobody knows which",
            is_neutral=False,
            needs_open=False,
            function=disjunctive,
        ),
        Rule(
            "murphy",
            "Murphy 2000, Decision Support Systems 29, 1-9",
            "k (k f) N",
            "many redundant sensors (five or more) of which one is bad; not where one sees alone",
            is_neutral=False,
            needs_open=False,
            function=murphy,
        ),
        Rule(
            "deng",
            "Deng, Shi, Zhu & Liu 2004, Decision Support Systems 38, 489-493",
            "k (k f) N + (k^2 + k f) k f",
            "as murphy, when the bad sensor is far off the others; undefined if none supports any",
            is_neutral=False,
            needs_open=True,
            function=deng,
        ),
        Rule(
            "xiao",
            "Xiao 2019, Information Fusion 46, 23-32",
            "k (k f) N + k^3 f",
            "to compare with papers; it weighs vague sources up",
            is_neutral=False,
            needs_open=False,
            function=xiao,
        ),
        Rule(
            "pcr5",
            "Smarandache & Dezert 2004, arXiv cs/0408064; k-ary: Dezert, Dezert & Smarandache "
            "2021, J. Advances in Information Fusion 16, 48-73, eq. 14",
            "k^2 f^k",
            "two or three sources, each partly reliable, whose certainty is to stay",
            is_neutral=False,
            needs_open=False,
            function=pcr5,
        ),
        Rule(
            "pcr6",
            "Martin & Osswald 2006, in Advances and Applications of DSmT 2; Dezert, Dezert & "
            "Smarandache 2021, eq. 15",
            "k f^k",
            "as pcr5, and where several sources name a set each one's mass of it counts",
            is_neutral=False,
            needs_open=False,
            function=pcr6,
        ),
        Rule(
            "cautious",
            "Denoeux 2008, Artificial Intelligence 172, 234-264",
            "k n 2^n for the weights, then N^2",
            "dependent sources: windows of one sensor, two heads of one network; conflict is kept",
            is_neutral=False,
            needs_open=True,
            function=cautious,
        ),
    )
}
