"""A station's own good parts: what is taken off its answers, what is kept, what is refused."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge import baseline
from edge.baseline import Baseline, Baselines, Offset, fitting, offsets
from edge.bundle import Bundle
from edge.commission.learn import limit, shift
from edge.config import Sensor
from edge.errors import ConfigError
from edge.fusion.evidence import log_odds
from edge.judge import hear, weigh
from edge.manifest import DetectorClass
from edge.monitor import Band, Typical
from sensors.signal import Quality, Waveform
from tests.edge.test_judge import HASH, heard, manifest, sensor

SENSORS: dict[str, Sensor] = {"st1-audio": sensor("audio")}
WORKSHOP = Typical(np.array([2.0, 0.0], np.float32), np.array([1.0], np.float32), {"level": 0.5})


def bundle() -> Bundle:
    return Bundle(Path("/nowhere"), manifest(), HASH, typical={"audio": WORKSHOP})


def learnt(**changed: object) -> Baseline:
    right: dict[str, object] = {
        "sensor": "st1-audio",
        "network_sha256": HASH,
        "bundle": "two 1.0.0",
        "parts": 20,
        "created": "2026-01-01",
        "logits": (0.0, 1.0),
        "embedding": (3.0,),
        "measured": {"level": 0.75},
    }
    return Baseline.model_validate(right | changed)


def test_what_is_taken_off_is_what_the_station_has_beyond_the_workshop() -> None:
    """By hand: logits (0, 1) - (2, 0), embedding 3 - 1, level 0.75 - 0.5."""
    found = offsets(Baselines(station="st1", baselines=(learnt(),)), SENSORS, bundle())
    logits, embedding = found["st1-audio"].taken_off(np.array([0.0, 1.0]), np.array([3.0]))
    assert logits.tolist() == [2.0, 0.0]
    assert embedding is not None
    assert embedding.tolist() == [1.0]
    assert found["st1-audio"].measures({"level": 1.0, "floor": 0.2}) == {
        "level": 0.75,
        "floor": 0.2,
    }


def test_a_good_part_that_the_station_makes_look_like_rubbing_passes_by_its_baseline() -> None:
    """The network gives every good part there 3 to 97; so it does to this one."""
    ear, eye = heard("audio", 0.03), heard("camera", 0.99)
    one = bundle()
    own = Baselines(
        station="st1", baselines=(learnt(logits=(float(np.log(0.03)), float(np.log(0.97)))),)
    )
    offset = offsets(own, SENSORS, one)["st1-audio"]
    before = weigh([hear(eye, one), hear(ear, one)], one)
    after = weigh([hear(eye, one), hear(replace(ear, offset=offset), one)], one)
    assert (before.decided.decision, before.decided.defect) == ("defect", "rub")
    assert after.decided.decision == "ok"
    # softmax of the workshop's typical logits (2, 0): e^2 / (e^2 + 1)
    assert after.reports["st1-audio"].probabilities["good"] == pytest.approx(
        np.exp(2) / (np.exp(2) + 1), abs=1e-6
    )


def test_a_rub_at_such_a_station_is_still_a_rub() -> None:
    """It moves the answer as far beyond the station's good parts as elsewhere beyond others."""
    one = bundle()
    own = Baselines(
        station="st1", baselines=(learnt(logits=(float(np.log(0.03)), float(np.log(0.97)))),)
    )
    offset = offsets(own, SENSORS, one)["st1-audio"]
    rub = replace(heard("audio", 0.0001), offset=offset)
    said = weigh([hear(heard("camera", 0.99), one), hear(rub, one)], one)
    assert (said.decided.decision, said.decided.defect) == ("defect", "rub")


