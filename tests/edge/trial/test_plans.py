"""Both files of a trial, read back by those who use them."""

from pathlib import Path

import pytest

from edge import config
from edge.fit import check_bundles
from edge.trial import linefile, plans, toml
from edge.trial.setup import Recipe, Setup
from edge.trial.wires import SENSES, wired
from sensors.simulator.pki import Identity
from sensors.simulator.plan import Plan, read
from sensors.simulator.player import check
from sensors.wiring import OpcUaLink

PORTS = plans.Ports(broker=1, plc=2, gateway=3, http=4)
S = 1_000_000_000


def keys(folder: Path) -> plans.Keys:
    return plans.Keys(
        {
            name: Identity(f"urn:{name}", folder / f"{name}.pem", folder / f"{name}-key.pem")
            for name in ("box", "plc", "gateway")
        },
        "secret",
        folder / "password",
    )


def written_plan(setup: Setup, folder: Path) -> Plan:
    recordings = [folder / station for station in setup.station_ids()]
    ledger = folder / "ledger.jsonl"
    made = plans.plan(setup, PORTS, keys(folder), recordings, ledger=ledger, start_ns=100 * S)
    (folder / "PLAN.json").write_text(made.model_dump_json())
    return read(folder / "PLAN.json")


def written_line(setup: Setup, folder: Path) -> config.Line:
    tables = linefile.tables(setup, PORTS, keys(folder), {sense: sense for sense in SENSES})
    (folder / "LINE.toml").write_text(toml.dump(tables))
    return config.read(folder / "LINE.toml")


def test_stations_take_turns_evenly(tmp_path: Path) -> None:
    plan = written_plan(Setup(parts=3000, stations=5, rate=10.0), tmp_path)
    edges_ns = sorted(plan.edge_ns(s, k) for s in plan.stations for k in range(3))
    assert edges_ns == [100 * S + k * S // 10 for k in range(15)]  # one part every 100 ms


def test_no_two_devices_have_the_same_clock_and_one_counts_from_power_on(tmp_path: Path) -> None:
    plan = written_plan(Setup(parts=5, stations=5), tmp_path)
    clocks = [sensor.clock for station in plan.stations for sensor in station.sensors]
    assert len({c.offset_s for c in clocks} | {plan.plc_clock.offset_s}) == 16
    assert all(abs(c.offset_s) <= 2.0 and abs(c.drift_ppm) <= 50.0 for c in clocks)
    assert [c.counts_from_power_on for c in clocks] == [False, False, True] * 5


def test_the_same_seed_gives_the_same_plant(tmp_path: Path) -> None:
    one = written_plan(Setup(parts=1, seed=7), tmp_path)
    assert written_plan(Setup(parts=1, seed=7), tmp_path) == one
    assert written_plan(Setup(parts=1, seed=8), tmp_path) != one


@pytest.mark.parametrize(
    ("wires", "has_gateway"),
    [
        ([], True),
        (["vibration=mqtt:json"], False),
        (["vibration=opcua:array", "audio=opcua:array"], True),
        (["camera=opcua", "audio=opcua", "vibration=mqtt:raw", "trigger=mqtt"], True),
    ],
)
def test_the_daemon_listens_where_and_for_what_the_plant_speaks(
    tmp_path: Path, wires: list[str], has_gateway: bool
) -> None:
    setup = Setup(parts=4, stations=2, cameras=2, wires=wired(*wires))
    plan, line = written_plan(setup, tmp_path), written_line(setup, tmp_path)
    check(plan)  # the plant can speak so
    check_bundles(line)  # and the daemon can hear it
    spoken = {s.id: (s.topic, s.node, s.payload) for x in plan.stations for s in x.sensors}
    heard = {s.id: (s.topic, s.node, s.payload) for s in line.sensors.values()}
    assert spoken == heard
    told = {station.id: station.trigger_topic for station in plan.stations}
    assert told == {station.id: station.trigger.topic for station in line.stations}
    assert (plan.gateway is not None) == ("gateway" in line.links) == has_gateway
    plc = line.links["plc"]
    assert isinstance(plc, OpcUaLink)
    assert plc.endpoint == plan.plc.endpoint
    assert plc.trusted_files == (plan.plc.certificate_file,)
    assert plan.plc.trusted_files == (plc.certificate_file,)


def test_two_cameras_are_two_sensors_of_one_detector(tmp_path: Path) -> None:
    setup = Setup(parts=2, stations=2, cameras=2)
    sensors = written_line(setup, tmp_path).sensors
    assert {s.id: s.topic for s in sensors.values() if s.input == "camera"} == {
        f"{station}-{name}": f"plant/{station}/{name}"
        for station in ("cell1", "cell2")
        for name in ("camera", "camera2")
    }


def test_the_parts_of_a_station_take_turns_at_its_recipes(tmp_path: Path) -> None:
    recipes = (Recipe("motor", "shipped:motor"), Recipe("pump", None))
    setup = Setup(parts=4, recipes=recipes)
    station = written_plan(setup, tmp_path).stations[0]
    assert [station.recipe(index) for index in range(3)] == ["motor", "pump", "motor"]
    assert set(written_line(setup, tmp_path).stations[0].bundles) == {"motor"}


def test_the_line_is_secure_and_keeps_its_state_beside_its_file(tmp_path: Path) -> None:
    line = written_line(Setup(parts=1), tmp_path)
    assert all(
        link.security == "Basic256Sha256" and link.password_file == tmp_path / "password"
        for link in line.links.values()
        if isinstance(link, OpcUaLink)
    )
    assert line.storage.folder == tmp_path / "state"
    assert line.sensors["cell1-camera"].offset_s == 0.0167


def test_every_sensor_looks_as_often_as_it_was_asked_for(tmp_path: Path) -> None:
    line = written_line(Setup(parts=1, windows=2), tmp_path)
    starts = {name: one.offsets for name, one in line.sensors.items()}
    assert starts["cell1-camera"] == (0.0167, 0.2667)
    assert starts["cell1-audio"] == starts["cell1-vibration"] == (0.0, 0.25)
