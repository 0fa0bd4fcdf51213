"""The chapters of the report but for the two studies, in HTML. Pure."""

from edge.accept.latency import LATE_SHARE
from edge.accept.plots import rates_plot
from edge.accept.report import Report
from edge.accept.tags import Html, facts, join, paragraph, table, tag
from edge.accept.words import NONE, counted, ends, interval, one_in, percent, times

TIMES_SHOWN = 6


def identity(made: Report) -> Html:
    """What was judged, by what, and how often before."""
    attempt, history = made.attempt, made.history
    use = "first use of these parts for this bundle"
    if not history.is_first_use:
        use = "not the first use, see above"
    earlier = (
        f"{use}; before this: {times(history.of_bundle)} this bundle on any set, "
        f"{times(history.of_set)} this set by any bundle"
    ).replace("0 times", "never")
    if history.other_bundles:
        earlier += f"; other bundles judged on some of these parts: {_list(history.other_bundles)}"
    rows: list[tuple[object, object]] = [
        ("Bundle", join([attempt.bundle, Html("<br>"), tag("code", attempt.bundle_sha256)])),
        ("Engine", ", ".join(made.engines) or "none answered"),
        ("Set", join([attempt.set_folder, Html("<br>"), tag("code", attempt.set_sha256)])),
        ("Parts", f"{made.groups} physical parts, shown {made.labelled_parts} times in all"),
        ("Attempts", earlier),
    ]
    if made.degraded:
        rows.append(("Degraded", f"{made.degraded} showings without a sensor, or with a sick one"))
    if made.refused:
        causes = ", ".join(f"{cause} {count}" for cause, count in made.refused.items())
        rows.append(("Blocks not as they should be", causes))
    kinds = table(
        ("", "physical parts", "showings", "below the limit", "at or above"),
        [
            (name, k["parts"], k["showings"], k["below"] or NONE, k["rejects"] or NONE)
            for name, k in made.kinds.items()
        ],
    )
    return join([facts(rows), kinds])


def escape(made: Report) -> Html:
    """The escape bound, and what it costs in good parts."""
    found, good = made.escapes, made.good
    sure = percent(found.confidence)
    lead = (
        f"{found.escaped} of {found.parts} parts at or above their reject limit passed: with "
        f"{sure} confidence at most {percent(found.bound.upper)} do."
    )
    reached = "The target of " + percent(found.target) + (
        " is reached." if found.is_met else
        f" is not reached; {found.missing} more such parts without an escape would reach it."
    )  # fmt: skip
    note = (
        "One-sided Clopper-Pearson bound. The unit is the physical part: one that passed at any of "
        "its showings counts as escaped. By showing: "
        f"{counted(found.showings)}, design effect {found.showings.design_effect:.2f}, worth "
        f"{found.showings.effective:.0f} independent showings, at most "
        f"{percent(found.showings.upper)}. Defects below their limit count in no rate."
    )
    costs = table(
        ("per showing", "", "two-sided interval"),
        [
            ("good parts called a defect", counted(good.false_rejects), ends(good.false_rejects)),
            ("good parts left to an inspection", counted(good.uncertain), ends(good.uncertain)),
            ("good parts stopped in all", counted(good.stopped), ends(good.stopped)),
            ("defects left to an inspection", counted(found.uncertain), ends(found.uncertain)),
        ],
    )
    who = [tag("h3", "Which passed"), *(paragraph(one) for one in found.who)] if found.who else []
    return join(
        [
            paragraph(lead, " ", reached, css="lead"),
            tag("figure", rates_plot(found.kinds, found.target)) if found.kinds else "",
            costs,
            *who,
            paragraph(note, css="note"),
        ]
    )


def comparison(made: Report) -> Html:
    """All sensors together against each alone."""
    found = made.comparison
    best, pair = found.best, found.paired
    if best is None or not pair.pairs:
        return paragraph("Nothing to compare: no defect at or above its limit, or no sensor.")
    lead = (
        f"All together miss {found.missed} of {pair.pairs} parts at or above their limit; "
        f"{best.sensor} alone, the best single sensor, misses {best.missed}."
    )
    shown = "no difference is shown"
    if found.is_better:
        shown = "all together find more"
    elif found.is_worse:
        shown = "the single sensor finds more"
    test = (
        f"Found only by all together {pair.only_first}, only by {best.sensor} {pair.only_second}: "
        f"exact McNemar p = {_p_value(pair.p_value)}; the difference of the shares found is "
        f"{interval(pair.low, pair.high, 'percentage points')} (Tango's score interval): {shown}."
    )
    rows = [
        ("all together", f"{found.good_stopped} of {found.good_showings}", found.missed, NONE),
        *(
            (
                f"{one.sensor} alone",
                f"{one.good_stopped} of {found.good_showings}",
                one.missed,
                f"{one.own_missed} of {one.own_parts}",
            )
            for one in found.sensors
        ),
    ]
    note = (
        "Each sensor's limit is set on these very parts so that it stops at least as many good "
        "ones, and the best is chosen on them too: both favour the single sensor."
    )
    return join(
        [
            paragraph(lead, css="lead"),
            table(("", "good showings stopped", "missed", "missed of kinds it can name"), rows),
            paragraph(test),
            paragraph(note, css="note"),
        ]
    )


def certificate(made: Report) -> Html:
    """What the bundle promises."""
    found = made.certified
    parts: list[object] = [paragraph(found.words)]
    if found.facts:
        parts.append(facts(found.facts.items()))
    if found.rows:
        head = list(found.rows[0])
        parts.append(table(head, [[row.get(name, "") for name in head] for row in found.rows]))
    return join(parts)


def latency(made: Report) -> Html:
    """How late a verdict may be."""
    found = made.latency
    if not found.is_measured:
        return paragraph(
            "Not measured: the recordings hold no verdict that this bundle gave live, and no file "
            "of a bench was given (--bench FILE)."
        )
    rank = found.p99_bound_ms
    statement = (
        f"{found.over} of {found.runs} verdicts came after {found.deadline_ms:g} ms: with "
        f"{percent(found.confidence)} confidence at most {percent(found.late_bound)} do"
    )
    wanted = f" (wanted: {one_in(LATE_SHARE)})."
    known = f"p99 is at most {rank:.1f} ms" if rank else "too few runs to bound p99"
    return join(
        [
            paragraph(statement, wanted, css="lead"),
            facts(
                [
                    ("Times", found.source),
                    ("Median, largest", f"{found.p50_ms:.1f} ms, {found.largest_ms:.1f} ms"),
                    ("At that confidence", known),
                ]
            ),
            paragraph(
                "No distribution is assumed: exact binomial bound of the late share, and Wilks's "
                "rank for p99, both for independent runs.",
                css="note",
            ),
        ]
    )


def _p_value(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"


def _list(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - TIMES_SHOWN} more" if len(names) > TIMES_SHOWN else ""
    return ", ".join(names[:TIMES_SHOWN]) + more
