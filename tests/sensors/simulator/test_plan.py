"""Plans that cannot be played are refused before anything starts."""

from pathlib import Path

import pytest

from sensors.simulator import player
from sensors.simulator.__main__ import main
from sensors.simulator.plan import Fault, PlanError, SimulatedSensor

from .conftest import MakePlan

VIBRATION = SimulatedSensor(id="vib", sense="vibration", topic="S1/vib")


@pytest.mark.parametrize(
    ("sensor", "words"),
    [
        (VIBRATION.model_copy(update={"topic": None}), "give one of topic"),
        (VIBRATION.model_copy(update={"topic": None, "node": "ns=2;s=v"}), "gateway"),
        (VIBRATION.model_copy(update={"payload": "array"}), "payload array"),
    ],
)
def test_a_plan_that_cannot_be_played_says_why(
    make_plan: MakePlan, sensor: SimulatedSensor, words: str
) -> None:
    with pytest.raises(PlanError, match=words):
        player.check(make_plan(sensor))


def test_a_fault_of_an_unknown_sensor_is_refused(make_plan: MakePlan) -> None:
    plan = make_plan(VIBRATION, faults=(Fault(sensor="vibr", kind="silent"),))
    with pytest.raises(PlanError, match="vibr"):
        player.check(plan)


def test_a_file_that_is_no_plan_ends_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plan.json"
    path.write_text('{"start_ns": 1}')
    assert main(["plc", str(path)]) == 2
    assert "period_s" in capsys.readouterr().err
