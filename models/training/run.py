"""One training from beginning to end, or from where it was interrupted to its end."""

import hashlib
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import Tensor, nn

from edge.errors import ConfigError
from models.datasets.examples import Examples
from models.training import curves, folder, lesson
from models.training.balance import weighted
from models.training.configuration import Configuration
from models.training.folder import History
from models.training.lesson import Taught, Worth, worth
from models.training.team import Team


def run(
    configuration: Configuration,
    examples: dict[str, Examples],
    to: Path,
    team: Team,
    *,
    resume: bool = False,
    stop_after: int | None = None,
) -> dict[str, float]:
    """Teach, choose the best epoch by the validation examples, write everything into `to`.

    With `resume` on the same machine's CPU it ends at the very weights of a run that nobody
    interrupted: every epoch draws from a seed of its own. `stop_after` epochs it is left as an
    interrupted run.

    Raises:
        ConfigError: no validation examples, a folder that holds another run, or a loss that is no
            number any more.
    """
    if missing := {"train", "validation"} - set(examples):
        raise ConfigError(
            f"no examples for {sorted(missing)[0]}; the network is taught on train, its best epoch "
            "chosen on validation"
        )
    state = team.shared(folder.start(to, configuration, resume=resume) if team.is_first else None)
    course = _Course(configuration, examples, team)
    history = History()
    best: dict[str, Tensor] = {}
    if state is not None:
        best = course.restore(state)
        history = History(state["rows"], state["best"])
    facts = _facts(configuration, examples, team)
    with _bar(team) as bar:
        shown = bar.add_task(configuration.sense, total=configuration.teaching.epochs,
                             completed=len(history.rows), said="")  # fmt: skip
        while not _is_over(configuration, history):
            row = course.epoch(len(history.rows))
            if history.add(row):
                best = folder.on_cpu(course.network.state_dict())
            bar.update(shown, advance=1, said=_words(row))
            if team.is_first:
                _keep(to, course, history, best, facts)
            if stop_after is not None and len(history.rows) >= stop_after:
                return history.rows[history.best]
    course.check_alike()
    if team.is_first:
        curves.draw(history, to / folder.CURVES)
    return history.rows[history.best]


class _Course:
    """Network, optimiser and examples on their device."""

    def __init__(
        self, configuration: Configuration, examples: dict[str, Examples], team: Team
    ) -> None:
        self.lesson, self.team, self.design = configuration.teaching, team, configuration.design
        self.classes = len(self.design.classes)
        torch.manual_seed(self.lesson.seed)
        self.network: nn.Module = self.design.build(self.classes).to(team.device)
        self.taught = Taught.of(examples["train"], team.device)
        self.unseen = Taught.of(examples["validation"], team.device)
        weights = weighted(
            self.taught.labels, self.taught.weights, self.classes, self.lesson.balance
        )
        self.taught = Taught(self.taught.inputs, self.taught.labels, weights)
        self.vary = lesson.varying(configuration.augment, self.design.input)
        self.joined = team.joined(self.network)
        if isinstance(self.joined, nn.parallel.DistributedDataParallel):
            self.network = self.joined.module
        self.optimiser = torch.optim.AdamW(
            self.joined.parameters(), self.lesson.rate, weight_decay=self.lesson.decay
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser,
            self.lesson.rate,
            total_steps=lesson.steps(len(self.taught), self.lesson.batch) * self.lesson.epochs,
            pct_start=self.lesson.warm_up,
        )
        half = self.lesson.precision == "float16"
        if half and team.device.type != "cuda":
            raise ConfigError('teaching.precision: float16 needs a GPU; take "bfloat16" on a CPU')
        self.scaler = torch.amp.GradScaler(team.device.type, enabled=half)

    def epoch(self, number: int) -> dict[str, float]:
        """Teach for an epoch; what came of it."""
        torch.manual_seed(self.lesson.seed + 1_000_003 * (number + 1))
        began_s = time.monotonic()
        learnt = lesson.epoch(
            self.joined, self.taught, self.optimiser, self.schedule, self.scaler, self.lesson,
            self.vary, self.team, self.classes,
        )  # fmt: skip
        found: Worth | None = None
        if self.team.is_first:
            found = worth(self.network, self.unseen, self.lesson.batch, self.classes)
        found = self.team.shared(found)
        assert found is not None
        if not found.loss < float("inf"):
            raise ConfigError(
                f"epoch {number}: the loss is {found.loss}; teach more gently (teaching.rate), or "
                "look for numbers without measure among the recordings"
            )
        return {
            "train_loss": learnt,
            "validation_loss": found.loss,
            "validation_right": found.right,
            "validation_balanced": found.balanced,
            "rate": float(self.schedule.get_last_lr()[0]),
            "seconds": round(time.monotonic() - began_s, 3),
        }

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> dict[str, Tensor]:
        """Go on from there; the best weights so far."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.scaler.load_state_dict(state["scaler"])
        best: dict[str, Tensor] = state["best_weights"]
        return best

    def check_alike(self) -> None:
        """Members that averaged every gradient have the same weights: else the team is broken."""
        whole = hashlib.sha256()
        for value in self.network.parameters():
            whole.update(value.detach().cpu().numpy().tobytes())
        if len(set(self.team.gathered(whole.hexdigest()))) > 1:
            raise RuntimeError("the members of the team have different weights")


def _is_over(configuration: Configuration, history: History) -> bool:
    patience = configuration.teaching.patience
    is_stuck = patience is not None and bool(history.rows) and history.since_best >= patience
    return is_stuck or len(history.rows) >= configuration.teaching.epochs


def _keep(
    to: Path, course: _Course, history: History, best: dict[str, Tensor], facts: dict[str, Any]
) -> None:
    state = course.state() | {"rows": history.rows, "best": history.best, "best_weights": best}
    folder.save(to / folder.LAST, state)
    folder.save(to / folder.WEIGHTS, best)
    folder.write_metrics(to, facts | {"best": history.rows[history.best]}, history)


def _facts(
    configuration: Configuration, examples: dict[str, Examples], team: Team
) -> dict[str, Any]:
    name = torch.cuda.get_device_name() if team.device.type == "cuda" else "CPU"
    return {
        "sense": configuration.sense,
        "classes": list(configuration.design.classes),
        "seed": configuration.teaching.seed,
        "device": name,
        "processes": team.size,
        "threads": torch.get_num_threads(),
        "versions": folder.versions(),
        "examples": folder.described(examples, list(configuration.design.classes)),
    }


def _bar(team: Team) -> Progress:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(), TextColumn("{task.fields[said]}"),
    )  # fmt: skip
    return Progress(*columns, console=Console(stderr=True), disable=not team.is_first)


def _words(row: dict[str, float]) -> str:
    return (
        f"train {row['train_loss']:.4f} validation {row['validation_loss']:.4f} "
        f"right {row['validation_right']:.4f} balanced {row['validation_balanced']:.4f}"
    )
