"""A part in virtual time is cut as the live path cuts it, and what goes wrong is named."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from edge import config
from edge.bundle import Bundle, load
from edge.fusion.doubt import believed
from edge.fusion.evidence import placed, signs
from edge.health import Health
from edge.intake import SensorIntake
from edge.metrics import Metrics
from edge.part import need, shortfall
from edge.rejudge import sensor
from sensors import codec
from sensors.clock import Trust
from sensors.signal import ClockKind, Encoded, Sample, Window
from sensors.simulator import pool, record
from sensors.simulator.part import SimulatedPart, simulate_idle, simulate_part
from sensors.simulator.plan import Fault, FaultKind
from sensors.simulator.pool import DURATION_S, pool_part
from sensors.simulator.virtual import WATCHED_NS, Scene, Watched
from sensors.windower import Need, Windower

SENSES = ("camera", "vibration", "audio")
MS = 1_000_000


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load(config.SHIPPED / "motor")


@pytest.fixture(scope="module")
def part() -> SimulatedPart:
    return simulate_part(5, 1, 0, duration_s=DURATION_S)


@pytest.fixture(scope="module")
def scene(part: SimulatedPart) -> Scene:
    before = simulate_part(5, 1, 1, duration_s=DURATION_S)
    return Scene(part, before, simulate_idle(5, 1, duration_s=1.0), seed=3)


@pytest.fixture(scope="module")
def needs(bundle: Bundle) -> dict[str, Need]:
    detectors = bundle.manifest.detectors
    return {
        name: need(sensor(name, {"sense": name}, bundle), detectors[name].input, 1.0)
        for name in SENSES
    }


class Station:
    """What a pipeline does with samples: place them, decode what is wanted, cut what is whole."""

    def __init__(self, bundle: Bundle, wanted: Need) -> None:
        self._bundle, self._need = bundle, wanted
        self.since_ns = 0  # from then on it watches
        self.windower = Windower([wanted], lambda *_: None)

    def input_of(self, one: config.Sensor) -> object:
        return self._bundle.manifest.detectors[one.input].input

    def add(self, sample: Sample, time_ns: int, clock: ClockKind) -> None:
        if sample.received_ns >= self.since_ns:
            self.windower.add(sample, time_ns, clock)

    def cut(self, edge_ns: int, now_ns: int) -> Window | None:
        for picture in self.windower.wanted(self._need.sensor, edge_ns):
            if isinstance(picture.encoded, Encoded):
                self.windower.develop(self._need.sensor, picture, picture.encoded.decode())
        return self.windower.cut(self._need.sensor, edge_ns, now_ns)


@pytest.mark.parametrize("name", SENSES)
def test_a_window_in_virtual_time_is_the_one_of_the_live_path_bit_for_bit(
    bundle: Bundle, scene: Scene, needs: dict[str, Need], name: str
) -> None:
    """The same blocks as bytes of the wire, through the daemon's own door."""
    station, metrics = Station(bundle, needs[name]), Metrics()
    health = Health(metrics, (name,), set())
    described = sensor(name, {"sense": name}, bundle)
    intake = SensorIntake(described, station, metrics, health, None)  # type: ignore[arg-type]
    edge_ns, blocks = scene.blocks(needs[name], name)
    station.since_ns = edge_ns - WATCHED_NS
    live = None
    for came in blocks:
        intake.deliver(codec.pack(came.block), {}, came.arrival_ns)
        if live is None and came.arrival_ns >= edge_ns:
            live = station.cut(edge_ns, came.arrival_ns)
    virtual = scene.watch(needs[name], name).window
    assert live is not None
    assert virtual is not None
    np.testing.assert_array_equal(live.data, virtual.data)
    assert (live.quality, live.clock) == (virtual.quality, virtual.clock)
    assert (live.start_ns, live.end_ns) == (virtual.start_ns, virtual.end_ns)
    assert (live.received_ns, live.ready_ns) == (virtual.received_ns, virtual.ready_ns)


def test_a_part_just_simulated_is_the_one_recorded_and_loaded(tmp_path: Path) -> None:
    record.record(tmp_path / "pool", record.Order(parts=1, station=2, seed=9), jobs=1)
    (loaded,) = pool.load(tmp_path / "pool").parts
    made = pool_part(simulate_part(9, 2, 0, duration_s=DURATION_S))
    assert made.frames == loaded.frames
    for name, wave in loaded.waves.items():
        assert made.waves[name].lead == wave.lead
        np.testing.assert_array_equal(made.waves[name].data, wave.data)


