"""Teach a station its own normal: good parts of its own become what its sensors are judged by.

Networks are taught on other stations than yours. Another mounting, room or light shifts what they
answer to every part, good or not; so a new station stops good parts, and is unsure of bad ones. Run
some parts that you know to be good, twenty or more, at every speed and temperature that is normal,
with `record` set in LINE.toml; then

  edge commission LINE.toml st1                     all parts recorded at st1 are good
  edge commission LINE.toml st1 --good good.txt     those of a list, one id a line
  edge commission LINE.toml st1 --last 30           the newest thirty
  edge commission LINE.toml st1 --dry-run           show what it would change, keep nothing
  edge commission LINE.toml st1 --show              what is kept
  edge commission LINE.toml st1 --forget            judge as the workshop taught, again

It prints what the parts are judged as without and with the new baselines (each part by a baseline
of the other parts), keeps them in the line's storage, and the daemon takes them at its next start.
Windows that are not whole teach nothing. Afterwards measure the station: edge accept.

Exit status 0; 1 when the parts do not look like good ones and nothing was kept; 2 when something
that is needed is missing.
"""

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import track

from edge import baseline, bundle, config
from edge.baseline import Baselines
from edge.bundle import Bundle
from edge.commission.learn import FEWEST, Change, GoodPart, baselines, changes, windows_of
from edge.commission.show import as_data, show, show_kept
from edge.config import Line, Station
from edge.errors import ConfigError
from edge.rejudge import Judge
from edge.store.choice import chosen
from edge.trial.summary import make_console
from sensors.errors import BadReading
from sensors.recording import part_folders, read_header, read_parts

MOST_REJECTED = 0.2  # of the good parts may still be judged defective; beyond it they are not good
MOST_STOPPED = 0.4  # and so many may not pass
ADVISED = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("line", type=Path, metavar="LINE.toml")
    parser.add_argument("station", metavar="STATION")
    parser.add_argument(
        "--recording", type=Path, metavar="DIR",
        help="of the good parts (default: what `record` in LINE.toml kept of the station)",
    )  # fmt: skip
    parser.add_argument(
        "--good", type=Path, metavar="FILE", help="ids of the parts that are good, one a line"
    )
    parser.add_argument("--last", type=int, metavar="N", help="only the newest N parts")
    parser.add_argument("--recipe", default=config.ANY_RECIPE, help="whose bundle (default: any)")
    parser.add_argument("--dry-run", action="store_true", help="keep nothing")
    parser.add_argument("--force", action="store_true", help="keep it even if parts look defective")
    parser.add_argument("--show", action="store_true", help="what is kept, and do nothing")
    parser.add_argument("--forget", action="store_true", help="remove what is kept")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report as data")


def run(options: argparse.Namespace) -> int:
    line = chosen(config.read(options.line))
    station = _station(line, options.station)
    console = make_console()
    file = baseline.file_of(line.storage.folder, station.id)
    known = baseline.of_station(line.storage.folder, station.id)
    if options.show:
        show_kept(known, file, console)
        return 0
    if options.forget:
        file.unlink(missing_ok=True)
        console.print(f"{station.id}: nothing is kept any more; restart the daemon to use that")
        return 0
    one = _bundle(line, station, options.recipe)
    folder = options.recording or _recorded(line, station)
    good = read_good(folder, one, line.engine.name, options.good, options.last)
    today = datetime.now(UTC).date().isoformat()
    sensors = {sensor.id: sensor for sensor in station.sensors}
    made = partial(baselines, sensors=station.sensors, bundle=one, station=station.id, today=today)
    new = made(good)
    changed = changes(good, sensors, one, partial(made, fewest=FEWEST - 1))
    show(station.id, new, changed, one, console)
    _say_missing(good, station, new, one, console)
    if options.json:
        options.json.write_text(json.dumps(as_data(new, changed, one), indent=1) + "\n")
    return _keep(options, file, known, new, changed, console)


