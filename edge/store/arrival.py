"""A bundle that comes from outside, folder or file, is copied first; what was copied is checked.

In the order of trust: sizes and names, the signature over the manifest, the manifest, the hash of
every file, and then what the files are made of.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.bundle import MANIFEST, Bundle, load, read_manifest
from edge.errors import BundleError
from edge.manifest import Manifest
from edge.store import signature
from edge.store.archive import Archive, Folder, opened
from edge.store.keys import PublicKey
from edge.store.network import Network
from edge.store.screen import screen
from edge.store.signature import MAX_SIGNATURE, Signature
from edge.store.version import Version

SIGNATURE = f"{MANIFEST}.minisig"  # where minisign looks for it
MAX_MANIFEST = 2**20  # bytes
MAX_FILE = 2**29
MAX_TOTAL = 2**30
MAX_FILES = 64
MAX_NAME = 64
Trusted = Mapping[bytes, PublicKey]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A bundle whose every file was checked."""

    bundle: Bundle
    networks: dict[str, Network]  # by file
    sizes: dict[str, int]  # bytes of every file, with manifest and signature
    signature: Signature | None  # None: it has none
    signer: PublicKey | None  # None: nobody trusted


def receive(source: Path, into: Path, trusted: Trusted | None) -> Arrival:
    """Copy `source` into the empty folder `into`; without `trusted` no signature is asked for.

    Raises:
        BundleError: unsigned, badly signed, incomplete, too large, or made of what may not be.
    """
    try:
        return _receive(source, into, trusted)
    except BundleError as error:  # say what was given, not where the copy lies
        raise BundleError(str(error).replace(str(into), str(source))) from error


@contextmanager
def examined(source: Path, trusted: Trusted | None) -> Iterator[Arrival]:
    """`receive` into a folder that is gone afterwards.

    Raises:
        BundleError: as `receive`.
    """
    with tempfile.TemporaryDirectory(prefix="edge-bundle-") as folder:
        yield receive(source, Path(folder), trusted)


def check_signature(
    folder: Path, trusted: Trusted | None, where: Path
) -> tuple[Signature | None, PublicKey | None]:
    """Of the manifest in `folder`, and whose it is; `where` is what a message calls it.

    Raises:
        BundleError: `trusted` is given, and none of its keys signed the manifest as it is.
    """
    path = folder / SIGNATURE
    if not path.exists():
        if trusted is None:
            return None, None
        raise BundleError(
            f"{where}: is not signed; sign it: edge bundle sign FOLDER --key NAME.key"
        )
    found = signature.parse(path.read_bytes(), f"{where}: {SIGNATURE}")
    if trusted is None:
        return found, None
    message = (folder / MANIFEST).read_bytes()
    return found, signature.check(message, found, trusted, str(where))


def _receive(source: Path, into: Path, trusted: Trusted | None) -> Arrival:
    with opened(source) as box:
        _check_sizes(box, source)
        box.copy(MANIFEST, into / MANIFEST, MAX_MANIFEST)
        if SIGNATURE in box.sizes:
            box.copy(SIGNATURE, into / SIGNATURE, MAX_SIGNATURE)
        found, signer = check_signature(into, trusted, source)
        manifest, _ = read_manifest(into)
        _check_listed(box, manifest, source)
        for name in manifest.files:
            box.copy(name, into / name, MAX_FILE)
        sizes = dict(box.sizes)
    bundle = load(into)
    return Arrival(bundle, screen(into, manifest), sizes, found, signer)


def _check_sizes(box: Archive | Folder, source: Path) -> None:
    if MANIFEST not in box.sizes:
        raise BundleError(f"{source}: holds no {MANIFEST}; is it a bundle?")
    if len(box.sizes) > MAX_FILES:
        raise BundleError(f"{source}: {len(box.sizes)} files, at most {MAX_FILES} are allowed")
    for name, size in box.sizes.items():
        if size > MAX_FILE:
            raise BundleError(f"{source}: {name}: larger than {MAX_FILE} bytes")
    if (total := sum(box.sizes.values())) > MAX_TOTAL:
        raise BundleError(f"{source}: {total} bytes, at most {MAX_TOTAL} are allowed")


def _check_listed(box: Archive | Folder, manifest: Manifest, source: Path) -> None:
    """Nothing travels that the signature does not cover."""
    listed = set(manifest.files)
    if own := listed & {MANIFEST, SIGNATURE}:
        raise BundleError(f"{source}: {MANIFEST} lists {min(own)}, which cannot hold its own hash")
    if missing := listed - set(box.sizes):
        raise BundleError(f"{source}: {min(missing)} is listed in {MANIFEST} and not there")
    if extra := set(box.sizes) - listed - {MANIFEST, SIGNATURE}:
        raise BundleError(
            f"{source}: {min(extra)!r} is not listed in {MANIFEST}; take it out, or list it there"
        )
    Version.parse(manifest.version)
    if len(manifest.name) > MAX_NAME:
        raise BundleError(f"{source}: a name of more than {MAX_NAME} letters")
