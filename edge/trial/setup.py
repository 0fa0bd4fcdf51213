"""What a trial should be: how many parts, how fast, over which wires, and what goes wrong."""

import argparse
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from edge.errors import ConfigError
from sensors.simulator.plan import Fault, FaultKind

SENSES = ("camera", "vibration", "audio")
SHORTEST_PERIOD_S = 0.5  # of one station: its windows would overlap
Transport = Literal["opcua", "mqtt"]
BrokerKind = Literal["auto", "mosquitto", "amqtt"]
# late: s, clipped: share of the range, gaps: share of blocks, step: s, drift: ppm
AMOUNTS: dict[FaultKind, float] = {
    "silent": 0.0,
    "late": 0.2,
    "stuck": 0.0,
    "clipped": 0.3,
    "gaps": 0.3,
    "clock_step": 1.0,
    "clock_drift": 500.0,
}
_FAULT = re.compile(
    r"(?P<sensor>[A-Za-z0-9_.-]+):(?P<kind>[a-z_]+)(:(?P<amount>-?[0-9.]+))?"
    r"(@(?P<start>[0-9.]+)(\+(?P<duration>[0-9.]+))?)?"
)
FAULT_HELP = (
    "SENSOR:KIND[:AMOUNT][@START_S[+DURATION_S]]; SENSOR is an id (cell1-camera) or a sense "
    f"({', '.join(SENSES)}: of every station); KIND is {', '.join(get_args(FaultKind))}. "
    "May be given again"
)


@dataclass(frozen=True, slots=True)
class Setup:
    """A trial. `rate` is parts a second of all stations together, which take turns evenly."""

    parts: int  # of all stations; a multiple of them
    stations: int = 1
    rate: float = 1.0
    seed: int = 1
    difficulty: float = 1.0
    transport: Transport = "opcua"  # of the vibration; all else but the trigger goes over MQTT
    profile: Literal["fast", "slow"] = "fast"
    faults: tuple[Fault, ...] = ()
    recorded: int = 60  # distinct parts of each station, at most
    bundle: str = "shipped:motor"
    broker: BrokerKind = "auto"
    is_recorded: bool = False  # the daemon keeps every part's raw payloads

    @property
    def period_s(self) -> float:
        return self.stations / self.rate

    @property
    def parts_per_station(self) -> int:
        return self.parts // self.stations

    @property
    def recorded_per_station(self) -> int:
        return min(self.parts_per_station, self.recorded)

    def station_ids(self) -> tuple[str, ...]:
        return tuple(f"cell{number}" for number in range(1, self.stations + 1))


def sensor_id(station: str, sense: str) -> str:
    return f"{station}-{sense}"


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
    parser.add_argument(
        "--transport", choices=get_args(Transport), default="opcua",
        help="of the vibration; camera and sound go over MQTT (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--profile", choices=("fast", "slow"), default="fast",
        help="of the PLC: slow samples every 100 ms and publishes every 500 ms",
    )  # fmt: skip
    parser.add_argument(
        "--broker", choices=get_args(BrokerKind), default="auto",
        help="auto: mosquitto if installed, else amqtt (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--bundle", default="shipped:motor", metavar="DIR",
        help="networks to judge with (default %(default)s, our own)",
    )  # fmt: skip
    parser.add_argument("--fault", action="append", default=[], metavar="FAULT", help=FAULT_HELP)


def setup_from(options: argparse.Namespace) -> Setup:
    """Check the options against each other.

    Raises:
        ConfigError: says which one, and what would do.
    """
    stations, rate = options.stations, options.rate
    if not rate > 0:
        raise ConfigError(f"--rate: is {rate}, must be above 0")
    if stations / rate < SHORTEST_PERIOD_S:
        raise ConfigError(
            f"--rate: {rate:g} parts/s from {stations} station(s) is one part every "
            f"{stations / rate:g} s each, and watching one takes {SHORTEST_PERIOD_S} s; "
            f"take --stations {_enough(rate)} or --rate {stations / SHORTEST_PERIOD_S:g}"
        )
    setup = Setup(
        parts=-(-options.parts // stations) * stations,
        stations=stations,
        rate=rate,
        seed=options.seed,
        difficulty=options.difficulty,
        transport=options.transport,
        profile=options.profile,
        bundle=_bundle(options.bundle),
        broker=options.broker,
    )
    faults = tuple(f for text in options.fault for f in parse_fault(text, setup.station_ids()))
    return replace(setup, faults=faults)


def parse_fault(text: str, stations: tuple[str, ...]) -> list[Fault]:
    """One `--fault`; a sense names the sensor of every station.

    Raises:
        ConfigError: not of that form, or an unknown sensor or kind.
    """
    found = _FAULT.fullmatch(text)
    if not found:
        raise ConfigError(f"--fault {text}: expected {FAULT_HELP}")
    sensor, kind = found["sensor"], found["kind"]
    known = {sensor_id(station, sense): sense for station in stations for sense in SENSES}
    sensors = [one for one, sense in known.items() if sensor in (one, sense)]
    if not sensors:
        raise ConfigError(f"--fault {text}: no sensor {sensor!r}; there are {', '.join(known)}")
    if kind not in AMOUNTS:
        raise ConfigError(f"--fault {text}: no fault {kind!r}; there are {', '.join(AMOUNTS)}")
    return [
        Fault(
            sensor=one,
            kind=kind,
            amount=float(found["amount"]) if found["amount"] else AMOUNTS[kind],
            start_s=float(found["start"] or 0.0),
            **({"duration_s": float(found["duration"])} if found["duration"] else {}),
        )
        for one in sensors
    ]


def _bundle(text: str) -> str:
    return text if text.startswith("shipped:") else str(Path(text).resolve())


def _enough(rate: float) -> int:
    return int(-(-rate * SHORTEST_PERIOD_S // 1))


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not at least 1")
    return value
