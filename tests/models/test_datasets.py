"""A plant's recordings: what stands in the folder is what is taught, or an error names the file."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
soundfile = pytest.importorskip("soundfile")

import cv2  # noqa: E402

from edge.errors import ConfigError  # noqa: E402
from edge.manifest import ClipInput, SeriesInput  # noqa: E402
from models.datasets import cutting, examples, manifest, recorded, splits  # noqa: E402
from models.datasets.source import Source  # noqa: E402
from models.detectors import DESIGNS  # noqa: E402
from sensors.picture import picture  # noqa: E402
from sensors.simulator.cause import Cause  # noqa: E402
from sensors.simulator.labelled import SetOrder, make  # noqa: E402
from sensors.simulator.part import simulate_part  # noqa: E402
from sensors.simulator.pool import DURATION_S, LEAD_S  # noqa: E402

pytestmark = pytest.mark.workshop

SOUND = SeriesInput(kind="series", name="x", unit="Pa", channels=1, rate_hz=8000.0, length=800)
CLASSES = ("good", "bad")


def _write(folder: Path, rows: list[dict[str, object]], name: str = "manifest.csv") -> None:
    with (folder / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _rows(folder: Path, seconds: float = 0.25) -> list[dict[str, object]]:
    """Two classes of four machines each; every sample of a file is another one."""
    rows: list[dict[str, object]] = []
    for number in range(8):
        wave = (np.arange(round(8000 * seconds)) / 40_000 + number / 100).astype(np.float32)
        file = f"{number}.wav"
        soundfile.write(folder / file, wave, 8000, subtype="FLOAT")
        label = CLASSES[number % 2]
        rows.append(
            {"file": file, "label": label, "group": f"m{number}", "split": "", "rate_hz": 8000}
        )
    return rows  # fmt: skip


def test_windows_are_the_stretches_of_the_file_one_after_the_other(tmp_path: Path) -> None:
    rows = _rows(tmp_path)
    _write(tmp_path, rows)
    found = examples.read(tmp_path, Source(hop_s=0.05), SOUND, CLASSES)
    assert {split: one.independent for split, one in found.items()} == {
        "train": 4, "validation": 2, "test": 2,
    }  # fmt: skip
    for one in found.values():
        for row in range(len(one)):
            file, number = Path(one.names[row].partition("#")[0]), int(one.names[row][-1])
            whole, _ = soundfile.read(file, dtype="float32")
            start = number * 400
            np.testing.assert_array_equal(one.inputs[row][0], whole[start : start + 800])
            assert one.labels[row] == int(file.stem) % 2
            assert one.groups[row] == f"m{file.stem}"
        assert sum(name.endswith("#0") for name in one.names) * 4 == len(one)


def test_a_group_in_two_splits_is_an_error_that_names_it(tmp_path: Path) -> None:
    rows = _rows(tmp_path)
    for number, row in enumerate(rows):
        row["split"] = ("train", "train", "test", "test")[number % 4]
    rows[2]["group"] = "m0"
    _write(tmp_path, rows)
    with pytest.raises(ConfigError, match=r"line 4: group 'm0' is in 'test', and at .*line 2"):
        examples.read(tmp_path, Source(), SOUND, CLASSES)


def test_splits_drawn_never_share_a_group_and_are_drawn_alike_again(tmp_path: Path) -> None:
    rows = [
        row | {"group": f"m{i // 2 % 6}{row['label']}"} for i, row in enumerate(_rows(tmp_path) * 6)
    ]
    _write(tmp_path, rows)
    source = Source(seed=3)
    drawn = splits.drawn(manifest.read(tmp_path, source), source)
    splits.check_apart(drawn)
    assert drawn == splits.drawn(manifest.read(tmp_path, source), source)
    for split in ("train", "validation", "test"):
        assert {row.label for row in drawn if row.split == split} == set(CLASSES)


def _sound(seconds: float = 0.25, rate_hz: int = 8000, channels: int = 1, bad: int | None = None):
    def write(file: Path) -> None:
        wave = np.zeros((round(seconds * rate_hz), channels), np.float32)
        if bad is not None:
            wave[bad] = np.nan
        soundfile.write(file, wave, rate_hz, subtype="FLOAT")

    return write


BROKEN = {
    "missing": (Path.unlink, {}),
    "unreadable": (lambda file: file.write_bytes(b"RIFF of nothing"), {}),
    "rate": (_sound(rate_hz=11_025), {}),
    "other rate": (_sound(rate_hz=11_025), {"rate_hz": ""}),
    "nan": (_sound(bad=700), {}),
    "short": (_sound(seconds=0.0999), {}),
    "channels": (_sound(channels=2), {}),
    "unit": (Path.stat, {"unit": "V"}),
    "group": (Path.stat, {"group": ""}),
    "label": (Path.stat, {"label": "odd"}),
    "split": (Path.stat, {"split": "holdout"}),
}


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("missing", r"3\.wav is not there; copy it"),
        ("unreadable", r"3\.wav: cannot be read: .*record it again"),
        ("rate", r"3\.wav: states 11025 Hz, .*line 5 says 8000; correct the row"),
        ("other rate", r"3\.wav: 11025 Hz, the detector takes 8000; .*resample = true"),
        ("nan", r"3\.wav: channel 0, sample 700 is nan \(1 are no numbers\)"),
        ("short", r"3\.wav: shorter than one window of the detector \(0\.1 s\)"),
        ("channels", r"3\.wav: has 2 channels, the detector takes 1"),
        ("unit", r"3\.wav: is in V, the detector takes Pa"),
        ("group", r"line 5: group is empty"),
        ("label", r"label 'odd' is no class; there are good, bad"),
        ("split", r"line 5: split 'holdout' is none of train, validation, test"),
    ],
)
def test_what_would_teach_something_false_is_named(tmp_path: Path, how: str, message: str) -> None:
    rows = [row | {"unit": ""} for row in _rows(tmp_path)]
    change, cells = BROKEN[how]
    change(tmp_path / "3.wav")
    rows[3] |= cells
    _write(tmp_path, rows)
    with pytest.raises(ConfigError, match=message):
        examples.read(tmp_path, Source(), SOUND, CLASSES)


def test_a_class_that_nobody_recorded_is_named(tmp_path: Path) -> None:
    _write(tmp_path, _rows(tmp_path))
    with pytest.raises(ConfigError, match="no example of class 'worse' in train; record some"):
        examples.read(tmp_path, Source(), SOUND, (*CLASSES, "worse"))


def test_a_manifest_with_other_names_is_read_through_a_mapping(tmp_path: Path) -> None:
    rows = [
        {"id": Path(str(r["file"])).stem, "state": "ok" if r["label"] == "good" else "worn",
         "machine": r["group"], "fold": "ab"[number // 4]}
        for number, r in enumerate(_rows(tmp_path))
    ]  # fmt: skip
    _write(tmp_path, rows, "segments.csv")
    columns = {"file": "{id}.wav", "label": "state", "group": "machine", "split": "fold"}
    source = Source.model_validate(
        {
            "manifest": "segments.csv",
            "columns": columns,
            "labels": {"ok": "good", "worn": "bad"},
            "splits": {"a": "train", "b": "test"},
        }
    )
    found = examples.read(tmp_path, source, SOUND, CLASSES)
    assert set(found["test"].groups) == {"m4", "m5", "m6", "m7"}
    with pytest.raises(ConfigError, match="no column 'file' for file; there are id, state"):
        examples.read(tmp_path, Source(manifest="segments.csv"), SOUND, CLASSES)


def test_a_resampled_tone_keeps_its_frequency(tmp_path: Path) -> None:
    rows = _rows(tmp_path)
    for row in rows:
        tone = np.sin(2 * np.pi * 1000.0 * np.arange(12_000) / 12_000.0)
        np.savez(tmp_path / f"{row['group']}.npz", x=tone[:, None], fs=12_000)
        row |= {"file": f"{row['group']}.npz", "rate_hz": ""}
    _write(tmp_path, rows)
    source = Source.model_validate({"numbers": {"array": "x", "rate": "fs", "resample": True}})
    wave = examples.read(tmp_path, source, SOUND, CLASSES)["train"].inputs[3, 0]
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(800)))
    assert np.argmax(spectrum) * 10.0 == pytest.approx(1000.0, abs=10.0)


def test_pictures_of_a_part_are_one_clip_in_their_order(tmp_path: Path) -> None:
    clip = ClipInput(kind="clip", name="x", rate_hz=30.0, frames=3, stride=1, height=12, width=16)
    rows = []
    for part in range(8):
        for order in (2, 0, 1):
            file = f"{part}-{order}.png"
            grey = np.full((24, 32), 10 * part + order, np.uint8)
            cv2.imwrite(str(tmp_path / file), grey)
            rows.append({"file": file, "label": CLASSES[part % 2], "group": f"p{part}",
                         "part": f"p{part}", "order": order})  # fmt: skip
    _write(tmp_path, rows)
    for one in examples.read(tmp_path, Source(), clip, CLASSES).values():
        for row in range(len(one)):
            part = int(one.groups[row][1:])
            seen = one.inputs[row].reshape(3, -1).mean(axis=1)
            np.testing.assert_array_equal(seen, 10 * part + np.arange(3))
    data = (tmp_path / "3-1.png").read_bytes()
    found = cutting.stills(manifest.read(tmp_path, Source())[9:12], clip)
    np.testing.assert_array_equal(found[1], picture(data, 12, 16))


def test_a_film_is_cut_at_the_wanted_times(tmp_path: Path) -> None:
    film = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (32, 24))
    for number in range(60):
        film.write(np.full((24, 32, 3), 4 * number, np.uint8))
    film.release()
    clip = ClipInput(kind="clip", name="x", rate_hz=30.0, frames=4, stride=2, height=24, width=32)
    row = manifest.Row("here", tmp_path / "a.avi", "good", "g", "train", None, "", "", 0.0, 0.5,
                       None, None)  # fmt: skip
    found = list(cutting.video(row, clip, Source(hop_s=0.5)))
    assert len(found) == 3
    for index, one in enumerate(found):
        greys = one.reshape(4, -1).mean(axis=1)
        np.testing.assert_allclose(greys / 4, 15 * (index + 1) + 2 * np.arange(4), atol=0.6)


def test_labelled_parts_give_the_windows_of_the_simulator(tmp_path: Path) -> None:
    order = SetOrder(sample=12, stations=1, seed=42)
    make(tmp_path / "set", order, jobs=1)
    _relabel(tmp_path / "set")
    design = DESIGNS["vibration"]
    found = recorded.read(tmp_path / "set", Source(layout="labelled"), design)
    assert sum(map(len, found.values())) == 12
    one = found["train"]
    number = int(one.names[0].rpartition("/")[2])
    cause = _causes(tmp_path / "set")[number]
    part = simulate_part(42, order.first_station, number, duration_s=DURATION_S, cause=cause)
    edge = round(LEAD_S * 25_600)
    expected = part.vibration[:, edge : edge + 12_800]
    np.testing.assert_allclose(one.inputs[0], expected, rtol=1e-5, atol=1e-6)


_BY_SIZE = ("ok", "imbalance", "bearing_outer", "bearing_inner")


def _relabel(folder: Path) -> None:
    """Three parts of each class: what is drawn need not have all."""
    rows = list(csv.DictReader((folder / "truth.csv").read_text().splitlines()))
    (folder / "true.csv").write_text((folder / "truth.csv").read_text())
    for number, row in enumerate(rows):
        hypothesis = _BY_SIZE[number % 4]
        row |= {"hypothesis": hypothesis, "severity": "" if hypothesis == "ok" else "1.5"}
    _write(folder, rows, "truth.csv")


def _causes(folder: Path) -> dict[int, Cause]:
    rows = csv.DictReader((folder / "true.csv").read_text().splitlines())
    return {int(r["index"]): Cause(r["hypothesis"], float(r["severity"] or 0)) for r in rows}


RECORDINGS = Path(
    os.environ.get("EDGE_RECORDINGS", Path(__file__).parents[2].parent / "shared" / "data")
)


@pytest.mark.skipif(
    not (RECORDINGS / "vibration_adi_motor").is_dir(),
    reason="no real recordings: name their folder by EDGE_RECORDINGS",
)
def test_real_recordings_are_read_by_a_mapping_alone() -> None:
    source = Source.model_validate(
        {
            "columns": {"label": "family", "group": "recording_id", "split": "split_hint",
                        "rate_hz": "sampling_rate_hz"},
            "splits": {"source": "train", "target_load": "test"},
            "numbers": {"array": "x", "rate": "fs", "offset": "zero_g_volts", "scale": 122.6,
                        "remove_mean": True, "resample": True},
            "most_windows": 1,
        }
    )  # fmt: skip
    families = ("healthy", "ball", "bent_shaft", "imbalance", "inner_race", "misaligned_shaft",
                "outer_race")  # fmt: skip
    wanted = DESIGNS["vibration"].input
    found = examples.read(RECORDINGS / "vibration_adi_motor", source, wanted, families)
    assert {split: one.independent for split, one in found.items()} == {
        "train": 31, "validation": 8, "test": 39,
    }  # fmt: skip
    assert all("11lb" in group for group in found["test"].groups)
    assert np.abs(found["test"].inputs.mean(axis=2)).max() < 5.0
