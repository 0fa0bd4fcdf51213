"""What goes wrong in a trial, as a user asks for it."""

import re
from collections.abc import Mapping
from typing import get_args

from edge.errors import ConfigError
from edge.trial.wires import SENSES
from sensors.simulator.plan import Fault, FaultKind

# late: s, looped: s, clipped: share of the range, gaps: share of blocks, step: s, drift: ppm
AMOUNTS: dict[FaultKind, float] = {
    "silent": 0.0,
    "late": 0.2,
    "stuck": 0.0,
    "looped": 0.5,
    "clipped": 0.3,
    "gaps": 0.3,
    "clock_step": 1.0,
    "clock_drift": 500.0,
}
FAULT_HELP = (
    "SENSOR:KIND[:AMOUNT][@START_S[+DURATION_S]]; SENSOR is an id (cell1-camera) or a sense "
    f"({', '.join(SENSES)}: of every station); KIND is {', '.join(get_args(FaultKind))}. "
    "May be given again"
)
_FAULT = re.compile(
    r"(?P<sensor>[A-Za-z0-9_.-]+):(?P<kind>[a-z_]+)(:(?P<amount>-?[0-9.]+))?"
    r"(@(?P<start>[0-9.]+)(\+(?P<duration>[0-9.]+))?)?"
)


def parse_fault(text: str, senses: Mapping[str, str]) -> list[Fault]:
    """One `--fault`; `senses` are all sensors by id: a sense names each that has it.

    Raises:
        ConfigError: not of that form, or an unknown sensor or kind.
    """
    found = _FAULT.fullmatch(text)
    if not found:
        raise ConfigError(f"--fault {text}: expected {FAULT_HELP}")
    sensor, kind = found["sensor"], found["kind"]
    struck = [one for one, sense in senses.items() if sensor in (one, sense)]
    if not struck:
        raise ConfigError(f"--fault {text}: no sensor {sensor!r}; there are {', '.join(senses)}")
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
        for one in struck
    ]
