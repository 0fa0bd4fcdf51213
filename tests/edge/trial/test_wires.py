"""Which wires a user may ask for, and what is said of those that cannot be."""

import subprocess
import sys

import pytest

from edge.errors import ConfigError
from edge.trial.wires import DEFAULT, FORMS, Wire, in_words, wired


def test_unasked_the_vibration_and_the_trigger_go_over_opc_ua_and_the_rest_over_mqtt() -> None:
    assert {sense: str(wire) for sense, wire in wired().items()} == {
        "camera": "mqtt:messagepack",
        "vibration": "opcua:messagepack",
        "audio": "mqtt:messagepack",
        "trigger": "opcua:variables",
    }


def test_each_sense_can_be_turned_round_by_itself() -> None:
    wires = wired("camera=opcua", "vibration=mqtt:raw", "trigger=mqtt")
    assert wires["camera"] == Wire("opcua", "messagepack")
    assert wires["vibration"] == Wire("mqtt", "raw")
    assert wires["trigger"] == Wire("mqtt", "json")
    assert wires["audio"] == DEFAULT["audio"]
    assert in_words(wires).startswith("camera opcua:messagepack, vibration mqtt:raw")


@pytest.mark.parametrize(
    "text",
    [f"{s}={c}:{p}" for s, forms in FORMS.items() for c, each in forms.items() for p in each],
)
def test_everything_that_an_error_offers_is_taken(text: str) -> None:
    sense, _, wire = text.partition("=")
    assert str(wired(text)[sense]) == wire


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["audio=opcua:raw"], "take .*audio=mqtt:raw or .*audio=opcua:array"),
        (["vibration=opcua:json"], "take .*vibration=mqtt:json or"),
        (["vibration=mqtt:array"], "take .*vibration=opcua:array$"),
        (["camera=opcua:array"], "take camera=mqtt:messagepack or .*camera=opcua:messagepack$"),
        (["trigger=mqtt:messagepack"], "take trigger=mqtt:json or trigger=opcua:variables$"),
        (["camera=usb"], "cannot be; take camera=mqtt"),
        (["sound=mqtt"], "no sense 'sound'; there are camera, vibration, audio, trigger"),
        (["opcua"], "expected SENSE=WIRE"),
        (["camera=opcua", "camera=mqtt"], "camera goes over opcua:messagepack already"),
    ],
)
def test_a_wire_that_cannot_be_is_refused_with_what_would_do(texts: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        wired(*texts)


@pytest.mark.parametrize("command", ["demo", "bench"])
def test_a_wrong_wire_ends_with_2_before_anything_starts(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edge", command, "--wire", "camera=opcua:json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "--wire camera=opcua:json: cannot be; take camera=mqtt:" in done.stderr
    assert "Traceback" not in done.stderr
