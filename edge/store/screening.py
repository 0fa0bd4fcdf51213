"""The first look at the files of a bundle, in a process that can do no harm: `screen` starts it.

It sets its own limits before it opens anything: memory, processor time, open files, no file
written. Prints one JSON object: what each network is made of, or what is refused.
"""

import json
import mmap
import resource
import sys
import zipfile
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path

from edge.store import arrays, network
from edge.store.wire import Malformed

MEMORY_BYTES = 2**30 + 2**29
PROCESSOR_S = 60
OPEN_FILES = 32
MAX_TEXT = 2**20  # bytes
TEXTS = (".md", ".txt", ".json", ".toml", ".csv")


def main() -> int:
    """`{"folder": ..., "files": {NAME: expected arrays or null}}` on standard input."""
    limit()
    order = json.load(sys.stdin)
    found: dict[str, object] = {}
    try:
        for name, expected in order["files"].items():
            seen = _look(Path(order["folder"]) / name, expected)
            if seen is not None:
                found[name] = asdict(seen)
    except (network.Refused, Malformed, zipfile.BadZipFile, ValueError, OSError) as error:
        said = str(error) if isinstance(error, network.Refused) else f"is damaged: {error}"
        json.dump({"refused": f"{name}: {said}"}, sys.stdout)
    except (MemoryError, RecursionError):
        json.dump({"refused": f"{name}: asks more memory than a look may take"}, sys.stdout)
    else:
        json.dump({"networks": found}, sys.stdout)
    return 0


def limit() -> None:
    """A limit below these, set from outside, stays."""
    for what, wanted in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, PROCESSOR_S),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        least = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(what, (least, least))


def _look(path: Path, expected: Collection[str] | None) -> network.Network | None:
    if path.suffix == ".onnx":
        with path.open("rb") as file:
            return network.look(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
    if path.suffix == ".npz":
        arrays.look(path, expected)
    elif path.suffix in TEXTS:
        _check_text(path)
    else:
        known = ", ".join((".onnx", ".npz", *TEXTS))
        raise network.Refused(f"files of this kind are not taken; known are {known}")
    return None


def _check_text(path: Path) -> None:
    if path.stat().st_size > MAX_TEXT:
        raise network.Refused(f"a text of more than {MAX_TEXT} bytes")
    try:
        is_text = "\0" not in path.read_text("utf-8")
    except UnicodeDecodeError:
        is_text = False
    if not is_text:
        raise network.Refused("is no UTF-8 text")


if __name__ == "__main__":
    sys.exit(main())
