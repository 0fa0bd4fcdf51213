"""The verbs of `edge bundle` for the box: install, list, promote, roll back, remove."""

import argparse
import json
import sys

from edge.config import Line
from edge.errors import BundleError, ConfigError
from edge.fit import check_bundles
from edge.store import choice, page
from edge.store.state import Place
from edge.store.store import Store
from edge.store.where import box, places, trusted

ENGINE = "openvino"  # where no line says which
NEXT_START = "a running daemon goes on with what it has, and takes this at its next start"


def install(options: argparse.Namespace) -> None:
    """Check a bundle, folder or file, have the line's engine give its golden data again, and keep
    it in the store. Nothing becomes active by it."""
    there = box(options)
    engine = there.line.engine.name if there.line else ENGINE
    arrival, is_new = there.store.install(
        options.bundle, trusted(options), None if options.untried else engine
    )
    label = arrival.bundle.label
    if not is_new:
        page.say(f"{label} is installed already, exactly so")
        return
    assert arrival.signature is not None
    tried = "not tried" if options.untried else f"gives its golden data again on {engine}"
    page.say(f"{label} installed, {tried}; {page.plain(arrival.signature.comment)}")
    page.say(f"make it active: edge bundle promote {arrival.bundle.manifest.name} "
             f"{arrival.bundle.manifest.version}")  # fmt: skip


def list_(options: argparse.Namespace) -> None:
    """Show every installed version, and for each station and recipe which one is active and what a
    rollback would return to."""
    store = box(options).store
    data = page.listing(store)
    if options.json:
        sys.stdout.write(json.dumps(data, indent=1) + "\n")
    else:
        page.show_listing(data, page.console())


def promote(options: argparse.Namespace) -> None:
    """Make an installed version the active one: wherever the line takes this bundle from the store,
    or at one station, for one recipe. With a line, its sensors must fit. The daemon takes it at its
    next start."""
    there = box(options)
    chosen, keys = places(options, there.line, options.name), trusted(options)
    if there.line is not None:
        there.store.ref(options.name, options.version, keys)
        _check_fit(there.line, there.store, chosen, options)
    there.store.promote(options.name, options.version, chosen, keys)
    for one in chosen:
        page.say(f"{one}: {options.name} {options.version} is active")
    page.say(NEXT_START)


def rollback(options: argparse.Namespace) -> None:
    """Make active again what was active before the last promotion, at one station for one recipe
    (of a line with one such place it need not be named). The daemon takes it at its next start."""
    there = box(options)
    chosen = places(options, there.line, None)
    if len(chosen) > 1:
        raise ConfigError(
            f"{len(chosen)} places take their bundle from the store; say which one returns to "
            "what it had: --station ID, --recipe NAME"
        )
    for state in there.store.rollback(chosen, trusted(options)):
        page.say(f"{state.place}: {state.active.label} is active again")
    page.say(NEXT_START)


def remove(options: argparse.Namespace) -> None:
    """Delete an installed version. One that is active somewhere, or that a rollback would return
    to, stays."""
    box(options).store.remove(options.name, options.version)
    page.say(f"{options.name} {options.version} removed")


def _check_fit(line: Line, store: Store, chosen: list[Place], options: argparse.Namespace) -> None:
    """As the daemon will at its next start, with the places that have nothing yet left aside."""
    new = store.folder_of(options.name, options.version)
    folders = dict.fromkeys(chosen, new)
    for place, _ in choice.stored(line):
        state = store.state(place)
        if place not in folders and state is not None:
            folders[place] = store.folder_of(state.active.name, state.active.version)
    try:
        check_bundles(choice.only(line, chosen, folders))
    except ConfigError as error:
        raise BundleError(f"{options.name} {options.version} does not fit: {error}") from error
