"""What a bundle's certificate says, and whether it speaks of this engine. Pure.

Reads the certificate as a table of tables: whichever form it has, the pairs `engine` and
`precision` in it are what it was made on, and its hashes are of the parts it was made from.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edge.manifest import Manifest

_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True, slots=True)
class Certified:
    """The certificate, as far as an acceptance is concerned."""

    covers: bool | None  # this engine; None without a certificate
    words: str
    facts: dict[str, str]  # its plain values
    rows: tuple[dict[str, str], ...]  # its lists of tables


def certified(manifest: Manifest, engines: Sequence[str]) -> Certified:
    """`engines` are those that answered: "openvino 2026.4.1 cpu int8"."""
    if manifest.certificate is None:
        return Certified(
            None, "The bundle has no certificate: its thresholds promise nothing.", {}, ()
        )
    table: dict[str, Any] = manifest.certificate.model_dump(mode="json")
    made_on = sorted(set(_pairs(table)))
    strangers = [one for one in engines if one not in made_on]
    if strangers:
        words = (
            f"The certificate is of {', '.join(made_on) or 'no engine'}; here {strangers[0]} "
            "answered: not certified on this engine."
        )
    else:
        words = f"The certificate covers this engine, {', '.join(engines)}."
    facts = {k: _plain(v) for k, v in table.items() if not _is_rows(v)}
    lists = [v for v in table.values() if _is_rows(v)]
    rows = tuple({k: _plain(v) for k, v in row.items()} for one in lists for row in one)
    return Certified(not strangers, words, facts, rows)


def calibration_hashes(manifest: Manifest) -> frozenset[str]:
    """SHA-256 of all data that the certificate names; none where it names none."""
    if manifest.certificate is None:
        return frozenset()
    return frozenset(_SHA256.findall(manifest.certificate.model_dump_json()))


def _pairs(table: Any) -> Iterator[str]:
    if isinstance(table, dict):
        if isinstance(table.get("engine"), str) and isinstance(table.get("precision"), str):
            yield f"{table['engine']} {table['precision']}"
        for value in table.values():
            yield from _pairs(value)
    elif isinstance(table, list):
        for value in table:
            yield from _pairs(value)


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{k}: {_plain(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
