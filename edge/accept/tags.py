"""A little HTML, escaped wherever it is not ours. Pure."""

import html
from collections.abc import Iterable, Sequence


class Html(str):
    """Text that is HTML already; everything else is escaped."""

    __slots__ = ()


def text(value: object) -> Html:
    return value if isinstance(value, Html) else Html(html.escape(str(value)))


def join(parts: Iterable[object], between: str = "") -> Html:
    return Html(between.join(text(part) for part in parts))


def tag(name: str, *content: object, css: str = "") -> Html:
    attribute = f' class="{css}"' if css else ""
    return Html(f"<{name}{attribute}>{join(content)}</{name}>")


def paragraph(*content: object, css: str = "") -> Html:
    return tag("p", *content, css=css)


def table(
    head: Sequence[object], rows: Iterable[Sequence[object]], *, words: int = 1, css: str = ""
) -> Html:
    """The first `words` columns are text, the others numbers, set to the right."""

    def cells(name: str, row: Sequence[object]) -> Html:
        return join(
            tag(name, cell, css="" if column < words else "n") for column, cell in enumerate(row)
        )

    body = join(tag("tr", cells("td", row)) for row in rows)
    return tag("table", tag("thead", tag("tr", cells("th", head))), tag("tbody", body), css=css)


def facts(rows: Iterable[tuple[object, object]]) -> Html:
    """Names and values."""
    return tag("table", join(tag("tr", tag("th", k), tag("td", v)) for k, v in rows), css="facts")
