"""Windows out of streams: placed by counting, gaps known, nothing moved by jitter or late news."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from sensors.condition import assessed
from sensors.series import SeriesRing
from sensors.signal import Quality, Sample, Window
from sensors.windower import Need, Windower

MS = 1_000_000
SECOND = 1_000_000_000
RATE = 25_600.0
BLOCK = 256
BLOCK_NS = 10 * MS
START = 100 * SECOND
LENGTH = 12_800  # 0.5 s
FRAME_NS = 1e9 / 30


class Station:
    """A windower fed with signals that say when they were taken."""

    def __init__(self, **series: int) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.windower = Windower(
            [
                Need("v", "series", RATE, channels=2, length=LENGTH, **series),
                Need("c", "clip", 30.0, frames=8, stride=2, height=2, width=2),
            ],
            lambda sensor, cause: self.counts.update([(sensor, cause)]),
        )

    def block(self, k: int, *, seq: int | None = None, time_ns: int | None = None) -> None:
        """Block `k` of a ramp: sample i since START has the value i (channel 1: -i)."""
        ramp = np.arange(k * BLOCK, (k + 1) * BLOCK, dtype=np.float32)
        self.data(k, np.stack([ramp, -ramp]), seq=seq, time_ns=time_ns)

    def data(
        self, k: int, data: np.ndarray, *, seq: int | None = None, time_ns: int | None = None
    ) -> None:
        first = START + k * BLOCK_NS
        sample = Sample("v", k if seq is None else seq, 0, first + BLOCK_NS + MS, RATE, data)
        self.windower.add(sample, first if time_ns is None else time_ns, "envelope")

    def frame(self, k: int, *, seq: int | None = None, shift_ns: int = 0, value: int = -1) -> None:
        time = START + round(k * FRAME_NS) + shift_ns
        pixels = np.full((2, 2), k % 251 if value < 0 else value, np.uint8)
        sample = Sample("c", k if seq is None else seq, 0, time + MS, 30.0, pixels)
        self.windower.add(sample, time, "synchronised")

    def cut(self, edge_ns: int) -> Window:
        window = self.windower.cut("v", edge_ns, edge_ns + SECOND)
        assert window is not None
        return window


def plain(quality: Quality) -> Quality:
    """Without the measures of its content."""
    return replace(quality, appearance=None, waveform=None)


@pytest.fixture
def station() -> Station:
    return Station()


def test_a_window_holds_exactly_the_samples_of_its_time(station: Station) -> None:
    for k in range(100):
        station.block(k)
    window = station.cut(START + 200 * MS)
    assert window.data.shape == (2, LENGTH)
    assert window.data.dtype == np.float32
    np.testing.assert_array_equal(window.data[0], np.arange(5120, 5120 + LENGTH))
    np.testing.assert_array_equal(window.data[1], -np.arange(5120, 5120 + LENGTH))
    assert (window.start_ns, window.end_ns) == (START + 200 * MS, START + 700 * MS)
    assert window.received_ns == START + 700 * MS + MS  # the block that ended at 700 ms
    assert window.ready_ns == START + 200 * MS + SECOND
    assert window.clock == "envelope"
    assert plain(window.quality) == Quality()
    assert not station.counts


def test_it_is_complete_with_its_last_sample_and_not_before(station: Station) -> None:
    edge = START + 5 * MS  # ends in the middle of block 50
    for k in range(50):
        station.block(k)
        assert station.windower.cut("v", edge, 0) is None
    station.block(50)
    assert station.cut(edge).data[0, 0] == 128


def test_an_offset_moves_the_window() -> None:
    station = Station(offset_ns=-100 * MS)
    for k in range(100):
        station.block(k)
    assert station.windower.end_ns("v", START + 300 * MS) == START + 700 * MS
    assert station.cut(START + 300 * MS).data[0, 0] == 5120


def test_several_windows_of_one_sensor_are_cut_from_one_ring() -> None:
    station = Station()
    windows = [(0, 0), (1, 250 * MS), (2, 2_000 * MS)]
    station.windower = Windower(
        [
            Need("v", "series", RATE, channels=2, length=LENGTH, offset_ns=at, window=number)
            for number, at in windows
        ],
        lambda *_: None,
    )
    edge = START + 100 * MS
    for k in range(60):  # 600 ms: the first window is whole, the second is not
        station.block(k)
    assert station.cut(edge).data[0, 0] == 2560
    assert station.windower.cut("v", edge, 0, 1) is None
    for k in range(60, 100):
        station.block(k)
    second = station.windower.cut("v", edge, 0, 1)
    assert second is not None
    assert (second.data[0, 0], second.start_ns) == (2560 + 6400, edge + 250 * MS)
    assert station.windower.end_ns("v", edge, 2) == edge + 2_500 * MS


def test_the_ring_reaches_from_the_last_windows_end_back_to_the_first_ones_start() -> None:
    """A trigger five seconds after the last window, and still the first one is there."""
    station = Station()
    station.windower = Windower(
        [
            Need("v", "series", RATE, channels=2, length=LENGTH, offset_ns=at, window=number)
            for number, at in enumerate((0, 2 * SECOND))
        ],
        lambda *_: None,
    )
    for k in range(3000):
        station.block(k)
    edge = START + 30 * SECOND - 5 * SECOND - 2 * SECOND - 500 * MS
    for number, at in enumerate((0, 2 * SECOND)):
        window = station.windower.cut("v", edge, 0, number)
        assert window is not None
        assert window.quality.coverage == 1.0
        assert window.data[0, 0] == pytest.approx((edge + at - START) * RATE / 1e9)


def test_a_trigger_five_seconds_late_still_finds_its_data(station: Station) -> None:
    for k in range(3000):  # far more than the ring holds
        station.block(k)
    edge = START + 30 * SECOND - 500 * MS - 5 * SECOND
    window = station.cut(edge)
    assert window.data[0, 0] == pytest.approx((edge - START) * RATE / 1e9)
    assert window.quality.coverage == 1.0
    assert window.received_ns == edge + 501 * MS


def test_data_that_has_fallen_out_of_the_ring_is_no_window(station: Station) -> None:
    for k in range(3000):
        station.block(k)
    assert station.windower.cut("v", START + SECOND, 0) is None
    assert station.windower.cut_partial("v", START + SECOND, 0) is None


def test_jitter_of_the_mapped_time_does_not_move_samples(station: Station) -> None:
    jitter = np.random.default_rng(5).uniform(-1.9, 1.9, 600)
    for k in range(600):
        station.block(k, time_ns=START + k * BLOCK_NS + round(jitter[k] * MS))
    data = station.cut(START + 5 * SECOND).data[0]
    np.testing.assert_array_equal(np.diff(data), 1)  # no sample twice, none left out
    assert abs(data[0] - 5 * RATE) < 0.35 * RATE / 1000  # within 0.35 ms
    assert not station.counts


@pytest.mark.parametrize("ppm", [50, -50])
def test_a_device_whose_rate_is_50_ppm_off_is_followed(station: Station, ppm: int) -> None:
    blocks = 12_000  # two minutes: 6 ms apart if it were not
    for k in range(blocks):
        station.block(k, time_ns=START + round(k * BLOCK_NS * (1 + ppm * 1e-6)))
    edge = START + round(((blocks - 60) * BLOCK_NS) * (1 + ppm * 1e-6))
    assert abs(station.cut(edge).data[0, 0] - (blocks - 60) * BLOCK) <= 0.1 * RATE / 1000
    assert not station.counts


def test_a_gap_is_bridged_by_its_mirrored_surroundings_counted_and_stated(
    station: Station,
) -> None:
    for k in range(100):
        if not 40 <= k < 45:
            station.block(k)
    window = station.cut(START + 200 * MS)
    assert station.counts == {("v", "gap"): 1}
    assert window.quality.gaps == 1
    assert window.quality.coverage == pytest.approx(0.9)  # 50 of 500 ms
    data = window.data[0]  # the gap is 5120 to 6400, and its last block fades into what follows
    np.testing.assert_array_equal(data[:5120], np.arange(5120, 10_240))
    np.testing.assert_array_equal(data[6400:], np.arange(11_520, 5120 + LENGTH))
    np.testing.assert_array_equal(data[5120:6144], data[5119:4095:-1])
    assert data[6399] == pytest.approx(data[6400], rel=1e-5)


def test_a_bridge_has_the_level_of_its_surroundings() -> None:
    noise = np.random.default_rng(7).normal(0.0, 3.0, (2, 100 * BLOCK)).astype(np.float32)
    ring = SeriesRing(2, RATE, 200 * BLOCK, lambda _: None)
    for k in range(100):
        if not 40 <= k < 43:
            data = noise[:, k * BLOCK : (k + 1) * BLOCK]
            sample = Sample("v", k, 0, k * BLOCK_NS, RATE, data)
            ring.add(sample, k * BLOCK_NS, "envelope")
    window = ring.cut("v", 0, 100 * BLOCK, 0, partial=False)
    assert window is not None
    bridge = window.data[:, 40 * BLOCK : 43 * BLOCK]
    assert bridge.std() == pytest.approx(3.0, rel=0.08)  # of 1536 samples: 4 standard errors
    steps = np.abs(np.diff(window.data, axis=1)).max()
    assert np.abs(np.diff(bridge, axis=1)).max() <= steps


def test_a_gap_longer_than_the_ring_does_no_harm(station: Station) -> None:
    for k in [*range(100), *range(50_000, 50_100)]:
        station.block(k)
    window = station.cut(START + 500 * SECOND + 200 * MS)
    assert plain(window.quality) == Quality()
    assert window.data[0, 0] == 50_000 * BLOCK + 5120


def test_a_count_that_jumps_while_time_does_not_is_no_gap(station: Station) -> None:
    for k in range(100):
        station.block(k, seq=k + (2**40 if k >= 50 else 0))
    assert plain(station.cut(START + 200 * MS).quality) == Quality()


def test_time_that_passed_uncounted_is_a_gap(station: Station) -> None:
    for k in range(100):
        if not 40 <= k < 45:
            station.block(k, seq=k if k < 45 else k - 5)
    assert station.cut(START + 200 * MS).quality.coverage == pytest.approx(0.9)


def test_repeats_and_blocks_out_of_order_are_refused_and_counted(station: Station) -> None:
    for k in range(100):
        station.block(k)
        if k == 50:
            station.block(50)
            station.block(45)
    window = station.cut(START + 200 * MS)
    np.testing.assert_array_equal(np.diff(window.data[0]), 1)
    assert station.counts == {("v", "repeat"): 1, ("v", "out_of_order"): 1}


def test_a_device_that_counts_anew_is_taken_again(station: Station) -> None:
    for k in range(50):
        station.block(k, seq=k + 7000)
    for k in range(60, 130):
        station.block(k, seq=k - 60)
    assert station.counts == {("v", "restart"): 1, ("v", "gap"): 1}
    assert station.cut(START + 610 * MS).data[0, 0] == 61 * BLOCK
    assert station.cut(START + 450 * MS).quality.coverage == pytest.approx(0.8)


def test_a_mapping_that_improves_moves_the_past_with_it(station: Station) -> None:
    for k in range(100):
        held_up = 80 * MS if k < 10 else 0  # first guesses were too late
        station.block(k, time_ns=START + k * BLOCK_NS + held_up)
    assert station.counts == {("v", "reanchored"): 1}
    assert abs(station.cut(START + 20 * MS).data[0, 0] - 512) < 0.1 * RATE / 1000


def test_at_the_deadline_what_is_there_is_cut_and_the_rest_is_its_mirror_image(
    station: Station,
) -> None:
    for k in range(60):
        station.block(k)
    window = station.windower.cut_partial("v", START + 200 * MS, 0)  # ends at 700, there are 600
    assert window is not None
    assert window.quality.coverage == pytest.approx(0.8)
    assert window.quality.gaps == 1
    np.testing.assert_array_equal(window.data[0, :10_240], np.arange(5120, 15_360))
    np.testing.assert_array_equal(window.data[0, 10_240:], window.data[0, 10_239:7_679:-1])


def test_less_than_half_a_window_is_no_window(station: Station) -> None:
    assert station.windower.cut_partial("v", START, 0) is None
    for k in range(24):
        station.block(k)
    assert station.windower.cut_partial("v", START, 0) is None


def test_a_bare_window_is_the_whole_one_but_for_how_it_looks(station: Station) -> None:
    """A network may begin with it: samples and times are there."""
    for k in range(30):
        station.block(k)
    for k in range(30, 100):
        station.data(k, np.full((2, BLOCK), 5.0, np.float32))
    edge = START + 200 * MS
    bare, whole = station.windower.cut_bare("v", edge, 7), station.windower.cut("v", edge, 7)
    assert bare is not None
    assert whole is not None
    assert bare.quality.waveform is None
    assert whole.quality.waveform is not None
    assert whole.quality.waveform.held == pytest.approx(0.8, abs=1e-3)  # 10 of 50 blocks move
    assert np.array_equal(bare.data, whole.data)
    assert assessed(bare).quality == whole.quality
    assert replace(bare, data=whole.data, quality=whole.quality) == whole


def test_clipped_repeated_and_flat_data_say_so(station: Station) -> None:
    wave = np.random.default_rng(1).normal(size=(2, 100 * BLOCK)).astype(np.float32)
    clipped = np.sin(np.arange(100 * BLOCK) * 2 * np.pi / 256).astype(np.float32)
    wave[0] = np.clip(clipped, -np.sin(np.pi / 4), np.sin(np.pi / 4))  # half the time at the rail
    for k in range(100):
        source = 29 if 30 <= k < 35 else k  # five repeats of block 29
        station.data(k, wave[:, source * BLOCK : (source + 1) * BLOCK])
    quality = station.cut(START + 200 * MS).quality
    assert quality.clipped == pytest.approx(0.25, abs=0.01)  # half of one of two channels
    assert quality.repeated == pytest.approx(0.1)
    assert not quality.is_flat
    for k in range(100, 200):
        station.data(k, np.zeros((2, BLOCK), np.float32))
    quality = station.cut(START + 1300 * MS).quality
    assert quality.is_flat
    assert quality.repeated == pytest.approx(1.0)


def test_a_window_is_as_late_as_its_most_punctual_block(station: Station) -> None:
    """Bursts are a link's habit; where no block of a window is on time, its clock is in doubt."""
    data = np.random.default_rng(2).normal(size=(2, BLOCK)).astype(np.float32)
    for k in range(100):
        late_ms = 0 if k == 12 else 70 if k < 40 else 150
        first = START + k * BLOCK_NS
        sample = Sample("v", k, 0, first, RATE, data + k, late_ns=late_ms * MS, drift_ppm=-float(k))
        station.windower.add(sample, first, "envelope")
    punctual = station.cut(START + 100 * MS).quality  # blocks 10 to 59
    assert (punctual.skew_ms, punctual.drift_ppm) == (0.0, -59.0)
    assert station.cut(START + 130 * MS).quality.skew_ms == 70.0
    assert station.cut(START + 405 * MS).quality.skew_ms == 150.0


