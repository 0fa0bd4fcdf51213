"""What a network looked at: its activation beside the window it was given."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.bundle import ClipInput, SeriesInput
from edge.inference.openvino import open_runner
from models.datasets.examples import Examples
from models.detectors import Design

SIZE_S = 0.016  # of a spectrum
FLOOR_DB = -80.0  # below the loudest


def draw(file: Path, design: Design, examples: Examples, to: Path) -> Path:
    """`<name>-maps.png`: of each class the example that is named right with the most certainty.

    The activation is an output of the network, place by place what is pooled into the logits; of a
    class against "good", of "good" itself as it is.
    """
    import matplotlib as mpl  # noqa: PLC0415 - only when a picture is wanted

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    runner = open_runner(file, design.input, threads=1)
    found = [runner.run(one) for one in examples.inputs]
    logits = np.stack([one["logits"] for one in found])
    names = list(design.classes)
    figure, axes = plt.subplots(
        2, len(names), figsize=(2.6 * len(names), 3.6), layout="constrained", squeeze=False
    )
    for column, name in enumerate(names):
        row = _clearest(logits, examples.labels, column)
        above, below = axes[0, column], axes[1, column]
        above.set_title(name if row is not None else f"{name}: none named right", fontsize=9)
        if row is None:
            continue
        activation = found[row]["activation"]
        shown = activation[column] - (activation[0] if column else 0.0)
        if isinstance(design.input, ClipInput):
            _clip(above, below, examples.inputs[row], shown)
        else:
            _series(above, below, examples.inputs[row], shown, design.input)
    path = to / f"{design.name}-maps.png"
    figure.savefig(path, dpi=65)
    plt.close(figure)
    return path


def spectrogram(wave: NDArray[np.floating], rate_hz: float) -> NDArray[np.float64]:
    """(frequency, frame) in decibels below the loudest; Hann windows, half of them overlapping."""
    size = round(SIZE_S * rate_hz)
    frames = np.lib.stride_tricks.sliding_window_view(wave, size)[:: size // 2]
    power = np.abs(np.fft.rfft(frames * np.hanning(size))) ** 2
    level = 10.0 * np.log10(np.maximum(power.T, 1e-30))
    return np.asarray(np.maximum(level - level.max(), FLOOR_DB))


def _clearest(logits: NDArray[np.floating], labels: NDArray[np.int64], column: int) -> int | None:
    right = (labels == column) & (logits.argmax(axis=1) == column)
    if not right.any():
        return None
    margin = logits[:, column] - np.delete(logits, column, axis=1).max(axis=1)
    return int(np.where(right, margin, -np.inf).argmax())


def _series(
    above: Any, below: Any, wave: NDArray[Any], shown: NDArray[Any], wanted: SeriesInput
) -> None:
    length_s = wanted.length / wanted.rate_hz
    picture = spectrogram(np.asarray(wave[-1], np.float64), wanted.rate_hz)
    extent = (0.0, length_s, 0.0, wanted.rate_hz / 2e3)
    above.imshow(picture, origin="lower", aspect="auto", extent=extent, cmap="magma")
    above.set_ylabel("kHz", fontsize=8)
    along = shown.reshape(-1, shown.shape[-1]).mean(axis=0)
    below.plot(np.linspace(0.0, length_s, along.size), along)
    below.axhline(0.0, color="grey", linewidth=0.5)
    below.set(xlabel="s", xlim=(0.0, length_s))
    below.set_ylabel("activation", fontsize=8)


def _clip(above: Any, below: Any, clip: NDArray[Any], shown: NDArray[Any]) -> None:
    frame = len(clip) // 2
    above.imshow(clip[frame], cmap="gray", vmin=0, vmax=255)
    below.imshow(clip[frame], cmap="gray", vmin=0, vmax=255)
    height, width = clip.shape[1:]
    below.imshow(shown.max(axis=0), cmap="inferno", alpha=0.5, extent=(0, width, height, 0))
    for axes in (above, below):
        axes.set_axis_off()
