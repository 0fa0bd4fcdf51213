"""Training keeps what it is told: interrupted or not, in pieces or whole, alone or in a team."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from edge.errors import ConfigError  # noqa: E402
from models.datasets.examples import Examples  # noqa: E402
from models.detectors import DESIGNS  # noqa: E402
from models.export import example, export  # noqa: E402
from models.training import configuration, folder, lesson  # noqa: E402
from models.training.balance import order, weighted  # noqa: E402
from models.training.configuration import Configuration, Teaching  # noqa: E402
from models.training.lesson import Taught  # noqa: E402
from models.training.run import run  # noqa: E402
from models.training.team import Team  # noqa: E402

pytestmark = pytest.mark.workshop

ALONE = Team(0, 1, torch.device("cpu"))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _examples(seed: int, count: int = 16) -> Examples:
    """Sounds of two kinds: a hum and a hiss, each with noise of its own."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 4
    time_s = np.arange(8000) / 16_000.0
    tones = np.sin(2 * np.pi * 400.0 * (1 + labels[:, None]) * time_s)
    sounds = (0.02 * tones + 0.005 * rng.standard_normal((count, 8000))).astype(np.float32)
    names = tuple(f"{seed}/{row}" for row in range(count))
    ones = np.ones(count, np.float32)
    return Examples(sounds[:, None], labels.astype(np.int64), ones, names, names, ones)


EXAMPLES = {"train": _examples(1), "validation": _examples(2, 8)}


def _configuration(**teaching: object) -> Configuration:
    said = {"epochs": 4, "batch": 8, "seed": 3} | teaching
    return Configuration.model_validate(
        {"sense": "audio", "teaching": said, "augment": {"waveforms": {"shift": True,
         "noise_db": [10.0, 30.0]}}}
    )  # fmt: skip


def _weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path / folder.WEIGHTS, weights_only=True)


@pytest.mark.parametrize("balance", ["none", "sampler"])
def test_an_interrupted_run_ends_at_the_very_weights_of_one_that_was_not(
    tmp_path: Path, balance: str
) -> None:
    wanted = _configuration(balance=balance)
    whole = run(wanted, EXAMPLES, tmp_path / "whole", ALONE)
    run(wanted, EXAMPLES, tmp_path / "cut", ALONE, stop_after=2)
    taken_up = run(wanted, EXAMPLES, tmp_path / "cut", ALONE, resume=True)
    assert whole["validation_loss"] == taken_up["validation_loss"]
    for file in (folder.WEIGHTS, folder.LAST):
        one, other = (
            torch.load(tmp_path / name / file, weights_only=True) for name in ("whole", "cut")
        )
        one, other = (state.get("network", state) for state in (one, other))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_run_is_not_taken_up_with_another_configuration(tmp_path: Path) -> None:
    run(_configuration(), EXAMPLES, tmp_path, ALONE, stop_after=1)
    with pytest.raises(ConfigError, match=r"holds a run; go on with --resume"):
        run(_configuration(), EXAMPLES, tmp_path, ALONE)
    with pytest.raises(ConfigError, match=r"teaching\.rate is not what is asked for now"):
        run(_configuration(rate=1e-4), EXAMPLES, tmp_path, ALONE, resume=True)


def test_a_run_leaves_what_explains_it(tmp_path: Path) -> None:
    wanted = _configuration(epochs=2)
    run(wanted, EXAMPLES, tmp_path, ALONE)
    assert configuration.read(tmp_path / folder.CONFIGURATION) == wanted
    said = json.loads((tmp_path / folder.METRICS).read_text())
    assert len(said["history"]) == 2
    assert said["best"] == said["history"][said["best_epoch"]]
    assert said["seed"] == 3
    assert torch.__version__.startswith(said["versions"]["torch"].partition("+")[0])
    assert said["examples"]["train"]["groups"] == 16
    assert (tmp_path / folder.CURVES).read_bytes().startswith(b"\x89PNG")


