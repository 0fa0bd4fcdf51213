"""Small real networks, and what onnx's own reference says of them."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from edge.manifest import ClipInput, SeriesInput
from sensors.signal import Quality, Window

CLIP = ClipInput(kind="clip", name="clip", rate_hz=30.0, frames=4, stride=2, height=16, width=16)
PICTURES = CLIP.model_copy(update={"pictures": "pictures", "seen": "seen"})
SERIES = SeriesInput(
    kind="series", name="acceleration", unit="m/s2", channels=3, rate_hz=1000.0, length=64
)
CHANNELS, HIDDEN, CLASSES = 32, 16, 3


class Network:
    """Collects nodes and weights, and writes them as one ONNX file."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, value: NDArray[np.generic]) -> str:
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def normal(self, name: str, *shape: int, scale: float) -> str:
        return self.weight(name, self.random.normal(scale=scale, size=shape).astype(np.float32))

    def add(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def quantised(self, tensor: str, scale: float) -> str:
        """An explicit Q/DQ pair: symmetric int8, zero point 0."""
        pair = [
            self.weight(f"{tensor}_scale", np.float32(scale)),  # type: ignore[arg-type]
            self.weight(f"{tensor}_zero", np.int8(0)),  # type: ignore[arg-type]
        ]
        self.add("QuantizeLinear", [tensor, *pair], f"{tensor}_q")
        return self.add("DequantizeLinear", [f"{tensor}_q", *pair], f"{tensor}_dq")

    def quantised_weight(self, name: str, *shape: int, scale: float) -> str:
        """int8 weights with one scale an output channel.

        In seven bits: in eight, processors without INT8 dot products saturate (by 1.3 of a span of
        4.6 here), and the test would tell of the processor instead of the engine.
        """
        value = self.random.normal(scale=scale, size=shape)
        steps = np.abs(value).reshape(shape[0], -1).max(axis=1) / 63
        whole = np.round(value / steps.reshape(-1, *(1 for _ in shape[1:]))).astype(np.int8)
        inputs = [
            self.weight(f"{name}_q", whole),
            self.weight(f"{name}_scale", steps.astype(np.float32)),
            self.weight(f"{name}_zero", np.zeros(shape[0], np.int8)),
        ]
        return self.add("DequantizeLinear", inputs, name, axis=0)

    def write(
        self,
        path: Path,
        given: ClipInput | SeriesInput,
        outputs: dict[str, tuple[int | str, ...]],
        *,
        batch: int | str = 1,
    ) -> Path:
        """As one file. A `batch` with a name is free: so is the first axis of every output."""
        element = TensorProto.UINT8 if given.kind == "clip" else TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info(given.name, element, (batch, *given.shape))],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, (batch, *shape[1:]))
                for name, shape in outputs.items()
            ],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path)
        return path


def write_camera(path: Path, *, is_int8: bool = True, seed: int = 7, batch: int | str = 1) -> Path:
    """A 3D convolution, in INT8 by explicit Q/DQ nodes or in float, and a pooled linear head."""
    net = Network(seed)
    grey = net.add("Cast", ["clip"], "grey", to=TensorProto.FLOAT)
    unit = net.add("Mul", [grey, net.weight("full", np.array(1 / 255, np.float32))], "unit")
    clip = net.add("Unsqueeze", [unit, net.weight("axis", np.array([1]))], "channelled")
    shape = (CHANNELS, 1, 3, 3, 3)
    if is_int8:
        inputs = [net.quantised(clip, 1 / 127), net.quantised_weight("kernel", *shape, scale=0.2)]
    else:
        inputs = [clip, net.normal("kernel", *shape, scale=0.2)]
    inputs.append(net.normal("bias", CHANNELS, scale=0.1))
    found = net.add("Conv", inputs, "convolved", kernel_shape=(3, 3, 3), pads=(1,) * 6)
    if is_int8:
        found = net.quantised(found, 4 / 127)
    found = net.add("Relu", [found], "activation")
    pooled = net.add("GlobalAveragePool", [found], "pooled")
    embedding = net.add("Flatten", [pooled], "embedding")
    head = [embedding, net.normal("head", CHANNELS, CLASSES, scale=4.0)]
    net.add("MatMul", head, "logits")
    outputs: dict[str, tuple[int | str, ...]] = {
        "logits": (1, CLASSES),
        "activation": (1, CHANNELS, 4, 16, 16),
        "embedding": (1, CHANNELS),
    }
    return net.write(path, CLIP, outputs, batch=batch)


