"""The studies on the real recordings themselves, where their folder is (EDGE_RECORDINGS)."""

import argparse
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("soundfile")

from edge.errors import ConfigError
from models.study.recordings import command, engine, fan, tile_pictures
from models.study.recordings.irregularity import idle
from models.study.recordings.orders import blocks
from models.study.recordings.studies import FOLDERS

RECORDINGS = Path(
    os.environ.get("EDGE_RECORDINGS", Path(__file__).parents[2].parent / "shared" / "data")
)
needed = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="no real recordings: name their folder by EDGE_RECORDINGS"
)
pytestmark = pytest.mark.workshop


def test_without_recordings_the_command_says_how_to_name_them() -> None:
    with pytest.raises(ConfigError, match="EDGE_RECORDINGS"):
        command.run(argparse.Namespace(data=None, study="fan"))


def test_another_folder_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"manifest\.csv"):
        fan.read(tmp_path)
    (tmp_path / "manifest.csv").write_text("file,label\nx.npz,normal\n")
    with pytest.raises(ConfigError, match="no column speed"):
        fan.read(tmp_path)
    (tmp_path / "manifest.csv").write_text("file,speed,weight\nx.npz,low,0\n")
    with pytest.raises(ConfigError, match=r"x\.npz: is not there"):
        fan.read(tmp_path)


@needed
def test_gravity_alone_tells_the_fan_with_a_coin() -> None:
    """The shortcut for which no figure of this set stands alone."""
    sessions = fan.read(RECORDINGS / FOLDERS["fan"])
    assert len(sessions) == 6
    found = fan._left_out(
        sessions, "mean", "shortcut", lambda windows: windows.mean(axis=1), is_relative=False
    )
    assert found.value == 1.0


@needed
def test_a_tile_is_one_clip_a_crop() -> None:
    """1,015 pictures of 183 tiles, as the set's own manifest counts them."""
    clips = tile_pictures.read(RECORDINGS / FOLDERS["tiles"])
    assert sum(len(clip.pictures) for clip in clips) == 1_015
    assert len({clip.tile for clip in clips}) == 183
    pictures = [one for clip in clips for one in clip.pictures]
    assert not any(one.mask.any() for one in pictures if one.label == "good")
    unmarked = [one.label for one in pictures if one.label != "good" and not one.mask.any()]
    assert unmarked == ["uneven"] * 3  # three masks of the set are empty


@needed
def test_a_damaged_inner_race_shows_its_order() -> None:
    """4.95 a revolution, for a bearing of eight balls: above the healthy motor's by e^0.5."""
    damaged, healthy = (
        _contrast(f"1800_{name}_GS_BaLo_WA_00lb.npz", 49) for name in ("HIR", "GoB")
    )
    assert (damaged > healthy + 0.5).sum() >= 8  # of three axes in three bands


@needed
def test_a_missing_coil_is_heard_against_the_cars_own_normal() -> None:
    import soundfile  # noqa: PLC0415

    folder = RECORDINGS / FOLDERS["engine"]
    heard = {}
    for name in ("normal/CAR01_NORMAL", "normal/CAR01_NORMAL2", "faulty/CAR01_FAULTY"):
        sound, rate_hz = soundfile.read(folder / f"{name}.flac", frames=30 * 16_000)
        heard[name] = float(idle(sound, float(rate_hz)).irregularity.mean())
    normal = [value for name, value in heard.items() if "NORMAL" in name]
    assert heard["faulty/CAR01_FAULTY"] > engine.limit(normal, 1.3)


def _contrast(name: str, place: int) -> np.ndarray:
    """Of nine envelopes: the height about a bin over the middle one from order 2 to 8."""
    with np.load(RECORDINGS / FOLDERS["adi"] / name, allow_pickle=False) as data:
        volts = (data["x"] - data["zero_g_volts"]).astype(np.float64)
    spectra = blocks(volts, 20_000.0, 1_800.0).spectra[:, 3:].mean(axis=0)
    return spectra[:, place - 1 : place + 2].max(axis=1) - np.median(spectra[:, 20:80], axis=1)
