"""What leaves torch is what was in it; what is quantised has the one form every engine takes."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from onnx import numpy_helper  # noqa: E402

from edge.inference import openvino  # noqa: E402
from edge.inference.pictures import PictureByPicture  # noqa: E402
from models.detectors import DESIGNS  # noqa: E402
from models.export import OUTPUTS, example, export, fold  # noqa: E402
from models.quantize import quantize  # noqa: E402

pytestmark = pytest.mark.workshop


@pytest.fixture(scope="module", params=list(DESIGNS))
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """(design, network, float file, INT8 file); batch norms have seen data, as after training."""
    torch.set_num_threads(1)
    torch.manual_seed(3)
    design = DESIGNS[request.param]
    network = design.build(len(design.classes))
    network(torch.cat([example(design) for _ in range(4)]))
    folder = tmp_path_factory.mktemp(design.name)
    float_file, int8_file = folder / "float.onnx", folder / "int8.onnx"
    inputs = [example(design)[0].numpy() for _ in range(3)]
    export(network, design, float_file)
    quantize(float_file, int8_file, design, inputs)
    return design, network.eval(), float_file, int8_file


def _run(file: Path, name: str, values: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return session.run(list(OUTPUTS), {name: values})


def test_the_float_file_answers_as_torch_does(exported) -> None:
    design, network, float_file, _ = exported
    values = example(design)
    with torch.no_grad():
        expected = network(values)
    for found, wanted in zip(
        _run(float_file, design.input.name, values.numpy()), expected, strict=True
    ):
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-4, atol=1e-4)


def test_the_logits_are_pooled_from_the_activation(exported) -> None:
    design, network, _, _ = exported
    with torch.no_grad():
        logits, activation, _ = network(example(design))
    flat = activation.flatten(2)
    pooled = flat.exp().mean(2).log() if network.head.soft_maximum else flat.mean(2)
    torch.testing.assert_close(logits, pooled, rtol=1e-4, atol=1e-4)


def test_a_cut_by_pictures_changes_no_answer(exported) -> None:
    """The appliance runs the network of the camera in two halves: by pictures, then the rest."""
    design, _, _, int8_file = exported
    halves = openvino.open_runner(int8_file, design.input, threads=1)
    assert isinstance(halves, PictureByPicture) == (design.name == "camera")
    if design.input.kind != "clip":
        return
    clip = example(design)[0].numpy()
    uncut = design.input.model_copy(update={"pictures": None, "seen": None})
    whole = openvino.open_runner(int8_file, uncut, threads=1).run(clip)
    for name, values in halves.run(clip).items():
        np.testing.assert_allclose(values, whole[name], rtol=1e-5, atol=1e-6)


def test_folding_batch_norms_changes_no_answer() -> None:
    design = DESIGNS["audio"]
    torch.manual_seed(5)
    network = design.build(len(design.classes))
    values = example(design)
    network(values.repeat(4, 1, 1))
    with torch.no_grad():
        before = network.eval()(values)[0].clone()
        after = fold(network)(values)[0]
    torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-5)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in network.modules())


def test_opset_is_at_most_21(exported) -> None:
    _, _, float_file, int8_file = exported
    for file in (float_file, int8_file):
        versions = {one.domain: one.version for one in onnx.load(file).opset_import}
        assert versions[""] <= 21
        assert set(versions) <= {"", "ai.onnx.ml"}  # no operator of one engine alone


def test_every_zero_point_is_zero_and_int8(exported) -> None:
    model = onnx.load(exported[3])
    constants = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    nodes = [n for n in model.graph.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert nodes
    for node in nodes:
        zero = constants[node.input[2]]
        assert zero.dtype == np.int8
        assert not zero.any()


def test_quantised_convolutions_have_a_scale_per_channel(exported) -> None:
    design, _, _, int8_file = exported
    model = onnx.load(int8_file)
    constants = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    makers = {name: node for node in model.graph.node for name in node.output}
    quantised = 0
    for node in (n for n in model.graph.node if n.op_type == "Conv"):
        weights = makers.get(node.input[1])
        if weights is None:  # a float part: its weights are a constant
            assert node.input[1].startswith(design.float_parts)
            continue
        quantised += 1
        stored, scale = constants[weights.input[0]], constants[weights.input[1]]
        assert stored.dtype == np.int8
        assert scale.shape == (stored.shape[0],)
        assert makers[node.input[0]].op_type == "DequantizeLinear"
    assert quantised >= 4


def test_an_lstm_and_a_head_stay_in_float(exported) -> None:
    model = onnx.load(exported[3])
    makers = {name: node.op_type for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        if node.op_type in ("LSTM", "MatMul"):
            assert "DequantizeLinear" not in {makers.get(name) for name in node.input}
