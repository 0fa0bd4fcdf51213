"""Layer by layer: what integers cost is measured, and what training felt is what the file does."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from onnx import numpy_helper  # noqa: E402

from models.answers import answers  # noqa: E402
from models.augment.plan import Plan  # noqa: E402
from models.datasets.examples import Examples  # noqa: E402
from models.detectors import DESIGNS, Design, designs  # noqa: E402
from models.export import example, export, fold  # noqa: E402
from models.integers import aware, form, latency  # noqa: E402
from models.integers.layers import (  # noqa: E402
    asking,
    kept_in_float,
    sensitivities,
    typical,
)
from models.integers.loss import compared  # noqa: E402
from models.quantize import quantize  # noqa: E402
from models.training.configuration import Teaching  # noqa: E402

pytestmark = pytest.mark.workshop

DESIGN = DESIGNS["audio"]
LAYERS = 4  # blocks of convolutions of the microphone's network


def _examples(count: int, seed: int) -> Examples:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 4
    tones = np.sin(2 * np.pi * 400.0 * (1 + labels[:, None]) * np.arange(8000) / 16_000.0)
    sounds = (0.02 * tones + 0.01 * rng.standard_normal((count, 8000))).astype(np.float32)
    names = tuple(f"{seed}/{row}" for row in range(count))
    ones = np.ones(count, np.float32)
    return Examples(sounds[:, None], labels.astype(np.int64), ones, names, names, ones)


EXAMPLES = {"train": _examples(16, 1), "validation": _examples(24, 2)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    """(trained a little, its float model, its INT8 model, folder)."""
    return _made(DESIGN, tmp_path_factory.mktemp("integers"))


def _made(design: Design, folder: Path):
    torch.set_num_threads(1)
    torch.manual_seed(3)
    network = design.build(4)
    inputs = torch.from_numpy(EXAMPLES["train"].inputs)
    labels = torch.from_numpy(EXAMPLES["train"].labels)
    optimiser = torch.optim.AdamW(network.parameters(), 5e-3)
    for _ in range(12):
        loss = torch.nn.functional.cross_entropy(network(inputs)[0], labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network = fold(network.eval())
    export(network, design, folder / "float.onnx")
    quantize(folder / "float.onnx", folder / "int8.onnx", design, list(inputs.numpy()))
    return network, onnx.load(folder / "float.onnx"), onnx.load(folder / "int8.onnx"), folder


def _logits(model: onnx.ModelProto, inputs: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    rows = [session.run(["logits"], {DESIGN.input.name: one[None]})[0][0] for one in inputs]
    return np.stack(rows)


def test_every_layer_that_calculates_in_integers_is_known(made) -> None:
    _, exact, integer, _ = made
    found = form.layers(integer, exact)
    assert len(found) >= LAYERS
    assert not any(one.weight.startswith(DESIGN.float_parts) for one in found)
    sizes = {one.name: int(np.prod(one.dims)) for one in exact.graph.initializer}
    assert all(one.weights == sizes[one.weight] for one in found)
    assert form.layers(exact, exact) == []


def test_with_every_layer_back_in_float_it_is_the_float_network(made) -> None:
    _, exact, integer, _ = made
    names = [one.name for one in form.layers(integer, exact)]
    back = form.floated(integer, exact, names)
    onnx.checker.check_model(back, full_check=True)
    assert form.layers(back, exact) == []
    assert not any("QuantizeLinear" in node.op_type for node in back.graph.node)
    inputs = EXAMPLES["validation"].inputs[:4]
    np.testing.assert_allclose(_logits(back, inputs), _logits(exact, inputs), atol=1e-5)
    one_back = form.floated(integer, exact, names[:1])
    assert [one.name for one in form.layers(one_back, exact)] == names[1:]


def test_three_libraries_answer_alike(made, tmp_path: Path) -> None:
    """In float to 1e-4 of a logit; in integers no further apart than rounding is from float."""
    network, exact, integer, _ = made
    inputs = EXAMPLES["validation"].inputs[:8]
    with torch.no_grad():
        expected = network(torch.from_numpy(inputs))[0].numpy()
    np.testing.assert_allclose(_logits(exact, inputs), expected, atol=1e-4)
    np.testing.assert_allclose(
        answers(_saved(exact, tmp_path), inputs, "float"), expected, atol=1e-4
    )
    one, other = _logits(integer, inputs), answers(_saved(integer, tmp_path), inputs, "int8")
    assert np.abs(one - other).max() <= np.abs(one - expected).max()


@pytest.mark.parametrize(("recurrence", "share"), [("lstm", 0.1), ("parallel", 0.2)])
def test_what_training_feels_is_what_the_file_does(
    recurrence: str, share: float, tmp_path: Path
) -> None:
    """The fake-quantised network in torch against the Q/DQ file in another library.

    The parallel recurrence has more rounded layers, each with ties that may fall either way: a
    single answer hangs on a few of them, so all are taken, by their mean square. With 60 steps
    to a weight in place of 64 it is 1 and more.
    """
    network, exact, integer, _ = _made(designs(recurrence)["audio"], tmp_path)
    felt = form.scales(integer, form.layers(integer, exact))
    student = aware.rounding(network, felt)
    rounded = [part for part in student.modules() if isinstance(part, aware.Rounded)]
    inputs = EXAMPLES["validation"].inputs
    with torch.no_grad():
        found = student(torch.from_numpy(inputs))[0].numpy()
    aware.exact(network)
    with torch.no_grad():
        plain = network(torch.from_numpy(inputs))[0].numpy()
    assert len(rounded) == len(felt)
    expected, whole = _logits(integer, inputs), _logits(exact, inputs)
    np.testing.assert_allclose(plain, whole, atol=1e-4)
    assert np.sqrt(np.mean((found - expected) ** 2)) < share * np.sqrt(
        np.mean((expected - whole) ** 2)
    )  # rounding at halves may differ


def test_weights_are_rounded_as_in_the_file_and_no_further_than_half_a_step(made) -> None:
    _, exact, integer, _ = made
    constants = {one.name: numpy_helper.to_array(one) for one in integer.graph.initializer}
    makers = {name: node for node in integer.graph.node for name in node.output}
    floats = {one.name: numpy_helper.to_array(one) for one in exact.graph.initializer}
    for layer in form.layers(integer, exact):
        node = next(one for one in integer.graph.node if one.name == layer.name)
        stored, scale = (constants[name] for name in makers[node.input[1]].input[:2])
        steps = scale.reshape(-1, *[1] * (stored.ndim - 1))
        weight = floats[layer.weight]
        assert np.abs(stored * steps - weight).max() <= 0.5001 * scale.max()
        assert np.abs(stored).max() <= aware.WEIGHT_STEPS
        felt = aware.rounded_weights(torch.from_numpy(weight.copy())).numpy()
        np.testing.assert_allclose(felt, stored * steps, atol=1.01 * steps.max())
        np.testing.assert_allclose(felt.mean(), (stored * steps).mean(), atol=0.02 * steps.max())


def test_a_loss_is_what_it_says() -> None:
    examples = _examples(8, 5)
    exact = np.eye(4)[examples.labels] * np.log(3.0)  # shares 1/2, 1/6, 1/6, 1/6
    flat = np.zeros((8, 4))
    loss = compared(exact, flat, examples)
    assert loss.divergence == pytest.approx(0.5 * np.log(2.0) + 0.5 * np.log(2.0 / 3.0))
    assert loss.points == pytest.approx(75.0)  # a flat answer names the first class
    assert loss.agreement == pytest.approx(0.25)
    assert compared(exact, exact, examples).divergence == pytest.approx(0.0)


def test_a_layer_that_was_spoilt_is_found_and_put_back(made, tmp_path: Path) -> None:
    _, exact, integer, _ = made
    every = form.layers(integer, exact)
    scale = form.scales(integer, every)
    victim = every[2]
    spoilt = form.rescaled(integer, every, {victim.weight: 600.0 * scale[victim.weight]})
    assert form.scales(spoilt, every)[victim.weight] == pytest.approx(600 * scale[victim.weight])
    ask = asking(EXAMPLES["validation"], tmp_path, "trying")
    said = ask(exact)
    before = compared(said, ask(spoilt), EXAMPLES["validation"])
    order = sensitivities(spoilt, exact, said, EXAMPLES["validation"], ask)
    assert order[0].layer.weight == victim.weight
    assert order[0].loss.divergence > 10 * order[1].loss.divergence
    assert before.points > 0.5
    names, left = kept_in_float(
        spoilt, exact, said, EXAMPLES["validation"], ask, order, limit=0.5, most=len(every)
    )
    assert names[0] == victim.name
    assert left.points <= 0.5


def test_training_with_rounding_regains_what_coarse_steps_lost(made, tmp_path: Path) -> None:
    network, exact, integer, _ = made
    kept = {key: value.clone() for key, value in network.state_dict().items()}
    every = form.layers(integer, exact)
    coarse = {key: 55.0 * value for key, value in form.scales(integer, every).items()}
    said = answers(_saved(exact, tmp_path), EXAMPLES["validation"].inputs, "float")
    spoilt = form.rescaled(integer, every, coarse)
    before = compared(
        said, answers(_saved(spoilt, tmp_path), EXAMPLES["validation"].inputs, "spoilt"),
        EXAMPLES["validation"],
    )  # fmt: skip
    lesson = Teaching(epochs=10, batch=8, rate=5e-3, seed=1)
    student = aware.teach(network, coarse, EXAMPLES, DESIGN, Plan(), lesson, tmp_path / "a.pt")
    export(student, DESIGN, tmp_path / "taught.onnx")
    quantize(tmp_path / "taught.onnx", tmp_path / "taught8.onnx", DESIGN,
             list(EXAMPLES["train"].inputs))  # fmt: skip
    learnt, again = onnx.load(tmp_path / "taught.onnx"), onnx.load(tmp_path / "taught8.onnx")
    finished = form.rescaled(again, form.layers(again, learnt), coarse)
    after = compared(
        said, answers(_saved(finished, tmp_path), EXAMPLES["validation"].inputs, "taught"),
        EXAMPLES["validation"],
    )  # fmt: skip
    network.load_state_dict(kept)
    assert before.points > 5.0
    assert after.points < 0.5 * before.points


def _saved(model: onnx.ModelProto, folder: Path) -> Path:
    onnx.save(model, folder / "saved.onnx")
    return folder / "saved.onnx"


def test_typical_examples_are_of_every_class() -> None:
    chosen = typical(_examples(40, 7), 10)
    assert 10 <= len(chosen) <= 12
    assert len({one.tobytes() for one in chosen}) == len(chosen)


def test_every_form_is_timed_on_every_engine_or_says_why_not(made) -> None:
    _, exact, _, folder = made
    onnx.save(form.halved(exact), folder / "half.onnx")
    (folder / "broken.onnx").write_bytes(b"no network")
    files = {"FP32": folder / "float.onnx", "FP16": folder / "half.onnx",
             "INT8": folder / "broken.onnx"}  # fmt: skip
    rows = latency.measured(files, DESIGN.input, EXAMPLES["validation"].inputs, rounds=3, threads=1)
    ran = {(one.engine.partition(" ")[0], one.form) for one in rows if one.median_ms}
    assert ran >= {("openvino", "FP32"), ("openvino", "FP16"), ("onnxruntime", "FP32")}
    for one in rows:
        assert (one.median_ms is None) == bool(one.why)
        assert one.form != "INT8" or "int8" not in one.calculated
    assert (folder / "half.onnx").stat().st_size < 0.6 * (folder / "float.onnx").stat().st_size
    assert example(DESIGN).shape == (1, *DESIGN.input.shape)
