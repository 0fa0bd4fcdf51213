"""What a known speed is worth to the accelerometer: simulated motors, as the shipped network's own.

    python -m models simulate
    python -m models.study.known_speed --work runs/motor --seeds 3 --json FILE

Speed is the main nuisance of vibration: every line of a bearing moves with it. Four inputs of the
shipped network are taught from nothing on the same parts and judged on the same unseen stations:
as recorded; played at other speeds too; order-tracked, where a turn has as many samples at any
speed (Fyfe & Munck 1997, Mechanical Systems and Signal Processing 11, 187-205); and with only the
*envelopes* tracked, where what rings stays in hertz and how often it is struck is counted by turns
(McFadden & Smith 1984, Tribology International 17, 3-10). Each is taught at all speeds and at the
middle half of them, and judged also at the outer half alone.

The tachometer says a part's set speed; its wander of about 0.4 % stays unknown.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import nn

from models import train
from models.augment.plan import Plan, Waveforms
from models.dataset import SPLITS
from models.datasets.examples import Examples
from models.detectors import VIBRATION
from models.integers.loss import log_shares
from models.measuring import figures
from models.measuring.seen import Seen
from models.study.tracking import TrackedNetwork, tracked
from models.training import lesson
from models.training.configuration import Teaching
from models.training.lesson import Taught
from models.training.team import Team
from models.vibration import VibrationNetwork
from sensors.simulator.part import drawn_traits
from sensors.simulator.traits import NOMINAL_SPEED_RPM, SPEED_SPREAD_RPM

SLOWEST_RPM = NOMINAL_SPEED_RPM - SPEED_SPREAD_RPM
AT_ONCE = 256  # waves
PLAIN, PLAYED, TRACKED, ENVELOPES = (
    "plain", "plain, played at other speeds", "order-tracked", "envelopes order-tracked"
)  # fmt: skip
INPUTS = (PLAIN, PLAYED, TRACKED, ENVELOPES)
PLAYED_BY = 0.2  # a fifth faster or slower at most: the spread of the simulated motors
ALL, MIDDLE = "all speeds", "middle half of the speeds"
TAUGHT_AT = (ALL, MIDDLE)
EPOCHS = 15
PLAIN_WIDTH = 200  # of a table that goes into a file
HEADLINES = {
    "balanced_accuracy": "balanced accuracy",
    "auroc_good_or_defective": "AUROC, good or defective",
    "escape_rate": "escapes, 1 % of good failed",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """One input, taught at some speeds, judged at some, its seeds one after the other."""

    seen_as: str
    taught_at: str
    judged_at: str
    by_seed: tuple[dict[str, Any], ...]  # figures of each network alone
    together: dict[str, Any]  # of the mean of their answers


def speeds_rpm(split: str, count: int) -> NDArray[np.float64]:
    """What a tachometer would have said of the first so many parts of a split."""
    one = next(each for each in SPLITS if each.name == split)
    places = (one.place(index) for index in range(count))
    return np.array([drawn_traits(one.seed, *place).speed_rpm for place in places])


def is_middle(rpm: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Within half of the spread."""
    return np.asarray(np.abs(rpm - NOMINAL_SPEED_RPM) <= SPEED_SPREAD_RPM / 2.0)


