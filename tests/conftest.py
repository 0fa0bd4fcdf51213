"""What the tests of the whole path share, and which tests may run beside others."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is; what has to be fast is measured elsewhere.
settings.register_profile("whatever else runs", deadline=None)
settings.load_profile("whatever else runs")

TESTS = Path(__file__).parent
# Slow files that promise nothing in fractions of a second: they wait for peers, or calculate.
# Every other test has the machine to itself in `make check`, and so has one that is marked alone.
TOGETHER = (
    "edge/accept",
    "edge/checkup/test_links.py",
    "edge/commission",
    "edge/fusion",
    "edge/inference/test_detector.py",
    "edge/inference/test_runner.py",
    "edge/publish/test_crash.py",
    "edge/publish/test_mqtt.py",
    "edge/publish/test_outbox.py",
    "edge/publish/test_plc.py",
    "edge/store",
    "edge/test_explain.py",
    "edge/test_fuse.py",
    "edge/test_replay.py",
    "edge/trial/test_broker.py",
    "edge/trial/test_wires.py",
    "models",
    "sensors/simulator/test_door.py",
    "sensors/simulator/test_handshake.py",
    "sensors/simulator/test_labelled.py",
    "sensors/simulator/test_physics.py",
    "sensors/simulator/test_plc.py",
    "sensors/simulator/test_plc_life.py",
    "sensors/simulator/test_record.py",
    "sensors/test_broker.py",
    "sensors/test_disorder.py",
    "sensors/test_opcua.py",
    "test_documents.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = [TESTS / place for place in TOGETHER]
    for item in items:
        is_alone = item.get_closest_marker("alone")
        if not is_alone and any(item.path.is_relative_to(place) for place in places):
            item.add_marker("together")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Parts are rendered for these tests alone, once for all of them."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(home))
        yield home
