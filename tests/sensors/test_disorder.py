"""Whatever a source sends, in whatever order: windows are well formed or absent, never an error."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.clock import SourceClock
from sensors.signal import Sample
from sensors.windower import Need, Windower

MS = 1_000_000
SECOND = 1_000_000_000
INT64 = st.integers(-(2**63), 2**63 - 1)
NEAR = st.integers(-3 * SECOND, 3 * SECOND)
STEP = st.sampled_from([0, 1, 1, 1, 1, 2, 5, -1, -40, 10_000, 2**40])


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[int, int, int, int]]:
    """(seq, stamp, arrival, samples): mostly orderly, with jumps of the count and of both times."""
    seq, stamp, arrival = 0, draw(INT64 | NEAR), 100 * SECOND
    rows = []
    for _ in range(draw(st.integers(1, 60))):
        seq = max(0, seq + draw(STEP))
        stamp += 10 * MS + draw(st.sampled_from([0, 0, 0, 0, 0, SECOND, -SECOND])) + 0
        arrival += max(0, 10 * MS + draw(st.sampled_from([0, 0, 0, 0, 10 * SECOND, -10 * MS])))
        rows.append((seq, draw(st.just(stamp) | INT64), arrival, draw(st.sampled_from([10, 7, 1]))))
    return rows


@given(streams(), st.sampled_from(["free", "synchronised", "arrival"]), NEAR)
@settings(max_examples=150, deadline=None)
def test_any_stream_of_blocks_and_pictures(
    stream: list[tuple[int, int, int, int]], trust: str, edge: int
) -> None:
    windower = Windower(
        [
            Need("v", "series", 1000.0, channels=2, length=50, max_delay_ns=SECOND),
            Need("c", "clip", 100.0, frames=4, stride=2, height=2, width=2, max_delay_ns=SECOND),
        ],
        lambda _sensor, _cause: None,
    )
    clocks = {name: SourceClock(name, trust, lambda _n, _c: None) for name in "vc"}
    for k, (seq, stamp, arrival, samples) in enumerate(stream):
        wave = np.full((2, samples), k, np.float32)
        pixels = np.full((2, 2), k % 256, np.uint8)
        for name, data, rate, duration in (
            ("v", wave, 1000.0, samples * MS),
            ("c", pixels, 100.0, 0),
        ):
            time_ns = clocks[name].observe(
                seq,
                stamp,
                duration_ns=duration,
                period_ns=duration or 10 * MS,
                arrival_ns=arrival,
                wall_anchor_ns=0,
            )
            if trust != "synchronised":
                assert time_ns + duration <= arrival  # nothing is heard before it happened
            sample = Sample(name, seq, stamp, arrival, rate, data)
            windower.add(sample, time_ns, clocks[name].kind)
    now = stream[-1][2]
    for at in (now + edge, now - 100 * MS, now - 50 * MS):
        for name, shape in (("v", (2, 50)), ("c", (4, 2, 2))):
            for window in (windower.cut(name, at, now), windower.cut_partial(name, at, now)):
                if window is None:
                    continue
                assert window.data.shape == shape
                assert np.isfinite(window.data).all()
                quality = window.quality
                assert 0.5 <= quality.coverage <= 1.0
                assert 0.0 <= quality.clipped <= 1.0
                assert 0.0 <= quality.repeated <= 1.0
                assert (quality.coverage == 1.0) == (quality.gaps == 0)
