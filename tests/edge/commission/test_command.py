"""`edge commission` on recorded parts: what it keeps, what it refuses, and that replay agrees."""

import json
import shutil
from pathlib import Path

import pytest

from edge import baseline, bundle
from edge.__main__ import main
from edge.accepted import Accepted
from edge.bundle import Bundle
from edge.commission.learn import GoodPart, baselines
from edge.commission.learn import judge as judge_with
from edge.config import SHIPPED
from edge.rejudge import Judge
from edge.seal import Times, verdict
from models.study.witnessed import sensors_of
from sensors.recording import read_header, read_parts
from sensors.simulator import record
from sensors.simulator.part import drawn_cause

PARTS = 12
FELT = ("imbalance", "bearing_outer", "bearing_inner")
STRANGE = record.Order(
    parts=PARTS, station=3, seed=990, defect_share=0.0, strangeness=2.0, window_s=0.5
)  # a station twice as unlike as any the networks were taught on; good parts


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strange") / "st1"
    record.record(folder, STRANGE, jobs=2)
    return folder


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return bundle.load(SHIPPED / "motor")


@pytest.fixture
def line(tmp_path: Path) -> Path:
    sensors = "".join(
        f'[[stations.sensors]]\nid = "{name}"\ninput = "{name}"\nlink = "b"\ntopic = "{name}"\n'
        + ("offset_s = 0.0167\n" if name == "camera" else "")
        for name in ("camera", "vibration", "audio")
    )
    file = tmp_path / "line.toml"
    file.write_text(
        'site = "s"\nline = "l"\n[storage]\nfolder = "state"\n'
        '[links.b]\nkind = "mqtt"\nhost = "localhost"\n'
        '[[stations]]\nid = "st1"\n[stations.bundles]\n"*" = "shipped:motor"\n'
        '[stations.trigger]\nlink = "b"\ntopic = "t"\n' + sensors
    )
    return file


def test_good_parts_of_a_strange_station_pass_by_its_own_baseline(
    line: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    asked = ["commission", str(line), "st1", "--recording", str(recording), "--json", str(report)]
    assert main(asked) == 0
    said = json.loads(report.read_text())
    assert said["verdicts_before"].get("ok", 0) < PARTS - 3
    assert said["verdicts_after"].get("ok", 0) >= PARTS - 3
    assert "takes it at its next start" in capsys.readouterr().out
    kept = baseline.of_station(tmp_path / "state", "st1")
    assert {one.sensor for one in kept.baselines} == {"camera", "vibration", "audio"}
    assert main(["commission", str(line), "st1", "--show"]) == 0
    assert "vibration" in capsys.readouterr().out
    assert main(["commission", str(line), "st1", "--forget"]) == 0
    assert baseline.of_station(tmp_path / "state", "st1").baselines == ()


def test_a_dry_run_and_too_few_parts_keep_nothing(
    line: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["commission", str(line), "st1", "--recording", str(recording)]
    assert main([*asked, "--dry-run"]) == 0
    assert main([*asked, "--last", "4"]) == 2
    assert "10 whole windows" in capsys.readouterr().err
    assert not (tmp_path / "state" / "baselines").exists()


def test_what_is_missing_is_named_with_its_cure(
    line: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "good.txt"
    listed.write_text("S4-000001\nS4-000099\n")
    asked = ["commission", str(line), "st1"]
    for more, said in (
        ([], "set `record` in LINE.toml"),
        (["--recording", str(recording), "--good", str(listed)], "S4-000099 is not in"),
        (["--recording", str(tmp_path)], "recording.json: cannot be read"),
    ):
        assert main([*asked, *more]) == 2
        assert said in capsys.readouterr().err
    assert main(["commission", str(line), "st9"]) == 2
    assert "the line has st1" in capsys.readouterr().err


def test_parts_that_are_not_all_good_are_refused(
    line: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half of them are defective: no middle of theirs is a normal."""
    folder = tmp_path / "mixed"
    record.record(folder, record.Order(parts=PARTS, station=3, seed=991, defect_share=0.6), jobs=2)
    asked = ["commission", str(line), "st1", "--recording", str(folder)]
    assert main(asked) == 1
    assert "they are not all good" in capsys.readouterr().out
    assert not (tmp_path / "state" / "baselines").exists()
    assert main([*asked, "--force"]) == 0
    assert (tmp_path / "state" / "baselines" / "st1.json").exists()


def test_a_recording_judged_by_a_baseline_is_replayed_by_the_same(
    recording: Path, shipped: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verdict names the baseline, and the recording holds it; without it replay differs."""
    folder = Path(shutil.copytree(recording, tmp_path / "st1"))
    judge = Judge(read_header(folder)["sensors"], shipped, "openvino")
    parts = list(read_parts(folder))
    good = [GoodPart(str(one.index), judge.answers(one)) for one in parts]
    sensors = sensors_of(shipped)
    own = baselines(good, sensors.values(), shipped, "st1", "2026-01-01")
    judged = judge_with(good[0], baseline.offsets(own, sensors, shipped), shipped)
    sealed = verdict(
        Accepted("st1-1-1", parts[0].trigger, "S4-000001", True),
        [answer for rows in good[0].answers for answer in rows],
        judged,
        shipped,
        Times(window_end_ns=1, deadline_ns=2, epoch_ns=0),
        site="s",
        line="l",
        fused_ns=1,
        sealed_ns=1,
    )
    (folder / "parts" / "000001" / "verdict.json").write_bytes(sealed.body())
    baseline.keep(folder, own)
    assert main(["replay", str(folder)]) == 0
    assert "recorded verdicts 1, different 0" in capsys.readouterr().out
    (folder / baseline.KEPT).unlink()
    assert main(["replay", str(folder)]) == 1


def test_one_bad_part_sets_no_limit(
    line: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a bundle whose vibration is judged by limits: a bad part among the good ones would make
    every later one as bad pass. It is named, and nothing is kept; without it the limit is kept."""
    folder = Path(shutil.copytree(SHIPPED / "motor", tmp_path / "limited"))
    manifest = folder / "manifest.toml"
    head = "[detectors.vibration]\n"
    manifest.write_text(manifest.read_text().replace(head, f"{head}limit_margin = 1.0\n"))
    line.write_text(line.read_text().replace("shipped:motor", str(folder)))
    parts = tmp_path / "parts"
    order = record.Order(parts=20, station=3, seed=992, defect_share=0.4, window_s=0.5)
    record.record(parts, order, jobs=2)
    causes = [drawn_cause(992, 3, index, defect_share=0.4) for index in range(20)]
    good = [index for index, one in enumerate(causes) if one.hypothesis == "ok"]
    bad = next(i for i, c in enumerate(causes) if c.is_reject and c.hypothesis in FELT)
    asked = ["commission", str(line), "st1", "--recording", str(parts), "--good"]
    listed = tmp_path / "good.txt"
    names = [f"S4-{index + 1:06d}" for index in [*good, bad]]
    listed.write_text("\n".join(names))
    assert main([*asked, str(listed)]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert f"{names[-1]}: judged defective by a limit that the other parts set" in said
    assert not (tmp_path / "state" / "baselines").exists()
    listed.write_text("\n".join(names[:-1]))
    assert main([*asked, str(listed)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "vibration: judged by a limit" in said
    assert "nothing of defects" in said
    kept = {
        one.sensor: one.limit for one in baseline.of_station(tmp_path / "state", "st1").baselines
    }
    assert kept["camera"] is None
    assert kept["vibration"] is not None
    assert kept["vibration"] < 0.0  # good motors are far from even odds: the limit is stricter
