"""What a user may ask of a trial."""

import argparse

import pytest

from edge.errors import ConfigError
from edge.trial.faults import parse_fault
from edge.trial.setup import Recipe, Setup, add_plant_arguments, setup_from
from sensors.simulator.plan import Fault

SENSES = {"cell1-camera": "camera", "cell1-audio": "audio", "cell2-audio": "audio"}


def asked(*arguments: str) -> Setup:
    parser = argparse.ArgumentParser()
    add_plant_arguments(parser, parts=60, stations=1, rate=1.0)
    return setup_from(parser.parse_args(arguments))


def test_the_rate_is_of_all_stations_and_parts_are_shared_evenly() -> None:
    setup = asked("--parts", "3000", "--stations", "5", "--rate", "10")
    assert setup.period_s == 0.5  # 2 parts/s each
    assert setup.parts_per_station == 600
    assert setup.station_ids() == ("cell1", "cell2", "cell3", "cell4", "cell5")


def test_parts_are_rounded_up_to_a_multiple_of_the_stations() -> None:
    assert asked("--parts", "60", "--stations", "7").parts == 63


def test_a_rate_that_a_station_cannot_hold_is_refused_with_two_cures() -> None:
    with pytest.raises(ConfigError, match=r"--stations 5 or --rate 4"):
        asked("--stations", "2", "--rate", "10")
    with pytest.raises(ConfigError, match="must be above 0"):
        asked("--rate", "0")


@pytest.mark.parametrize("parts", ["0", "-3"])
def test_no_parts_are_refused(parts: str) -> None:
    with pytest.raises(SystemExit):
        asked("--parts", parts)


def test_a_fault_names_a_sensor_and_its_time() -> None:
    assert parse_fault("cell1-camera:late:0.25@10+5", SENSES) == [
        Fault(sensor="cell1-camera", kind="late", amount=0.25, start_s=10.0, duration_s=5.0)
    ]


def test_a_fault_of_a_sense_strikes_every_station() -> None:
    struck = parse_fault("audio:silent", SENSES)
    assert [f.sensor for f in struck] == ["cell1-audio", "cell2-audio"]
    assert all((f.start_s, f.duration_s) == (0.0, 1e9) for f in struck)


def test_a_fault_without_amount_has_one_that_shows() -> None:
    assert parse_fault("camera:clock_step", SENSES)[0].amount == 1.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("camera", "expected SENSOR:KIND"),
        ("camera:melted", "no fault 'melted'; there are silent, late"),
        ("cell9-camera:silent", "no sensor 'cell9-camera'; there are cell1-camera"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parse_fault(text, SENSES)


def test_a_fault_of_the_camera_strikes_both_cameras_of_a_station() -> None:
    setup = asked("--cameras", "2", "--fault", "camera:silent", "--fault", "cell1-camera2:stuck")
    assert [f.sensor for f in setup.faults] == ["cell1-camera", "cell1-camera2", "cell1-camera2"]


def test_the_transport_is_short_for_the_wire_of_the_vibration() -> None:
    assert asked("--transport", "mqtt").wires == asked("--wire", "vibration=mqtt").wires
    with pytest.raises(ConfigError, match="--transport names the vibration"):
        asked("--transport", "mqtt", "--wire", "vibration=mqtt:raw")


def test_recipes_name_their_bundles_and_one_may_be_unknown() -> None:
    setup = asked("--recipe", "motor=shipped:motor", "--recipe", "pump")
    assert setup.recipes == (Recipe("motor", "shipped:motor"), Recipe("pump", None))
    assert setup.bundles() == {"motor": "shipped:motor"}
    assert asked("--bundle", "shipped:motor").bundles() == {"*": "shipped:motor"}


@pytest.mark.parametrize(
    ("recipes", "told"),
    [
        (["pump"], "must have a bundle: NAME=DIR"),
        (["a=shipped:motor", "b=shipped:motor", "a"], "a is named twice"),
    ],
)
def test_recipes_that_cannot_be_are_refused(recipes: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        asked(*(word for one in recipes for word in ("--recipe", one)))


def test_several_windows_of_a_part_need_a_slower_line() -> None:
    assert asked("--windows", "3").offsets_s == (0.0, 0.25, 0.5)
    assert asked("--windows", "3").window_s == 1.0
    with pytest.raises(ConfigError, match=r"takes 0.75 s; take --stations 8 or --rate 6.6"):
        asked("--windows", "2", "--stations", "5", "--rate", "10")
    with pytest.raises(ConfigError, match="at most 8"):
        asked("--windows", "9")
