"""What the daemon costs, and whether anything else was at work on the machine meanwhile."""

import asyncio
import contextlib
import itertools
import re
import time
from dataclasses import dataclass, field

import aiohttp
import psutil

from edge.trial.processes import Kept

EVERY_S = 0.5
LAG_EVERY = 10  # of these samples: the daemon's loop lag
LAG_WINDOW_S = 60.0  # that the daemon's figure looks back
DISTURBED_SHARE = 0.10
_LAG = re.compile(r'^edge_loop_lag_seconds\{quantile="([0-9.]+)"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Machine:
    """Processor time since boot, in seconds of one core."""

    at_s: float
    busy_s: float  # of everybody: user, nice, system, and what other guests stole
    ours_s: float  # of this process and everything it started

    def others_share(self, later: "Machine", cores: int) -> float:
        """Share of the whole machine that others took from here until `later`."""
        elapsed_s = (later.at_s - self.at_s) * cores
        others_s = (later.busy_s - self.busy_s) - (later.ours_s - self.ours_s)
        return max(0.0, others_s / elapsed_s) if elapsed_s > 0 else 0.0


@dataclass(slots=True)
class Load:
    """What was seen of the daemon, sample by sample."""

    cpu_shares: list[float] = field(default_factory=list)  # of one core
    rss_bytes: list[int] = field(default_factory=list)
    lags_s: list[dict[str, float]] = field(default_factory=list)  # quantile -> lag, last minute
    others_share: float = 0.0  # of the whole machine

    @property
    def is_disturbed(self) -> bool:
        return self.others_share > DISTURBED_SHARE

    @property
    def mean_cpu_share(self) -> float:
        return sum(self.cpu_shares) / len(self.cpu_shares) if self.cpu_shares else 0.0

    def worst_lag_ms(self, quantile: str) -> float:
        """Largest of the looks that saw nothing but the run; of all, in a run shorter than that."""
        steady = self.lags_s[round(LAG_WINDOW_S / EVERY_S / LAG_EVERY) :] or self.lags_s[-1:]
        return max((lags.get(quantile, 0.0) * 1e3 for lags in steady), default=0.0)

    def as_data(self) -> dict[str, object]:
        return {
            "cpu_of_one_core": round(self.mean_cpu_share, 3),
            "rss_mib": round(max(self.rss_bytes, default=0) / 2**20, 1),
            "loop_lag_ms": {q: round(self.worst_lag_ms(q), 3) for q in ("0.5", "0.99", "0.999")},
            "others_share": round(self.others_share, 3),
            "disturbed": self.is_disturbed,
        }


class DaemonMeter:
    """Looks at the daemon's process, whichever it is by now."""

    def __init__(self, load: Load, daemon: Kept) -> None:
        self._load = load
        self._daemon = daemon
        self._process: psutil.Process | None = None
        self._last: tuple[float, float] | None = None  # when, processor time

    def look(self) -> None:
        pid = self._daemon.child.pid
        with contextlib.suppress(psutil.NoSuchProcess):
            if self._process is None or self._process.pid != pid:
                self._process, self._last = psutil.Process(pid), None
            times, at_s = self._process.cpu_times(), time.monotonic()
            used_s = times.user + times.system
            if self._last:
                self._load.cpu_shares.append((used_s - self._last[1]) / (at_s - self._last[0]))
            self._last = at_s, used_s
            self._load.rss_bytes.append(self._process.memory_info().rss)


async def sample(load: Load, daemon: Kept, http: str) -> None:
    """Until cancelled."""
    meter, start, cores = DaemonMeter(load, daemon), read_machine(), psutil.cpu_count() or 1
    async with aiohttp.ClientSession() as session:
        for count in itertools.count(1):
            await asyncio.sleep(EVERY_S)
            meter.look()
            load.others_share = start.others_share(read_machine(), cores)
            if count % LAG_EVERY == 0:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"http://{http}/metrics") as answer:
                        load.lags_s.append(read_lags(await answer.text()))


def read_lags(metrics: str) -> dict[str, float]:
    """Quantile to seconds, from the daemon's page of metrics."""
    return {quantile: float(value) for quantile, value in _LAG.findall(metrics)}


def read_machine() -> Machine:
    """Interrupts are left out of `busy_s`: the kernel books the loopback's own there."""
    times = psutil.cpu_times()
    busy_s = times.user + times.nice + times.system + getattr(times, "steal", 0.0)
    me = psutil.Process()
    family = [me, *me.children(recursive=True)]
    return Machine(time.monotonic(), busy_s, sum(_own(one) for one in family))


def _own(process: psutil.Process) -> float:
    """Its own time and that of children it has already buried."""
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0
