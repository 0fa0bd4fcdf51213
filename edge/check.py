"""Validate LINE.toml: every key, every link it names, and every bundle against the sensors that
feed it. Opens no connection and no camera, so it runs on any laptop.

  edge check LINE.toml

Exit status 0: right; 2: wrong, with the key, what was expected and the cure.
"""

import argparse
from pathlib import Path

from rich.console import Console

from edge.certificate import promised, void
from edge.config import Line, read
from edge.fit import check_bundles
from edge.inference.runner import AUTO
from edge.manifest import Manifest
from edge.store.choice import chosen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("line", type=Path, metavar="LINE.toml", help="the line's configuration")


def run(options: argparse.Namespace) -> int:
    line = chosen(read(options.line))
    bundles = check_bundles(line)
    console = Console(highlight=False)
    console.print(f"{options.line}: right", style="green")
    _describe(line, console)
    for folder, one in bundles.items():
        console.print(f"  bundle {one.label}, {folder}")
        for text in certified(one.manifest, line.engine.name):
            console.print(f"    {text}", soft_wrap=True)
    return 0


def certified(manifest: Manifest, engine: str) -> list[str]:
    """What the bundle's certificate promises on an engine of that name, row by row."""
    certificate = manifest.certificate
    if certificate is None or void(certificate, manifest.vouched_sha256):
        return [void(certificate, manifest.vouched_sha256)]
    engines = sorted({str(ran) for ran in certificate.engines.values()})
    if engine != AUTO and not all(name.split()[0] == engine for name in engines):
        return [f"not certified on this engine ({engine} here, {', '.join(engines)} there)"]
    rows = [promised(certificate, promise) for promise in certificate.promises]
    return [*rows, f"on {', '.join(engines)}; edge doctor says whether this box runs that"]


def _describe(line: Line, console: Console) -> None:
    console.print(f"  site {line.site}, line {line.line}, {len(line.links)} links")
    for station in line.stations:
        console.print(f"  station {station.id}: trigger by {station.trigger.link}")
        for sensor in station.sensors:
            source = sensor.topic or sensor.node or sensor.camera
            console.print(f"    {sensor.id} -> {sensor.input}, from {source} ({sensor.payload})")
            if len(sensor.offsets) > 1:
                starts = ", ".join(f"{offset_s:g}" for offset_s in sensor.offsets)
                console.print(
                    f"      {len(sensor.offsets)} windows of a part, from {starts} s after the "
                    "trigger; the bundle's thresholds are for one"
                )
