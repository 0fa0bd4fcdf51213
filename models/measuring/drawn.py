"""Confusion, ROC and reliability as pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.measuring.figures import auroc, confusion, reliability, roc
from models.measuring.seen import Decided, Seen
from models.statistics import clopper_pearson


def detector(seen: Seen, folder: Path) -> list[Path]:
    """`<name>-confusion.png`, `<name>-roc.png`, `<name>-reliability.png`."""
    clear = seen.take(seen.is_clear)
    table = confusion(clear.labels, clear.shares.argmax(axis=1), len(seen.classes))
    score, positive = 1.0 - clear.shares[:, 0], ~clear.is_good
    return [
        _matrix(table, seen.classes, seen.classes, folder / f"{seen.name}-confusion.png"),
        _roc({seen.name: (score, positive)}, folder / f"{seen.name}-roc.png"),
        _reliability(clear, folder / f"{seen.name}-reliability.png"),
    ]


def verdicts(decided: Decided, alone: Sequence[Seen], folder: Path) -> list[Path]:
    """`verdicts-confusion.png`; `verdicts-roc.png`, the fused belief beside each detector."""
    clear = decided.is_good | decided.is_reject
    truth = np.array(decided.hypotheses)[clear]
    said = np.array(
        [
            name or decision
            for name, decision in zip(decided.defects, decided.decisions, strict=True)
        ]
    )[clear]
    rows = [decided.good, *sorted(set(truth) - {decided.good})]
    others = set(said) - {"ok", "uncertain", *rows}
    columns = ["ok", *rows[1:], *sorted(others), "uncertain"]
    table = np.array([[int(((truth == r) & (said == c)).sum()) for c in columns] for r in rows])
    scores = {"fused": ((1.0 - decided.ok_belief)[clear], decided.is_reject[clear])}
    for one in alone:
        if len(one) == len(decided):
            scores[one.name] = (1.0 - one.shares[clear, 0], decided.is_reject[clear])
    return [
        _matrix(table, rows, columns, folder / "verdicts-confusion.png"),
        _roc(scores, folder / "verdicts-roc.png"),
    ]


def _matrix(table: np.ndarray, rows: Sequence[str], columns: Sequence[str], path: Path) -> Path:
    plt = _pyplot()
    figure, axes = plt.subplots(
        figsize=(1.8 + 0.55 * len(columns), 1.4 + 0.5 * len(rows)), layout="constrained"
    )
    share = table / np.maximum(1, table.sum(axis=1, keepdims=True))
    axes.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0)
    for row, column in np.ndindex(table.shape):
        ink = "white" if share[row, column] > 0.6 else "black"
        axes.text(column, row, table[row, column], ha="center", va="center", color=ink, fontsize=8)
    axes.set_xticks(range(len(columns)), columns, rotation=35, ha="right", fontsize=8)
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.set(xlabel="said", ylabel="true")
    return _saved(figure, path)


def _roc(scores: dict[str, tuple[np.ndarray, np.ndarray]], path: Path) -> Path:
    figure, axes = _pyplot().subplots(figsize=(4.0, 3.2), layout="constrained")
    for name, (score, positive) in scores.items():
        if positive.any() and not positive.all():
            label = f"{name}, area {auroc(score, positive):.3f}"
            axes.step(*roc(score, positive), where="post", label=label)
    axes.set(xlabel="good parts rejected", ylabel="defective parts rejected", xlim=(-0.01, 1.0))
    if axes.lines:  # without good or without defective parts there is no curve
        axes.legend(fontsize="small", loc="lower right")
    axes.grid(alpha=0.3)
    return _saved(figure, path)


def _reliability(seen: Seen, path: Path) -> Path:
    figure, axes = _pyplot().subplots(figsize=(3.6, 3.2), layout="constrained")
    rows = reliability(seen.shares, seen.labels)
    said = np.array([row[0] for row in rows])
    right = np.array([row[1] for row in rows])
    bounds = np.array([clopper_pearson(round(r * n), n) for _, r, n in rows]).T
    axes.plot([0.0, 1.0], [0.0, 1.0], color="grey", linestyle=":")
    axes.errorbar(said, right, np.abs(bounds - right), fmt="o", capsize=3)
    for x, y, (_, _, n) in zip(said, right, rows, strict=True):
        axes.annotate(str(n), (x, y), textcoords="offset points", xytext=(5, -10), fontsize=7)
    axes.set(xlabel="share it gave its answer", ylabel="right", xlim=(0, 1.02), ylim=(0, 1.05))
    axes.grid(alpha=0.3)
    return _saved(figure, path)


def _pyplot() -> Any:  # a module, and only when a picture is wanted
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    return plt


def _saved(figure: Any, path: Path) -> Path:
    figure.savefig(path, dpi=90)
    _pyplot().close(figure)
    return path
