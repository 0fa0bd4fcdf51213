"""A TOML file that says all of a training: data, classes, how long, how varied. Read and checked.

Frozen types; an unknown key is an error. `models/configs` holds those of the shipped detectors and
an example for recordings of one's own.
"""

import tomllib
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, ValidationError

from edge.certificate import Table
from edge.errors import ConfigError
from models.audio import AudioNetwork
from models.augment.plan import Plan
from models.datasets.source import Source
from models.detectors import Design, designs

SHIPPED = Path(__file__).parents[1] / "configs"
Sense = Literal["camera", "vibration", "audio"]


class Classes(Table):
    """What the detector tells apart, where that is not what the shipped one does.

    A class stands for hypotheses: causes that it cannot tell apart. The class `good` is always
    there; it also allows every defect that leaves no trace in this sense (`unseen`).
    """

    defects: dict[str, tuple[str, ...]] = Field(min_length=1)
    unseen: tuple[str, ...] = ()


class Network(Table):
    """Which of the forms of a network."""

    recurrence: Literal["parallel", "lstm"] = "parallel"  # of vibration and audio: `recurrent`
    front: Literal["log", "pcen"] = "log"  # of audio: level of a band, or against its own past


class Teaching(Table):
    """How long, how fast, how many at a time."""

    epochs: PositiveInt = 40
    batch: PositiveInt = 128  # examples a step, over all devices
    accumulate: PositiveInt = 1  # a batch is taught in so many pieces, where memory is short
    rate: PositiveFloat = 2e-3  # the highest of one cycle (Smith & Topin 2018)
    decay: NonNegativeFloat = 1e-2  # AdamW (Loshchilov & Hutter 2019)
    warm_up: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.15  # share of the steps
    clip: PositiveFloat = 1.0  # norm of the gradient at most
    patience: PositiveInt | None = None  # epochs without a better validation loss, then it ends
    precision: Literal["float32", "bfloat16", "float16"] = "float32"  # float16 on a GPU only
    balance: Literal["none", "weights", "sampler"] = "none"  # rare classes count, or come, more
    seed: int = 7


class Configuration(Table):
    """The whole file."""

    sense: Sense
    data: Source = Source()
    classes: Classes | None = None
    network: Network = Network()
    teaching: Teaching = Teaching()
    augment: Plan = Plan()

    @property
    def design(self) -> Design:
        """The detector to be taught."""
        shipped = designs(self.network.recurrence)[self.sense]
        if self.sense == "audio":
            build = partial(
                AudioNetwork, recurrence=self.network.recurrence, front=self.network.front
            )
            shipped = replace(shipped, build=build)
        if self.classes is None:
            return shipped
        defects = MappingProxyType(dict(self.classes.defects))
        return replace(shipped, defects=defects, unseen=self.classes.unseen, clear_from={})

    def built(self, **changed: Any) -> "Configuration":
        """The same with another `network`."""
        return self.model_copy(update={"network": self.network.model_copy(update=changed)})

    def taught(self, **changed: Any) -> "Configuration":
        """The same with other numbers under `teaching`."""
        return self.model_copy(update={"teaching": self.teaching.model_copy(update=changed)})


def read(path: Path) -> Configuration:
    """Raises ConfigError: no such file, not TOML, or a key that is wrong: names it."""
    try:
        found = Configuration.model_validate(tomllib.loads(path.read_text()))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); examples lie in {SHIPPED}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {where}: {first['msg']}") from error
    if found.classes and "good" in found.classes.defects:
        raise ConfigError(f"{path}: classes.defects: good is no defect; it is always there")
    return found


def shipped(sense: str) -> Configuration:
    """What the shipped detector of a sense was taught by."""
    return read(SHIPPED / f"{sense}.toml")
