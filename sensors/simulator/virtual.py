"""One simulated part before real devices and a real windower, in virtual time: nothing waits.

The devices are those that `player` plays over the wires, with their grids of blocks, clocks and
faults; their stamps are mapped by the appliance's own clock and cut by its own windower. Only the
wire is left out: how long a block is under way is drawn (`LEAST_NS`, `MEAN_NS`).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from sensors import block
from sensors.block import Block
from sensors.clock import SourceClock, Trust
from sensors.errors import BadReading
from sensors.signal import Encoded, Sample, Window
from sensors.simulator.devices import Device, devices_of
from sensors.simulator.part import SimulatedPart
from sensors.simulator.plan import (
    DeviceClock,
    Fault,
    Plan,
    Server,
    SimulatedSensor,
    SimulatedStation,
)
from sensors.simulator.pool import SENSES, Pool, PoolPart, pool_part
from sensors.windower import Need, Windower
from sensors.wiring import SensorSource

PERIOD_S = 1.0  # of the station: the part before stood there a second earlier
LEAST_NS, MEAN_NS = 500_000, 1_000_000  # delay of a block on its way, and the mean of what is added
STOP_NS = 35_000_000  # after the window's end: the deadline less the reserve, as by default
WATCHED_NS = 850_000_000  # before the edge: from then on every block reaches the windower
HEARD_S = 6.0  # before the edge: from then on some blocks tell about the clock
HEARD_HZ = 1.0  # so many of them a second
MAX_OFFSET_S, MAX_DRIFT_PPM = 2.0, 50.0  # of a free-running clock
_START_NS, _EPOCH_NS = 10**15, 1_700_000_000_000_000_000


@dataclass(frozen=True, slots=True)
class Watched:
    """What the windower had of one part when waiting for it ended."""

    window: Window | None
    is_whole: bool  # else it was cut at the deadline, or not at all
    error_ns: int  # mapped time of its newest block less the true one, which no appliance knows
    counts: Counter[str] = field(repr=False)  # by the clock, the windower and the door


class Came(NamedTuple):
    """One block at the appliance's door."""

    block: Block
    taken_ns: int  # of its first sample, in truth
    arrival_ns: int


class Scene:
    """A part in front of a station, the part before it, and the empty fixture between them.

    `seed` draws clocks, grids of blocks and delays: the same for every fault.
    """

    def __init__(
        self, part: SimulatedPart, before: SimulatedPart, idle: SimulatedPart, *, seed: int = 0
    ) -> None:
        parts = (pool_part(before), pool_part(part))  # they take turns
        self._pool = Pool(parts, pool_part(idle), _peaks(parts))
        self._seed = seed
        self._pixels: dict[bytes, NDArray[np.uint8]] = {}  # a picture is decoded once

    def watch(
        self,
        need: Need,
        sense: str,
        faults: Sequence[Fault] = (),
        *,
        trust: Trust = "free",
        heard_s: float = HEARD_S,
        stop_ns: int = STOP_NS,
    ) -> Watched:
        """One sensor's window of the part, of the kind that `sense` names; pictures are decoded.

        `start_s` of a fault counts from the part's edge. The device's clock is heard for the first
        time `heard_s` before the edge, and nobody waits any more `stop_ns` after the window's end.
        """
        edge_ns, blocks = self.blocks(
            need, sense, faults, trust=trust, heard_s=heard_s, stop_ns=stop_ns
        )
        door = _Door(need, sense, trust, self._pixels)
        window, error_ns = None, 0
        for came in blocks:
            error_ns = door.take(came, edge_ns - WATCHED_NS) - came.taken_ns
            if came.arrival_ns >= edge_ns:
                window = door.cut(edge_ns, came.arrival_ns)
            if window is not None:
                return Watched(window, True, error_ns, door.counts)
        end_ns = door.windower.end_ns(need.sensor, edge_ns)
        window = door.windower.cut_partial(need.sensor, edge_ns, end_ns + stop_ns)
        return Watched(window, False, error_ns, door.counts)

    def blocks(
        self,
        need: Need,
        sense: str,
        faults: Sequence[Fault] = (),
        *,
        trust: Trust = "free",
        heard_s: float = HEARD_S,
        stop_ns: int = STOP_NS,
    ) -> tuple[int, Iterator[Came]]:
        """The part's edge, and the blocks of one sensor as they arrive, as `watch` takes them."""
        index = 1 + 2 * int(np.ceil((heard_s + PERIOD_S) / PERIOD_S / 2.0))
        plan = self._plan(need.sensor, sense, faults, trust, index)
        (station,) = plan.stations
        (device,) = devices_of(plan, station, self._pool, _EPOCH_NS)
        edge_ns = plan.edge_ns(station, index)
        until_ns = edge_ns + need.offset_ns + need.duration_ns + stop_ns
        return edge_ns, self._came(device, edge_ns, heard_s, until_ns)

    def _plan(
        self, sensor: str, sense: str, faults: Sequence[Fault], trust: Trust, index: int
    ) -> Plan:
        clock = DeviceClock()
        if trust != "synchronised":
            chance = self._chance(sensor, "clock")
            clock = DeviceClock(
                offset_s=float(chance.uniform(-MAX_OFFSET_S, MAX_OFFSET_S)),
                drift_ppm=float(chance.uniform(-MAX_DRIFT_PPM, MAX_DRIFT_PPM)),
                counts_from_power_on=sense == "audio",
            )
        device = SimulatedSensor.model_validate(
            {"id": sensor, "sense": sense, "topic": sensor, "clock": clock}
        )
        edge_s = index * PERIOD_S
        return Plan(
            start_ns=_START_NS,
            seed=self._seed,
            period_s=PERIOD_S,
            parts=0,
            plc=Server(endpoint="none"),
            stations=(SimulatedStation(id="virtual", recording=Path(), sensors=(device,)),),
            faults=tuple(
                one.model_copy(update={"sensor": sensor, "start_s": edge_s + one.start_s})
                for one in faults
            ),
            ledger=Path(),
        )

    def _came(self, device: Device, edge_ns: int, heard_s: float, until_ns: int) -> Iterator[Came]:
        """Blocks in the order of their arrival, which is that of their sending, until a time."""
        device.start(edge_ns - round(heard_s * 1e9))
        watched_ns = edge_ns - WATCHED_NS - 500_000_000
        skipped = round(1.0 / HEARD_HZ / device.period_s)
        sent: list[tuple[int, int, Block]] = []
        while (due_ns := device.due_ns) <= until_ns:
            one, send_ns, taken_ns = device.take()
            if one is not None:
                sent.append((send_ns, taken_ns, one))
            if due_ns < watched_ns:
                left = int((watched_ns - due_ns) * 1e-9 / device.period_s)
                device.skip(min(skipped, left))
        sent.sort(key=lambda item: item[0])
        delays = self._chance(device.sensor.id, "wire").exponential(MEAN_NS, len(sent))
        arrivals = np.maximum.accumulate(
            np.array([send_ns for send_ns, _, _ in sent]) + LEAST_NS + delays.astype(np.int64)
        )
        came = (
            Came(one, taken_ns, int(arrival_ns))
            for (_, taken_ns, one), arrival_ns in zip(sent, arrivals, strict=True)
        )
        return takewhile(lambda item: item.arrival_ns <= until_ns, came)

    def _chance(self, sensor: str, purpose: str) -> np.random.Generator:
        return np.random.default_rng([self._seed, crc32(f"{sensor}/{purpose}".encode())])


