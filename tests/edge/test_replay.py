"""`edge replay` on parts that the simulator rendered, and on verdicts recorded of them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge import bundle, config
from edge.__main__ import main
from edge.rejudge import Judge, compare
from edge.verdict import Verdict
from sensors.recording import read_header, read_parts
from sensors.simulator.__main__ import main as simulator

PARTS = 6
SHIPPED = config.SHIPPED / "motor"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replay") / "parts"
    assert simulator(["record", str(folder), "--parts", str(PARTS), "--seed", "3"]) == 0
    return folder


def outcome(folder: Path, out: Path, *more: str) -> tuple[int, dict[str, Any]]:
    status = main(["replay", str(folder), "--json", str(out), *more])
    return status, json.loads(out.read_text())


def test_rendered_parts_are_judged_and_counted_against_their_truth(
    rendered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, data = outcome(rendered, tmp_path / "out.json")
    assert status == 0
    assert (data["parts"], data["compared"], data["different"]) == (PARTS, 0, 0)
    assert [one["index"] for one in data["verdicts"]] == list(range(1, PARTS + 1))
    for one in data["verdicts"]:  # every sensor spoke, and each mass function adds up
        assert set(one["mass"]) == {"camera", "vibration", "audio"}
        for mass in one["mass"].values():
            assert sum(mass.values()) == pytest.approx(1.0, abs=1e-5)
    truths = [json.loads(row) for row in (rendered / "truth.jsonl").read_text().splitlines()]
    assert sum(sum(row.values()) for row in data["confusion"].values()) == len(truths)
    assert data["good"] == sum(one["hypothesis"] == "ok" for one in truths)
    assert data["rejects"] == sum(one["is_reject"] for one in truths)
    assert capsys.readouterr().out.count("[truth: ") == PARTS


def test_the_same_parts_give_the_same_masses_again(rendered: Path, tmp_path: Path) -> None:
    first, second = (outcome(rendered, tmp_path / name)[1] for name in ("one", "two"))
    assert first["verdicts"] == second["verdicts"]


def with_verdicts(rendered: Path, folder: Path, **changed: Any) -> Path:
    """A copy whose parts bear the verdicts of a first replay, changed in some way."""
    shutil.copytree(rendered, folder)
    shipped = bundle.load(SHIPPED)
    judge = Judge(read_header(folder)["sensors"], shipped, "openvino")
    for part in read_parts(folder):
        judged = judge.again(part, None).judged
        body = {
            **EMPTY,
            "decision": judged.decided.decision,
            "defect": judged.decided.defect,
            "bundle_sha256": shipped.sha256,
            "sensors": {k: v.model_dump() for k, v in judged.reports.items()},
            **changed,
        }
        sealed = Verdict.model_validate(body).body()
        (folder / "parts" / f"{part.index:06d}" / "verdict.json").write_bytes(sealed)
    return folder


# every field that does not matter here
EMPTY: dict[str, Any] = {
    name: {
        "string": "",
        "integer": 0,
        "number": 0.0,
        "boolean": False,
        "object": {},
    }.get(about.get("type", ""), {})
    for name, about in Verdict.model_json_schema()["properties"].items()
    if name in Verdict.model_json_schema()["required"] and name not in ("sensors", "clock")
} | {"clock": dict.fromkeys(Verdict.model_json_schema()["$defs"]["ClockPoints"]["properties"], 0)}


def test_verdicts_of_the_same_bundle_come_out_the_same(rendered: Path, tmp_path: Path) -> None:
    status, data = outcome(with_verdicts(rendered, tmp_path / "r"), tmp_path / "out.json")
    assert (status, data["compared"], data["different"]) == (0, PARTS, 0)


def test_a_verdict_that_comes_out_differently_is_told_and_ends_with_status_1(
    rendered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = with_verdicts(rendered, tmp_path / "r", decision="defect", defect="unicorn")
    status, data = outcome(folder, tmp_path / "out.json")
    assert (status, data["different"]) == (1, PARTS)
    assert "recorded defect unicorn" in capsys.readouterr().out


def test_verdicts_of_another_bundle_may_differ(rendered: Path, tmp_path: Path) -> None:
    folder = with_verdicts(
        rendered, tmp_path / "r", decision="defect", defect="unicorn", bundle_sha256="0" * 64
    )
    status, data = outcome(folder, tmp_path / "out.json")
    assert (status, data["compared"], data["different"]) == (0, PARTS, 0)


def test_a_sensor_that_was_missing_then_is_missing_now(rendered: Path) -> None:
    judge = Judge(read_header(rendered)["sensors"], bundle.load(SHIPPED), "openvino")
    part = next(read_parts(rendered))
    whole = judge.again(part, None).judged
    reports = {k: v.model_dump() for k, v in whole.reports.items()}
    reports["audio"] = {"status": "late", "reason": "engine", "detector": "audio"}
    then = Verdict.model_validate({**EMPTY, "decision": "ok", "sensors": reports})
    again = judge.again(replace(part, verdict=then.body()), None).judged
    assert again.reports["audio"].status == "late"
    assert again.reports["audio"].mass == {}
    assert again.reports["camera"].mass == whole.reports["camera"].mass


def test_a_clock_that_was_off_then_is_off_now(rendered: Path) -> None:
    """What a clock did in the minute before is not in a part's blocks."""
    judge = Judge(read_header(rendered)["sensors"], bundle.load(SHIPPED), "openvino")
    part = next(read_parts(rendered))
    reports = {k: v.model_dump() for k, v in judge.again(part, None).judged.reports.items()}
    assert reports["audio"]["status"] == "ok"
    reports["audio"]["skew_ms"] = 500.0
    then = Verdict.model_validate({**EMPTY, "decision": "ok", "sensors": reports})
    again = judge.again(replace(part, verdict=then.body()), None).judged.reports["audio"]
    assert (again.status, again.reliability) == ("sick", 0.0)
    assert again.reason == "clock off: stamps disagree by 500 ms"


def test_a_mass_that_moved_is_named(rendered: Path) -> None:
    judge = Judge(read_header(rendered)["sensors"], bundle.load(SHIPPED), "openvino")
    judged = judge.again(next(read_parts(rendered)), None).judged
    reports = {k: v.model_dump() for k, v in judged.reports.items()}
    focal, mass = next(iter(reports["vibration"]["mass"].items()))
    reports["vibration"]["mass"][focal] = mass - 0.001
    recorded = {"decision": judged.decided.decision, "defect": judged.decided.defect}
    then = Verdict.model_validate({**EMPTY, **recorded, "sensors": reports})
    assert list(compare(judged, then)) == [f"vibration: mass of {focal} +0.001000"]


def test_a_damaged_recording_is_refused_with_its_file(rendered: Path, tmp_path: Path) -> None:
    folder = tmp_path / "r"
    shutil.copytree(rendered, folder)
    (folder / "parts" / "000002" / "audio.blocks").write_bytes(b"\xc1")
    assert main(["replay", str(folder)]) == 2
    assert main(["replay", str(tmp_path / "nowhere")]) == 2