def test_a_past_that_moved_under_a_window_is_its_skew(station: Station) -> None:
    for k in range(100):
        held_up = 80 * MS if k < 40 else 0  # mapped 80 ms too late, until a better guess came
        station.block(k, time_ns=START + k * BLOCK_NS + held_up)
    quality = station.cut(START + 350 * MS).quality
    assert quality.skew_ms == pytest.approx(80.0, abs=5.0)
    assert station.cut(START + 450 * MS).quality.skew_ms < 1.0


def test_a_source_that_plays_its_last_half_second_again_replays(station: Station) -> None:
    wave = np.random.default_rng(2).normal(size=(2, 100 * BLOCK)).astype(np.float32)
    for k in range(100):
        source = k if k < 60 else 10 + (k - 60) % 50  # from 600 ms on: 100 to 600 ms again
        station.data(k, wave[:, source * BLOCK : (source + 1) * BLOCK])
    assert station.cut(START).quality.replayed == pytest.approx(0.0)
    assert station.cut(START + 450 * MS).quality.replayed == pytest.approx(0.7)
    assert station.cut(START + 450 * MS).quality.repeated == 0.0
    for k in range(60):
        station.frame(k, value=k if k < 30 else 15 + k % 15)
    window = station.windower.cut("c", START + round(30 * FRAME_NS), 0)
    assert window is not None
    assert window.quality.replayed == 1.0


