"""Windows out of recordings, cut by the windower of the appliance from blocks of 10 ms."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.bundle import ClipInput, SeriesInput
from edge.errors import ConfigError
from models.datasets.manifest import Row
from models.datasets.source import Source
from models.datasets.waves import Wave
from sensors.errors import BadReading
from sensors.picture import fit, picture
from sensors.signal import Sample
from sensors.windower import Need, Windower

BLOCK_S = 0.01
START_NS = 1_000_000_000  # of a recording, on a clock of its own
VIDEOS = (".mp4", ".avi", ".mkv")
Pixels = NDArray[np.uint8]


def starts_s(length_s: float, window_s: float, source: Source) -> list[float]:
    """Where the windows of a recording begin; [] where not even one fits."""
    room_s = length_s - window_s - source.skip_s
    if room_s < -1e-9:
        return []
    hop_s = source.hop_s or window_s
    count = int(room_s / hop_s + 1e-9) + 1
    if source.most_windows and count > source.most_windows:
        places = np.linspace(0.0, max(0.0, room_s), source.most_windows)
        return [float(source.skip_s + place) for place in places]
    return [source.skip_s + index * hop_s for index in range(count)]


def series(wave: Wave, wanted: SeriesInput, source: Source) -> Iterator[NDArray[np.float32]]:
    """(channel, sample) windows of a waveform at the detector's rate."""
    rate_hz = wanted.rate_hz
    begins = starts_s(wave.shape[1] / rate_hz, wanted.length / rate_hz, source)
    need = Need("one", "series", rate_hz, channels=wanted.channels, length=wanted.length)
    windower = Windower([need], lambda _sensor, _cause: None)
    block = max(1, round(BLOCK_S * rate_hz))
    for seq, start in enumerate(range(0, wave.shape[1], block)):
        at_ns = START_NS + round(start * 1e9 / rate_hz)
        data = np.ascontiguousarray(wave[:, start : start + block], np.float32)
        windower.add(Sample("one", seq, at_ns, at_ns, rate_hz, data), at_ns, "synchronised")
        while begins:
            cut = windower.cut("one", START_NS + round(begins[0] * 1e9), at_ns)
            if cut is None:
                break
            begins.pop(0)
            yield cut.data  # type: ignore[misc]  # of a series: float32


def stills(rows: list[Row], wanted: ClipInput) -> Pixels:
    """(frame, height, width) of the pictures of one part, in their order.

    Of more pictures than the clip has frames as many are taken, evenly; fewer are repeated: then
    tell nobody their number, which may stand for the label.
    """
    ordered = sorted(rows, key=lambda row: row.order)
    chosen = np.linspace(0, len(ordered) - 1, wanted.frames).round().astype(int)
    seen = {index: _still(ordered[index].file, wanted) for index in sorted(set(chosen.tolist()))}
    return np.stack([seen[index] for index in chosen.tolist()])


def video(row: Row, wanted: ClipInput, source: Source) -> Iterator[Pixels]:
    """(frame, height, width) clips of a film, of the pictures nearest to the wanted times.

    Raises:
        ConfigError: it cannot be read, or has fewer pictures a second than the detector looks at.
    """
    film = cv2.VideoCapture(str(row.file))
    rate_hz = film.get(cv2.CAP_PROP_FPS)
    if not film.isOpened() or rate_hz <= 0.0:
        raise ConfigError(f"{row.file}: no film that can be read; convert it to MP4 (H.264)")
    if rate_hz < 0.99 * wanted.rate_hz / wanted.stride:
        raise ConfigError(
            f"{row.file}: {rate_hz:g} pictures a second, the detector looks at "
            f"{wanted.rate_hz / wanted.stride:g}; record faster"
        )
    end_s = row.end_s or film.get(cv2.CAP_PROP_FRAME_COUNT) / rate_hz
    window_s = wanted.duration_ns / 1e9
    begins = [row.start_s + s for s in starts_s(end_s - row.start_s, window_s, source)]
    step_s = wanted.stride / wanted.rate_hz
    kept: dict[int, Pixels] = {}
    for number in range(int(end_s * rate_hz + 1)):
        if not begins or not film.grab():
            break
        if number / rate_hz < begins[0] - 1.0 / rate_hz:
            continue
        pixels = film.retrieve()[1]
        kept[number] = fit(np.asarray(pixels, np.uint8), wanted.height, wanted.width)
        while begins and number / rate_hz >= begins[0] + window_s:
            times = [begins[0] + k * step_s for k in range(wanted.frames)]
            yield np.stack([kept[min(kept, key=lambda n: abs(n / rate_hz - t))] for t in times])
            begins.pop(0)
            first = begins[0] if begins else float("inf")
            kept = {n: one for n, one in kept.items() if n / rate_hz >= first - 1.0 / rate_hz}


def _still(file: Path, wanted: ClipInput) -> Pixels:
    try:
        return picture(file.read_bytes(), wanted.height, wanted.width)
    except (BadReading, OSError) as error:
        raise ConfigError(f"{file}: {error}; record it again, or remove its row") from error
