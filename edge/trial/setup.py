"""What a trial should be: how many parts, how fast, over which wires, and what goes wrong."""

import argparse
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from edge.config import ANY_RECIPE, MAX_WINDOWS, STORED
from edge.errors import ConfigError
from edge.inference.runner import DEFAULT as DEFAULT_ENGINE
from edge.inference.runner import ENGINES
from edge.trial.faults import FAULT_HELP, parse_fault
from edge.trial.wires import SENSES, WIRE_HELP, Carrier, Wires, wired
from sensors.simulator.plan import Fault
from sensors.simulator.pool import WINDOW_S

WINDOW_STEP_S = 0.25  # from one window of a sensor to its next: they overlap by half
BLOCK_MS = 10.0
SHORTEST_BLOCK_MS, LONGEST_BLOCK_MS = 1.0, 100.0
OUR_BUNDLE = "shipped:motor"
OUR_RECIPE = "motor"
ENGINE_NAMES = tuple(row.name for row in ENGINES)
BrokerKind = Literal["auto", "mosquitto", "amqtt"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a station is told to make."""

    name: str
    bundle: str | None  # None: the daemon does not know it


@dataclass(frozen=True, slots=True)
class Setup:
    """A trial. `rate` is parts a second of all stations together, which take turns evenly."""

    parts: int  # of all stations; a multiple of them
    stations: int = 1
    rate: float = 1.0
    seed: int = 1
    difficulty: float = 1.0
    wires: Wires = field(default_factory=wired)
    block_ms: float = BLOCK_MS  # of vibration and sound
    cameras: int = 1  # of each station, that see the same
    windows: int = 1  # of each sensor on each part
    profile: Literal["fast", "slow"] = "fast"
    faults: tuple[Fault, ...] = ()
    recorded: int = 60  # distinct parts of each station, at most
    bundle: str = OUR_BUNDLE  # of every recipe, where none are named
    recipes: tuple[Recipe, ...] = ()  # the parts of a station take turns
    stored: str = ""  # name of the bundle, where stations take it from a store of the trial's own
    swaps: int = 0  # versions in that store beside the first
    second: Path | None = None  # folder of every other version of it; None: the same networks
    broker: BrokerKind = "auto"
    engine: str = DEFAULT_ENGINE  # that runs the daemon's networks
    deadline_ms: float = 50.0  # within which the daemon's verdicts must be out
    is_recorded: bool = False  # the daemon keeps every part's raw payloads

    @property
    def period_s(self) -> float:
        return self.stations / self.rate

    @property
    def window_s(self) -> float:
        """From a part's edge to the end of its last window."""
        return window_s(self.windows)

    @property
    def offsets_s(self) -> tuple[float, ...]:
        """From the start of a sensor's first window to that of each."""
        return tuple(number * WINDOW_STEP_S for number in range(self.windows))

    @property
    def parts_per_station(self) -> int:
        return self.parts // self.stations

    @property
    def recorded_per_station(self) -> int:
        return min(self.parts_per_station, self.recorded)

    def station_ids(self) -> tuple[str, ...]:
        return tuple(f"cell{number}" for number in range(1, self.stations + 1))

    def senses(self) -> dict[str, str]:
        """Of a station's sensors, by their names within it."""
        more = {f"camera{number}": "camera" for number in range(2, self.cameras + 1)}
        return {sense: sense for sense in SENSES} | more

    def bundles(self) -> dict[str, str]:
        """By recipe, as LINE.toml names them."""
        if self.stored:
            return {ANY_RECIPE: f"{STORED}{self.stored}"}
        named = {one.name: one.bundle for one in self.recipes if one.bundle is not None}
        return named or {ANY_RECIPE: self.bundle}

    def recipe_names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.recipes) or (OUR_RECIPE,)


def window_s(windows: int) -> float:
    """From a part's edge to the end of its last window."""
    return WINDOW_S + (windows - 1) * WINDOW_STEP_S


def sensor_id(station: str, name: str) -> str:
    return f"{station}-{name}"


