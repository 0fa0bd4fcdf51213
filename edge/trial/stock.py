"""A store of bundles for a trial: versions of one bundle, signed by a key of the trial's own.

They answer alike, unless a second bundle is given: then every other one is that. Their networks are
other files all the same, as those of a new version are, so that nothing compiled before serves.
"""

import hashlib
import re
import shutil
from pathlib import Path

from edge.bundle import MANIFEST, load
from edge.config import ANY_RECIPE, Bundles
from edge.store import keys, signature
from edge.store.arrival import SIGNATURE
from edge.store.state import Place
from edge.store.store import Store
from edge.store.version import Version
from edge.trial.setup import Setup


def versions_of(source: Path, count: int) -> tuple[str, ...]:
    """Of the bundle as it is, and of so many that follow it."""
    first = Version.parse(load(source).manifest.version)
    return tuple(str(first._replace(patch=first.patch + n)) for n in range(count + 1))


def stock(folder: Path, source: Path, setup: Setup) -> None:
    """Install them all, and promote the first at every station.

    `folder` is that of LINE.toml, where the daemon looks for its store by default.
    """
    where, maker = Bundles(), folder / "maker"
    (folder / where.keys).mkdir()
    public = keys.write_pair(maker)
    shutil.copy(maker.with_suffix(".pub"), folder / where.keys)
    key = keys.read_secret(maker.with_suffix(".key"), lambda: "")
    store, trusted = Store(folder / where.store), {public.id: public}
    versions = versions_of(source, setup.swaps)
    for number, version in enumerate(versions):
        given = setup.second or source if number % 2 else source
        made = Path(shutil.copytree(given, folder / "made"))
        path = made / MANIFEST
        text = re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', path.read_text(), count=1)
        for file in sorted(made.glob("*.onnx")):
            whole = file.read_bytes() + noted("trial", version)
            file.write_bytes(whole)
            name, digest = re.escape(file.name), hashlib.sha256(whole).hexdigest()
            text = re.sub(rf'(?m)^"{name}" = ".*"$', f'"{file.name}" = "{digest}"', text)
        path.write_text(text)
        signed = signature.sign(path.read_bytes(), key, f"trial {version}")
        (made / SIGNATURE).write_text(signed.text())
        store.install(made, trusted, None)
        shutil.rmtree(made)
    places = [Place(station, ANY_RECIPE) for station in setup.station_ids()]
    store.promote(setup.stored, versions[0], places, trusted)


def noted(key: str, value: str) -> bytes:
    """One more of an ONNX file's `metadata_props` (field 14), to be appended to it: fields of a
    protobuf message may come in any order. Both are shorter than 60 characters."""
    entry = b"".join(
        bytes([field << 3 | 2, len(text)]) + text.encode() for field, text in ((1, key), (2, value))
    )
    return bytes([14 << 3 | 2, len(entry)]) + entry
