"""Several windows of one sensor on one part become one sensor's word in one verdict."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_judge import EDGE, END, EPOCH, HASH, heard, manifest

from edge.__main__ import main
from edge.accepted import Accepted
from edge.bundle import Bundle
from edge.config import Sensor
from edge.inference.detector import Score
from edge.judge import Answer, Heard, hear, weigh
from edge.seal import Times, verdict
from edge.verdict import SensorReport, Verdict
from edge.windows import join
from sensors.signal import Quality, Trigger, Window

STEP = 250_000_000
ONE_WINDOW = [  # keys of a sensor's report before there were several windows, in their order
    "status", "reason", "detector", "engine", "probabilities", "mass", "reliability", "clock",
    "coverage", "gaps", "clipped", "repeated", "held", "dark", "skew_ms", "drift_ppm", "measured",
    "conflict_share", "conflict_with", "flip",
]  # fmt: skip


def bundle() -> Bundle:
    """Its detectors keep 0.99 of what they say: windows that are sure cannot be combined."""
    described = manifest().model_dump()
    for one in described["detectors"].values():
        one["discount"] = 0.99
    return Bundle(Path("/nowhere"), type(manifest()).model_validate(described), HASH)


def camera(on_missing: str = "inspect") -> Sensor:
    return Sensor.model_validate(
        {
            "id": "st1-camera",
            "link": "l",
            "topic": "t",
            "input": "camera",
            "on_missing": on_missing,
            "offsets_s": [0.0, 0.25],
        }
    )


def seen(good: float, number: int, quality: Quality | None = None, **more: Any) -> Answer:
    """What the camera's window of that number says: good with that probability, else scratch."""
    start_ns = EDGE + number * STEP
    window = Window(
        "st1-camera",
        np.zeros((1, 50), np.float32),
        start_ns,
        start_ns + END - EDGE,
        END + 3_000_000,
        END + 4_000_000,
        "envelope",
        quality or Quality(),
    )
    logits = np.log(np.array([good, 1 - good], np.float32))
    score = Score("st1-camera", "camera", logits, None, None, END + 6_000_000, 1, "engine", "int8")
    return Answer(camera(**more), "ok", window=window, score=score)


def silent(**more: Any) -> Answer:
    return Answer(camera(**more), "silent", "no data in the part's window")


def of_camera(*answers: Answer) -> Heard:
    return join([hear(one, bundle()) for one in answers], bundle())


def judged(*answers: Answer) -> Verdict:
    """Of the camera's windows, and a microphone that hears a good part."""
    ear = heard("audio", 0.97)
    trigger = Trigger("st1", 7, "A7", "motor", EPOCH, EDGE, EDGE + 2_000_000)
    return verdict(
        Accepted("st1-7-1", trigger, "A7", True),
        [*answers, ear],
        weigh([of_camera(*answers), hear(ear, bundle())], bundle()),
        bundle(),
        Times(END, END + 50_000_000, EPOCH - EDGE),
        site="s",
        line="l",
        fused_ns=END + 9_900_000,
        sealed_ns=END + 10_000_000,
    )


def test_a_sensor_with_one_window_is_told_as_before_there_were_several() -> None:
    one = hear(heard("audio", 0.9), bundle())
    assert join([one], bundle()) is one
    assert list(json.loads(one.report.model_dump_json())) == ONE_WINDOW
    assert SensorReport.model_validate_json(one.report.model_dump_json()) == one.report


def test_a_scratch_that_turns_into_view_late_rejects_the_part() -> None:
    """0.99 of 0.97: as the one window says that shows it, though the other is surer."""
    said = judged(seen(0.999, 0), seen(0.03, 1))
    assert (said.decision, said.defect) == ("defect", "scratch")
    report = said.sensors["st1-camera"]
    assert report.mass["scratch"] == pytest.approx(0.99 * 0.97, abs=2e-6)
    assert report.probabilities == {"good": 0.03, "scratch": 0.97}  # of the window that shows it
    # Bel(scratch) by the one 0.9603, Pl(scratch) by the other 1 - 0.99 * 0.999
    assert report.conflict_within == pytest.approx(0.9603 - (1 - 0.98901), abs=2e-6)
    assert report.status == "ok"
    assert not said.certified
    assert said.certificate == "not certified: thresholds were set for one window of a sensor"


