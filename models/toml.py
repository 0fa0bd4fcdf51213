"""Writing TOML, which the standard library only reads."""

import json
from collections.abc import Mapping
from typing import Any


def dumps(table: Mapping[str, Any]) -> str:
    """A mapping of plain values, lists and mappings as TOML, tables after the values."""
    return "\n".join(_lines(table, ())).lstrip("\n") + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    lines = [f"{_key(k)} = {_value(v)}" for k, v in table.items() if not _is_table(v)]
    for key, value in table.items():
        inner = (*path, _key(key))
        if isinstance(value, Mapping):
            lines += ["", f"[{'.'.join(inner)}]", *_lines(value, inner)]
        elif _is_table(value):
            for row in value:
                lines += ["", f"[[{'.'.join(inner)}]]", *_lines(row, inner)]
    return lines


def _is_table(value: object) -> bool:
    is_rows = isinstance(value, (list, tuple)) and len(value) > 0
    return isinstance(value, Mapping) or (is_rows and isinstance(value[0], Mapping))  # type: ignore[index]


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() else json.dumps(key)


def _value(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, (bool, str)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (int, float)):
        return repr(value)
    raise TypeError(f"{value!r} has no place in TOML")