def test_the_verdict_names_the_baseline_and_promises_nothing() -> None:
    one, own = bundle(), learnt()
    offset = offsets(Baselines(station="st1", baselines=(own,)), SENSORS, one)["st1-audio"]
    said = weigh([hear(replace(heard("audio", 0.9), offset=offset), one)], one)
    assert said.reports["st1-audio"].baseline == own.label
    assert own.label.endswith(", 20 parts, 2026-01-01")
    assert not said.certified.is_certified
    assert "without a baseline" in said.certified.words


def test_limits_learnt_in_the_workshop_are_held_against_what_the_station_has_beyond() -> None:
    """Level 0.8 is too loud for a band up to 0.6; at a station that is louder by 0.25 it is not."""
    one = bundle()
    loud = Band(high=0.6, high_sick=0.9)
    detectors = dict(one.manifest.detectors)
    detectors["audio"] = detectors["audio"].model_copy(update={"monitor": {"level": loud}})
    one = replace(one, manifest=one.manifest.model_copy(update={"detectors": detectors}))
    wave = Quality(waveform=Waveform(level=0.8, floor=0.1, whiteness=1.0, held=0.0))
    answer = heard("audio", 0.9, wave)
    offset = offsets(Baselines(station="st1", baselines=(learnt(),)), SENSORS, one)["st1-audio"]
    assert hear(answer, one).report.status == "sick"
    assert hear(replace(answer, offset=offset), one).report.status == "ok"


def test_nothing_is_taken_off_another_network_or_another_sensor() -> None:
    own = Baselines(
        station="st1", baselines=(learnt(network_sha256="1" * 64), learnt(sensor="st1-ear2"))
    )
    assert offsets(own, SENSORS, bundle()) == {}


def test_a_baseline_that_does_not_fit_its_network_is_refused() -> None:
    own = Baselines(station="st1", baselines=(learnt(logits=(1.0, 2.0, 3.0)),))
    with pytest.raises(ConfigError, match=r"st1-audio: does not fit two 1\.0\.0"):
        offsets(own, SENSORS, bundle())


def test_baselines_are_kept_and_newer_ones_take_the_place_of_older(tmp_path: Path) -> None:
    file = baseline.file_of(tmp_path, "st1")
    assert baseline.of_station(tmp_path, "st1") == Baselines(station="st1")
    first = Baselines(station="st1").added({"st1-audio": learnt()})
    baseline.write(file, first)
    again = baseline.of_station(tmp_path, "st1").added(
        {"st1-audio": learnt(parts=30), "st1-camera": learnt(sensor="st1-camera")}
    )
    assert [(one.sensor, one.parts) for one in again.baselines] == [
        ("st1-audio", 30),
        ("st1-camera", 20),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no baselines of a station"),
        ('{"format": 2, "station": "st1", "baselines": []}', "no baselines of a station"),
        ('{"format": 1, "station": "st2", "baselines": []}', "is of station 'st2'"),
    ],
)
def test_a_broken_or_foreign_file_is_refused_with_the_cure(
    tmp_path: Path, text: str, said: str
) -> None:
    file = baseline.file_of(tmp_path, "st1")
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(ConfigError, match=f"{said}.*run edge commission again"):
        baseline.of_station(tmp_path, "st1")


def test_a_recording_keeps_every_baseline_that_its_parts_were_judged_by(tmp_path: Path) -> None:
    baseline.keep(tmp_path, Baselines(station="st1", baselines=(learnt(),)))
    baseline.keep(tmp_path, Baselines(station="st1", baselines=(learnt(parts=30),)))
    baseline.keep(tmp_path, Baselines(station="st1", baselines=(learnt(parts=30),)))
    known = baseline.kept(tmp_path)
    assert [one.parts for one in known.baselines] == [20, 30]
    labels = [offset.label for _, offset in fitting(known, SENSORS, bundle())]
    assert labels == [one.label for one in known.baselines]
    assert isinstance(offsets(known, SENSORS, bundle())["st1-audio"], Offset)


