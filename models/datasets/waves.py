"""One recording of a waveform as numbers in the detector's unit, at its rate; or why not."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.bundle import SeriesInput
from edge.errors import ConfigError
from models.datasets.manifest import Row
from models.datasets.source import Numbers
from sensors.block import RATE_TOLERANCE

Wave = NDArray[np.float32]
SOUNDS = (".wav", ".flac", ".ogg", ".aiff")
TABLES = (".npz", ".npy", ".csv")


def read(row: Row, numbers: Numbers, wanted: SeriesInput) -> Wave:
    """(channel, sample) of the row's stretch of its file.

    Raises:
        ConfigError: the file cannot be read, is of another rate, unit or number of channels, or
            holds something that is no number. Names the file and the cure.
    """
    values, rate_hz = _content(row, numbers)
    _check_unit(row, numbers, wanted)
    wave = _oriented(row.file, values, numbers)
    wave = wave[list(numbers.channels)] if numbers.channels else wave
    if wave.shape[0] != wanted.channels:
        raise ConfigError(
            f"{row.file}: has {wave.shape[0]} channels, the detector takes {wanted.channels}; "
            "choose by [data.numbers] channels"
        )
    rate_hz = _rate(row, rate_hz)
    first = round(row.start_s * rate_hz)
    last = wave.shape[1] if row.end_s is None else round(row.end_s * rate_hz)
    wave = wave[:, first:last]
    _check_finite(row.file, wave, first)
    wave = wave * numbers.scale
    if numbers.remove_mean and wave.size:
        wave = wave - wave.mean(axis=1, keepdims=True)
    return _at_rate(row, wave, rate_hz, numbers, wanted).astype(np.float32)


def _content(row: Row, numbers: Numbers) -> tuple[NDArray[np.float64], float | None]:
    """All numbers of a file, and the rate that it states itself."""
    file = row.file
    try:
        if file.suffix.lower() in SOUNDS:
            import soundfile  # noqa: PLC0415 - a library of C, only where there is sound

            values, rate = soundfile.read(file, dtype="float64", always_2d=True)
            return values, float(rate)
        if file.suffix == ".npz":
            return _from_npz(file, numbers)
        if file.suffix == ".npy":
            return np.load(file, allow_pickle=False).astype(np.float64), None
        if file.suffix == ".csv":
            return np.loadtxt(file, delimiter=",", ndmin=2), None
    except ConfigError:
        raise
    except (OSError, ValueError, RuntimeError, EOFError) as error:
        raise ConfigError(
            f"{file}: cannot be read: {error}; record it again, or remove its row ({row.where})"
        ) from error
    known = ", ".join((*SOUNDS, *TABLES))
    raise ConfigError(f"{file}: no waveform is read from {file.suffix!r}; convert it to {known}")


def _from_npz(file: Path, numbers: Numbers) -> tuple[NDArray[np.float64], float | None]:
    with np.load(file, allow_pickle=False) as data:
        name = numbers.array or (data.files[0] if len(data.files) == 1 else "")
        for wanted in filter(None, (name or "?", numbers.rate, numbers.offset)):
            if wanted not in data.files:
                raise ConfigError(
                    f"{file}: no array {wanted!r}; it has {', '.join(data.files)}: name them by "
                    "[data.numbers] array, rate, offset"
                )
        values = data[name].astype(np.float64)
        if numbers.offset:
            offset = data[numbers.offset].astype(np.float64)
            if numbers.sample_axis == "last":
                offset = offset.reshape(-1, *[1] * (values.ndim - 1))
            values = values - offset
        rate_hz = float(data[numbers.rate]) if numbers.rate else None
    return values, rate_hz


def _oriented(file: Path, values: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """(channel, sample); windows that were cut already stand one behind the other."""
    if values.ndim == 1:
        return values[None]
    if values.ndim == 3:
        joined = values.reshape(-1, values.shape[-1])
        return joined.T if numbers.sample_axis != "last" else np.concatenate(list(values), axis=1)
    if values.ndim != 2:
        raise ConfigError(f"{file}: {values.ndim} dimensions; expected samples by channels")
    is_first = numbers.sample_axis == "first"
    if numbers.sample_axis is None:
        is_first = values.shape[0] > values.shape[1]
    return values.T if is_first else values


def _rate(row: Row, stated_hz: float | None) -> float:
    said_hz = row.rate_hz
    if said_hz is None and stated_hz is None:
        raise ConfigError(f"{row.where}: rate_hz is empty, and {row.file} does not state its rate")
    if said_hz is not None and stated_hz is not None and not _agree(said_hz, stated_hz):
        raise ConfigError(
            f"{row.file}: states {stated_hz:g} Hz, {row.where} says {said_hz:g}; correct the row"
        )
    return said_hz or stated_hz or 0.0


def _check_unit(row: Row, numbers: Numbers, wanted: SeriesInput) -> None:
    if row.unit and row.unit != wanted.unit and numbers.scale == 1.0:
        raise ConfigError(
            f"{row.file}: is in {row.unit}, the detector takes {wanted.unit}; say by "
            f"[data.numbers] scale how many {wanted.unit} one {row.unit} is"
        )


def _check_finite(file: Path, wave: NDArray[np.float64], first: int) -> None:
    bad = np.argwhere(~np.isfinite(wave))
    if bad.size:
        channel, sample = bad[0]
        raise ConfigError(
            f"{file}: channel {channel}, sample {first + sample} is {wave[channel, sample]} "
            f"({len(bad)} are no numbers); cut it out by start_s and end_s, or record again"
        )


def _at_rate(
    row: Row, wave: NDArray[np.float64], rate_hz: float, numbers: Numbers, wanted: SeriesInput
) -> NDArray[np.float64]:
    if _agree(rate_hz, wanted.rate_hz):
        return wave
    if not numbers.resample:
        raise ConfigError(
            f"{row.file}: {rate_hz:g} Hz, the detector takes {wanted.rate_hz:g}; record at that "
            "rate, or have it resampled by [data.numbers] resample = true"
        )
    from fractions import Fraction  # noqa: PLC0415

    from scipy.signal import resample_poly  # noqa: PLC0415 - slow to import

    ratio = Fraction(wanted.rate_hz / rate_hz).limit_denominator(1000)
    return np.asarray(resample_poly(wave, ratio.numerator, ratio.denominator, axis=1))


def _agree(one_hz: float, other_hz: float) -> bool:
    return abs(one_hz - other_hz) <= RATE_TOLERANCE * other_hz
