"""Plain data written as TOML (1.0), for files that people will read and change."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def dump(tables: Mapping[str, Any]) -> str:
    """A mapping of scalars, lists of scalars, mappings and lists of mappings; None is left out."""
    return "\n".join(_table(tables, "")).strip() + "\n"


def _table(table: Mapping[str, Any], path: str) -> list[str]:
    present = {k: v for k, v in table.items() if v is not None}
    lines = [f"{_key(k)} = {_scalar(v)}" for k, v in present.items() if not _is_tables(v)]
    for key, value in present.items():
        name = f"{path}{_key(key)}"
        if isinstance(value, Mapping):
            inner = _table(value, f"{name}.")
            has_rows = any(not _is_tables(v) for v in value.values() if v is not None)
            lines += ["", f"[{name}]", *inner] if has_rows or not inner else inner
        elif _is_tables(value):
            for row in value:
                lines += ["", f"[[{name}]]", *_table(row, f"{name}.")]
    return lines


def _is_tables(value: Any) -> bool:
    if isinstance(value, Mapping):
        return True
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return is_list and bool(value) and isinstance(value[0], Mapping)


def _key(key: str) -> str:
    is_bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if is_bare else _string(key)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (str, Path)):
        return _string(str(value))
    if isinstance(value, Sequence):
        return f"[{', '.join(_scalar(v) for v in value)}]"
    raise TypeError(f"{type(value).__name__} has no form in a line's file")


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