class _Door:
    """What the appliance does with the blocks of one sensor, up to its windows."""

    def __init__(
        self, need: Need, sense: str, trust: Trust, pixels: dict[bytes, NDArray[np.uint8]]
    ) -> None:
        self.counts = Counter[str]()
        self.windower = Windower([need], self._count)
        self._need = need
        self._unit = SENSES[sense].unit
        self._clock = SourceClock(need.sensor, trust, self._count)
        self._source = SensorSource(id=need.sensor, link="virtual", topic=need.sensor, clock=trust)
        self._pixels = pixels

    def take(self, came: Came, watched_ns: int) -> int:
        """Place one block; its mapped time. Before `watched_ns` it tells of the clock alone."""
        one, _, arrival_ns = came
        time_ns = self._clock.observe(
            one.seq,
            one.t0_ns,
            duration_ns=one.duration_ns,
            period_ns=one.period_ns,
            arrival_ns=arrival_ns,
            wall_anchor_ns=_EPOCH_NS - _START_NS,
        )
        if arrival_ns >= watched_ns:
            sensor = self._need.sensor
            sample = Sample(
                sensor, one.seq, one.t0_ns, arrival_ns, one.rate_hz, self._data(one),
                late_ns=self._clock.late_ns, drift_ppm=self._clock.drift_ppm,
            )  # fmt: skip
            self.windower.add(sample, time_ns, self._clock.kind)
        return time_ns

    def cut(self, edge_ns: int, now_ns: int) -> Window | None:
        """The whole window, its pictures decoded as they come; None while it is not complete."""
        for picture in self.windower.wanted(self._need.sensor, edge_ns):
            if picture.encoded is not None:
                self.windower.develop(self._need.sensor, picture, self._developed(picture.encoded))
        return self.windower.cut(self._need.sensor, edge_ns, now_ns)

    def _data(self, one: Block) -> NDArray[np.float32] | Encoded:
        need = self._need
        if need.kind == "clip":
            block.check_frame(one)
            return Encoded(partial(block.frame, one, need.height, need.width), one.data)
        return block.series(
            one, self._source, unit=self._unit, channels=need.channels, rate_hz=need.rate_hz
        )

    def _developed(self, encoded: Encoded) -> NDArray[np.uint8] | None:
        if encoded.data not in self._pixels:
            try:
                self._pixels[encoded.data] = encoded.decode()
            except BadReading as error:
                self._count(self._need.sensor, error.cause)
                return None
        return self._pixels[encoded.data]

    def _count(self, _: str, cause: str) -> None:
        self.counts[cause] += 1


def _peaks(parts: Sequence[PoolPart]) -> dict[str, float]:
    return {
        name: max(float(np.abs(one.waves[name].data).max()) for one in parts)
        for name in parts[0].waves
    }
