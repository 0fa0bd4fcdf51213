"""A source's clock against the box's: closed-form offsets, drifts, steps and freezes."""

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from sensors.clock import SourceClock

MS = 1_000_000
SECOND = 1_000_000_000
BLOCK = 10 * MS
ANCHOR = 1_700_000_000 * SECOND  # epoch minus monotonic
LEAST_DELAY = MS


class Bench:
    """One clock, what it counted, and the box time it is judged against."""

    def __init__(self, trust: str = "free", **options: object) -> None:
        self.counts: Counter[str] = Counter()
        self.clock = SourceClock(
            "s", trust, lambda _, cause: self.counts.update([cause]), **options
        )

    def block(self, seq: int, stamp_ns: float, arrival_ns: int) -> int:
        return self.clock.observe(
            seq,
            round(stamp_ns),
            duration_ns=BLOCK,
            period_ns=BLOCK,
            arrival_ns=arrival_ns,
            wall_anchor_ns=ANCHOR,
        )

    def picture(self, seq: int, stamp_ns: int, arrival_ns: int, period_ns: int) -> int:
        return self.clock.observe(
            seq,
            stamp_ns,
            duration_ns=0,
            period_ns=period_ns,
            arrival_ns=arrival_ns,
            wall_anchor_ns=ANCHOR,
        )


def blocks(
    count: int, start_ns: int = 50 * SECOND, seed: int = 1
) -> Iterator[tuple[int, int, int]]:
    """(seq, true time of the first sample, arrival): delays of 1 ms and an exponential tail."""
    chance = random.Random(seed)
    for seq in range(count):
        first = start_ns + seq * BLOCK
        delay = LEAST_DELAY + round(chance.expovariate(1 / (2 * MS)))
        yield seq, first, first + BLOCK + delay


@pytest.mark.parametrize("offset_ns", [2 * SECOND, -2 * SECOND, ANCHOR, -49 * SECOND])
def test_an_offset_of_any_size_is_hidden_and_the_least_delay_with_it(offset_ns: int) -> None:
    bench = Bench()
    errors = [
        bench.block(seq, first + offset_ns, arrival) - first for seq, first, arrival in blocks(500)
    ]
    assert all(0 < error < 20 * MS for error in errors)
    assert all(abs(error - LEAST_DELAY) < 0.2 * MS for error in errors[200:])
    assert bench.clock.kind == "envelope"
    assert not bench.counts


@pytest.mark.parametrize("drift", [50e-6, -50e-6])
def test_a_drift_of_50_ppm_stays_within_a_millisecond_over_ten_minutes(drift: float) -> None:
    bench = Bench()
    worst = 0.0
    for seq, first, arrival in blocks(60_000):
        error = bench.block(seq, first * (1 + drift) + 2 * SECOND, arrival) - first
        if seq > 200:
            worst = max(worst, abs(error - LEAST_DELAY))
    assert worst < 1.0 * MS
    assert not bench.counts


@pytest.mark.parametrize("step_ns", [SECOND, -SECOND, 50 * MS, -50 * MS])
def test_a_clock_that_is_set_is_counted_once_and_time_goes_on(step_ns: int) -> None:
    bench = Bench()
    mapped = [
        bench.block(seq, first + (step_ns if seq >= 1000 else 0), arrival) - first
        for seq, first, arrival in blocks(4000)
    ]
    assert bench.counts == {"clock_step": 1}
    assert all(abs(error - LEAST_DELAY) < 0.3 * MS for error in mapped[300:])


@pytest.mark.parametrize("delay_ms", [60, 400])
def test_a_delay_that_stays_is_not_followed_and_then_doubted(delay_ms: int) -> None:
    """Its way is longer, or its clock was set back: whoever follows blindly cuts another moment."""
    bench = Bench()
    for seq, first, arrival in blocks(12_000):
        late = delay_ms * MS if seq >= 3000 else 0
        error = bench.block(seq, first, arrival + late) - first
        if seq < 8500:  # for 55 s
            assert abs(error) < 3 * MS or seq < 300
            assert bench.clock.kind == "envelope"
    assert bench.clock.kind == "doubtful"
    assert bench.counts == {"clock_doubtful": 1}


def test_a_delay_that_ends_is_no_doubt_any_more() -> None:
    bench = Bench()
    kinds = []
    for seq, first, arrival in blocks(14_000):
        late = 100 * MS if 3000 <= seq < 12_000 else 0
        error = bench.block(seq, first, arrival + late) - first
        kinds.append(bench.clock.kind)
    assert kinds[11_999] == "doubtful"
    assert kinds[-1] == "envelope"
    assert abs(error - LEAST_DELAY) < 0.3 * MS