def test_it_ends_when_nothing_gets_better(tmp_path: Path) -> None:
    wanted = _configuration(epochs=30, patience=2, rate=1e-12)
    run(wanted, EXAMPLES, tmp_path, ALONE)
    said = json.loads((tmp_path / folder.METRICS).read_text())
    assert len(said["history"]) == said["best_epoch"] + 3 < 30


@pytest.mark.parametrize("sense", list(DESIGNS))
def test_a_few_examples_are_learnt_by_heart(sense: str) -> None:
    design = DESIGNS[sense]
    torch.manual_seed(1)
    inputs = torch.cat([example(design) for _ in range(4)])
    taught = Taught(inputs, torch.arange(4), torch.ones(4))
    network = design.build(4)
    optimiser = torch.optim.AdamW(network.parameters(), 5e-3)
    plain = torch.optim.lr_scheduler.ConstantLR(optimiser, 1.0)
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    wanted = Teaching(batch=4, seed=1)
    first = last = 0.0
    for number in range(25):
        last = lesson.epoch(network, taught, optimiser, plain, scaler, wanted,
                            lambda batch: batch, ALONE, 4)  # fmt: skip
        first = first or last
        if number and last < 0.05:
            break
    assert first > 0.9
    assert last < 0.1


@pytest.mark.parametrize("sense", list(DESIGNS))
def test_every_weight_is_taught(sense: str) -> None:
    design = DESIGNS[sense]
    torch.manual_seed(2)
    network = design.build(4)
    logits, activation, embedding = network(torch.cat([example(design) for _ in range(2)]))
    assert logits.shape == (2, 4)
    assert activation.shape[:2] == (2, 4)
    assert embedding.ndim == 2
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1])).backward()
    for name, weights in network.named_parameters():
        assert weights.grad is not None, name
        assert torch.isfinite(weights.grad).all(), name
        assert weights.grad.abs().max() > 0.0, name


def _gradient(accumulate: int, precision: str = "float32") -> torch.Tensor:
    """Of one step of a network without batch norms, which would see other batches."""
    torch.manual_seed(5)
    network = _Linear()
    taught = Taught(torch.randn(8, 1, 32), torch.arange(8) % 2, torch.rand(8))
    optimiser = torch.optim.SGD(network.parameters(), 0.0)
    wanted = Teaching(batch=8, accumulate=accumulate, clip=1e9, precision=precision)
    lesson.epoch(
        network, taught, optimiser, torch.optim.lr_scheduler.ConstantLR(optimiser, 1.0),
        torch.amp.GradScaler("cpu", enabled=False), wanted, lambda batch: batch, ALONE, 2,
    )  # fmt: skip
    assert network.layer.weight.grad is not None
    return network.layer.weight.grad


class _Linear(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(32, 2)

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.layer(inputs[:, 0]),)


@pytest.mark.parametrize("accumulate", [2, 3, 8])
def test_a_batch_in_pieces_teaches_what_the_whole_one_does(accumulate: int) -> None:
    torch.testing.assert_close(_gradient(accumulate), _gradient(1), rtol=1e-5, atol=1e-7)


def test_mixed_precision_is_close_and_not_the_same() -> None:
    mixed, whole = _gradient(1, "bfloat16"), _gradient(1)
    assert not torch.equal(mixed, whole)
    torch.testing.assert_close(mixed, whole, rtol=0.1, atol=0.01)


def test_rare_classes_count_as_much_or_come_as_often() -> None:
    labels = torch.tensor([0] * 900 + [1] * 90 + [2] * 10)
    weights = weighted(labels, torch.ones(1000), 3, "weights")
    sums = [float(weights[labels == one].sum()) for one in range(3)]
    assert sums == pytest.approx([1000 / 3] * 3)
    assert torch.equal(weighted(labels, torch.ones(1000), 3, "none"), torch.ones(1000))
    torch.manual_seed(6)
    drawn = torch.bincount(labels[order(labels, 3, "sampler")], minlength=3)
    assert drawn.sum() == 1000
    assert drawn.min() > 333 - 4 * 15  # four standard deviations of a binomial
    assert torch.equal(order(labels, 3, "none").sort().values, torch.arange(1000))


