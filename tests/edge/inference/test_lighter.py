"""Networks rewritten for a GPU; onnx's own reference and a plain loop are the judges."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from edge.inference.lighter import lighten
from edge.inference.steps import in_steps
from inference.networks import SERIES, Network, reference, series

STEPS = SERIES.length


def answers(model: onnx.ModelProto, given: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
    onnx.checker.check_model(model, full_check=True)
    network = ReferenceEvaluator(model)
    outputs = network.run(None, {network.input_names[0]: given[None]})
    return {n: value[0] for n, value in zip(network.output_names, outputs, strict=True)}


def kinds(model: onnx.ModelProto) -> "Counter[str]":
    return Counter(node.op_type for node in model.graph.node)


def limits(net: Network, name: str, start: int, stop: int) -> list[str]:
    values = (("from", start), ("to", stop), ("axis", 2))
    return [net.weight(f"{name}_{what}", np.array([value])) for what, value in values]


def write_scan(path: Path, *, backward: bool, lowest: float | None = -8.0) -> Path:
    """A minLSTM's share of old and new over 64 steps, in six rounds; clipped, or not."""
    net = Network(5)
    gates = net.add("Conv", ["acceleration", net.normal("w", 6, 3, 1, scale=4.0)], "gates")
    if lowest is not None:
        ends = [net.weight("low", np.array(lowest, np.float32)), net.weight("high", np.float32(8))]  # type: ignore[arg-type]
        gates = net.add("Clip", [gates, *ends], "clipped")
    net.add("Split", [net.add("Sigmoid", [gates], "opened")], "forget", axis=1, num_outputs=2)
    net.nodes[-1].output.append("take")
    keep = net.add("Div", ["forget", net.add("Add", ["forget", "take"], "both")], "keep")
    fresh = net.add("Conv", ["acceleration", net.normal("v", 3, 3, 1, scale=1.0)], "fresh")
    state = net.add("Identity", [fresh], "written")
    span = limits(net, "first", 0, STEPS - 1) if backward else limits(net, "first", 1, STEPS)
    factor, reach = net.add("Slice", [keep, *span], "factor"), 1
    while reach < STEPS:
        end = (STEPS - reach, STEPS) if backward else (0, reach)
        near, far = (0, STEPS - reach), (reach, STEPS)
        spans = {"end": end, "rest": near if backward else far, "moved": far if backward else near}
        part = {
            what: net.add("Slice", [state, *limits(net, f"{what}{reach}", *one)], f"{what}{reach}_")
            for what, one in spans.items()
        }
        more = net.add("Mul", [factor, part["moved"]], f"more{reach}")
        total = net.add("Add", [part["rest"], more], f"total{reach}")
        both = [total, part["end"]] if backward else [part["end"], total]
        state = net.add("Concat", both, f"state{reach}", axis=2)
        length = STEPS - reach
        if 2 * reach < STEPS:
            one = net.add("Slice", [factor, *limits(net, f"f{reach}", reach, length)], f"f{reach}_")
            two = net.add(
                "Slice", [factor, *limits(net, f"g{reach}", 0, length - reach)], f"g{reach}_"
            )
            factor = net.add("Mul", [one, two], f"factor{reach}")
        reach *= 2
    net.add("Identity", [state], "states")
    net.add("Identity", [keep], "keeps")
    net.add("Identity", [fresh], "writes")
    shape = (1, 3, STEPS)
    return net.write(path, SERIES, {"states": shape, "keeps": shape, "writes": shape})


def loop(
    keep: NDArray[np.float32], write: NDArray[np.float32], *, backward: bool
) -> NDArray[np.float64]:
    """h_t = keep_t h_(t-1) + write_t, one step after the other, in double precision."""
    states, h = np.zeros(keep.shape), np.zeros(keep.shape[0])
    for t in range(STEPS - 1, -1, -1) if backward else range(STEPS):
        h = keep[:, t].astype(np.float64) * h + write[:, t]
        states[:, t] = h
    return states


