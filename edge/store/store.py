"""Installed bundles on disk, one folder a version, and what was chosen for each place.

    STORE/bundles/NAME/VERSION/...        as it came, checked; never changed afterwards
    STORE/places/STATION/RECIPE.json      what is active there, and what was before

Whoever changes something holds the lock. Readers need none: a version appears and vanishes by one
rename, and a state file is replaced as a whole.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge.bundle import load
from edge.errors import BundleError
from edge.store import state
from edge.store.arrival import Arrival, Trusted, check_signature, receive
from edge.store.files import FOLDER_MODE, locked, make_folder, sync_folder
from edge.store.screen import rehearse
from edge.store.state import COMMAND, Place, Ref, State
from edge.store.version import Version

BUNDLES, PLACES, LOCK, INCOMING = "bundles", "places", ".lock", ".incoming"


class Store:
    """One store; it holds nothing open between calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places = folder / PLACES

    def folder_of(self, name: str, version: str) -> Path:
        return self.folder / BUNDLES / name / version

    def installed(self) -> list[tuple[str, Version]]:
        """Names and versions, in their order."""
        return sorted(
            (folder.parent.name, Version.parse(folder.name))
            for folder in self.folder.glob(f"{BUNDLES}/*/*")
        )

    def state(self, place: Place) -> State | None:
        """
        Raises:
            BundleError: its file is damaged.
        """
        return state.read(state.path_of(self.places, place))

    def states(self) -> list[State]:
        """Of every place where something was promoted.

        Raises:
            BundleError: a file is damaged.
        """
        paths = sorted(self.places.glob(f"*/*{state.SUFFIX}"))
        return [one for path in paths if (one := state.read(path))]

    def install(self, source: Path, trusted: Trusted, engine: str | None) -> tuple[Arrival, bool]:
        """Check and keep a bundle; False where this very one is there already.

        Where `engine` is named, that engine must compile its networks and give its golden data
        again. Nothing becomes active.

        Raises:
            BundleError: it is refused; the store is as it was.
        """
        with locked(self.folder, LOCK), self._incoming() as staged:
            arrival = receive(source, staged, trusted)
            one = arrival.bundle
            new = Ref(name=one.manifest.name, version=one.manifest.version, sha256=one.sha256)
            self._check_floors(new)
            target = self.folder_of(new.name, new.version)
            if target.exists():
                if self.ref(new.name, new.version, trusted) != new:
                    raise BundleError(
                        f"{new.label} is installed already, with other contents; a version never "
                        "changes: give this one a number of its own"
                    )
                return arrival, False
            if engine is not None:
                rehearse(staged, engine)
            self._settle(staged, target)
            return arrival, True

    def ref(self, name: str, version: str, trusted: Trusted) -> Ref:
        """An installed version, whole and signed by a key that is trusted today.

        Raises:
            BundleError: it is not installed, was changed on disk, or its key is trusted no more.
        """
        folder = self.folder_of(name, version)
        if not folder.is_dir():
            there = ", ".join(f"{one} {number}" for one, number in self.installed()) or "nothing"
            raise BundleError(f"{name} {version} is not installed; installed: {there}")
        check_signature(folder, trusted, folder)
        one = load(folder)
        found = Ref(name=one.manifest.name, version=one.manifest.version, sha256=one.sha256)
        if (found.name, found.version) != (name, version):
            raise BundleError(f"{folder}: holds {found.label}; remove it and install again")
        return found

    def promote(
        self,
        name: str,
        version: str,
        places: Sequence[Place],
        trusted: Trusted,
        *,
        by: str = COMMAND,
        why: str = "",
    ) -> None:
        """Make a version the active one at these places; none changes where one refuses.

        Raises:
            BundleError: it is lower than what was promoted, active already, or as `ref`.
        """
        with locked(self.folder, LOCK):
            new = self.ref(name, version, trusted)
            self._check_floors(new)
            self._write([state.promoted(self.state(p), p, new, by=by, why=why) for p in places])

    def rollback(
        self, places: Sequence[Place], trusted: Trusted, *, by: str = COMMAND, why: str = ""
    ) -> list[State]:
        """Make active again what was active before; none changes where one place refuses.

        Raises:
            BundleError: nothing was active before, or it is not what it was then, or as `ref`.
        """
        with locked(self.folder, LOCK):
            after = []
            for place in places:
                before = self.state(place)
                if before is None:
                    raise BundleError(f"{place}: nothing was ever promoted there")
                after.append(state.rolled_back(before, by=by, why=why))
                old = after[-1].active
                if self.ref(old.name, old.version, trusted) != old:
                    raise BundleError(f"{place}: {old.label} is not what it was when it was active")
            self._write(after)
            return after

    def shadow(self, name: str, version: str, places: Sequence[Place], trusted: Trusted) -> None:
        """Have a version judge beside the active one at these places; none changes where one
        refuses.

        Raises:
            BundleError: nothing is active there, or this very version is, or as `ref`.
        """
        with locked(self.folder, LOCK):
            new = self.ref(name, version, trusted)
            self._write([state.shadowed(self.state(one), one, new) for one in places])

    def change(self, place: Place, change: Callable[[State], State | None]) -> None:
        """Whatever else may happen to one place; nothing where `change` gives None.

        Raises:
            BundleError: nothing was promoted there, or `change` refuses.
        """
        with locked(self.folder, LOCK):
            before = self.state(place)
            if before is None:
                raise BundleError(f"{place}: nothing was ever promoted there")
            if (after := change(before)) is not None:
                self._write([after])

    def remove(self, name: str, version: str) -> None:
        """
        Raises:
            BundleError: it is not installed, or some place needs it.
        """
        with locked(self.folder, LOCK), self._incoming() as staged:
            folder = self.folder_of(name, version)
            if (name, version) not in [(one, str(number)) for one, number in self.installed()]:
                raise BundleError(f"{name} {version} is not installed")
            for one in self.states():
                if needed := [
                    ref for ref in one.refs if (ref.name, ref.version) == (name, version)
                ]:
                    role = _role(one, needed[0])
                    raise BundleError(f"{name} {version} is {role} at {one.place}; it stays")
            folder.rename(staged / "removed")  # at once, or not at all
            sync_folder(folder.parent)

    def _check_floors(self, new: Ref) -> None:
        """Where a name was promoted at all, none lower than its lowest floor is of any use."""
        floors = [one.floors[new.name] for one in self.states() if new.name in one.floors]
        state.check_floor(min(floors, key=Version.parse, default=None), new, "here")

    def _write(self, after: Sequence[State]) -> None:
        for one in after:
            path = state.path_of(self.places, one.place)
            make_folder(path.parent, self.folder)
            state.write(self.places, one)

    def _settle(self, staged: Path, target: Path) -> None:
        """The staged folder under its name: whole, or not there."""
        make_folder(target.parent, self.folder)
        staged.chmod(FOLDER_MODE)
        sync_folder(staged)
        staged.rename(target)
        sync_folder(target.parent)

    @contextmanager
    def _incoming(self) -> Iterator[Path]:
        """An empty folder on the store's own disk; what a killed command left is swept away."""
        incoming = self.folder / INCOMING
        shutil.rmtree(incoming, ignore_errors=True)
        incoming.mkdir()
        try:
            yield Path(tempfile.mkdtemp(dir=incoming))
        finally:
            shutil.rmtree(incoming, ignore_errors=True)


def _role(one: State, ref: Ref) -> str:
    if ref == one.active:
        return "active"
    return "the shadow" if ref == one.shadow else "what a rollback returns to"
