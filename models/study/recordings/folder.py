"""A folder of real recordings: a row of its manifest.csv for each file."""

import csv
from pathlib import Path

from edge.errors import ConfigError

Row = dict[str, str]


def rows(folder: Path, *columns: str) -> list[Row]:
    """The manifest's rows; `columns` are those that the study needs.

    Raises:
        ConfigError: no manifest, a column missing, no rows, or a file that is not there.
    """
    path = folder / "manifest.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}; give the folder that holds the sets by --data"
        ) from error
    if not found:
        raise ConfigError(f"{path}: no recordings; expected a row for each")
    missing = [name for name in ("file", *columns) if name not in found[0]]
    if missing:
        raise ConfigError(f"{path}: no column {', '.join(missing)}; is this another set?")
    for row in found:
        if not (folder / row["file"]).is_file():
            raise ConfigError(f"{folder / row['file']}: is not there; fetch the set again")
    return found
