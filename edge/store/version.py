"""Versions in their order."""

import re
from typing import NamedTuple

from edge.errors import BundleError

NUMBER = "(0|[1-9][0-9]{0,8})"
PATTERN = re.compile(rf"{NUMBER}\.{NUMBER}\.{NUMBER}")


class Version(NamedTuple):
    """Three numbers, the first of most weight. One version has one spelling: it names a folder."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return ".".join(map(str, self))

    @classmethod
    def parse(cls, text: str) -> "Version":
        """
        Raises:
            BundleError: not three numbers without leading zeros.
        """
        found = PATTERN.fullmatch(text)
        if found is None:
            raise BundleError(f"version {text!r}: expected are three numbers, like 0.3.1")
        return cls(*map(int, found.groups()))
