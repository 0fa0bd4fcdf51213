"""What an npz file holds, read from its headers: numbers by their name, and nothing that executes.

Format: NEP 1 (https://numpy.org/neps/nep-0001-npy-format.html) in a zip file.
"""

import math
import re
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike

from edge.store.network import Refused

MAX_BYTES = 2**29  # unpacked, of a whole file
MAX_MEMBERS = 256
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,80}\.npy")
KINDS = "biuf"  # of dtypes: bool, integers, floats; no object is ever unpickled
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def look(path: Path, expected: Collection[str] | None) -> None:
    """`expected` are the arrays it may hold; None allows any name.

    Raises:
        Refused: pickled objects, strange or doubled members, more than is believable.
        zipfile.BadZipFile, ValueError: no npz file.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS or len({one.filename for one in members}) < len(members):
            raise Refused(f"{len(members)} members, or one twice")
        if (total := sum(one.file_size for one in members)) > MAX_BYTES:
            raise Refused(f"unpacks to {total} bytes, at most {MAX_BYTES} are allowed")
        for member in members:
            name = member.filename
            if not NAME.fullmatch(name):
                raise Refused(f"member {name!r} is no array")
            if expected is not None and name.removesuffix(".npy") not in expected:
                raise Refused(f"member {name!r} is not expected; known are {sorted(expected)}")
            with archive.open(member) as stream:
                _check(stream, name, member.file_size)


def _check(stream: IO[bytes], name: str, size: int) -> None:
    header = HEADERS.get(npy.read_magic(stream))
    if header is None:
        raise Refused(f"member {name!r}: of an npy version never used here")
    shape, _, dtype = header(stream)
    _check_numeric(dtype, name)
    if stream.tell() + math.prod(shape) * dtype.itemsize != size:
        raise Refused(f"member {name!r}: says shape {shape} and is of another size")


def _check_numeric(dtype: DTypeLike, name: str) -> None:
    kind = np.dtype(dtype)
    if kind.hasobject:
        raise Refused(f"member {name!r}: holds pickled objects, which run code when read")
    if kind.kind not in KINDS or kind.subdtype is not None:
        raise Refused(f"member {name!r}: of type {kind}, expected are plain numbers")
