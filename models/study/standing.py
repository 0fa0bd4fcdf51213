"""Where the default rule ties, wins or loses; in one word a scenario, and in a paragraph."""

from collections.abc import Iterator, Mapping

from edge.fusion.rules import RULES
from models.statistics import holm
from models.study.comparison import Comparison, Paired, Row

LEVEL = 0.05  # of Holm's adjusted p-values, over all scenarios against one opponent
BASELINES = ("naive Bayes", "stacking", "mean", "OR")
BEST = "the best single detector"
TIES, WINS, LOSES, TRADES = "ties", "wins", "loses", "trades"


def standings(comparison: Comparison) -> dict[str, dict[str, str]]:
    """How the default rule stands: opponent -> scenario -> ties, wins, loses or trades.

    It wins where fewer defects escape it or fewer good parts fail, by McNemar's exact test, and the
    other of the two is not worse; it trades where one is better and the other worse.
    """
    found = {}
    for opponent in (*BASELINES, BEST, *(rule for rule in RULES if rule != comparison.default)):
        pairs = _pairs(comparison, opponent)
        p_values = [p for pair in pairs.values() for p in (pair.escape_p, pair.failed_p)]
        adjusted = iter(holm(p_values))
        found[opponent] = {
            scenario: _stands(pair, next(adjusted), next(adjusted))
            for scenario, pair in pairs.items()
        }
    return found


def paragraph(comparison: Comparison) -> str:
    """The standings in words."""
    found = standings(comparison)
    sentences = [_sentence(comparison, name, found[name]) for name in (*BASELINES, BEST)]
    others = {rule: found[rule] for rule in RULES if rule != comparison.default}
    sentences.append(_on_rules(others))
    sentences.append(
        "A difference counts when its exact McNemar p, adjusted by Holm over all scenarios against "
        f"one opponent, is below {LEVEL:g}; a tie is a difference that these parts do not show, "
        "not proof that there is none. The motors are simulated: the order says more than the "
        "figures."
    )
    return " ".join(sentences)


def _pairs(comparison: Comparison, opponent: str) -> dict[str, Paired]:
    found = {}
    for row in comparison.rows:
        wanted = comparison.best_alone[row.scenario] if opponent == BEST else opponent
        if row.method == wanted:
            found[row.scenario] = next(_against(row, comparison.default))
    return found


def _against(row: Row, other: str) -> Iterator[Paired]:
    return (pair for pair in row.against if pair.other == other)


def _stands(pair: Paired, escape_p: float, failed_p: float) -> str:
    """The pair is the opponent's against the default rule."""
    signs = {
        _sign(pair.escaped_here - pair.escaped_there, escape_p),
        _sign(pair.failed_here - pair.failed_there, failed_p),
    } - {0}
    return {(): TIES, (1,): WINS, (-1,): LOSES}.get(tuple(signs), TRADES)


def _sign(more_there: int, p: float) -> int:
    """1 where the opponent errs on more parts, -1 where on fewer, 0 where that may be chance."""
    if p >= LEVEL:
        return 0
    return 1 if more_there > 0 else -1


def _sentence(comparison: Comparison, opponent: str, stands: Mapping[str, str]) -> str:
    said = []
    for word in (TIES, WINS, LOSES, TRADES):
        scenarios = [scenario for scenario, one in stands.items() if one == word]
        if len(scenarios) == len(stands):
            said.append(f"{word} in all {len(stands)} scenarios")
        elif scenarios:
            listed = ", ".join(_with_figures(comparison, opponent, one) for one in scenarios)
            said.append(f"{word} on {listed if word != TIES else ', '.join(scenarios)}")
    return f"Against {opponent} the default rule ({comparison.default}) {'; '.join(said)}."


def _with_figures(comparison: Comparison, opponent: str, scenario: str) -> str:
    """Escapes, and good parts failed: the default rule's to the opponent's."""
    other = comparison.best_alone[scenario] if opponent == BEST else opponent
    rows = {row.method: row for row in comparison.rows if row.scenario == scenario}
    mine, theirs = rows[comparison.default], rows[other]
    return (
        f"{scenario} (escapes {mine.escapes.events} to {theirs.escapes.events}, "
        f"good parts failed {mine.failed.events} to {theirs.failed.events})"
    )


def _on_rules(others: Mapping[str, Mapping[str, str]]) -> str:
    said = []
    for word, text in ((LOSES, "it loses to"), (TRADES, "it trades with")):
        listed = [
            f"{rule} ({', '.join(scenarios)})"
            for rule, stands in others.items()
            if (scenarios := [scenario for scenario, one in stands.items() if one == word])
        ]
        said.append(f"{text} {'; '.join(listed) or 'none'}")
    equal = [rule for rule, stands in others.items() if set(stands.values()) == {TIES}]
    said.append(f"no scenario tells it from {', '.join(equal) or 'none'}")
    return f"Among the rules of combination {', '.join(said)}."
