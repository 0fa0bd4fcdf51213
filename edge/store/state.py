"""Which version judges at a station for a recipe: one small file for each such place."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote

from pydantic import Field, ValidationError

from edge.certificate import Sha256
from edge.errors import BundleError
from edge.store.files import write_atomically
from edge.store.version import Version
from sensors.wiring import Id, Row

SUFFIX = ".json"
COMMAND, RULE, FAULT = "command", "rule", "fault"  # who changes a state
MAX_RECIPE = 200  # bytes of its file name


class Place(NamedTuple):
    """A station, and a recipe of it ("*" for every other)."""

    station: str
    recipe: str

    def __str__(self) -> str:
        return f"station {self.station}, recipe {self.recipe!r}"


class Ref(Row):
    """One version of a bundle, whose manifest is exactly this one."""

    name: str
    version: str
    sha256: Sha256  # of the manifest

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def number(self) -> Version:
        return Version.parse(self.version)


class State(Row):
    """What holds at one place; values do not change, a promotion makes a new one."""

    format: Literal[1] = 1
    station: Id
    recipe: str
    active: Ref
    previous: Ref | None = None  # what a rollback returns to
    shadow: Ref | None = None  # judges beside the active one and publishes nothing
    shadow_since: str = ""  # ISO 8601, UTC
    proving: bool = False  # the active one is on probation: it may yet give way to the previous
    floors: dict[str, str] = Field(
        default_factory=dict
    )  # by name of a bundle: the least version to be promoted
    changed: str  # ISO 8601, UTC
    by: str = COMMAND  # or "rule", or "fault"
    why: str = ""

    @property
    def place(self) -> Place:
        return Place(self.station, self.recipe)

    @property
    def refs(self) -> tuple[Ref, ...]:
        return tuple(one for one in (self.active, self.previous, self.shadow) if one)


def promoted(
    before: State | None, place: Place, new: Ref, *, by: str = COMMAND, why: str = ""
) -> State:
    """`new` judges from now on; a lower version of it does not come back but by a rollback.

    Raises:
        BundleError: it is active already, or lower than what was promoted there.
    """
    if before is None:
        floors, previous = {}, None
    else:
        if before.active == new:
            raise BundleError(f"{place}: {new.label} is active already")
        floors, previous = before.floors, before.active
        check_floor(floors.get(new.name), new, f"at {place}")
    return State(
        station=place.station,
        recipe=place.recipe,
        active=new,
        previous=previous,
        shadow=None if before is None or before.shadow == new else before.shadow,
        shadow_since=before.shadow_since if before else "",
        proving=previous is not None,
        floors={**floors, new.name: new.version},
        changed=_now(),
        by=by,
        why=why,
    )


def rolled_back(before: State, *, by: str = COMMAND, why: str = "") -> State:
    """What was active before is active again, and may be followed by any version above it.

    Raises:
        BundleError: nothing was active before.
    """
    old = before.previous
    if old is None:
        raise BundleError(
            f"{before.place}: there is nothing to return to; {before.active.label} stays active"
        )
    floors = {**before.floors, old.name: old.version}
    shadow = None if before.shadow == old else before.shadow
    changes = {"active": old, "previous": None, "shadow": shadow, "floors": floors}
    return _changed(before, by, why, proving=False, **changes)


def shadowed(before: State | None, place: Place, new: Ref) -> State:
    """`new` judges beside the active one from now on, in place of any other shadow.

    Raises:
        BundleError: nothing is active there, or this very one is, or it is the shadow already.
    """
    if before is None:
        raise BundleError(f"{place}: nothing was promoted there yet; a shadow judges beside that")
    if new in (before.active, before.shadow):
        role = "active" if new == before.active else "the shadow"
        raise BundleError(f"{place}: {new.label} is {role} already")
    return _changed(before, COMMAND, "", shadow=new, shadow_since=_now())


def unshadowed(before: State | None, place: Place, *, by: str = COMMAND, why: str = "") -> State:
    """
    Raises:
        BundleError: there is no shadow.
    """
    if before is None or before.shadow is None:
        raise BundleError(f"{place}: no bundle judges in shadow there")
    return _changed(before, by, why, shadow=None)


def proved(before: State) -> State:
    """Its probation is over: it stays until somebody changes it."""
    return before.model_copy(update={"proving": False})


def _changed(before: State, by: str, why: str, **changes: object) -> State:
    return before.model_copy(update={**changes, "changed": _now(), "by": by, "why": why})


def check_floor(floor: str | None, new: Ref, where: str) -> None:
    """
    Raises:
        BundleError: `new` is lower than what was promoted.
    """
    if floor is not None and new.number < Version.parse(floor):
        raise BundleError(
            f"{new.label} is lower than {new.name} {floor}, which was promoted {where}; an older "
            "version comes back by edge bundle rollback alone"
        )


def path_of(root: Path, place: Place) -> Path:
    """
    Raises:
        BundleError: the recipe's name is too long for a file.
    """
    name = quote(place.recipe, safe="") + SUFFIX
    if len(name) > MAX_RECIPE:
        raise BundleError(f"recipe {place.recipe!r}: too long a name")
    return root / place.station / name


def read(path: Path) -> State | None:
    """None where nothing was ever promoted.

    Raises:
        BundleError: the file is no state; it is named, and what to do.
    """
    try:
        state = State.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        cure = "put back a copy of the file, or remove it and promote again"
        raise BundleError(f"{path}: is damaged ({error.errors()[0]['msg']}); {cure}") from error
    if path != path_of(path.parents[1], state.place):
        raise BundleError(
            f"{path}: is the state of another place, {state.place}; put it back there"
        )
    return state


def write(root: Path, state: State) -> None:
    path = path_of(root, state.place)
    write_atomically(path, (state.model_dump_json(indent=1) + "\n").encode())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
