"""What judges on a running line, for people."""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from edge.errors import DiskFailed
from edge.live.post import iso
from edge.live.record import changes
from edge.statefile import NAME, open_to_read
from edge.store.state import Place

SHOWN = 20  # of the last changes
DIFFERENCES = 10  # kinds of them


def last_changes(folder: Path) -> list[dict[str, Any]]:
    """Of the bundles of a line, newest first; none where the daemon never ran."""
    with contextlib.suppress(DiskFailed, sqlite3.Error):
        with closing(open_to_read(folder / NAME)) as connection:
            found = [asdict(one) for one in changes(connection, SHOWN)]
        return [{**one, "at": iso(one.pop("at_ns"))} for one in found]
    return []


def judging(post: Mapping[str, Any]) -> str:
    """What judges at one place, in a line."""
    text = f"{_place(post)}: {_label(post['active'])} judges, of parts since {post['since']}"
    if post["shadow"]:
        text += f"; {_label(post['shadow'])} in its shadow"
    return f"{text}; on probation: {post['probation']}" if post["probation"] else text


def show(found: Mapping[str, Any], out: Console) -> None:
    """Place by place, then what changed."""
    if not found["at_work"]:
        out.print("no daemon is at work on this line", style="yellow")
    for post in found["places"]:
        out.print(Text(judging(post)), soft_wrap=True)
        for line in _compared(post["compared"]):
            out.print(Text(f"  {line}"), soft_wrap=True)
        if post["refused"]:
            out.print(Text(f"  refused: {post['refused']}", style="bold red"), soft_wrap=True)
    if found["changes"]:
        out.print(Text("last changes", style="bold"))
    for one in found["changes"]:
        instead = f" instead of {one['instead_of']}" if one["instead_of"] else ""
        why = f": {one['why']}" if one["why"] else ""
        place = Place(*one["place"])
        line = f"{one['at']} {place}: {one['what']} {one['bundle']}{instead}, by {one['by']}{why}"
        out.print(Text(f"  {line}"), soft_wrap=True)


def _compared(one: Mapping[str, Any] | None) -> Iterator[str]:
    if one is None:
        return
    if one["parts"]:
        yield (
            f"agreement {one['agreement']:.2%} over the last {one['parts']} parts, "
            f"{one['failures']} failures; its verdicts would have taken p99 {_ms(one['p99_ms'])}, "
            f"the published ones {_ms(one['published_p99_ms'])}"
        )
    if counted := ", ".join(f"{name} {n}" for name, n in sorted(one["outcomes"].items())):
        yield f"parts: {counted}"
    for published, said, times in one["differences"][:DIFFERENCES]:
        yield f"published {published}, shadow {said}: {times}"
    yield f"until it is promoted: {one['lacks'] or 'nothing lacks'}"


def _ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f} ms"


def _place(post: Mapping[str, Any]) -> Place:
    return Place(post["station"], post["recipe"])


def _label(ref: Mapping[str, str]) -> str:
    return f"{ref['name']} {ref['version']}"
