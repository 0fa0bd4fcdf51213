"""What the tests of the whole path share, and which tests may run beside others."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is; what has to be fast is measured elsewhere.
settings.register_profile("whatever else runs", deadline=None)
settings.load_profile("whatever else runs")

TESTS = Path(__file__).parent
# Every test has the machine to itself in `make check`, but for linters, or is one of these (but for
# one that is marked `alone`).
CALCULATES = (  # and waits for nobody: behind the tests that wait
    "edge/accept",
    "edge/commission",
    "edge/fusion",
    "edge/gauge/test_report.py",
    "edge/inference/test_detector.py",
    "edge/inference/test_runner.py",
    "edge/store",
    "edge/test_explain.py",
    "edge/test_fuse.py",
    "edge/test_replay.py",
    "models",
    "sensors/simulator/test_labelled.py",
    "sensors/simulator/test_physics.py",
    "sensors/simulator/test_record.py",
    "test_documents.py",
)
WAITS = (  # for peers, and promises nothing in fractions of a second: two at a time
    "edge/checkup/test_links.py",
    "edge/publish/test_crash.py",
    "edge/publish/test_mqtt.py",
    "edge/publish/test_outbox.py",
    "edge/publish/test_plc.py",
    "edge/trial/test_broker.py",
    "edge/trial/test_demo.py",
    "edge/trial/test_wires.py",
    "sensors/simulator/test_door.py",
    "sensors/simulator/test_handshake.py",
    "sensors/simulator/test_plc.py",
    "sensors/simulator/test_plc_life.py",
    "sensors/test_broker.py",
    "sensors/test_disorder.py",
    "sensors/test_opcua.py",
    "test_straight_path.py",
    "test_wires.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not item.get_closest_marker("alone"):
            for name, places in (("calculates", CALCULATES), ("waits", WAITS)):
                if any(item.path.is_relative_to(TESTS / place) for place in places):
                    item.add_marker(name)


@pytest.fixture(scope="session")
def cache(pytestconfig: pytest.Config) -> Iterator[Path]:
    """Parts are rendered for these tests alone, once for all sessions: what is there is compared
    with the sources of the physics before it is used."""
    with pytest.MonkeyPatch.context() as patch:
        home = pytestconfig.cache.mkdir("plants")
        patch.setenv("XDG_CACHE_HOME", str(home))
        yield home
