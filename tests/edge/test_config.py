"""LINE.toml says what is wrong with it, where, and what to do."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edge import config, fit
from edge.__main__ import main
from edge.errors import ConfigError
from edge.part import needs, window_end_ns

SURE = ("discount = 0.99", "discount = 1.0")  # of every detector
TWICE = "offsets_s = [0.0167, 0.2667]\n"
EXAMPLE = Path(__file__).parents[2] / "docs" / "line.toml"


def written(folder: Path, old: str = "", new: str = "") -> Path:
    text = EXAMPLE.read_text()
    assert old in text
    path = folder / "line.toml"
    path.write_text(text.replace(old, new, 1))
    return path


def test_the_documented_example_is_right_and_feeds_every_input_of_the_shipped_bundle() -> None:
    line = config.read(EXAMPLE)
    bundles = fit.check_bundles(line)
    assert {s.input for s in line.stations[0].sensors} == set(
        next(iter(bundles.values())).manifest.detectors
    )


@pytest.mark.parametrize(
    ("old", "new", "named", "cure"),
    [
        ('site = "leipzig"', "", "site", "required"),
        ("deadline_ms", "dead_line_ms", "budget.dead_line_ms", "unknown key"),
        ('port = 8883', "port = 88830", "links.plant.mqtt.port", "65535"),
        ('ca_file = "pki/broker-ca.pem"', "", "links.plant", "set ca_file"),
        ('link = "gateway"', 'link = "gate"', "st1-vibration", "'plc'"),
        ('id = "st1-audio"', 'id = "st1-camera"', "st1-camera", "unique"),
        ('security = "Basic256Sha256"', 'security = "None"', "links.plc", "in clear"),
        ('topic = "leipzig/motor-eol/st1/audio"', "", "sensors.2", "topic (MQTT)"),
        ('st1/audio"', 'st1/audio"\npayload = "array"', "sensors.2", 'by topic take "messagepack"'),
        ('st1.vibration"', 'st1.vibration"\npayload = "raw"', "sensors.1", '"array"'),
        ('"*" = "shipped:motor"', "", "stations.0.bundles", "at least 1"),
        ("offset_s = 0.0167", TWICE + "offset_s = 0.0167", "sensors.0", "remove offset_s"),
        ("offset_s = 0.0167", "offsets_s = [0.1]", "sensors.0", "offset_s for one window"),
        ("offset_s = 0.0167", "offsets_s = [0.3, 0.1]", "sensors.0", "in order of time"),
    ],
)  # fmt: skip
def test_a_wrong_key_is_named_with_its_cure(
    tmp_path: Path, old: str, new: str, named: str, cure: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        config.read(written(tmp_path, old, new))
    assert named in str(caught.value)
    assert cure in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('input = "audio"', 'input = "sound"', "has camera, vibration, audio"),
        ('input = "audio"', 'input = "vibration"', "no sensor feeds audio"),
        ('"shipped:motor"', '"bundles/none"', "is"),
        (
            'node = "ns=2;s=st1.vibration"',
            'node = "ns=2;s=st1.vibration"\npayload = "array"\nchannels = 3\nunit = "g"\n'
            "rate_hz = 25600",
            "'m/s2'",
        ),
        (
            'link = "plant"\ntopic = "leipzig/motor-eol/st1/camera"',
            'link = "gateway"\nnode = "ns=2;s=st1.camera"\npayload = "array"',
            "an array holds no picture",
        ),
        ('st1/audio"', 'st1/audio"\npayload = "raw"\nrate_hz = 8000', "trained on 16000"),
    ],
)
def test_a_sensor_that_does_not_fit_its_input_is_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    line = config.read(written(tmp_path, old, new))
    with pytest.raises(ConfigError, match=said):
        fit.check_bundles(line)


def test_several_windows_are_given_by_their_starts_and_one_by_its_own(tmp_path: Path) -> None:
    line = config.read(written(tmp_path, "offset_s = 0.0167", TWICE))
    assert line.sensors["st1-camera"].offsets == (0.0167, 0.2667)
    assert line.sensors["st1-audio"].offsets == (0.0,)
    assert config.read(EXAMPLE).sensors["st1-camera"].offsets == (0.0167,)


def test_the_part_is_over_with_the_last_of_all_windows(tmp_path: Path) -> None:
    line = config.read(written(tmp_path, "offset_s = 0.0167", TWICE))
    one = next(iter(fit.check_bundles(line).values()))
    # the camera's last picture is 7 steps of 2 at 30 Hz after its second window's start
    assert window_end_ns(line.stations[0], one, 0) == round((0.2667 + 14 / 30) * 1e9)


def test_a_sensor_whose_windows_end_earlier_keeps_its_data_so_much_longer(tmp_path: Path) -> None:
    late = "offsets_s = [0.0, 9.5]\n"
    line = config.read(written(tmp_path, 'input = "audio"\n', f'input = "audio"\n{late}'))
    one = next(iter(fit.check_bundles(line).values()))
    found = needs(line.stations[0], lambda s: one.manifest.detectors[s.input].input)
    assert [(n.sensor, n.window) for n in found if n.sensor == "st1-audio"] == [
        ("st1-audio", 0), ("st1-audio", 1),
    ]  # fmt: skip
    delays_s = {need.sensor: need.max_delay_ns / 1e9 for need in found}
    assert delays_s["st1-vibration"] == 5.0 + 10.0 - 0.5  # both windows are 0.5 s long
    assert delays_s["st1-audio"] == 5.0


def test_windows_of_a_detector_that_is_sure_are_refused(tmp_path: Path) -> None:
    bundle_with(tmp_path, SURE)
    path = written(tmp_path, "offset_s = 0.0167", TWICE)
    path.write_text(path.read_text().replace('"shipped:motor"', '"bundle"'))
    with pytest.raises(ConfigError, match=r"st1-camera\.offsets_s: .*discount below 1"):
        fit.check_bundles(config.read(path))


def test_check_shows_the_windows_and_that_thresholds_are_for_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(written(tmp_path, "offset_s = 0.0167", TWICE))]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "2 windows of a part, from 0.0167, 0.2667 s" in shown
    assert "thresholds are for one" in shown


def bundle_with(folder: Path, *edits: tuple[str, str]) -> Path:
    """The shipped bundle with another manifest."""
    shipped = config.SHIPPED / "motor"
    made = folder / "bundle"
    made.mkdir()
    for path in shipped.iterdir():
        (made / path.name).symlink_to(path)
    text = (shipped / "manifest.toml").read_text()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (made / "manifest.toml").unlink()
    (made / "manifest.toml").write_text(text)
    return made


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ([('"yager"', '"average"')], "no rule of combination 'average'; there are yager, dempster"),
        ([('"yager"', '"cautious"'), SURE], "audio has a discount of 1; make it below 1"),
        ([('"yager"', '"deng"'), SURE], "deng has no answer to sure sources"),
    ],
)
def test_a_bundle_whose_rule_could_leave_a_part_without_an_answer_is_refused(
    tmp_path: Path, edits: list[tuple[str, str]], said: str
) -> None:
    bundle_with(tmp_path, *edits)
    line = config.read(written(tmp_path, '"shipped:motor"', '"bundle"'))
    with pytest.raises(ConfigError, match=said):
        fit.check_bundles(line)


def test_sure_sources_are_right_where_the_rule_has_an_answer(tmp_path: Path) -> None:
    bundle_with(tmp_path, ('"yager"', '"pcr6"'), SURE)
    fit.check_bundles(config.read(written(tmp_path, '"shipped:motor"', '"bundle"')))


def test_a_raw_payload_that_says_everything_itself_needs_nothing_in_the_file(
    tmp_path: Path,
) -> None:
    line = config.read(written(tmp_path, 'st1/audio"', 'st1/audio"\npayload = "raw"'))
    fit.check_bundles(line)


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    line = config.read(written(tmp_path))
    link = line.links["plc"]
    assert link.kind == "opcua"
    assert link.certificate_file == tmp_path / "pki" / "box.pem"


def test_check_exits_with_2_and_opens_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, "deadline_ms", "dead_line_ms")
    done = subprocess.run(
        [sys.executable, "-m", "edge", "check", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "budget.dead_line_ms: unknown key" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == [path]


def test_the_example_is_plain_toml() -> None:
    assert tomllib.loads(EXAMPLE.read_text())["line"] == "motor-eol"
