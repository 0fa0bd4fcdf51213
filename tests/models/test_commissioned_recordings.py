"""Recordings judged as the appliance does at a commissioned machine, and played at other speeds."""

from itertools import product

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("soundfile")

from edge.errors import ConfigError
from models.study.recordings import commissioned, speeds
from models.study.recordings.commissioned import Recording
from models.study.recordings.motors import Motor

pytestmark = pytest.mark.workshop

RNG = np.random.default_rng(4)
RATE_HZ = 16_000.0


def _recording(name: str, odds: float, windows: int = 12) -> Recording:
    """Noise, and log odds of a fault that stray by a tenth from window to window."""
    cuts = [RNG.normal(size=(1, 800)).astype(np.float32) for _ in range(windows)]
    strayed = odds + 0.1 * RNG.standard_normal(windows)
    logits = np.stack([np.zeros(windows), strayed], axis=1)
    return commissioned.recording(name, cuts, logits, strayed[:, None], RATE_HZ)


def test_a_machine_unlike_the_taught_ones_is_judged_beside_its_own_normal() -> None:
    """Everything of it is moved by 7: its good ones look faulty until that is taken off."""
    taught = [_recording(f"taught {number}", -4.0) for number in range(3)]
    bundle = commissioned.bundle(("normal", "faulty"), "normal", b"weights", taught)
    reference = [_recording(f"own {number}", 3.0) for number in range(3)]
    assert commissioned.moved(bundle, reference) == pytest.approx(7.0, abs=0.1)
    good, faulty = _recording("good", 3.0), _recording("faulty", 11.0)
    assert not commissioned.is_right(commissioned.judged(good, bundle, []), is_faulty=False)
    own = commissioned.judged(good, bundle, reference)
    assert commissioned.is_right(own, is_faulty=False)
    # e^-4 against 1: the odds of the taught machines
    said = own.reports[commissioned.SENSOR.id].probabilities["faulty"]
    assert said == pytest.approx(np.exp(-4.0) / (1.0 + np.exp(-4.0)), abs=0.005)
    assert commissioned.is_right(commissioned.judged(faulty, bundle, reference), is_faulty=True)


def test_what_the_appliance_would_not_learn_from_is_refused() -> None:
    """Ten windows are its fewest; and a stuck sensor's teach nothing."""
    taught = [_recording("taught", -4.0)]
    bundle = commissioned.bundle(("normal", "faulty"), "normal", b"weights", taught)
    one = _recording("good", -4.0)
    with pytest.raises(ConfigError, match="10 whole windows"):
        commissioned.judged(one, bundle, [_recording("few", 3.0, windows=9)])
    flat = commissioned.recording(
        "flat", [np.ones((1, 800), np.float32)] * 12, np.zeros((12, 2)), np.zeros((12, 1)), RATE_HZ
    )
    with pytest.raises(ConfigError, match="10 whole windows"):
        commissioned.judged(one, bundle, [flat])


def test_order_tracking_gives_a_turn_the_same_samples_at_any_speed() -> None:
    """Order 3 is 30 Hz at 600 rpm and 90 Hz at 1,800; 9 kHz would be 27, above half the rate."""
    time_s = np.arange(40_000) / 20_000.0
    volts = np.sin(2.0 * np.pi * 30.0 * time_s) + np.sin(2.0 * np.pi * 9_000.0 * time_s)
    moved = speeds.played(volts[:, None].astype(np.float32), 600.0, 1_800.0)[0]
    assert len(moved) == pytest.approx(2.0 * 25_600.0 / 3.0, abs=1.0)
    spectrum = np.abs(np.fft.rfft(moved * np.hanning(len(moved)))) * 2.0 / (len(moved) / 2.0)
    frequency = np.fft.rfftfreq(len(moved), 1.0 / 25_600.0)
    assert frequency[spectrum.argmax()] == pytest.approx(90.0, abs=2.0)
    assert spectrum.max() == pytest.approx(9.81 / 0.08, rel=0.05)
    assert spectrum[frequency > 1_000.0].max() < 0.01 * spectrum.max()


def test_nothing_of_the_load_or_speed_judged_is_learnt() -> None:
    nothing = np.zeros(0)
    known = [
        Motor(
            "healthy", "healthy", rpm, load, nothing.astype(np.float32), nothing, nothing, nothing
        )
        for rpm, load in product((600.0, 1_200.0, 1_800.0), (0, 11))
    ]
    learnt, judged = speeds.parted(known, 0, 1_200.0)
    assert {(m.load_lb, m.rpm) for m in learnt} == {(0, 600.0), (0, 1_800.0)}
    assert {(m.load_lb, m.rpm) for m in judged} == {(11, 1_200.0)}
    learnt, judged = speeds.parted(known, 11, None)
    assert [m.load_lb for m in learnt] == [11] * 3
    assert [m.load_lb for m in judged] == [0] * 3