def write_pictures(path: Path, *, seed: int = 9) -> Path:
    """An INT8 convolution over each picture (from `pictures` to `seen`), one over time, a head."""
    net = Network(seed)
    rows = net.add("Reshape", ["clip", net.weight("rows", np.array([-1, 1, 16, 16]))], "pictures")
    grey = net.add("Cast", [rows], "grey", to=TensorProto.FLOAT)
    unit = net.add("Mul", [grey, net.weight("full", np.array(1 / 255, np.float32))], "unit")
    kernel = net.quantised_weight("kernel", CHANNELS, 1, 3, 3, scale=0.2)
    inputs = [net.quantised(unit, 1 / 127), kernel, net.normal("bias", CHANNELS, scale=0.1)]
    net.add("Relu", [net.add("Conv", inputs, "found", pads=(1,) * 4)], "seen")
    shape = net.weight("shape", np.array([1, 4, CHANNELS, 16, 16]))
    parts = net.add("Reshape", ["seen", shape], "parts")
    volume = net.add("Transpose", [parts], "volume", perm=(0, 2, 1, 3, 4))
    kernel = net.quantised_weight("change", CHANNELS, CHANNELS, 3, 1, 1, scale=0.2)
    moved = net.add("Conv", [net.quantised(volume, 4 / 127), kernel], "moved", pads=(1, 0, 0) * 2)
    pooled = net.add("GlobalAveragePool", [net.add("Relu", [moved], "activation")], "pooled")
    embedding = net.add("Flatten", [pooled], "embedding")
    net.add("MatMul", [embedding, net.normal("head", CHANNELS, CLASSES, scale=4.0)], "logits")
    outputs: dict[str, tuple[int | str, ...]] = {
        "logits": (1, CLASSES),
        "activation": (1, CHANNELS, 4, 16, 16),
        "embedding": (1, CHANNELS),
    }
    return net.write(path, PICTURES, outputs)


def write_vibration(path: Path, *, seed: int = 8, batch: int | str = 1) -> Path:
    """An LSTM over 64 steps of three axes; the last state through a linear head."""
    net = Network(seed)
    steps = net.add("Transpose", ["acceleration"], "steps", perm=(2, 0, 1))
    weights = [
        net.normal("w", 1, 4 * HIDDEN, 3, scale=0.5),
        net.normal("r", 1, 4 * HIDDEN, HIDDEN, scale=0.3),
        net.normal("b", 1, 8 * HIDDEN, scale=0.1),
    ]
    net.nodes.append(helper.make_node("LSTM", [steps, *weights], ["", "state"], hidden_size=HIDDEN))
    last = net.add("Squeeze", ["state", net.weight("axis", np.array([0]))], "last")
    net.add("MatMul", [last, net.normal("head", HIDDEN, CLASSES, scale=3.0)], "logits")
    return net.write(path, SERIES, {"logits": (1, CLASSES)}, batch=batch)


def clips(count: int = 1) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (count, *CLIP.shape), dtype=np.uint8)


def series(count: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(2).normal(size=(count, *SERIES.shape)).astype(np.float32)


def reference(file: Path, given: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
    """What onnx's own reference says to one window: plain numpy, no engine's arithmetic."""
    network = ReferenceEvaluator(onnx.load(file))
    outputs = network.run(None, {network.input_names[0]: given[None]})
    return {n: value[0] for n, value in zip(network.output_names, outputs, strict=True)}


def window(data: NDArray[np.generic], sensor: str = "cam1") -> Window:
    return Window(
        sensor=sensor,
        data=data,  # type: ignore[arg-type]
        start_ns=0,
        end_ns=1,
        received_ns=2,
        ready_ns=3,
        clock="synchronised",
        quality=Quality(),
    )