def test_the_shift_is_how_far_the_station_moves_the_odds_of_a_defect() -> None:
    """By hand: one class by 1 - 2, the other by 0.5 - 0; either may be the good one."""
    assert shift((1.0, 0.5), WORKSHOP, [True, False]) == pytest.approx(1.5)
    assert shift((1.0, 0.5), WORKSHOP, [False, True]) == pytest.approx(-1.5)


def test_a_limit_lies_at_even_odds_and_moves_nothing_between_the_defects() -> None:
    """Softmax of logits (0, 3) is 0.95 for rub; with a limit at 3 natural units it is a half."""
    one = bundle()
    by_limit = Baselines(station="st1", baselines=(learnt(limit=3.0),))
    offset = offsets(by_limit, SENSORS, one)["st1-audio"]
    logits, embedding = offset.taken_off(np.array([0.0, 3.0]), np.array([3.0]))
    assert logits.tolist() == [0.0, 0.0]
    assert embedding is not None
    assert embedding.tolist() == [1.0]  # embedding and measures as ever: the middle
    detector = one.manifest.detectors["audio"]
    assert log_odds(np.array([0.0, 3.0]), detector, "ok") == pytest.approx(3.0)
    assert log_odds(logits, detector, "ok") == pytest.approx(0.0)


def test_a_limit_is_of_calibrated_odds_whatever_temperature_and_prior() -> None:
    """By hand, temperature 2 and priors 0.8, 0.1, 0.1: log(e^(4/2)/0.1 + e^(2/2)/0.1) over
    e^0/0.8."""
    classes = (
        DetectorClass(name="good", hypotheses=("ok",), prior=0.8),
        DetectorClass(name="a", hypotheses=("rub",), prior=0.1),
        DetectorClass(name="b", hypotheses=("crack",), prior=0.1),
    )
    known = bundle().manifest.detectors["audio"]
    detector = known.model_copy(update={"classes": classes, "temperature": 2.0})
    wanted = np.log(np.exp(2.0) / 0.1 + np.exp(1.0) / 0.1) - np.log(1.0 / 0.8)
    assert log_odds(np.array([0.0, 4.0, 2.0]), detector, "ok") == pytest.approx(wanted)


def test_the_highest_good_part_and_the_margin_make_the_limit() -> None:
    one = bundle()
    detectors = dict(one.manifest.detectors)
    detectors["audio"] = detectors["audio"].model_copy(update={"limit_margin": 0.5})
    limited = replace(one, manifest=one.manifest.model_copy(update={"detectors": detectors}))
    good = [heard("audio", share) for share in (0.9, 0.6, 0.97)]  # log-odds of rub: log(0.4 / 0.6)
    assert limit(good, one) is None
    assert limit(good, limited) == pytest.approx(np.log(0.4 / 0.6) + 0.5, abs=1e-5)


def test_a_baseline_without_a_limit_keeps_the_name_that_old_recordings_know_it_by() -> None:
    """SHA-256 of the file's own JSON as it was before there were limits."""
    one = learnt()
    before = json.dumps({k: v for k, v in one.model_dump(mode="json").items() if k != "limit"})
    digest = hashlib.sha256(before.replace(", ", ",").replace(": ", ":").encode()).hexdigest()
    assert one.label == f"{digest[:12]}, 20 parts, 2026-01-01"
    assert learnt(limit=3.0).label != one.label


def test_a_file_with_a_limit_and_one_of_an_earlier_release_are_read(tmp_path: Path) -> None:
    file = baseline.file_of(tmp_path, "st1")
    known = Baselines(station="st1", baselines=(learnt(), learnt(sensor="st1-other", limit=-1.5)))
    baseline.write(file, known)
    assert baseline.of_station(tmp_path, "st1") == known
    earlier = json.loads(file.read_text())
    for one in earlier["baselines"]:
        del one["limit"]
    file.write_text(json.dumps(earlier))
    assert [one.limit for one in baseline.of_station(tmp_path, "st1").baselines] == [None, None]
