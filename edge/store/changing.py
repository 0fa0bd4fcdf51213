"""The verbs of `edge bundle` that say what judges: shadow, promote, rollback, status.

A daemon at work loads and proves a version before the store says that it is to judge, and takes it
between two parts. Where none is at work, the next start takes what the store says.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from edge.config import Line
from edge.errors import BundleError, ConfigError
from edge.fit import check_bundles
from edge.live import page as live
from edge.live.asking import Daemon
from edge.store import choice, page
from edge.store.state import Place, Ref, unshadowed
from edge.store.store import Store
from edge.store.where import Box, box, places, trusted

NEXT_START = "no daemon is at work: it is taken at the next start"
UNWRITABLE = (
    "the daemon's user may not write {folder}: what fails is withdrawn, but tried again at the "
    "next start, and no rule promotes; give that user the folder"
)
UNTOLD = "a daemon at work takes it within a second: edge bundle status --line LINE.toml"


def shadow(options: argparse.Namespace) -> None:
    """Have an installed version judge beside the active one, wherever the line takes this bundle
    from the store, or at one station, for one recipe. What it says is compared and kept, and never
    published. --end ends it."""
    there = box(options)
    if options.end == (options.version is not None):
        raise ConfigError("edge bundle shadow NAME VERSION begins one, edge bundle shadow --end")
    chosen = places(options, there.line, options.name)
    daemon = _daemon(there)
    if options.end:
        for one in chosen:
            there.store.change(one, lambda before: unshadowed(before, before.place))
        _say(there, chosen, "nothing judges in shadow", daemon.look() if daemon else None)
        return
    keys = trusted(options)
    ref = there.store.ref(options.name, options.version, keys)
    if there.line is not None:
        _check_fit(there.line, there.store, chosen, ref)
    took_s = daemon.prepare(ref, chosen) if daemon else None
    there.store.shadow(options.name, options.version, chosen, keys)
    _say(there, chosen, f"{ref.label} judges in shadow", daemon.look() if daemon else None, took_s)


def promote(options: argparse.Namespace) -> None:
    """Make an installed version the active one: wherever the line takes this bundle from the store,
    or at one station, for one recipe. With a line, its sensors must fit, and a daemon at work takes
    it from the next part on."""
    there = box(options)
    chosen, keys = places(options, there.line, options.name), trusted(options)
    ref = there.store.ref(options.name, options.version, keys)
    if there.line is not None:
        _check_fit(there.line, there.store, chosen, ref)
    daemon = _daemon(there)
    took_s = daemon.prepare(ref, chosen) if daemon else None
    there.store.promote(options.name, options.version, chosen, keys)
    _say(there, chosen, f"{ref.label} is active", daemon.look() if daemon else None, took_s)


def rollback(options: argparse.Namespace) -> None:
    """Make active again what was active before the last promotion, at one station for one recipe
    (of a line with one such place it need not be named). A daemon at work takes it from the next
    part on."""
    there = box(options)
    chosen, keys = places(options, there.line, None), trusted(options)
    if len(chosen) > 1:
        raise ConfigError(
            f"{len(chosen)} places take their bundle from the store; say which one returns to "
            "what it had: --station ID, --recipe NAME"
        )
    daemon, took_s = _daemon(there), None
    state = there.store.state(chosen[0])
    if daemon and state is not None and state.previous is not None:
        took_s = daemon.prepare(state.previous, chosen)
    (after,) = there.store.rollback(chosen, keys)
    label = after.active.label
    _say(there, chosen, f"{label} is active again", daemon.look() if daemon else None, took_s)


def status(options: argparse.Namespace) -> None:
    """Show what the daemon at work judges by, at each station for each recipe: since when, what a
    shadow said against what was published, how a probation goes; and the last changes."""
    there = box(options)
    if there.line is None:
        raise ConfigError("name the line whose daemon is meant: --line LINE.toml")
    daemon = _daemon(there)
    found = {
        "at_work": daemon is not None,
        "places": daemon.status() if daemon else [],
        "changes": live.last_changes(there.line.storage.folder),
    }
    if options.json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
    else:
        live.show(found, page.console())


def _daemon(there: Box) -> Daemon | None:
    """The one at work on this line."""
    if there.line is None:
        return None
    daemon = Daemon(there.line.storage.folder)
    return daemon if daemon.is_at_work else None


def _say(
    there: Box,
    chosen: Sequence[Place],
    what: str,
    judging: Iterable[dict[str, Any]] | None,
    took_s: float | None = None,
) -> None:
    for one in chosen:
        page.say(f"{one}: {what}")
    if judging is None:
        page.say(NEXT_START if there.line else UNTOLD)
        return
    if took_s is not None:
        page.say(f"the daemon loaded and proved it in {took_s:.1f} s while the line went on")
    for post in judging:
        place = Place(post["station"], post["recipe"])
        if place in chosen:
            page.say(live.judging(post))
            if not post["may_write"]:
                page.say(UNWRITABLE.format(folder=there.store.places / place.station), "yellow")
            if post["refused"]:
                raise BundleError(f"{place}: refused by the daemon: {post['refused']}")


def _check_fit(line: Line, store: Store, chosen: list[Place], new: Ref) -> None:
    """As the daemon will at its next start, with the places that have nothing yet left aside."""
    folders = dict.fromkeys(chosen, store.folder_of(new.name, new.version))
    for place, _ in choice.stored(line):
        state = store.state(place)
        if place not in folders and state is not None:
            folders[place] = store.folder_of(state.active.name, state.active.version)
    try:
        check_bundles(choice.only(line, chosen, folders))
    except ConfigError as error:
        raise BundleError(f"{new.label} does not fit: {error}") from error