@pytest.mark.parametrize("name", ["vibration", "audio"])
def test_a_window_holds_what_was_simulated_of_the_part(
    scene: Scene, part: SimulatedPart, needs: dict[str, Need], name: str
) -> None:
    """From the edge on; a free clock hides the least delay, half a millisecond and a little."""
    wave = part.vibration if name == "vibration" else part.sound[np.newaxis]
    window = scene.watch(needs[name], name).window
    assert window is not None
    lead, length = round(0.03 * needs[name].rate_hz), window.data.shape[1]
    shifts = range(round(-0.003 * needs[name].rate_hz), 1)
    found = [s for s in shifts if np.array_equal(wave[:, lead + s :][:, :length], window.data)]
    assert len(found) == 1


def faults(kind: FaultKind, start_s: float, amount: float = 0.0) -> tuple[Fault, ...]:
    return (Fault(sensor="", kind=kind, start_s=start_s, amount=amount),)


def judged(watched: Watched) -> tuple[float, str]:
    """How far the appliance believes the window, and the reason that its verdict gives."""
    lacks = None if watched.is_whole else shortfall(watched.window)
    if lacks is not None or watched.window is None:
        return 0.0, " ".join(lacks or ())
    return believed([*placed(watched.window.clock), *signs(watched.window.quality)])


@pytest.mark.parametrize("name", SENSES)
@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (faults("stuck", -0.7), "stuck"),
        (faults("stuck", 0.1), "stuck"),
        (faults("looped", -0.7, 0.5), "stuck"),
        (faults("silent", -0.7), "silent no data"),
        (faults("silent", 0.3), "incomplete"),
        (faults("clipped", -0.1, 0.05), "clipped"),
        (faults("late", -0.7, 0.2), "incomplete"),
    ],
)
def test_what_goes_wrong_with_a_signal_is_named_and_believed_no_more(
    scene: Scene, needs: dict[str, Need], name: str, trouble: Sequence[Fault], reason: str
) -> None:
    believed, why = judged(scene.watch(needs[name], name, trouble))
    assert believed == 0.0
    assert reason in why


@pytest.mark.parametrize("name", SENSES)
def test_gaps_are_named_and_believed_less(scene: Scene, needs: dict[str, Need], name: str) -> None:
    believed, why = judged(scene.watch(needs[name], name, faults("gaps", -0.7, 0.4)))
    assert believed < 0.8
    assert "incomplete" in why


@pytest.mark.parametrize("name", SENSES)
@pytest.mark.parametrize("trust", ["free", "synchronised"])
@pytest.mark.parametrize("step_s", [0.05, 0.4, -0.05, -0.4, -1.0])
def test_a_clock_that_is_set_moves_no_window(
    scene: Scene, needs: dict[str, Need], name: str, trust: Trust, step_s: float
) -> None:
    """Count and arrivals say that it was set; the window is the one of a sound clock, or nearly."""
    sound = scene.watch(needs[name], name, trust=trust).window
    watched = scene.watch(needs[name], name, faults("clock_step", -0.65, step_s), trust=trust)
    assert watched.counts["clock_step"] == 1
    assert sound is not None
    assert watched.window is not None
    assert abs(watched.error_ns) < 5 * MS
    assert judged(watched)[0] == 1.0


@pytest.mark.parametrize("name", SENSES)
@pytest.mark.parametrize("delay_s", [0.06, 0.4])
def test_a_source_that_has_long_come_late_is_doubted_by_name(
    scene: Scene, needs: dict[str, Need], name: str, delay_s: float
) -> None:
    watched = scene.watch(needs[name], name, faults("late", -90.0, delay_s), heard_s=96.0)
    believed, why = judged(watched)
    assert believed == 0.0
    assert why.startswith(("mis-timed", "incomplete"))
    assert watched.counts["clock_doubtful"] == 1


def test_the_same_seed_gives_the_same_window_and_another_gives_another_grid(
    part: SimulatedPart, needs: dict[str, Need]
) -> None:
    idle = simulate_idle(5, 1, duration_s=1.0)
    windows = [
        Scene(part, part, idle, seed=seed).watch(needs["vibration"], "vibration").window
        for seed in (1, 1, 2)
    ]
    data = [one.data for one in windows if one is not None]
    np.testing.assert_array_equal(data[0], data[1])
    ready = [one.ready_ns for one in windows if one is not None]
    assert ready[0] == ready[1] != ready[2]
    assert Counter(ready)[ready[0]] == 2
