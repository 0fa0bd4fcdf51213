"""The two studies of the report, in HTML: agreement with the reference, and detection by size."""

from collections.abc import Iterator

from edge.accept.agreement import GOOD_KAPPA, Agreement, Appraisal
from edge.accept.plots import detection_plot
from edge.accept.pod import ADVISED, Detection
from edge.accept.report import Report
from edge.accept.tags import Html, join, paragraph, table, tag
from edge.accept.words import NONE, counted, ends, number, percent


def measuring_system(made: Report) -> Html:
    """The attribute study, by both rules about defects below their limit."""
    chosen, other = made.agreement, made.agreement_other
    rules = {
        True: "Every part below its limit has to pass: stopping it is a false alarm (AIAG)",
        False: "A defect below its limit may go either way and is left out",
    }
    repeats = (
        "Repeats are parts that were clamped and recorded anew."
        if chosen.has_repeats
        else "No part was shown twice: nothing is known of repeatability, and judging stored data "
        "again would prove nothing, since it always says the same."
    )
    note = (
        "A decision is to stop a part (defect or uncertain) or to pass it; the reference is to "
        "stop at or above the reject limit. Effectiveness: parts judged right at every trial. "
        "Miss: decisions to pass a part that is to be stopped. False alarm: the reverse. Limits of "
        "AIAG MSA, 4th edition: acceptable from 90 %, to 2 % and to 5 %; marginal from 80 %, to "
        "5 % and to 10 %. Intervals are two-sided and allow for repeats being alike. Kappa: "
        f"Cohen's, from {GOOD_KAPPA} on good. {repeats} A miss rate of 2 % is far "
        "looser than the escape bound: this chapter is about agreement, not about escapes."
    )
    return join(
        [
            paragraph(tag("b", f"{chosen.grade.capitalize()}. "), rules[made.wanted.strict], "."),
            _study(chosen),
            tag("h3", "By the other rule (not held against the limits here)"),
            paragraph(rules[not made.wanted.strict], "."),
            _study(other),
            paragraph(note, css="note"),
        ]
    )


def _study(found: Agreement) -> Html:
    rows = [*found.appraisers]
    if len(rows) > 1:
        rows.append(found.together)
    main = table(
        ("appraiser", "grade", "effectiveness", "miss", "false alarm", "repeatable", "kappa"),
        [(one.appraiser, one.grade, *_appraised(one)) for one in rows],
        words=2,
    )
    if not found.between:
        return main
    pairs = "; ".join(f"{name} {number(kappa)}" for name, kappa in found.between.items())
    alike = found.reproducible
    agreed = f" All appraisers agree at every trial on {counted(alike)} parts." if alike else ""
    return join([main, paragraph(f"Kappa between appraisers: {pairs}.{agreed}")])


def _appraised(one: Appraisal) -> Iterator[Html]:
    for rate in (one.effectiveness, one.miss, one.false_alarm, one.repeatable):
        if rate is None or not rate.trials:
            yield Html(NONE)
        else:
            small = tag("span", ends(rate), css="caption")
            yield join(
                [percent(rate.share), f" ({rate.events}/{rate.trials})", Html("<br>"), small]
            )
    yield Html(number(one.kappa))


def probability_of_detection(made: Report) -> Html:
    """Curves, and a90/95 of every kind."""
    sizes = [size for one in made.detections for size in (*one.hits, *one.misses)]
    if not sizes:
        return paragraph("The set holds no defect: nothing to draw.")
    low, high = min([*sizes, 0.9]) / 1.1, max([*sizes, 1.1]) * 1.1
    whole, *kinds = made.detections
    stopped = made.good.stopped
    note = (
        "Severity is the size as a multiple of the reject limit, each physical part once. A hit is "
        "a defect that did not pass. Logistic in the logarithm of the severity, maximum likelihood "
        "(MIL-HDBK-1823A); the band and a90/95 are bounds of the profile likelihood, each side at "
        f"{percent(made.wanted.confidence)}. Strokes above are hits, below misses. The handbook "
        f"advises {ADVISED} parts or more over the range of sizes; * has fewer. False calls beside "
        f"it: {counted(stopped)} good showings stopped ({ends(stopped)}). The curve of all kinds "
        "is one of this mixture of kinds, no more."
    )
    return join(
        [
            tag("figure", detection_plot(whole, low, high, is_large=True)),
            table(
                (
                    "",
                    "parts",
                    "a50",
                    "a90",
                    "a90/95",
                    "found at or above the limit",
                    "POD there at least",
                ),
                [_detected(one) for one in made.detections],
            ),
            *(
                paragraph(f"{one.kind}: {one.state}.", css="note")
                for one in made.detections
                if one.state != "fitted"
            ),
            *(paragraph(_strange(one), css="note") for one in made.detections if one.is_strange),
            tag(
                "div",
                *(tag("figure", detection_plot(k, low, high, is_large=False)) for k in kinds),
                css="grid",
            ),
            paragraph(note, css="note"),
        ]
    )


def _strange(one: Detection) -> str:
    missed = one.parts_above - one.found_above
    return (
        f"{one.kind}: {missed} missed at or above the limit are more than this curve explains "
        f"(chance {one.chance_above:.1g}). It ends at 100 %, the inspection may not: some defects "
        "may be hard to see whatever their size. Believe the exact figure in the last column."
    )


def _detected(one: Detection) -> tuple[object, ...]:
    bounded = one.a90 is None or one.a90_95 is not None
    return (
        one.kind + (" *" if one.is_few else ""),
        one.count,
        number(one.a50),
        number(one.a90),
        number(one.a90_95) if bounded else "not bounded",
        f"{one.found_above} of {one.parts_above}",
        percent(one.proven_above) if one.proven_above is not None else NONE,
    )
