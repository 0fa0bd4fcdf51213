"""The proof judges as the appliance does, and says of each mishap whether the requirement holds."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from edge import config
from edge.bundle import Bundle, load
from models.dataset import Split
from models.study import mishaps, proof, proof_report, witnessed
from models.study.mishaps import Mishap
from models.study.witnessed import Said, Witnessed
from sensors.signal import Quality
from sensors.simulator.cause import OK, Cause
from sensors.simulator.part import drawn_cause, simulate_part

pytestmark = pytest.mark.workshop

DETECTORS = ("camera", "vibration", "audio")
CRACK = Cause("crack", 2.0)  # of all sensors the camera alone has a class for it


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load(config.SHIPPED / "motor")


def said(*logits: float, quality: Quality | None = None, error_ms: float = 0.0) -> Said:
    return Said("ok", "", "envelope", quality or Quality(), logits, None, error_ms)


GOOD = said(12.0, 0.0, 0.0, 0.0)  # sure at any temperature that was fitted
CRACKED = said(0.0, 0.0, 12.0, 0.0)
STUCK = said(12.0, 0.0, 0.0, 0.0, quality=Quality(repeated=1.0))


def part(cause: Cause, camera: Said, troubled: Mapping[str, Said]) -> Witnessed:
    sound = {"camera": camera, "vibration": GOOD, "audio": GOOD}
    return Witnessed(cause, sound, dict.fromkeys(DETECTORS, troubled))


def rows(bundle: Bundle, parts: list[Witnessed], *names: str) -> dict[tuple[str, str], proof.Row]:
    """Of the camera: by mode and mishap."""
    table = [Mishap("stuck", name, lambda _: ()) for name in names]
    found = proof.prove(parts, bundle, table, tuple(proof.POLICIES))
    return {(row.policy, row.mishap): row for row in found.rows if row.sensor == "camera"}


def test_a_sensor_that_is_noticed_is_a_missing_one(bundle: Bundle) -> None:
    parts = [part(OK, GOOD, {"x": STUCK})] * 30 + [part(CRACK, CRACKED, {"x": STUCK})] * 20
    found = rows(bundle, parts, "x")
    for mode in tuple(proof.POLICIES):
        here, told = found[mode, "x"], found[mode, proof.MISSING]
        assert (here.escapes, here.failed) == (told.escapes, told.failed)
        assert (here.escaped_more, here.failed_more, here.faults) == ((0, 0), (0, 0), ())
        assert here.noticed.share == 1.0
    assert found["accept", "x"].escapes.events == 20  # nobody else sees a crack
    assert found["inspect", "x"].escapes.events == 0  # and nothing passes
    assert found["inspect", "x"].failed.events == 30
    assert found["accept", proof.SOUND].escapes.events == 0


def test_under_inspect_a_sensor_that_lies_unnoticed_does_not_hold(bundle: Bundle) -> None:
    parts = [part(OK, GOOD, {"x": GOOD})] * 30 + [part(CRACK, CRACKED, {"x": GOOD})] * 20
    row = rows(bundle, parts, "x")["inspect", "x"]
    assert row.escapes.events == 20
    assert row.escaped_more == (20, 0)
    assert row.escape_p == pytest.approx(2.0 * 0.5**20)  # McNemar's, by hand
    assert row.faults == ("escapes",)
    assert row.noticed.events == 0


@pytest.mark.parametrize(("failing", "holds"), [(1, True), (2, False)])
def test_one_good_part_in_a_hundred_may_fail_more_and_no_more(
    bundle: Bundle, failing: int, holds: bool
) -> None:
    """Rejected, in place of a sensor that is told missing and accepted: then all 100 pass."""
    parts = [part(OK, GOOD, {"x": CRACKED if k < failing else GOOD}) for k in range(100)] + [
        part(CRACK, CRACKED, {"x": CRACKED})
    ]
    row = rows(bundle, parts, "x")["accept", "x"]
    assert row.false_rejects.events == row.failed.events == failing
    assert (row.faults == ()) is holds


def test_a_window_that_lies_wrong_in_time_and_is_believed_misleads(bundle: Bundle) -> None:
    wrong = said(9.0, 0.0, 0.0, 0.0, error_ms=-60.0)
    noticed = said(9.0, 0.0, 0.0, 0.0, quality=Quality(repeated=1.0), error_ms=-60.0)
    parts = [
        part(OK, GOOD, {"x": wrong, "y": noticed}),
        part(CRACK, CRACKED, {"x": wrong, "y": GOOD}),
    ]
    found = rows(bundle, parts, "x", "y")
    assert found["accept", "x"].misled.events == 2
    assert found["accept", "y"].misled.events == 0


def test_parts_of_one_kind_prove_nothing(bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="all alike"):
        rows(bundle, [part(OK, GOOD, {"x": GOOD})], "x")


def test_every_mishap_has_a_name_of_its_own_and_begins_where_it_is_watched() -> None:
    table = mishaps.mishaps()
    assert len({row.name for row in table}) == len(table)
    for row in table:
        for fault in row.draw(np.random.default_rng(1)):
            assert fault.start_s < 0.5  # in the window, or before it


def test_what_was_heard_is_kept_and_read_again(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = tuple(row for row in mishaps.mishaps() if row.group in ("silent", "gaps"))
    monkeypatch.setattr(witnessed, "mishaps", lambda: few)
    split = Split("tried", seed=5, first_station=3, stations=1, defect_share=1.0)
    witnessed.hear_station(bundle.folder, tmp_path, split, 0, 2)
    found = list(witnessed.read(bundle, tmp_path, split, 2))
    causes = [drawn_cause(5, 3, k, defect_share=1.0) for k in range(2)]
    assert [one.cause for one in found] == [one for one in causes if one.is_reject]
    for one in found:
        assert set(one.troubled) == set(one.sound) == set(DETECTORS)
        assert set(one.troubled["audio"]) == {row.name for row in few}
        assert one.sound["audio"].logits is not None
        assert one.troubled["audio"]["silent, lasts"].status == "silent"
    elsewhere = found[0].troubled["camera"].items()
    troubled = {name: replace(one, embedding=None) for name, one in elsewhere}
    parts = [*found, part(OK, GOOD, troubled)]
    lines = list(proof_report.summary(proof.prove(parts, bundle, few, ("accept",))))
    assert lines[0].startswith(f"{len(found) + 1} parts: {len(found)} defects")


def test_a_cause_is_drawn_as_the_part_is() -> None:
    assert drawn_cause(5, 3, 1, defect_share=1.0) == simulate_part(5, 3, 1, defect_share=1.0).cause
