"""The report as one HTML file: nothing to load, and readable when printed on A4. Pure."""

from collections.abc import Iterator

from edge.accept import sections, studies
from edge.accept.attempts import History
from edge.accept.criteria import day
from edge.accept.report import Report
from edge.accept.style import CSS
from edge.accept.tags import Html, join, paragraph, table, tag

CHAPTERS = (
    ("Escapes and good parts", sections.escape),
    ("Measuring system", studies.measuring_system),
    ("Probability of detection", studies.probability_of_detection),
    ("Against the best single sensor", sections.comparison),
    ("Certificate", sections.certificate),
    ("Latency", sections.latency),
    ("What was judged", sections.identity),
)
STATES = {"met": "met", "not met": "not", "not measured": "open"}
SIGNATURES = ("Quality", "Production", "Supplier")


def page(made: Report) -> str:
    """The whole page."""
    title = f"Acceptance report: {made.attempt.bundle}"
    body = join(
        [
            _header(made),
            *(tag("div", one, css="alarm") for one in warnings(made.history)),
            _summary(made),
            *(
                join([tag("h2", tag("span", number, css="no"), name), chapter(made)])
                for number, (name, chapter) in enumerate(CHAPTERS, 1)
            ),
            tag("div", *(tag("div", name) for name in SIGNATURES), css="sign"),
            tag("footer", f"{title}, {day(made.attempt.time)} UTC, {made.line}"),
        ]
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{tag('title', title)}<style>{CSS}</style></head><body>{body}</body></html>\n"
    )


def warnings(history: History) -> Iterator[str]:
    """What a reader must know of earlier attempts, before anything else."""
    if history.same:
        yield (
            "Not the first use: this bundle was judged on this very set on "
            f"{', '.join(map(day, history.same))} UTC. These are the same figures again, no second "
            "proof."
        )
    if history.overlapping:
        yield (
            "Parts used before: this bundle was judged on parts of this set on "
            f"{', '.join(map(day, history.overlapping))} UTC, in another set. What is chosen after "
            "looking proves nothing: record new parts."
        )
    if history.unreadable:
        yield (
            f"The log of attempts is damaged: {history.unreadable} of its lines are no attempt, "
            "and earlier uses may be missing."
        )


def _header(made: Report) -> Html:
    return tag(
        "header",
        tag("div", paragraph("Acceptance report", css="kind"), tag("h1", made.attempt.bundle)),
        paragraph(
            day(made.attempt.time), " UTC", Html("<br>"), made.line, Html("<br>"),
            f"{made.groups} parts, {made.labelled_parts} showings", css="meta",
        ),
    )  # fmt: skip


def _summary(made: Report) -> Html:
    missing = [one.name.lower() for one in made.criteria if one.state == "not met"]
    unknown = [one.name.lower() for one in made.criteria if one.state == "not measured"]
    why = []
    if missing:
        why.append(f"Not met: {', '.join(missing)}.")
    if unknown:
        why.append(f"Not measured: {', '.join(unknown)}.")
    rows = [
        (one.name, one.wanted, one.found, tag("span", one.state, css=f"state {STATES[one.state]}"))
        for one in made.criteria
    ]
    return tag(
        "div",
        paragraph("Accepted" if made.is_accepted else "Not accepted", css="verdict"),
        paragraph(" ".join(why) or "Every demand is met."),
        table(("", "wanted", "found", ""), rows, words=4),
        css=f"box {'met' if made.is_accepted else 'not'}",
    )
