"""How much a network has to calculate and to read, counted by whichever library is here."""

import importlib
from dataclasses import dataclass
from pathlib import Path

from edge.manifest import ClipInput, SeriesInput

COUNTERS = {
    "openvino": "edge.inference.operations_openvino",
    "onnx": "edge.inference.operations_onnx",
}  # package -> module; the first that is installed counts


@dataclass(frozen=True, slots=True)
class Operations:
    """Of one window. A multiplication and an addition are two."""

    integer: int  # of products whose both sides are quantised
    floating: int  # of all other products; element by element steps are not counted
    weight_bytes: int  # as they are stored
    window_bytes: int  # input and outputs


def count(file: Path, wanted: SeriesInput | ClipInput) -> Operations | None:
    """Of convolutions, matrix products and recurrent layers; None: nothing here reads the file.

    Raises:
        BundleError: the file is no network.
    """
    for package, module in COUNTERS.items():
        try:
            counter = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name != package:
                raise
        else:
            found: Operations = counter.count(file, wanted)
            return found
    return None
