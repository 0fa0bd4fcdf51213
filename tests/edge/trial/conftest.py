"""Verdicts of a chosen content, valid in everything else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.verdict import ClockPoints, Decision, SensorReport, Verdict, iso

from .bundles import write_bundle

EPOCH_NS = 1_700_000_000_000_000_000  # of the box's monotonic zero, in these tests
MS = 1_000_000
S = 1000 * MS

MakeVerdict = Callable[..., Verdict]


@pytest.fixture
def make_verdict() -> MakeVerdict:
    def make(
        sequence: int = 1,
        *,
        station: str = "cell1",
        edge_ns: int = 10 * S,
        arrival_ns: int = 10 * S + 8 * MS,
        sealed_ns: int = 10 * S + 512 * MS,
        defect: str = "",
        decision: str = "ok",
        **changed: Any,
    ) -> Verdict:
        return Verdict(
            id=f"{station}-{sequence}",
            site="demo",
            line="line1",
            station=station,
            sequence=sequence,
            part=f"{station}-{sequence:06d}",
            part_was_read=True,
            recipe="motor",
            time=iso(EPOCH_NS + edge_ns),
            time_ns=EPOCH_NS + edge_ns,
            decision=decision,  # type: ignore[arg-type]
            decision_code=Decision[decision.upper()],
            defect=defect,
            defect_code=2 if defect else 0,
            reason="by hand",
            belief_ok=0.91,
            plausibility_ok=0.97,
            conflict=0.02,
            ignorance=0.01,
            degraded_reason="",
            error_code=0,
            sensor_to_sealed_ms=12.0,
            trigger_age_ms=8.0,
            bundle="motor",
            bundle_version="1.0.0",
            bundle_sha256="0" * 64,
            rule="yager",
            belief={"ok": 0.91, "crack": 0.0},
            plausibility={"ok": 0.97, "crack": 0.09},
            sensors={
                f"{station}-camera": SensorReport(
                    status="ok",
                    detector="camera",
                    engine="openvino int8",
                    probabilities={"good": 0.88, "crack": 0.12},
                ),
                f"{station}-microphone": SensorReport(status="silent", detector="audio"),
            },
            clock=ClockPoints(
                trigger_ns=EPOCH_NS + edge_ns,
                trigger_received_ns=EPOCH_NS + arrival_ns,
                window_end_ns=EPOCH_NS + edge_ns + 500 * MS,
                received_ns=EPOCH_NS + edge_ns + 506 * MS,
                ready_ns=EPOCH_NS + edge_ns + 507 * MS,
                inferred_ns=EPOCH_NS + edge_ns + 511 * MS,
                fused_ns=EPOCH_NS + sealed_ns,
                sealed_ns=EPOCH_NS + sealed_ns,
                deadline_ns=EPOCH_NS + edge_ns + 550 * MS,
            ),
            **{"recovered": False, "late": False, "degraded": False, **changed},
        )

    return make


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "tiny")