def test_a_clip_is_the_pictures_nearest_to_the_stated_times(station: Station) -> None:
    edge = START + 100 * MS
    for k in range(17):
        station.frame(k)
        assert station.windower.cut("c", edge, 0) is None
    station.frame(17)  # at 566.67 ms; the last stated time is 100 + 14 / 30 = 566.67 ms
    window = station.windower.cut("c", edge, 5)
    assert window is not None
    assert window.data.shape == (8, 2, 2)
    np.testing.assert_array_equal(window.data[:, 0, 0], [3, 5, 7, 9, 11, 13, 15, 17])
    assert window.received_ns == window.end_ns + MS
    assert (window.ready_ns, window.clock) == (5, "synchronised")
    assert plain(window.quality) == Quality()


def test_a_clip_waits_for_no_picture_that_cannot_be_nearer(station: Station) -> None:
    edge = START + 100 * MS + round(0.4 * FRAME_NS)  # picture 17 is 13 ms early, 18 would be later
    for k in range(18):
        station.frame(k)
    window = station.windower.cut("c", edge, 0)
    assert window is not None
    assert window.data[-1, 0, 0] == 17


def test_missing_pictures_lower_the_coverage_and_neighbours_stand_in(station: Station) -> None:
    for k in range(30):
        if k not in (7, 8, 9):
            station.frame(k)
    window = station.windower.cut("c", START + 100 * MS, 0)
    assert window is not None
    np.testing.assert_array_equal(window.data[:, 0, 0], [3, 5, 6, 10, 11, 13, 15, 17])
    assert window.quality.coverage == pytest.approx(6 / 8)
    assert window.quality.gaps == 1
    assert station.counts == {("c", "gap"): 1}