@pytest.mark.parametrize("step_ms", [-50, -300, -1500])
def test_a_synchronised_clock_that_is_set_back_is_not_believed_and_time_goes_on(
    step_ms: int,
) -> None:
    """Its stamps would be those of another moment, and possible ones."""
    bench = Bench("synchronised")
    for seq, first, arrival in blocks(2000):
        step = step_ms * MS if seq >= 1000 else 0
        error = bench.block(seq, first + ANCHOR + step, arrival) - first
        assert abs(error) < 20 * MS
    assert bench.clock.kind == "envelope"
    assert bench.counts == {"clock_step": 1, "clock_untrusted": 1}


def test_a_synchronised_clock_that_is_set_right_again_is_believed_again() -> None:
    bench = Bench("synchronised")
    for seq, first, arrival in blocks(3000):
        step = -300 * MS if 1000 <= seq < 2000 else 0
        mapped = bench.block(seq, first + ANCHOR + step, arrival)
    assert mapped == first
    assert bench.clock.kind == "synchronised"


def test_a_synchronised_clock_that_falls_back_slowly_is_followed() -> None:
    """500 ppm: 60 ms in two minutes; 20 ms are believed, the envelope is 10 s (5 ms) behind."""
    bench = Bench("synchronised")
    for seq, first, arrival in blocks(12_000):
        drift = round((first - 50 * SECOND) * 500e-6)
        error = bench.block(seq, first + ANCHOR - drift, arrival) - first
        assert abs(error) < 27 * MS
    assert bench.clock.kind == "envelope"


def test_missing_blocks_with_a_matching_gap_are_no_step() -> None:
    bench = Bench()
    for seq, first, arrival in blocks(3000):
        if not 500 <= seq < 900:
            bench.block(seq, first, arrival)
    assert not bench.counts


def test_a_link_frozen_ten_seconds_and_then_bursting_moves_nothing() -> None:
    bench = Bench()
    errors = []
    for seq, first, arrival in blocks(6000):
        frozen = 2000 <= seq < 3000
        came = max(arrival, 50 * SECOND + 3000 * BLOCK + seq * 1000) if frozen else arrival
        errors.append(bench.block(seq, first, came) - first)
    assert not bench.counts
    assert all(abs(error - LEAST_DELAY) < 0.5 * MS for error in errors[300:])


def test_a_device_switched_off_and_on_begins_anew() -> None:
    bench = Bench()
    for seq, first, arrival in blocks(500):
        bench.block(seq, first + 2 * SECOND, arrival)
    errors = [
        bench.block(seq, first - 80 * SECOND, arrival) - first
        for seq, first, arrival in blocks(500, start_ns=80 * SECOND)
    ]
    assert bench.counts == {"clock_restart": 1}
    assert all(abs(error - LEAST_DELAY) < 0.3 * MS for error in errors[200:])


def test_a_restarted_count_on_a_clock_that_went_on_keeps_the_mapping() -> None:
    bench = Bench()
    for seq, first, arrival in blocks(500):
        bench.block(seq + 10_000, first, arrival)
    first_error = next(
        bench.block(seq, first, arrival) - first
        for seq, first, arrival in blocks(1, start_ns=80 * SECOND)
    )
    assert bench.counts == {"clock_restart": 1}
    assert abs(first_error - LEAST_DELAY) < 1 * MS


def test_a_block_heard_twice_teaches_nothing() -> None:
    bench = Bench()
    for seq, first, arrival in blocks(300):
        mapped = bench.block(seq, first, arrival)
        assert bench.block(seq, first, arrival + 5 * SECOND) == mapped
    assert not bench.counts


def test_a_camera_that_leaves_pictures_out_uncounted_is_no_step() -> None:
    bench, period = Bench(), 33 * MS
    for seq in range(300):
        shown = seq + (40 if seq >= 150 else 0)  # 40 pictures never numbered
        true = 50 * SECOND + shown * period
        error = bench.picture(seq, true + 7 * SECOND, true + 2 * MS, period) - true
        assert error == 2 * MS
    assert not bench.counts


def test_a_stamp_of_the_last_sample_and_a_filter_delay_are_taken_off() -> None:
    bench = Bench("synchronised", stamp="last", stamp_offset_ms=-1.5)
    first = 50 * SECOND
    stamp = first + BLOCK + round(1.5 * MS) + ANCHOR
    assert bench.block(0, stamp, first + BLOCK + 3 * MS) == first


def test_a_synchronised_clock_is_believed_to_the_nanosecond() -> None:
    bench = Bench("synchronised")
    for seq, first, arrival in blocks(300):
        assert bench.block(seq, first + ANCHOR, arrival) == first
    assert bench.clock.kind == "synchronised"


