"""A compact file holds the same numbers, in fewer bytes; what cannot be made stays as it is."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from onnx import numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

from edge.config import SHIPPED  # noqa: E402
from edge.inference.folded import folded  # noqa: E402
from models.compact import compact  # noqa: E402
from models.detectors import DESIGNS  # noqa: E402
from models.export import example, export  # noqa: E402
from models.frontend import MelPower, PowerSpectrogram  # noqa: E402
from models.integers import form  # noqa: E402
from models.quantize import quantize  # noqa: E402

pytestmark = pytest.mark.workshop

HALF = 2.0**-11  # IEEE 754 binary16: half a unit in the last of eleven binary digits


def _holding(**constants: np.ndarray) -> onnx.ModelProto:
    """A network of one Identity a constant."""
    nodes = [onnx.helper.make_node("Identity", [name], [f"{name}.out"]) for name in constants]
    outputs = [
        onnx.helper.make_tensor_value_info(f"{name}.out", onnx.TensorProto.FLOAT, value.shape)
        for name, value in constants.items()
    ]
    held = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = onnx.helper.make_graph(nodes, "holding", [], outputs, held)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])


def _made(model: onnx.ModelProto) -> list[np.ndarray]:
    onnx.checker.check_model(model, full_check=True)
    return ReferenceEvaluator(model).run(None, {})


@pytest.mark.parametrize("size", [64, 256, 512])
def test_kernels_of_a_spectrogram_are_made_bit_for_bit(size: int) -> None:
    kernels = PowerSpectrogram(size, size // 2).kernels.numpy()
    small = compact(_holding(kernels=kernels))
    assert small.ByteSize() < kernels.nbytes / 10
    np.testing.assert_array_equal(_made(small)[0], kernels)


def test_mel_bands_are_made_bit_for_bit() -> None:
    bands = MelPower(16_000.0, 256, 40, 100.0).weights.numpy()
    small = compact(_holding(bands=bands))
    assert small.ByteSize() < bands.nbytes / 6
    np.testing.assert_array_equal(_made(small)[0], bands)


def test_kernels_that_training_moved_are_kept_as_they_are() -> None:
    kernels = PowerSpectrogram(256, 80).kernels.numpy().copy()
    kernels[200, 0, 77] += 1e-3
    model = _holding(kernels=kernels)
    assert compact(model) == model


def test_a_matrix_of_wider_bands_is_kept_as_it_is() -> None:
    bands = MelPower(16_000.0, 256, 40, 100.0).weights.numpy().copy()
    bands[30, 5] = 0.01  # far from where this column has its others
    model = _holding(bands=bands)
    assert compact(model) == model


def test_only_filters_that_are_named_go_to_half_precision() -> None:
    rng = np.random.default_rng(4)
    one, other = (rng.standard_normal((32, 12, 24)).astype(np.float32) for _ in range(2))
    made = _made(compact(_holding(**{"ringing.weight": one, "blows.weight": other}), ["ringing."]))
    assert not np.array_equal(made[0], one)
    assert np.abs(made[0] / one - 1.0).max() <= HALF
    np.testing.assert_array_equal(made[1], other)


def test_compacting_twice_changes_nothing_more() -> None:
    kernels = PowerSpectrogram(256, 80).kernels.numpy()
    once = compact(_holding(kernels=kernels))
    assert compact(once) == once


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """(float file, INT8 file) of each detector, as a training would leave them."""
    torch.set_num_threads(1)
    torch.manual_seed(3)
    folder, found = tmp_path_factory.mktemp("compact"), {}
    for name, design in DESIGNS.items():
        network = design.build(len(design.classes))
        network(torch.cat([example(design) for _ in range(4)]))
        files = folder / f"{name}_float.onnx", folder / f"{name}_int8.onnx"
        export(network, design, files[0])
        quantize(*files, design, [example(design)[0].numpy()])
        found[name] = files
    return found


def test_integer_files_are_a_quarter_of_the_float_ones_with_their_constants_written_out(
    exported: dict[str, tuple[Path, Path]],
) -> None:
    """Weights alone would be a quarter exactly; scales and rounding steps come on top, so that of
    files alike in everything else it cannot be: 71 %."""
    whole = sum(len(folded(exact)) for exact, _ in exported.values())
    alike = sum(exact.stat().st_size for exact, _ in exported.values())
    integer = sum(file.stat().st_size for _, file in exported.values())
    assert integer <= 0.25 * whole
    assert integer <= 0.29 * alike


def test_the_shipped_files_are_in_the_form_that_a_training_would_leave(
    exported: dict[str, tuple[Path, Path]],
) -> None:
    """The same operators on constants of the same sizes, whatever the weights."""
    for name, (_, file) in exported.items():
        shipped, fresh = (
            onnx.load(path).graph for path in (SHIPPED / "motor" / f"{name}.onnx", file)
        )
        kinds = [sorted(node.op_type for node in graph.node) for graph in (shipped, fresh)]
        assert kinds[0] == kinds[1]
        held = [
            sorted((one.data_type, tuple(one.dims)) for one in graph.initializer)
            for graph in (shipped, fresh)
        ]
        assert held[0] == held[1]


def test_without_its_rounding_an_integer_file_answers_as_the_float_one_nearly(
    exported: dict[str, tuple[Path, Path]],
) -> None:
    """Only weights differ: by half a step of 1/64 of each channel's largest."""
    exact, integer = exported["audio"]
    values = example(DESIGNS["audio"]).numpy()
    plain = form.exact(onnx.load(integer))
    kinds = {node.op_type for node in plain.graph.node}
    assert not kinds & {"QuantizeLinear", "DequantizeLinear"}
    logits = [
        onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(
            ["logits"], {"pressure": values}
        )[0]
        for data in (exact.read_bytes(), plain.SerializeToString(), integer.read_bytes())
    ]
    assert 0.0 < np.abs(logits[1] - logits[0]).max() < 0.05 * np.ptp(logits[0])
