"""Which wire each sense of a simulated station speaks on, and in what form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, cast, get_args

from edge.errors import ConfigError

SENSES = ("camera", "vibration", "audio")
Carrier = Literal["mqtt", "opcua"]
Payload = Literal["messagepack", "json", "raw", "array", "variables"]
Wires = Mapping[str, "Wire"]  # by sense, and of the trigger
_PICTURE: Mapping[Carrier, tuple[Payload, ...]] = {
    "mqtt": ("messagepack", "json", "raw"),
    "opcua": ("messagepack",),
}
_WAVE: Mapping[Carrier, tuple[Payload, ...]] = {
    "mqtt": ("messagepack", "json", "raw"),
    "opcua": ("messagepack", "array"),
}
# what each may go over, and as what; the first is meant when none is named
FORMS: Mapping[str, Mapping[Carrier, tuple[Payload, ...]]] = {
    "camera": _PICTURE,
    "vibration": _WAVE,
    "audio": _WAVE,
    "trigger": {"mqtt": ("json",), "opcua": ("variables",)},
}
_WIRE = re.compile(r"(?P<sense>\w+)=(?P<carrier>\w+)(:(?P<payload>\w+))?")
_SHAPE = "SENSE=WIRE[:PAYLOAD]"
WIRE_HELP = (
    f"{_SHAPE}; SENSE is {', '.join(FORMS)}; WIRE is {' or '.join(get_args(Carrier))}; PAYLOAD is "
    "messagepack (the default), json or raw over mqtt, messagepack or, of a waveform, array over "
    "opcua; a trigger is json over mqtt, the PLC's variables over opcua. May be given again. "
    "Default: vibration and trigger over opcua, camera and audio over mqtt"
)


@dataclass(frozen=True, slots=True)
class Wire:
    """One of FORMS."""

    carrier: Carrier
    payload: Payload

    def __str__(self) -> str:
        return f"{self.carrier}:{self.payload}"


DEFAULT: Wires = MappingProxyType(
    {
        "camera": Wire("mqtt", "messagepack"),
        "vibration": Wire("opcua", "messagepack"),
        "audio": Wire("mqtt", "messagepack"),
        "trigger": Wire("opcua", "variables"),
    }
)


def wired(*texts: str) -> Wires:
    """The default wires, and each `SENSE=WIRE[:PAYLOAD]` in its place.

    Raises:
        ConfigError: not of that form, one that cannot be, or a sense named twice.
    """
    turned: dict[str, Wire] = {}
    for text in texts:
        sense, wire = _parse(text)
        if sense in turned:
            raise ConfigError(
                f"--wire {text}: {sense} goes over {turned[sense]} already; name it once "
                "(--transport names the vibration)"
            )
        turned[sense] = wire
    return MappingProxyType({**DEFAULT, **turned})


def in_words(wires: Wires) -> str:
    return ", ".join(f"{sense} {wire}" for sense, wire in wires.items())


def _parse(text: str) -> tuple[str, Wire]:
    found = _WIRE.fullmatch(text)
    if not found:
        raise ConfigError(f"--wire {text}: expected {_SHAPE}, as in vibration=opcua:array")
    sense, payload = found["sense"], found["payload"]
    if sense not in FORMS:
        raise ConfigError(f"--wire {text}: no sense {sense!r}; there are {', '.join(FORMS)}")
    forms = FORMS[sense].get(cast(Carrier, found["carrier"]), ())
    if not forms or payload not in (None, *forms):
        possible = [f"{sense}={c}:{p}" for c, each in FORMS[sense].items() for p in each]
        raise ConfigError(f"--wire {text}: cannot be; take {' or '.join(possible)}")
    return sense, Wire(cast(Carrier, found["carrier"]), payload or forms[0])