@pytest.mark.parametrize("wrong_ns", [SECOND, -5 * SECOND])
def test_a_clock_called_synchronised_that_is_not_falls_back_to_the_envelope(wrong_ns: int) -> None:
    bench = Bench("synchronised")
    for seq, first, arrival in blocks(500):
        error = bench.block(seq, first + ANCHOR + wrong_ns, arrival) - first
    assert bench.clock.kind == "envelope"
    assert bench.counts == {"clock_untrusted": 1}
    assert abs(error - LEAST_DELAY) < 0.3 * MS


def test_on_arrival_the_stamps_are_not_looked_at_and_jitter_still_goes() -> None:
    bench, chance = Bench("arrival"), random.Random(3)
    errors = [
        bench.block(seq, chance.randrange(2**60), arrival) - first
        for seq, first, arrival in blocks(1000)
    ]
    assert all(abs(error - LEAST_DELAY) < 0.3 * MS for error in errors[300:])


def test_a_plcs_stamp_is_mapped_by_readings_of_its_clock() -> None:
    bench = Bench()
    plc_offset = ANCHOR - 2 * SECOND
    for k in range(20):
        now = (100 + k) * SECOND
        bench.clock.observe_reading(now + plc_offset, arrival_ns=now + MS, wall_anchor_ns=ANCHOR)
    edge = 110 * SECOND
    heard = edge + 600 * MS  # a slow server
    got = bench.clock.to_box(edge + plc_offset, arrival_ns=heard, wall_anchor_ns=ANCHOR)
    assert abs(got - edge) <= MS
    assert bench.clock.to_box(0, arrival_ns=heard, wall_anchor_ns=ANCHOR) == heard


def test_before_the_first_reading_the_best_guess_is_the_arrival() -> None:
    assert Bench().clock.to_box(ANCHOR, arrival_ns=5, wall_anchor_ns=ANCHOR) == 5


@pytest.mark.parametrize("step_ns", [SECOND, -SECOND])
def test_a_plc_whose_clock_is_set_is_followed_after_four_readings(step_ns: int) -> None:
    bench = Bench()
    for k in range(40):
        now = (100 + k) * SECOND
        step = step_ns if k >= 20 else 0
        bench.clock.observe_reading(now + step, arrival_ns=now + MS, wall_anchor_ns=ANCHOR)
        if k == 10:  # one reading from nowhere changes nothing
            bench.clock.observe_reading(
                now - 7 * SECOND, arrival_ns=now + MS, wall_anchor_ns=ANCHOR
            )
    edge = 139 * SECOND
    got = bench.clock.to_box(edge + step_ns, arrival_ns=edge + SECOND, wall_anchor_ns=ANCHOR)
    assert abs(got - edge) <= 2 * MS
    assert bench.counts == {"clock_step": 1}


@pytest.mark.parametrize("trust", ["free", "synchronised"])
def test_a_block_that_was_held_up_is_late_by_what_it_waited_beyond_the_best(trust: str) -> None:
    bench = Bench(trust)
    start = ANCHOR if trust == "synchronised" else 0
    for seq, first, arrival in blocks(1000):
        bench.block(seq, first + start, arrival)
    bench.block(1000, 60 * SECOND + start, 60 * SECOND + BLOCK + LEAST_DELAY + 80 * MS)
    assert bench.clock.late_ns == pytest.approx(80 * MS, abs=0.2 * MS)


@pytest.mark.parametrize("drift", [1e-3, -1e-3, 400e-6])
def test_a_clock_that_drifts_steadily_says_how_fast(drift: float) -> None:
    """To a tenth: the least of the rates seen is told, and delays shake them by 60 ppm."""
    bench = Bench()
    for seq, first, arrival in blocks(1500):
        bench.block(seq, first * (1 + drift), arrival)
    assert bench.clock.drift_ppm == pytest.approx(drift * 1e6, rel=0.15)


def test_a_delay_that_sets_in_is_no_drift() -> None:
    """A switch that queues 30 ms from one second on: no crystal, and soon no lateness either."""
    bench = Bench()
    for seq, first, arrival in blocks(3000):
        bench.block(seq, first, arrival + (30 * MS if seq >= 1500 else 0))
        assert abs(bench.clock.drift_ppm) < 100


def test_a_box_that_has_just_started_and_is_slow_at_first_sees_no_drift() -> None:
    """Held up by 10 ms, less every second: for five seconds that looks like 2000 ppm."""
    bench = Bench()
    for seq, first, arrival in blocks(3000):
        bench.block(seq, first, arrival + max(0, 10 - 2 * (seq // 100)) * MS)
        assert abs(bench.clock.drift_ppm) < 100


def test_what_is_sent_in_bursts_is_late_by_its_burst_and_does_not_drift() -> None:
    bench = Bench()
    for seq, first, _ in blocks(3000):
        bench.block(seq, first, first + BLOCK + (9 - seq % 10) * BLOCK + MS)
        assert abs(bench.clock.drift_ppm) < 1
        assert bench.clock.late_ns <= 90 * MS
