"""The verbs of `edge bundle` that keep versions on the box: install, list, remove."""

import argparse
import json
import sys

from edge.store import page
from edge.store.where import box, trusted

ENGINE = "openvino"  # where no line says which


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
    """Show every installed version, and for each station and recipe which one is active, which one
    judges in shadow and what a rollback would return to."""
    store = box(options).store
    data = page.listing(store)
    if options.json:
        sys.stdout.write(json.dumps(data, indent=1) + "\n")
    else:
        page.show_listing(data, page.console())


def remove(options: argparse.Namespace) -> None:
    """Delete an installed version. One that is active or the shadow somewhere, or that a rollback
    would return to, stays."""
    box(options).store.remove(options.name, options.version)
    page.say(f"{options.name} {options.version} removed")