def add_plant_arguments(
    parser: argparse.ArgumentParser, *, parts: int, stations: int, rate: float
) -> None:
    """The options that say what plant is simulated."""
    parser.add_argument(
        "--parts", type=_positive, default=parts, metavar="N",
        help="of all stations together, rounded up to a multiple of them (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--stations", type=_positive, default=stations, metavar="S", help="(default %(default)s)"
    )
    parser.add_argument(
        "--rate", type=float, default=rate, metavar="PARTS_PER_S",
        help="of all stations together (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=1, metavar="S", help="of the parts and of the clocks' errors"
    )
    parser.add_argument(
        "--difficulty", type=float, default=1.0, metavar="D",
        help="of the plant: 0 no nuisances, 1 as the detectors were trained (default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--wire", action="append", default=[], metavar="WIRE", help=WIRE_HELP)
    parser.add_argument(
        "--transport", choices=get_args(Carrier), help="short for --wire vibration=TRANSPORT"
    )
    parser.add_argument(
        "--block-ms", type=float, default=BLOCK_MS, metavar="MS",
        help="of vibration and sound in one message: a window is whole when its last block is "
        "there, so shorter ones are sooner, and cost more processor (default %(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--cameras", type=_positive, default=1, metavar="N",
        help="of each station, that see the same (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--windows", type=_positive, default=1, metavar="N",
        help=f"of each sensor on each part, {WINDOW_STEP_S:g} s apart (default %(default)s; the "
        f"bundle's thresholds are for one), at most {MAX_WINDOWS}",
    )  # fmt: skip
    parser.add_argument(
        "--profile", choices=("fast", "slow"), default="fast",
        help="of the PLC: slow samples every 100 ms and publishes every 500 ms",
    )  # fmt: skip
    parser.add_argument(
        "--broker", choices=get_args(BrokerKind), default="auto",
        help="auto: mosquitto if installed, else amqtt (default %(default)s)",
    )  # fmt: skip
    _add_daemon_arguments(parser)
    parser.add_argument("--fault", action="append", default=[], metavar="FAULT", help=FAULT_HELP)


def _add_daemon_arguments(parser: argparse.ArgumentParser) -> None:
    """By what the parts are judged."""
    parser.add_argument(
        "--engine", choices=ENGINE_NAMES, default=DEFAULT_ENGINE,
        help="that runs the daemon's networks, as engine.name (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--bundle", default=OUR_BUNDLE, metavar="DIR",
        help="networks to judge with (default %(default)s, our own)",
    )  # fmt: skip
    parser.add_argument(
        "--recipe", action="append", default=[], metavar="NAME[=DIR]",
        help="a recipe and its bundle, in place of --bundle; the parts of a station take turns. "
        "Without DIR: one that the daemon does not know. May be given again",
    )  # fmt: skip


def setup_from(options: argparse.Namespace) -> Setup:
    """Check the options against each other.

    Raises:
        ConfigError: says which one, and what would do.
    """
    stations, rate = options.stations, options.rate
    if not rate > 0:
        raise ConfigError(f"--rate: is {rate}, must be above 0")
    if not SHORTEST_BLOCK_MS <= options.block_ms <= LONGEST_BLOCK_MS:
        raise ConfigError(
            f"--block-ms: is {options.block_ms:g}, must be {SHORTEST_BLOCK_MS:g} to "
            f"{LONGEST_BLOCK_MS:g}"
        )
    if options.windows > MAX_WINDOWS:
        raise ConfigError(f"--windows: is {options.windows}, must be at most {MAX_WINDOWS}")
    shortest_s = window_s(options.windows)  # of one station: parts would overlap
    if stations / rate < shortest_s:
        raise ConfigError(
            f"--rate: {rate:g} parts/s from {stations} station(s) is one part every "
            f"{stations / rate:g} s each, and watching one takes {shortest_s} s; "
            f"take --stations {_enough(rate, shortest_s)} or --rate {stations / shortest_s:g}"
        )
    setup = Setup(
        parts=-(-options.parts // stations) * stations,
        stations=stations,
        rate=rate,
        seed=options.seed,
        difficulty=options.difficulty,
        wires=wired(*_transport(options.transport), *options.wire),
        block_ms=options.block_ms,
        cameras=options.cameras,
        windows=options.windows,
        profile=options.profile,
        bundle=_bundle(options.bundle),
        recipes=_recipes(options.recipe),
        broker=options.broker,
        engine=options.engine,
    )
    senses = {
        sensor_id(station, name): sense
        for station in setup.station_ids()
        for name, sense in setup.senses().items()
    }
    faults = tuple(fault for text in options.fault for fault in parse_fault(text, senses))
    return replace(setup, faults=faults)


def _transport(carrier: str | None) -> list[str]:
    return [f"vibration={carrier}"] if carrier else []


def _recipes(texts: list[str]) -> tuple[Recipe, ...]:
    pairs = [text.partition("=") for text in texts]
    recipes = tuple(Recipe(name, _bundle(folder) if folder else None) for name, _, folder in pairs)
    if recipes and not any(one.bundle for one in recipes):
        raise ConfigError(f"--recipe {texts[0]}: one of them must have a bundle: NAME=DIR")
    if twice := {one.name for one in recipes if [r.name for r in recipes].count(one.name) > 1}:
        raise ConfigError(f"--recipe: {', '.join(sorted(twice))} is named twice")
    return recipes


def _bundle(text: str) -> str:
    return text if text.startswith("shipped:") else str(Path(text).resolve())


def _enough(rate: float, period_s: float) -> int:
    return int(-(-rate * period_s // 1))


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not at least 1")
    return value