def test_a_second_camera_that_says_good_does_not_pass_what_one_window_of_the_first_shows() -> None:
    """Had the first camera's windows cancelled each other out, nobody would object."""
    other = heard("camera", 0.99)
    other = replace(other, sensor=other.sensor.model_copy(update={"id": "st1-camera2"}))
    ear = hear(heard("audio", 0.97), bundle())
    alone = weigh([of_camera(seen(0.97, 0)), hear(other, bundle()), ear], bundle())
    assert alone.decided.decision == "ok"
    first = of_camera(seen(0.999, 0), seen(0.03, 1))
    both = weigh([first, hear(other, bundle()), ear], bundle())
    assert both.decided.decision == "uncertain"
    # 0.9603 for the scratch against 0.9801 for good; the ear is in nobody's way but by its 0.03
    assert both.combination.conflict == pytest.approx(0.9603 * 0.9801, abs=0.02)


def test_windows_that_agree_count_once() -> None:
    alone = hear(seen(0.9, 0), bundle())
    both = of_camera(seen(0.9, 0), seen(0.9, 1))
    assert both.report.mass == pytest.approx(alone.report.mass, abs=2e-6)
    assert both.report.conflict_within == 0.0


def test_each_window_is_reported_with_its_start_its_evidence_and_its_health() -> None:
    torn = Quality(coverage=0.9, gaps=2)
    first, second = judged(seen(0.99, 0), seen(0.98, 1, torn)).sensors["st1-camera"].windows
    assert (first.offset_s, first.status, first.reliability) == (0.0, "ok", 1.0)
    assert (second.offset_s, second.status, second.coverage) == (0.25, "sick", 0.9)
    assert 0.0 < second.reliability < 1.0
    assert second.probabilities["good"] == pytest.approx(0.98, abs=1e-6)
    assert sum(second.mass.values()) == pytest.approx(1.0, abs=2e-6)


def test_the_sensor_has_the_worst_of_its_windows_data_and_says_which() -> None:
    said = judged(seen(0.99, 0), seen(0.98, 1, Quality(coverage=0.9, gaps=2, clipped=0.001)))
    report = said.sensors["st1-camera"]
    assert (report.status, report.coverage, report.gaps) == ("sick", 0.9, 2)
    assert report.clipped == 0.001
    assert report.reason.startswith("window at 0.25 s: ")
    assert said.degraded


def test_a_window_that_is_not_there_bars_the_part_as_it_may_be_the_one_that_shows_it() -> None:
    said = judged(seen(0.99, 0), silent())
    assert said.decision == "uncertain"
    assert said.barred == "st1-camera, window at 0.25 s, is absent"
    assert said.sensors["st1-camera"].reason == "window at 0.25 s: no data in the part's window"
    assert said.sensors["st1-camera"].windows[1].mass == {}


def test_a_defect_is_called_without_the_window_that_is_not_there() -> None:
    said = judged(silent(), seen(0.01, 1))
    assert (said.decision, said.defect) == ("defect", "scratch")


def test_where_the_plant_accepts_absence_the_other_window_decides() -> None:
    more = {"on_missing": "accept"}
    said = judged(seen(0.99, 0, **more), silent(**more))
    assert (said.decision, said.degraded) == ("ok", True)
    alone = hear(seen(0.99, 0), bundle())
    assert said.sensors["st1-camera"].mass == alone.report.mass


def test_a_stuck_window_is_as_good_as_none() -> None:
    said = judged(seen(0.999, 0), seen(0.999, 1, Quality(repeated=1.0)))
    assert said.decision == "uncertain"
    assert said.barred == "st1-camera, window at 0.25 s, is absent"


def test_without_any_window_the_sensor_is_absent_and_says_why_once() -> None:
    said = judged(silent(), silent())
    report = said.sensors["st1-camera"]
    assert said.barred == "st1-camera is absent"
    assert (report.status, report.reason) == ("silent", "no data in the part's window")
    assert (report.reliability, report.mass) == (0.0, {})
    assert [one.status for one in report.windows] == ["silent", "silent"]


def test_conflict_and_flips_are_of_sensors_not_of_windows() -> None:
    said = judged(seen(0.999, 0), seen(0.2, 1))
    assert set(said.sensors) == {"st1-camera", "st1-audio"}
    assert set(said.sensors["st1-camera"].conflict_with) == {"st1-audio"}
    flip = said.sensors["st1-camera"].flip
    assert flip is not None
    assert flip.said in {"good", "scratch", ""}


def test_explain_shows_what_each_window_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = judged(seen(0.999, 0), seen(0.03, 1))
    path = tmp_path / "verdict.json"
    path.write_bytes(said.body())
    assert main(["explain", "--verdict", str(path)]) == 0
    page = capsys.readouterr().out
    assert "what each window of a sensor said" in page
    assert f"apart by {said.sensors['st1-camera'].conflict_within:.4f} at least" in page
    rows = [row for row in page.splitlines() if "0.25 s" in row]
    assert any("scratch" in row and "0.9603" in row for row in rows)