def shown(
    examples: Examples, rpm: NDArray[np.float64], seen_as: str, device: torch.device
) -> Examples:
    """The same examples as a network with that input gets them."""
    if seen_as in (PLAIN, PLAYED):
        return examples
    faster = rpm / SLOWEST_RPM
    inputs = examples.inputs
    if seen_as == ENVELOPES:
        row = np.broadcast_to(faster[:, None, None], (len(inputs), 1, inputs.shape[2]))
        return replace(examples, inputs=np.concatenate([inputs, row.astype(inputs.dtype)], axis=1))
    found = np.empty_like(inputs)
    for start in range(0, len(inputs), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        waves = torch.from_numpy(inputs[rows]).to(device)
        moved = tracked(waves, torch.from_numpy(faster[rows]).to(device, torch.float32))
        found[rows] = moved.cpu().numpy()
    return replace(examples, inputs=found)


def taken(examples: Examples, rows: NDArray[np.bool_]) -> Examples:
    """Only these."""
    kept = np.flatnonzero(rows)
    return Examples(
        examples.inputs[kept], examples.labels[kept], examples.weights[kept],
        tuple(examples.groups[i] for i in kept), tuple(examples.names[i] for i in kept),
        examples.severity[kept],
    )  # fmt: skip


def teach(taught: Examples, seen_as: str, wanted: Teaching, device: torch.device) -> nn.Module:
    """The network after its last epoch: nothing is chosen."""
    torch.manual_seed(wanted.seed)
    classes = len(VIBRATION.classes)
    build = TrackedNetwork if seen_as == ENVELOPES else VibrationNetwork
    network = build(classes).to(device)
    examples = Taught.of(taught, device)
    optimiser = torch.optim.AdamW(network.parameters(), wanted.rate, weight_decay=wanted.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, wanted.rate, pct_start=wanted.warm_up,
        total_steps=lesson.steps(len(examples), wanted.batch) * wanted.epochs,
    )  # fmt: skip
    scaler = torch.amp.GradScaler(device.type, enabled=False)
    plan = Plan(waveforms=Waveforms(shift=True, speed=PLAYED_BY if seen_as == PLAYED else 0.0))
    vary = lesson.varying(plan, VIBRATION.input)
    team = Team(0, 1, device)
    for number in range(wanted.epochs):
        torch.manual_seed(wanted.seed + 1_000_003 * (number + 1))
        lesson.epoch(
            network, examples, optimiser, schedule, scaler, wanted, vary, team, classes
        )  # fmt: skip
    return network.eval()


def asked(network: nn.Module, examples: Examples, device: torch.device) -> NDArray[np.float64]:
    """Probabilities (example, class), no temperature fitted: it moves no rank and no name."""
    said = []
    with torch.no_grad():
        for start in range(0, len(examples), AT_ONCE):
            batch = torch.from_numpy(examples.inputs[start : start + AT_ONCE]).to(device)
            said.append(network(batch.float())[0].double().cpu().numpy())
    return np.exp(log_shares(np.concatenate(said)))


def study(
    parts: Path, seeds: Sequence[int], epochs: int, say: Callable[[str], None]
) -> list[Judged]:
    """Every input, taught at all speeds and at the middle ones. A GPU is all but needed.

    Raises:
        FileNotFoundError: parts that were not simulated.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    plain = train.simulated(parts, VIBRATION, ("train", "test"))
    rpm = {name: speeds_rpm(name, len(one)) for name, one in plain.items()}
    outer = ~is_middle(rpm["test"])
    found = []
    for seen_as in INPUTS:
        each = {name: shown(one, rpm[name], seen_as, device) for name, one in plain.items()}
        for taught_at in TAUGHT_AT:
            own = each["train"]
            if taught_at == MIDDLE:
                own = taken(own, is_middle(rpm["train"]))
            shares = []
            for seed in track(seeds, f"{seen_as}, {taught_at}"):
                network = teach(own, seen_as, Teaching(epochs=epochs, seed=seed), device)
                shares.append(asked(network, each["test"], device))
            for judged_at, rows in ((ALL, np.ones_like(outer)), ("outer half", outer)):
                found.append(_judged(seen_as, taught_at, judged_at, each["test"], shares, rows))
                say(f"{seen_as}, {taught_at}, {judged_at}: {_words(found[-1].together)}")
    return found


def _judged(
    seen_as: str,
    taught_at: str,
    judged_at: str,
    examples: Examples,
    shares: Sequence[NDArray[np.float64]],
    rows: NDArray[np.bool_],
) -> Judged:
    def figured(probabilities: NDArray[np.float64]) -> dict[str, Any]:
        seen = Seen(
            seen_as, tuple(VIBRATION.classes), examples.labels, probabilities, examples.groups,
            examples.severity, "test",
        ).take(rows)  # fmt: skip
        return figures.detector(seen)

    together = figured(np.mean(shares, axis=0))
    return Judged(seen_as, taught_at, judged_at, tuple(map(figured, shares)), together)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=Path("runs/motor"), help="%(default)s")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="networks; %(default)s")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="%(default)s")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    console = Console()
    if not console.is_terminal:
        console = Console(width=PLAIN_WIDTH)
    try:
        found = study(options.work / "parts", range(options.seeds), options.epochs, console.print)
    except FileNotFoundError as error:
        parser.exit(2, f"{error}\n")
    show(found, console)
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n")


def show(found: Sequence[Judged], console: Console) -> None:
    """As a table: the networks' answers together, with the range of single ones."""
    table = Table("input", "taught at", "judged at", "parts", *HEADLINES.values())
    for one in found:
        cells = [_cell(one, key) for key in HEADLINES]
        table.add_row(one.seen_as, one.taught_at, one.judged_at, str(one.together["parts"]), *cells)
    console.print(table)


def _cell(one: Judged, key: str) -> str:
    each = [row[key]["value"] for row in one.by_seed]
    return f"{_words(one.together, key)} [{min(each):.4f} to {max(each):.4f}]"


def _words(row: Mapping[str, Any], key: str = "balanced_accuracy") -> str:
    figure = row[key]
    return f"{figure['value']:.4f} ({figure['low']:.4f} to {figure['high']:.4f})"


if __name__ == "__main__":
    main()
