"""`edge accept` on a real, small simulated set: what is said, written down, and refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import BaseModel

from edge import bundle, config
from edge.__main__ import main
from edge.accept import labelled
from edge.accept.command import refuse_calibration
from edge.errors import ConfigError
from edge.manifest import Manifest
from sensors.simulator.labelled import SetOrder, make

ROOT = Path(__file__).parents[3]
ORDER = SetOrder(sample=8, study=5, trials=2, stations=2, seed=12)
SHOWINGS = 8 + 5 * 2 * 2


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("accept") / "set"
    make(folder, ORDER)
    return folder


def line_at(folder: Path) -> Path:
    """The documented line; its state lies beside it."""
    path = folder / "line.toml"
    documented = (ROOT / "docs" / "line.toml").read_text()
    path.write_text(documented.replace('"/var/lib/edge"', '"state"'))
    return path


def accept(folder: Path, parts: Path, *more: object) -> tuple[int, dict[str, Any], str]:
    """Its status, the data and the page."""
    out, data = folder / "report.html", folder / "report.json"
    arguments = [line_at(folder), parts, "--out", out, "--json", data, *more]
    status = main(["accept", *map(str, arguments)])
    return status, json.loads(data.read_text()), out.read_text()


def attempts(folder: Path) -> list[dict[str, Any]]:
    path = folder / "state" / "acceptance.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_it_says_what_the_parts_prove_and_what_not(simulated: Path, tmp_path: Path) -> None:
    bench = tmp_path / "bench.json"
    rows = [{"latency_ms": 11.0 + k / 100, "recovered": False} for k in range(300)]
    bench.write_text(json.dumps({"machine": "two cores", "verdicts": rows}))
    status, data, page = accept(tmp_path, simulated, "--bench", bench)
    assert status == 1  # a handful of defects proves no escape rate
    assert not data["accepted"]
    assert data["first_use"]
    assert len(data["showings"]) == data["labelled_parts"] == SHOWINGS
    assert data["escapes"]["missing"] >= 400
    states = {one["name"]: one["state"] for one in data["criteria"]}
    assert states["Escape bound"] == "not met"
    assert states["Latency bound"] == "met"  # 300 runs, none late
    assert data["latency"]["p99_bound_ms"] == pytest.approx(13.99)
    assert {one["appraiser"] for one in data["agreement"]["appraisers"]} == {
        "cell120000",
        "cell120001",
    }
    assert [one["sensor"] for one in data["comparison"]["sensors"]]
    for words in ("Not accepted", "two cores", "audio alone", "Clopper-Pearson", "reject limit"):
        assert words in page


def test_the_page_loads_nothing_from_anywhere(simulated: Path, tmp_path: Path) -> None:
    page = accept(tmp_path, simulated)[2]
    assert page.startswith("<!doctype html>")
    assert "<svg" in page
    for reference in ("src=", "href=", "url(", "@import", "<script", "<link"):
        assert reference not in page


def test_parts_are_judged_as_replay_judges_them(simulated: Path, tmp_path: Path) -> None:
    said = {
        (one["recording"], one["index"]): (one["decision"], one["defect"])
        for one in accept(tmp_path, simulated)[1]["showings"]
    }
    for recording in ("cell120000", "cell120001"):
        out = tmp_path / f"{recording}.json"
        assert main(["replay", str(simulated / recording), "--json", str(out)]) == 0
        for one in json.loads(out.read_text())["verdicts"]:
            assert said[recording, one["index"]] == (one["decision"], one["defect"])


def test_a_second_attempt_is_said_in_red(simulated: Path, tmp_path: Path) -> None:
    assert '<div class="alarm">' not in accept(tmp_path, simulated)[2]
    _, data, page = accept(tmp_path, simulated)
    assert not data["first_use"]
    assert '<div class="alarm">Not the first use' in page
    assert [row["event"] for row in attempts(tmp_path)] == ["attempt", "outcome"] * 2
    assert not any(row["accepted"] for row in attempts(tmp_path) if row["event"] == "outcome")


def test_taking_a_part_out_afterwards_is_not_accepted(simulated: Path, tmp_path: Path) -> None:
    fewer = tmp_path / "fewer"
    shutil.copytree(simulated, fewer)
    rows = (fewer / "truth.csv").read_text().splitlines(keepends=True)
    (fewer / "truth.csv").write_text("".join(r for r in rows if not r.startswith("cell120000,1,")))
    shutil.rmtree(fewer / "cell120000" / "parts" / "000001")
    accept(tmp_path, simulated)
    _, data, page = accept(tmp_path, fewer)
    assert data["criteria"][0]["state"] == "not met"
    assert "Parts used before" in page


def test_the_attempt_is_written_down_before_the_first_part_is_judged(
    simulated: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(simulated, broken)
    (broken / "cell120000" / "parts" / "000001" / "audio.blocks").write_bytes(b"\xc1")
    out = tmp_path / "report.html"
    assert main(["accept", str(line_at(tmp_path)), str(broken), "--out", str(out)]) == 2
    assert [row["event"] for row in attempts(tmp_path)] == ["attempt"]
    assert not out.exists()


@pytest.mark.parametrize(
    "more",
    [("--out", "nowhere/report.html"), ("--bench", "nowhere.json"), ("--log", "line.toml/x")],
)
def test_what_cannot_be_done_uses_no_parts_up(
    simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["accept", str(line_at(tmp_path)), str(simulated), *more]) == 2
    assert attempts(tmp_path) == []


def test_the_hash_of_a_set_is_the_same_wherever_it_lies(simulated: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("truth.csv", "cell120001", "cell120000"):  # in another order
        source = simulated / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
    one, other = labelled.recordings(simulated), labelled.recordings(copy)
    assert [r.sha256 for r in one] == [r.sha256 for r in other]
    names = bundle.load(config.SHIPPED / "motor").manifest.hypotheses
    before = labelled.label(copy, other, names, "ok").sha256
    assert labelled.read(simulated, names, "ok").sha256 == before
    truth = (copy / "truth.csv").read_text()
    (copy / "truth.csv").write_text(truth.replace("\n", " \n", 1))
    assert labelled.read(copy, names, "ok").sha256 != before


def test_stored_data_twice_is_no_repeat(simulated: Path, tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(simulated, copied)
    parts = copied / "cell120000" / "parts"
    shutil.copytree(parts / "000001", parts / "000099")
    with pytest.raises(ConfigError, match="proves nothing; clamp the part again"):
        labelled.recordings(copied)


def test_parts_that_calibrated_the_bundle_are_refused(simulated: Path) -> None:
    class Form(BaseModel):
        data: str

    one = bundle.load(config.SHIPPED / "motor")
    parts = labelled.read(simulated, one.manifest.hypotheses, one.manifest.good)

    def calibrated_on(sha256: str) -> Manifest:
        own = SimpleNamespace(certificate=Form(data=f"recorded parts, {sha256}"))
        return cast(Manifest, own)

    for used in (parts.sha256, parts.recordings[0].sha256, next(iter(parts.part_hashes))):
        labels = SimpleNamespace(label=one.label, manifest=calibrated_on(used))
        with pytest.raises(ConfigError, match="calibrated motor"):
            refuse_calibration(cast(bundle.Bundle, labels), parts)
    refuse_calibration(replace(one, manifest=calibrated_on("0" * 64)), parts)
