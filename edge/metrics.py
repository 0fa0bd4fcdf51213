"""Numbers beside the path, for Prometheus. Removing them changes no verdict."""

from collections import deque

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from edge.bundle import Manifest
from edge.verdict import Verdict

LATENCY_BUCKETS_S = (
    0.001, 0.002, 0.005, 0.008, 0.010, 0.012, 0.015, 0.018, 0.020, 0.025, 0.030, 0.040, 0.050,
    0.075, 0.1, 0.25, 1.0, 10.0,
)  # fmt: skip


class Metrics:
    """Every counter and gauge of the daemon, in one registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.verdicts = Counter(
            "edge_verdicts", "Verdicts sealed", ["station", "decision", "degraded"], registry=r
        )
        self.latency = Histogram(
            "edge_latency_seconds",
            "From window end (or trigger arrival, the later) to a clock point; `trigger`, however, "
            "from the part's edge to the trigger's arrival (0 where the plant does not stamp it)",
            ["point"],
            buckets=LATENCY_BUCKETS_S,
            registry=r,
        )
        self.conflict = Histogram(
            "edge_conflict",
            "Conflict between the sensors of a part",
            buckets=(0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0),
            registry=r,
        )
        self.drops = Counter(
            "edge_drops", "Readings, triggers and results dropped", ["source", "cause"], registry=r
        )
        self.triggers = Counter(
            "edge_triggers", "Triggers by fate", ["station", "fate"], registry=r
        )
        self.link_up = Gauge("edge_link_up", "1 while the link is connected", ["link"], registry=r)
        self.data_age = Gauge(
            "edge_sensor_data_age_seconds", "Since the last block arrived", ["sensor"], registry=r
        )
        self.backlog = Gauge(
            "edge_outbox_backlog", "Verdicts not acknowledged yet", ["publisher"], registry=r
        )
        self.reserve = Gauge(
            "edge_reserve_seconds", "Kept back before the deadline", ["station"], registry=r
        )
        self.loop_lag = Gauge(
            "edge_loop_lag_seconds", "Event loop lag of the last minute", ["quantile"], registry=r
        )
        self.in_flight = Gauge("edge_parts_in_flight", "Parts without verdict", registry=r)
        self.granted = Gauge(
            "edge_opcua_interval_ms",
            "Interval granted by a server",
            ["link", "node", "kind"],
            registry=r,
        )

    def count(self, source: str, cause: str, amount: int = 1) -> None:
        self.drops.labels(source, cause).inc(amount)

    def judged(self, verdict: Verdict) -> None:
        clock = verdict.clock
        start_ns = max(clock.window_end_ns, clock.trigger_received_ns)
        points = {
            "received": clock.received_ns,
            "ready": clock.ready_ns,
            "inferred": clock.inferred_ns,
            "fused": clock.fused_ns,
            "sealed": clock.sealed_ns,
        }
        for point, at_ns in points.items():
            if at_ns:
                self.latency.labels(point).observe(max(0.0, (at_ns - start_ns) / 1e9))
        self.latency.labels("trigger").observe(verdict.trigger_age_ms / 1e3)
        self.verdicts.labels(verdict.station, verdict.decision, str(verdict.degraded).lower()).inc()
        self.conflict.observe(verdict.conflict)

    def published(self, way: str, start_ns: int, at_ns: int) -> None:
        """Acknowledged by the broker (mqtt), or taken by the PLC's program (plc)."""
        point = "published" if way == "mqtt" else "taken"
        self.latency.labels(point).observe(max(0.0, (at_ns - start_ns) / 1e9))

    def text(self) -> bytes:
        return generate_latest(self.registry)


class BundleMetrics:
    """Which bundle judges where, and what became of others, in the daemon's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        place = ["station", "recipe"]
        self.role = Gauge(
            "edge_bundle",
            "1 for the bundle that judges (active) or is compared (shadow)",
            [*place, "role", "bundle", "version"],
            registry=registry,
        )
        self.changes = Counter(
            "edge_bundle_changes",
            "Bundles that came, went or were refused, and by whom: command, rule or fault",
            [*place, "what", "by"],
            registry=registry,
        )
        self.shadow_parts = Counter(
            "edge_shadow_parts", "Parts judged twice", [*place, "outcome"], registry=registry
        )
        self.shadow_latency = Histogram(
            "edge_shadow_latency_seconds",
            "Of the same parts: active, as published; shadow, what its verdicts would have taken",
            [*place, "role"],
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self._shown: dict[tuple[str, str, str], tuple[str, str]] = {}

    def shows(self, station: str, recipe: str, role: str, one: Manifest | None) -> None:
        """From now on it is this one; None: nothing any more."""
        key = (station, recipe, role)
        if before := self._shown.pop(key, None):
            self.role.remove(*key, *before)
        if one is not None:
            self._shown[key] = (one.name, one.version)
            self.role.labels(*key, one.name, one.version).set(1)


class Quantile:
    """A quantile over the last `size` values, recomputed now and then; `default` until known."""

    def __init__(self, q: float, default: float, *, size: int = 400, every: int = 20) -> None:
        self._values: deque[float] = deque(maxlen=size)
        self._q = q
        self._every = every
        self._since = 0
        self.value = default

    def add(self, value: float) -> None:
        self._values.append(value)
        self._since += 1
        if self._since >= self._every and len(self._values) >= self._every:
            self.value = float(np.quantile(np.asarray(self._values), self._q))
            self._since = 0