def test_a_microphone_may_hear_by_channel_energy(tmp_path: Path) -> None:
    """PCEN instead of the logarithm: taught, exported, the same in another library."""
    onnxruntime = pytest.importorskip("onnxruntime")
    wanted = Configuration.model_validate({"sense": "audio", "network": {"front": "pcen"}})
    torch.manual_seed(8)
    network = wanted.design.build(4)
    sounds = torch.from_numpy(EXAMPLES["train"].inputs)
    louder = network.energy(1e4 * network.mel(network.spectrogram(sounds[:, 0])))
    plain = network.energy(network.mel(network.spectrogram(sounds[:, 0])))
    assert float((louder / plain).median()) < 2.0  # 40 dB louder, and hardly a difference
    network(sounds)
    export(network, wanted.design, tmp_path / "pcen.onnx")
    session = onnxruntime.InferenceSession(
        str(tmp_path / "pcen.onnx"), providers=["CPUExecutionProvider"]
    )
    found = session.run(["logits"], {wanted.design.input.name: sounds[:1].numpy()})[0]
    with torch.no_grad():
        expected = network.eval()(sounds[:1])[0].numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_every_shipped_configuration_is_read_and_unknown_keys_are_not(tmp_path: Path) -> None:
    for file in configuration.SHIPPED.glob("*.toml"):
        assert configuration.read(file).sense in DESIGNS
    own = configuration.read(configuration.SHIPPED / "own.toml").design
    assert list(own.classes) == ["good", "imbalance", "bearing"]
    assert own.classes["good"] == ("ok", "scratch")
    path = tmp_path / "a.toml"
    path.write_text('sense = "audio"\n[teaching]\nepoch = 3\n')
    with pytest.raises(ConfigError, match=r"a\.toml: teaching\.epoch: Extra inputs"):
        configuration.read(path)


def _torchrun(processes: int, arguments: list[str], cwd: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone",
               f"--nproc-per-node={processes}", "-m", "models", *arguments]  # fmt: skip
    root = str(Path(__file__).parents[2])
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    said = subprocess.run(command, cwd=cwd, env=kept | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
                          capture_output=True, text=True, timeout=110, check=False)  # fmt: skip
    assert said.returncode == 0, said.stderr[-2000:]


def test_two_processes_teach_one_network(tmp_path: Path) -> None:
    """By torchrun and gloo; members whose weights differ end the run with an error."""
    soundfile = pytest.importorskip("soundfile")
    rows = ["file,label,group,split,rate_hz"]
    names = list(DESIGNS["audio"].classes)
    for split, examples in EXAMPLES.items():
        for row in range(len(examples)):
            file = f"{split}{row}.wav"
            soundfile.write(tmp_path / file, examples.inputs[row, 0], 16_000, subtype="FLOAT")
            rows.append(f"{file},{names[examples.labels[row]]},{file},{split},16000")
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    config = tmp_path / "audio.toml"
    config.write_text('sense = "audio"\n[teaching]\nepochs = 2\nbatch = 7\naccumulate = 2\n')
    arguments = ["train", "audio", "--config", str(config), "--data", str(tmp_path), "--threads",
                 "1", "--into", str(tmp_path / "run")]  # fmt: skip
    _torchrun(2, arguments, tmp_path)
    said = json.loads((tmp_path / "run" / folder.METRICS).read_text())
    assert said["processes"] == 2
    assert len(said["history"]) == 2
    assert said["history"][1]["train_loss"] < said["history"][0]["train_loss"]
