"""Which store, keys and places a command means: of the box's configuration, or as it says."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from edge.config import ANY_RECIPE, STORED, Line, read
from edge.errors import ConfigError
from edge.store.arrival import Trusted
from edge.store.choice import stored
from edge.store.keys import read_trusted
from edge.store.state import Place
from edge.store.store import Store
from sensors.wiring import Id

LINE = Path("/etc/edge/line.toml")  # what the service runs
STATION: TypeAdapter[str] = TypeAdapter(Id)


@dataclass(frozen=True, slots=True)
class Box:
    """What a command works on; `line` is None where the command names everything itself."""

    store: Store
    line: Line | None


def box(options: argparse.Namespace) -> Box:
    """
    Raises:
        ConfigError: no configuration, and no --store either.
    """
    if options.store is not None and options.line is None:
        return Box(Store(options.store), None)
    line = _line(options)
    return Box(Store(options.store or line.bundles.store), line)


def trusted(options: argparse.Namespace) -> Trusted:
    """
    Raises:
        ConfigError: no configuration, and no --keys either; or the keys cannot be read.
    """
    found = read_trusted(options.keys or _line(options).bundles.keys)
    if not found:
        raise ConfigError(f"{options.keys or 'bundles.keys'}: no key (*.pub) is trusted here")
    return found


def places(options: argparse.Namespace, line: Line | None, name: str | None) -> list[Place]:
    """Where the line takes the bundle from the store, narrowed by --station and --recipe; without a
    line, just there.

    Raises:
        ConfigError: there is none.
    """
    if line is None:
        if options.station is None:
            raise ConfigError("name the station: --station ID, or the line: --line LINE.toml")
        try:
            return [Place(STATION.validate_python(options.station), options.recipe or ANY_RECIPE)]
        except ValidationError as error:
            raise ConfigError(f"--station {options.station!r}: no id of a station") from error
    found = [
        place
        for place, wanted in stored(line)
        if name in (None, wanted)
        and options.station in (None, place.station)
        and options.recipe in (None, place.recipe)
    ]
    if not found:
        bundle = f'"{STORED}{name or "NAME"}"'
        raise ConfigError(
            f"no station and recipe that you mean takes {bundle}; write it into stations.bundles "
            "of the line, or name the place by --store, --keys, --station and --recipe"
        )
    return found


def _line(options: argparse.Namespace) -> Line:
    if options.line is None and not LINE.exists():
        raise ConfigError(
            f"{LINE}: is not there; name another configuration (--line), or --store and --keys"
        )
    return read(options.line or LINE)
