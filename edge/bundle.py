"""A model set on disk: its passport, its networks, golden data and statistics, all hashed.

A bundle is a folder with `manifest.toml`, one ONNX file a detector and golden data. Between the
workshop that makes it and the appliance that runs it, it is all that travels. Several sensors may
feed one detector (two cameras on a station are two sensors, one network).
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError as PydanticError

from edge import monitor
from edge.errors import BundleError
from edge.manifest import Manifest
from edge.monitor import Familiar, Typical

MANIFEST = "manifest.toml"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle on disk whose hashes were checked."""

    folder: Path
    manifest: Manifest
    sha256: str  # of the manifest, which holds the hash of everything else
    familiar: Mapping[str, Familiar] = field(default_factory=dict, compare=False)  # by detector
    typical: Mapping[str, Typical] = field(default_factory=dict, compare=False)  # the same

    @property
    def label(self) -> str:
        return f"{self.manifest.name} {self.manifest.version}"

    def nameless(self) -> "Bundle":
        """Its hypotheses alone: they frame the ignorance about a part that it did not judge."""
        manifest = self.manifest.model_copy(update={"name": "", "version": ""})
        return replace(self, manifest=manifest, sha256="")


def read_manifest(folder: Path) -> tuple[Manifest, bytes]:
    """The passport alone, and its bytes; none of its files is opened.

    Raises:
        BundleError: no manifest, or one that does not fit the schema.
    """
    path = folder / MANIFEST
    try:
        raw = path.read_bytes()
        return Manifest.model_validate(tomllib.loads(raw.decode())), raw
    except OSError as error:
        raise BundleError(
            f"{path}: cannot be read ({error.strerror}); is {folder} a bundle?"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"{path}: not TOML: {error}") from error
    except PydanticError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "manifest"
        raise BundleError(f"{path}: {where}: {first['msg']}; make the bundle again") from error


def load(folder: Path) -> Bundle:
    """Read and check a bundle.

    Raises:
        BundleError: no manifest, one that does not fit the schema, or a file that is missing or
            differs from its hash.
    """
    manifest, raw = read_manifest(folder)
    for name, expected in manifest.files.items():
        try:
            actual = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise BundleError(
                f"{folder / name}: listed in the manifest, {error.strerror}"
            ) from error
        if actual != expected:
            raise BundleError(
                f"{folder / name}: is not the file the manifest lists (sha256 differs)"
            )
    watched = [name for name, one in manifest.detectors.items() if "distance" in one.monitor]
    sha256 = hashlib.sha256(raw).hexdigest()
    if manifest.statistics is None:
        return Bundle(folder, manifest, sha256)
    known = monitor.read(folder / manifest.statistics, watched)
    return Bundle(folder, manifest, sha256, known.familiar, known.typical)