def test_a_partial_clip_at_the_deadline(station: Station) -> None:
    for k in range(12):
        station.frame(k)
    assert station.windower.cut("c", START + 100 * MS, 0) is None
    window = station.windower.cut_partial("c", START + 100 * MS, 0)
    assert window is not None
    np.testing.assert_array_equal(window.data[:, 0, 0], [3, 5, 7, 9, 11, 11, 11, 11])
    assert window.quality.coverage == pytest.approx(5 / 8)
    assert station.windower.cut_partial("c", START + 250 * MS, 0) is None  # 3 of 8


def test_a_frozen_camera_says_so(station: Station) -> None:
    for k in range(30):
        station.frame(k, value=77 if k >= 9 else -1)
    window = station.windower.cut("c", START + 100 * MS, 0)
    assert window is not None
    assert window.quality.repeated == pytest.approx(4 / 8)  # 11, 13, 15, 17; 9 was new
    station.frame(30, seq=30)
    for k in range(31, 60):
        station.frame(k, value=255)
    window = station.windower.cut("c", START + 1200 * MS, 0)
    assert window is not None
    assert window.quality.is_flat
    assert window.quality.clipped == 1.0


def test_pictures_repeated_or_out_of_order_are_refused(station: Station) -> None:
    for k in range(30):
        station.frame(k)
        if k == 10:
            station.frame(10)
            station.frame(8)
    assert station.counts == {("c", "repeat"): 1, ("c", "out_of_order"): 1}


def test_a_camera_mapping_that_improves_moves_the_past_with_it(station: Station) -> None:
    for k in range(20):
        station.frame(k, shift_ns=90 * MS if k < 5 else 0)
    window = station.windower.cut("c", START + 100 * MS, 0)
    assert window is not None
    np.testing.assert_array_equal(window.data[:, 0, 0], [3, 5, 7, 9, 11, 13, 15, 17])
    assert station.counts == {("c", "reanchored"): 1}


def test_several_parts_are_in_flight_at_once(station: Station) -> None:
    for k in range(80):
        station.block(k)
    starts = [station.cut(START + at * MS).data[0, 0] for at in (0, 100, 250)]
    assert starts == [0, 2560, 6400]
