"""Which folders a line's stations take their bundles from, once `store:NAME` is looked up."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from edge import bundle
from edge.bundle import MANIFEST, Bundle
from edge.config import STORED, Bundles, Line
from edge.errors import BundleError, ConfigError
from edge.store.arrival import check_signature
from edge.store.keys import read_trusted
from edge.store.state import Place
from edge.store.store import Store


def stored(line: Line) -> Iterator[tuple[Place, str]]:
    """Every place of the line that takes what was promoted, and the bundle's name there."""
    for station in line.stations:
        for recipe, path in station.bundles.items():
            if _is_stored(path):
                yield Place(station.id, recipe), str(path).removeprefix(STORED)


def chosen(line: Line) -> Line:
    """The line with every `store:NAME` replaced by the folder of what is active there.

    Raises:
        ConfigError: nothing was promoted for a place, or another bundle than it names.
    """
    folders = {place: _active(line.bundles, place, name) for place, name in stored(line)}
    return placed(line, folders)


def only(line: Line, places: Collection[Place], folders: Mapping[Place, Path]) -> Line:
    """The stations of some places alone, without recipes for which nothing was promoted yet."""
    stations = []
    for station in placed(line, folders).stations:
        bundles = {r: path for r, path in station.bundles.items() if not _is_stored(path)}
        if station.id in {place.station for place in places}:
            stations.append(station.model_copy(update={"bundles": bundles}))
    return line.model_copy(update={"stations": tuple(stations)})


def placed(line: Line, folders: Mapping[Place, Path]) -> Line:
    """The line with the bundles of some places replaced."""
    stations = []
    for station in line.stations:
        bundles = {
            recipe: folders.get(Place(station.id, recipe), path)
            for recipe, path in station.bundles.items()
        }
        stations.append(station.model_copy(update={"bundles": bundles}))
    return line.model_copy(update={"stations": tuple(stations)})


def admit(folder: Path, settings: Bundles) -> Bundle:
    """A bundle the line names: whole, and signed where it has to be.

    Signed has to be what lies in the store, and with `require_signature` everything.

    Raises:
        BundleError: it is not.
    """
    one = bundle.load(folder)
    if settings.require_signature or folder.resolve().is_relative_to(settings.store.resolve()):
        try:
            check_signature(folder, read_trusted(settings.keys), folder)
        except ConfigError as error:
            raise BundleError(str(error)) from error
        if hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest() != one.sha256:
            raise BundleError(f"{folder}: was changed while it was read; start again")
    return one


def _is_stored(path: Path) -> bool:
    return str(path).startswith(STORED)


def _active(settings: Bundles, place: Place, name: str) -> Path:
    where = f"stations.{place.station}.bundles.{place.recipe}"
    store = Store(settings.store)
    try:
        state = store.state(place)
    except BundleError as error:
        raise ConfigError(f"{where}: {error}") from error
    if state is None:
        raise ConfigError(
            f"{where}: no version of {name!r} was promoted there in {settings.store}; "
            f"edge bundle promote {name} VERSION does it, edge bundle list shows what there is"
        )
    if state.active.name != name:
        raise ConfigError(
            f'{where}: is "{STORED}{name}", and active there is {state.active.label}; '
            "promote the one, or name the other"
        )
    folder = store.folder_of(name, state.active.version)
    try:
        raw = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise ConfigError(f"{where}: {state.active.label} is missing: {folder}") from error
    if hashlib.sha256(raw).hexdigest() != state.active.sha256:
        raise ConfigError(f"{where}: {folder} is not what was promoted; install and promote again")
    return folder