def read_good(
    folder: Path, one: Bundle, engine: str, listed: Path | None, last: int | None
) -> list[GoodPart]:
    """The recorded parts, asked again; with a progress bar.

    Raises:
        ConfigError: no recording, or not the parts that are asked for.
    """
    wanted = _listed(listed)
    console = Console(stderr=True)
    try:
        judge = Judge(read_header(folder)["sensors"], one, engine)
        count = len(part_folders(folder))
        parts = [
            GoodPart(part.trigger.part or str(part.index), judge.answers(part))
            for part in track(
                read_parts(folder), "asking the networks", count, console=console,
                disable=not console.is_terminal, transient=True,
            )
            if wanted is None or part.trigger.part in wanted
        ]  # fmt: skip
    except BadReading as error:
        raise ConfigError(f"{folder}: {error}") from error
    if wanted is not None and (missing := sorted(wanted - {part.name for part in parts})):
        raise ConfigError(
            f"{listed}: part {missing[0]} is not in {folder} ({len(missing)} are not)"
        )
    return parts[-last:] if last else parts


def _listed(file: Path | None) -> set[str] | None:
    if file is None:
        return None
    try:
        return {text for row in file.read_text().splitlines() if (text := row.strip())}
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error


def _station(line: Line, name: str) -> Station:
    for one in line.stations:
        if one.id == name:
            return one
    raise ConfigError(f"no station {name!r}; the line has {', '.join(s.id for s in line.stations)}")


def _bundle(line: Line, station: Station, recipe: str) -> Bundle:
    folder = station.bundle_for(recipe) or next(iter(station.bundles.values()))
    return bundle.load(folder)


def _recorded(line: Line, station: Station) -> Path:
    if line.record is None:
        raise ConfigError(
            "nothing is recorded: set `record` in LINE.toml, restart the daemon, run parts that "
            "are known to be good, and commission then; or name a recording by --recording"
        )
    return line.record / station.id


def _say_missing(
    good: Sequence[GoodPart], station: Station, new: Baselines, one: Bundle, console: Console
) -> None:
    taught = {row.sensor for row in new.baselines}
    for sensor in station.sensors:
        if sensor.id not in taught:
            count = len(windows_of(good, sensor.id, one))
            console.print(f"{sensor.id}: {count} whole windows are too few; it has no baseline")
    if len(good) < ADVISED:
        console.print(f"{len(good)} parts are few: {ADVISED} or more make a steadier baseline")


def _keep(
    options: argparse.Namespace,
    file: Path,
    known: Baselines,
    new: Baselines,
    changed: Sequence[Change],
    console: Console,
) -> int:
    rejected = [one.part for one in changed if one.after.decided.decision == "defect"]
    limited = [row.sensor for row in new.baselines if row.limit is not None]
    if rejected and limited and not options.force:
        console.print(
            f"{', '.join(rejected[:5])}: judged defective by a limit that the other parts set. One "
            f"bad part would set the limit of {', '.join(limited)} for all that follow. Nothing "
            "was kept; look at it, leave it out with --good, or insist with --force"
        )
        return 1
    stopped = [one.part for one in changed if one.after.decided.decision != "ok"]
    for parts, most, said in (
        (rejected, MOST_REJECTED, "are judged defective"),
        (stopped, MOST_STOPPED, "do not pass"),
    ):
        if len(parts) > most * len(changed) and not options.force:
            console.print(
                f"{len(parts)} of {len(changed)} parts {said} even beside the others "
                f"({', '.join(parts[:5])}): they are not all good, or not of one kind. Nothing was "
                "kept; leave them out with --good, or insist with --force"
            )
            return 1
    if options.dry_run:
        console.print("nothing was kept (--dry-run)")
        return 0
    baseline.write(file, known.added({row.sensor: row for row in new.baselines}))
    console.print(
        f"kept in {file}; the daemon takes it at its next start. The bundle's certificate does not "
        "cover a station with a baseline: measure it with edge accept"
    )
    return 0
