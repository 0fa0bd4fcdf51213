"""LINE.toml says what is wrong with it, where, and what to do."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edge import config, fit
from edge.errors import ConfigError

SURE = ("discount = 0.99", "discount = 1.0")  # of every detector
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
