"""What networks answer, run by the appliance's CPU engine rather than by torch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from rich.progress import track

# Some processors would run the float parts in bfloat16, whose logits differ from box to box.
SETTINGS = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}


def answers(file: Path, inputs: Sequence[NDArray[np.generic]], label: str) -> NDArray[np.float64]:
    """Logits of every input: (part, class)."""
    model = ov.Core().compile_model(str(file), "CPU", SETTINGS)
    wanted = model.input(0).element_type.to_dtype()
    logits = np.empty((len(inputs), model.output("logits").shape[1]))
    queue = ov.AsyncInferQueue(model)

    def keep(request: ov.InferRequest, row: int) -> None:
        logits[row] = request.get_tensor("logits").data[0]

    queue.set_callback(keep)
    for row in track(range(len(inputs)), f"answering {label}"):
        queue.start_async({0: inputs[row][None].astype(wanted)}, row)
    queue.wait_all()
    return logits
