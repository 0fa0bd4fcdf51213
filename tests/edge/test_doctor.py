"""`edge doctor` as a user runs it: what is planted is found, named and cured."""

import json
from pathlib import Path

import pytest

from edge.__main__ import main
from edge.trial.broker import free_port

LINE = """\
site = "s"
line = "l"

[links.broker]
kind = "mqtt"
port = {port}
{extra}
[[stations]]
id = "a"
bundles = {{ "*" = "nowhere" }}
trigger = {{ link = "broker", topic = "t" }}
sensors = [{{ id = "x", input = "x", link = "broker", topic = "x" }}]
"""


@pytest.fixture
def line(tmp_path: Path) -> Path:
    """A line whose broker is not there, and whose bundle is not either."""
    path = tmp_path / "LINE.toml"
    path.write_text(LINE.format(port=free_port(), extra=""))
    return path


def test_problems_are_found_and_end_with_status_1(
    line: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", str(line), "--json"]) == 1
    found = {one["subject"]: one for one in json.loads(capsys.readouterr().out)}
    assert found["broker"]["state"] == "problem"
    assert "start the broker" in found["broker"]["cure"]
    assert found["line"]["state"] == "problem"
    assert "stations.a.bundles.*" in found["line"]["found"]
    assert found["openvino"]["state"] == "ok"
    assert found["python"]["state"] == "ok"
    assert all(bool(one["cure"]) == (one["state"] != "ok") for one in found.values())


def test_a_misspelt_key_is_named(line: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line.write_text(LINE.format(port=1883, extra="keep_alive = 3\n"))
    assert main(["doctor", str(line)]) == 1
    shown = capsys.readouterr().out
    assert "links.broker.mqtt.keep_alive: unknown key" in shown
    assert "edge check LINE.toml" in shown
