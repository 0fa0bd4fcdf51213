"""One cause moves vibration, sound and picture as mechanics says it must."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sensors.simulator.bearing import BEARING
from sensors.simulator.cause import HYPOTHESES, OK, Cause, draw_cause
from sensors.simulator.machine import MachineState, run_machine
from sensors.simulator.part import SimulatedPart, simulate_idle, simulate_part
from sensors.simulator.picture import frames
from sensors.simulator.sound import SOUND_RATE_HZ
from sensors.simulator.traits import PartTraits, StationTraits, draw_part_traits, draw_station
from sensors.simulator.vibration import VIBRATION_RATE_HZ, acceleration

Real = NDArray[np.float64]

CLEAN = 0.0
SEEN_ONLY = ("scratch", "crack")
FELT = ("imbalance", "bearing_outer", "bearing_inner")


def test_the_same_arguments_give_the_same_bytes() -> None:
    first = simulate_part(5, 2, 17)
    second = simulate_part(5, 2, 17)
    assert first.vibration.tobytes() == second.vibration.tobytes()
    assert first.sound.tobytes() == second.sound.tobytes()
    assert first.frames == second.frames
    assert first.cause == second.cause


@pytest.mark.parametrize("other", [(6, 2, 17), (5, 3, 17), (5, 2, 18)])
def test_another_seed_station_or_part_is_another_recording(other: tuple[int, int, int]) -> None:
    first, second = simulate_part(5, 2, 17, cause=OK), simulate_part(*other, cause=OK)
    assert not np.array_equal(first.vibration, second.vibration)
    assert not np.array_equal(first.sound, second.sound)
    assert not set(first.frames) & set(second.frames)


def test_recordings_have_the_stated_shapes_and_times() -> None:
    part = simulate_part(1, 0, 0, duration_s=0.4)
    assert part.vibration.shape == (3, 10_240)
    assert part.sound.shape == (6_400,)
    assert part.vibration.dtype == part.sound.dtype == np.float32
    assert part.frame_times_s == pytest.approx([(i + 0.5) / 30.0 for i in range(12)])
    assert [_decoded(f).shape for f in part.frames] == [(480, 640, 3)] * 12


def test_severity_is_one_at_the_reject_limit_and_defects_are_drawn_evenly() -> None:
    rng = np.random.default_rng(3)
    causes = [draw_cause(rng, defect_share=0.7) for _ in range(7_000)]
    counts = [sum(c.hypothesis == h for c in causes) for h in HYPOTHESES]
    assert counts[0] == pytest.approx(2_100, abs=150)
    assert counts[1:] == pytest.approx([700] * 7, abs=110)
    assert all(0.4 <= c.severity <= 3.0 for c in causes if c != OK)
    assert Cause("crack", 1.0).is_reject
    assert not Cause("crack", 0.99).is_reject
    assert not OK.is_reject


def test_a_defect_without_severity_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Cause("rub", 0.0)
    with pytest.raises(ValueError, match="use one of"):
        Cause("squeak", 1.0)


def test_bearing_orders_are_those_the_test_rig_publishes() -> None:
    """Case Western Reserve University bearing data, fan end (SKF 6203), as multiples of speed."""
    orders = (BEARING.bpfi, BEARING.bpfo, BEARING.ftf, 2.0 * BEARING.bsf)
    assert orders == pytest.approx((4.947, 3.053, 0.3817, 3.988), abs=0.002)


@pytest.mark.parametrize(("hypothesis", "sign"), [("bearing_outer", -1.0), ("bearing_inner", 1.0)])
def test_the_envelope_spectrum_peaks_at_the_ball_passing_frequency(
    hypothesis: str, sign: float
) -> None:
    part = simulate_part(4, 0, 0, cause=Cause(hypothesis, 2.0), duration_s=2.0)
    shaft_hz = part.traits.speed_rpm / 60.0
    expected_hz = 8 / 2 * shaft_hz * (1.0 + sign * 6.746 / 28.5)
    envelope = _envelope(part.vibration.sum(axis=0), VIBRATION_RATE_HZ, 2_000.0, 7_000.0)
    spectrum = np.abs(np.fft.rfft((envelope - envelope.mean()) * np.hanning(envelope.size)))
    frequency_hz = np.fft.rfftfreq(envelope.size, 1.0 / VIBRATION_RATE_HZ)
    above_shaft = (frequency_hz > 2.5 * shaft_hz) & (frequency_hz < 6.5 * shaft_hz)
    peak_hz = frequency_hz[above_shaft][np.argmax(spectrum[above_shaft])]
    assert peak_hz == pytest.approx(expected_hz, rel=0.015)


def test_imbalance_moves_the_shaft_order_in_proportion_to_severity() -> None:
    order_1 = [_order_1(Cause("imbalance", s), speed_rpm=1_800.0) for s in (0.5, 1.0, 2.0)]
    assert order_1[1] / order_1[0] == pytest.approx(2.0, rel=0.03)
    assert order_1[2] / order_1[0] == pytest.approx(4.0, rel=0.03)


def test_imbalance_at_the_limit_accelerates_the_motor_by_its_force_over_its_mass() -> None:
    """m r w^2 / M: 120 g mm at 1800 rpm in a motor of 8 kg."""
    expected_m_s2 = 120e-6 * (2.0 * np.pi * 30.0) ** 2 / 8.0
    assert _order_1(Cause("imbalance", 1.0), 1_800.0) == pytest.approx(expected_m_s2, rel=0.06)


def test_imbalance_grows_with_the_square_of_speed() -> None:
    slow, fast = (_order_1(Cause("imbalance", 1.0), rpm) for rpm in (1_200.0, 2_400.0))
    assert fast / slow == pytest.approx(4.0, rel=0.06)


def test_a_blow_is_felt_and_then_heard_after_the_sound_has_travelled() -> None:
    """35 cm at 343 m/s: the envelopes of sound and vibration agree, 1.0 ms apart."""
    part = simulate_part(4, 0, 1, cause=Cause("bearing_outer", 3.0), difficulty=CLEAN)
    felt = _envelope(part.vibration.sum(axis=0), VIBRATION_RATE_HZ, 1_500.0, 6_500.0)
    heard = _envelope(part.sound, SOUND_RATE_HZ, 1_500.0, 6_500.0)
    grid_s = np.arange(0.0, 0.5, 1e-4)
    felt = np.interp(grid_s, np.arange(felt.size) / VIBRATION_RATE_HZ, felt)
    heard = np.interp(grid_s, np.arange(heard.size) / SOUND_RATE_HZ, heard)
    likeness = np.correlate(heard - heard.mean(), felt - felt.mean(), "full")
    lag_ms = (np.argmax(likeness) - grid_s.size + 1) * 0.1
    assert lag_ms == pytest.approx(0.35 / 343.0 * 1e3, abs=0.3)
    assert likeness.max() > 0.7 * np.std(felt) * np.std(heard) * grid_s.size


@pytest.mark.parametrize("speed_rpm", [1_500.0, 2_050.0])
def test_the_picture_turns_with_the_shaft(speed_rpm: float) -> None:
    state, station, traits = _clean_run(OK, speed_rpm)
    rngs = {name: np.random.default_rng(9) for name in ("face", "mark", "noise")}
    pictures = frames(state, OK, station, traits, 0.2, **rngs)
    profiles = [_around(_decoded(picture)) for picture in pictures]
    turns_a_frame = speed_rpm / 60.0 / 30.0
    for count, profile in enumerate(profiles[1:], start=1):
        likeness = np.fft.irfft(np.fft.rfft(profile) * np.conj(np.fft.rfft(profiles[0])))
        turned = np.argmax(likeness) / likeness.size
        error = (turned - count * turns_a_frame + 0.5) % 1.0 - 0.5
        assert abs(error) < 0.01


@pytest.mark.parametrize("hypothesis", SEEN_ONLY)
def test_what_is_only_seen_changes_no_bit_of_vibration_and_sound(hypothesis: str) -> None:
    marked, good = _pair(Cause(hypothesis, 2.0))
    assert marked.vibration.tobytes() == good.vibration.tobytes()
    assert marked.sound.tobytes() == good.sound.tobytes()
    assert marked.frames != good.frames


@pytest.mark.parametrize("hypothesis", FELT)
def test_what_is_only_felt_changes_no_bit_of_the_picture(hypothesis: str) -> None:
    faulty, good = _pair(Cause(hypothesis, 2.0))
    assert faulty.frames == good.frames
    assert not np.array_equal(faulty.vibration, good.vibration)


@pytest.mark.parametrize("hypothesis", ["rub", "loose_cover"])
def test_contact_is_heard_more_than_it_is_felt(hypothesis: str) -> None:
    faulty, good = _pair(Cause(hypothesis, 1.5))
    heard = np.std(faulty.sound - good.sound) / np.std(good.sound)
    felt = np.std(faulty.vibration - good.vibration) / np.std(good.vibration)
    assert heard > 3.0 * felt > 0.0


def test_a_loose_cover_moves_in_the_picture_and_a_tight_one_stands_still() -> None:
    """Between pictures the rotor turns, so only the rim of the cover is compared."""
    loose, tight = _pair(Cause("loose_cover", 3.0), difficulty=CLEAN)
    assert _rim_change(loose) > 2.0 * _rim_change(tight)


def test_an_idle_station_is_quiet_and_empty() -> None:
    idle, running = simulate_idle(8, 1), simulate_part(8, 1, 0, cause=OK)
    assert np.std(idle.vibration) < 0.2 * np.std(running.vibration)
    assert np.std(idle.sound) < np.std(running.sound)
    assert _decoded(idle.frames[0]).mean() < 0.7 * _decoded(running.frames[0]).mean()
    assert idle.frame_times_s == running.frame_times_s
    assert simulate_idle(8, 1, idle_index=1).frames != idle.frames


def _pair(cause: Cause, difficulty: float = 1.0) -> tuple[SimulatedPart, SimulatedPart]:
    """A faulty part, and the same part without its fault."""
    faulty = simulate_part(11, 1, 4, cause=cause, difficulty=difficulty)
    return faulty, simulate_part(11, 1, 4, cause=OK, difficulty=difficulty)


def _clean_run(cause: Cause, speed_rpm: float) -> tuple[MachineState, StationTraits, PartTraits]:
    traits = replace(draw_part_traits(np.random.default_rng(1), CLEAN), speed_rpm=speed_rpm)
    healthy, defect = np.random.default_rng(2), np.random.default_rng(3)
    return run_machine(cause, traits, 0.5, healthy, defect), draw_station(1, 0, CLEAN), traits


def _order_1(cause: Cause, speed_rpm: float) -> float:
    """Amplitude at shaft speed on the first axis, m/s^2, over whole revolutions."""
    state, station, traits = _clean_run(cause, speed_rpm)
    felt = acceleration(state, station, traits, 0.5, np.random.default_rng(4))[0]
    time_s = np.arange(felt.size) / VIBRATION_RATE_HZ
    turning = np.exp(-2j * np.pi * speed_rpm / 60.0 * time_s)
    return float(2.0 * np.abs(np.mean(felt * turning)))


def _envelope(signal: NDArray[np.float32], rate_hz: float, low_hz: float, high_hz: float) -> Real:
    """Magnitude of the analytic signal of a band (Randall & Antoni 2011, sec. 5.3)."""
    spectrum = np.fft.fft(signal)
    frequency_hz = np.fft.fftfreq(signal.size, 1.0 / rate_hz)
    spectrum[(frequency_hz < low_hz) | (frequency_hz > high_hz)] = 0.0
    return np.abs(2.0 * np.fft.ifft(spectrum))


def _decoded(picture: bytes) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR))


def _around(picture: NDArray[np.uint8]) -> Real:
    """Mean grey by angle, clockwise, over the ring that holds the label.

    Slow changes with angle are left out: they are the light, which does not turn.
    """
    size = (200, 720)  # radius, angle
    polar = cv2.warpPolar(picture, size, (319.5, 239.5), 200.0, cv2.WARP_POLAR_LINEAR)
    profile = np.asarray(polar, dtype=np.float64)[:, 90:122].mean(axis=(1, 2))
    harmonics = np.fft.rfft(profile)
    harmonics[:8] = 0.0
    return np.asarray(np.fft.irfft(harmonics))


def _rim_change(part: SimulatedPart) -> float:
    """Mean change from picture to picture of the ring where cover and housing meet."""
    rings = []
    for picture in part.frames:
        size = (240, 720)
        polar = cv2.warpPolar(_decoded(picture), size, (319.5, 239.5), 240.0, cv2.WARP_POLAR_LINEAR)
        rings.append(np.asarray(polar, dtype=np.float64)[:, 205:225].mean(axis=2))
    return float(np.mean(np.abs(np.diff(np.array(rings), axis=0))))