@pytest.mark.parametrize("backward", [False, True])
def test_a_scan_in_two_products_is_the_loop(tmp_path: Path, backward: bool) -> None:
    model = onnx.load(write_scan(tmp_path / "net.onnx", backward=backward))
    lighten(model)
    after = kinds(model)
    assert after["MatMul"] == 2
    assert not {"Concat", "Slice", "Pad"} & set(after)
    for one in series(3):
        found = answers(model, one)
        expected = loop(found["keeps"], found["writes"], backward=backward)
        assert np.ptp(found["keeps"]) > 0.99  # from forgetting all to nearly nothing
        assert found["states"] == pytest.approx(expected, abs=1e-5)
        assert np.ptp(expected) > 1.0


@pytest.mark.parametrize("lowest", [None, -200.0])
def test_a_scan_whose_factors_might_be_zero_stays_one_of_rounds(
    tmp_path: Path, lowest: float | None
) -> None:
    """Zero has no logarithm."""
    file = write_scan(tmp_path / "net.onnx", backward=False, lowest=lowest)
    model = onnx.load(file)
    lighten(model)
    assert kinds(model)["MatMul"] == 0
    assert answers(model, series()[0])["states"] == pytest.approx(
        reference(file, series()[0])["states"], abs=1e-6
    )


def test_rounding_in_steps_of_one_is_rounding(tmp_path: Path) -> None:
    """Behind a Relu, and behind a norm without one; in front of the head it stays as it was."""
    net = Network(6)
    wide = net.add("Conv", ["acceleration", net.normal("w", 8, 3, 3, scale=0.5)], "wide")
    mean = [net.normal("mean", 8, scale=0.5), net.weight("var", np.ones(8, np.float32))]
    norm = [net.normal("gain", 8, scale=1.0), net.normal("offset", 8, scale=0.5), *mean]
    rounded = net.quantised(net.add("BatchNormalization", [wide, *norm], "norm"), 0.02)
    more = net.add("Conv", [rounded, net.normal("u", 8, 8, 3, scale=0.2)], "more")
    rounded = net.quantised(net.add("Relu", [more], "positive"), 0.03)
    last = net.add("Conv", [rounded, net.normal("t", 4, 8, 3, scale=0.2)], "last")
    net.add("ReduceMean", [net.quantised(last, 0.05), net.weight("axis", np.array([2]))], "logits",
            keepdims=0)  # fmt: skip
    file = net.write(tmp_path / "net.onnx", SERIES, {"logits": (1, 4)})
    model = onnx.load(file)
    in_steps(model)
    after = kinds(model)
    assert after["QuantizeLinear"] == after["DequantizeLinear"] == 1
    assert (after["Round"], after["Clip"], after["Relu"]) == (2, 2, 0)
    for one in series(4) * np.float32(3):  # some answers are beyond what int8 holds
        expected = reference(file, one)["logits"]
        assert answers(model, one)["logits"] == pytest.approx(expected, abs=2e-3)
        assert np.ptp(expected) > 0.5


def test_sums_in_parts_squares_of_the_whole_and_pools_of_pools_say_the_same(tmp_path: Path) -> None:
    net = Network(7)
    wide = net.add("Conv", ["acceleration", net.normal("w", 128, 3, 1, scale=0.5)], "wide")
    long = net.add("Conv", [wide, net.normal("u", 8, 128, 8, scale=0.05)], "long")
    net.add("Split", [long], "sine", axis=1, num_outputs=2)
    net.nodes[-1].output.append("cosine")
    squares = [net.add("Mul", [one, one], f"{one}_square") for one in ("sine", "cosine")]
    energy = net.add("Add", squares, "energy")
    same = net.add("MaxPool", [energy], "same", kernel_shape=[1], strides=[1])
    most = net.add("ReduceMax", [same, net.weight("last", np.array([2]))], "most", keepdims=1)
    net.add("Squeeze", [most, net.weight("axis", np.array([2]))], "logits")
    file = net.write(tmp_path / "net.onnx", SERIES, {"logits": (1, 4)})
    model = onnx.load(file)
    lighten(model)
    after = kinds(model)
    assert (after["Sum"], after["Mul"]) == (1, 1)
    assert (after["MaxPool"], after["ReduceMax"]) == (2, 0)
    for one in series(3):
        expected = reference(file, one)["logits"]
        assert answers(model, one)["logits"] == pytest.approx(expected, rel=1e-4)
        assert np.ptp(expected) > 0.1
