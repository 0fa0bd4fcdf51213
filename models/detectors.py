"""The three detectors this workshop makes: inputs, the meaning of classes, networks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Literal

from torch import nn

from edge.bundle import ClipInput, SeriesInput
from models import audio, camera, vibration

GOOD = "good"


@dataclass(frozen=True, slots=True)
class Design:
    """One detector before it has weights."""

    name: str
    sense: Literal["camera", "vibration", "audio"]
    input: SeriesInput | ClipInput
    build: Callable[[int], nn.Module]
    float_parts: tuple[str, ...]  # parameter prefixes that are not quantised
    defects: MappingProxyType[str, tuple[str, ...]]  # class -> hypotheses it cannot tell apart
    unseen: tuple[str, ...]  # defects that leave no trace here: "good" allows them
    clear_from: Mapping[str, float] = field(default_factory=dict)  # class -> severity, else 1.0

    @property
    def classes(self) -> dict[str, tuple[str, ...]]:
        return {GOOD: ("ok", *self.unseen), **self.defects}

    def label(self, hypothesis: str) -> int:
        """Index of the class a part of this cause is taught as."""
        names = [name for name, meant in self.classes.items() if hypothesis in meant]
        return list(self.classes).index(names[-1])  # a class of its own goes before "good"


CAMERA = Design(
    name="camera",
    sense="camera",
    input=ClipInput(
        kind="clip",
        name="clip",
        rate_hz=30.0,
        frames=8,
        stride=2,
        height=120,
        width=160,
        pictures="pictures",
        seen="seen",
    ),
    build=camera.CameraNetwork,
    float_parts=camera.FLOAT_PARTS,
    defects=MappingProxyType(
        {"scratch": ("scratch",), "crack": ("crack",), "loose_cover": ("loose_cover",)}
    ),
    unseen=("imbalance", "bearing_outer", "bearing_inner", "rub", "loose_cover"),
)
VIBRATION = Design(
    name="vibration",
    sense="vibration",
    input=SeriesInput(
        kind="series",
        name="acceleration",
        unit="m/s2",
        channels=3,
        rate_hz=vibration.RATE_HZ,
        length=12_800,
    ),
    build=vibration.VibrationNetwork,
    float_parts=vibration.FLOAT_PARTS,
    defects=MappingProxyType(
        {
            "imbalance": ("imbalance",),
            "bearing_outer": ("bearing_outer",),
            "bearing_inner": ("bearing_inner",),
        }
    ),
    unseen=("scratch", "crack", "rub", "loose_cover"),
)
AUDIO = Design(
    name="audio",
    sense="audio",
    input=SeriesInput(
        kind="series", name="pressure", unit="Pa", channels=1, rate_hz=audio.RATE_HZ, length=8_000
    ),
    build=audio.AudioNetwork,
    float_parts=audio.FLOAT_PARTS,
    defects=MappingProxyType(
        {
            "bearing": ("bearing_outer", "bearing_inner"),
            "rub": ("rub",),
            "loose_cover": ("loose_cover",),
        }
    ),
    unseen=("scratch", "crack", "imbalance", "bearing_outer", "bearing_inner"),
    # Near its reject limit a spall is felt long before it is heard. To teach that such a part
    # sounds bad would teach that many good ones might; "good" does not deny it.
    clear_from=MappingProxyType({"bearing": 2.0}),
)
DESIGNS = MappingProxyType({one.name: one for one in (CAMERA, VIBRATION, AUDIO)})


def designs(recurrence: str) -> Mapping[str, Design]:
    """The detectors with another recurrence than the shipped one: see `recurrent.RECURRENCES`."""
    builds: dict[str, Callable[[int], nn.Module]] = {
        "vibration": partial(vibration.VibrationNetwork, recurrence=recurrence),
        "audio": partial(audio.AudioNetwork, recurrence=recurrence),
    }
    return {
        name: replace(one, build=builds[name]) if name in builds else one
        for name, one in DESIGNS.items()
    }
