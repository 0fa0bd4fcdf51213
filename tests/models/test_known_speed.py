"""A known speed takes the speed out of what a network sees, and out of nothing else."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from models.dataset import SPLITS  # noqa: E402
from models.study import known_speed  # noqa: E402
from models.study.tracking import TrackedNetwork, stretched, tracked  # noqa: E402
from models.vibration import RATE_HZ, VibrationNetwork  # noqa: E402
from sensors.simulator.part import simulate_part  # noqa: E402

pytestmark = pytest.mark.workshop

LENGTH = 12_800


def test_an_order_is_the_same_wave_at_any_speed() -> None:
    faster = np.array([1.0, 1.2, 1.57])
    turn_hz = known_speed.SLOWEST_RPM / 60.0 * faster
    time_s = np.arange(LENGTH) / RATE_HZ
    order = 40.0  # to 1.5 kHz
    waves = np.sin(2.0 * np.pi * order * turn_hz[:, None] * time_s)[:, None, :]
    found = tracked(torch.from_numpy(waves), torch.from_numpy(faster)).numpy()
    inner = slice(200, -200)  # behind the ends, where a Fourier series has to close up
    for one in found[1:]:
        np.testing.assert_allclose(one[0, inner], found[0, 0, inner], atol=0.01)


def test_steps_are_stretched_along_straight_lines() -> None:
    values = torch.arange(10.0)[None, None, :].expand(2, 3, 10)
    found = stretched(values, torch.tensor([1.0, 2.0]))
    np.testing.assert_allclose(found[0, 0], np.arange(10.0))
    np.testing.assert_allclose(found[1, 2], np.arange(10.0) / 2.0)


def test_at_the_slowest_speed_a_tracked_network_is_the_shipped_one() -> None:
    torch.manual_seed(3)
    network, own = VibrationNetwork(4).eval(), TrackedNetwork(4).eval()
    own.load_state_dict(network.state_dict())
    waves = torch.randn(2, 3, LENGTH)
    row = torch.ones(2, 1, LENGTH)
    with torch.no_grad():
        torch.testing.assert_close(own(torch.cat([waves, row], dim=1))[0], network(waves)[0])
        moved = own(torch.cat([waves, 1.5 * row], dim=1))[0]
    assert not torch.allclose(moved, network(waves)[0], atol=1e-3)


def test_the_tachometer_says_what_the_part_was_run_at() -> None:
    split = next(one for one in SPLITS if one.name == "test")
    said = known_speed.speeds_rpm("test", 3)
    for index, rpm in enumerate(said):
        station, number = split.place(index)
        part = simulate_part(split.seed, station, number, defect_share=split.defect_share)
        assert part.traits.speed_rpm == rpm
