"""Texts as real machines give them."""

import pytest

from edge.checkup.box import (
    check_governor,
    check_jetson,
    check_memory,
    check_processor,
    check_python,
    check_sleep,
)
from edge.checkup.finding import Finding, State

GIB = 2**30
XEON = (
    "processor\t: 0\nflags\t\t: fpu sse2 avx2 avx512f avx512_vnni\nprocessor\t: 1\nflags\t\t: fpu\n"
)
ORIN = "processor\t: 0\nFeatures\t: fp asimd asimddp i8mm\n"
OLD = "processor\t: 0\nflags\t\t: fpu sse2 avx\n"
# first line of /etc/nv_tegra_release on JetPack 6.0 and 7.0
JETPACK_6 = "# R36 (release), REVISION: 3.0, GCID: 36923193, BOARD: generic, EABI: aarch64\n"
JETPACK_7 = "# R38 (release), REVISION: 2.0, GCID: 41844464, BOARD: generic, EABI: aarch64\n"


def test_python_before_3_11_is_a_problem() -> None:
    assert check_python((3, 10, 12), "/usr/bin/python3").state is State.PROBLEM
    assert check_python((3, 11, 0), "/usr/bin/python3").state is State.OK


@pytest.mark.parametrize(("info", "named"), [(XEON, "avx512_vnni"), (ORIN, "i8mm, asimddp")])
def test_the_instructions_for_int8_are_named(info: str, named: str) -> None:
    found = check_processor(info, 4)
    assert found.state is State.OK
    assert named in found.found


def test_a_processor_without_them_or_with_one_core_is_a_warning() -> None:
    assert check_processor(OLD, 4).state is State.WARNING
    assert check_processor(XEON, 1).state is State.WARNING


def test_cores_that_slow_down_between_parts_are_a_warning() -> None:
    assert check_governor([]) == []
    assert check_governor(["performance"] * 4)[0].state is State.OK
    (found,) = check_governor(["performance", "powersave"])
    assert found.state is State.WARNING
    assert "governor performance, powersave" in found.found
    assert "-g performance" in found.cure


def test_cores_that_may_sleep_deep_are_a_warning_with_the_cure() -> None:
    arm = [1, 1854]  # us: WFI, and BIG_CPU_SLEEP_0 in Linux's device trees of Qualcomm's boards
    assert check_sleep("psci_idle", [], may_ask=False) == []
    assert check_sleep("intel_idle", [0, 1], may_ask=False) == []
    assert check_sleep("psci_idle", arm, may_ask=True)[0].state is State.OK
    (found,) = check_sleep("psci_idle", arm, may_ask=False)
    assert found.state is State.WARNING
    assert "1854 us" in found.found
    assert "60-edge.rules" in found.cure
    assert check_sleep("haltpoll", [0, 1], may_ask=False)[0].state is State.WARNING


@pytest.mark.parametrize(
    ("free", "state"),
    [(GIB // 4, State.PROBLEM), (GIB // 2, State.WARNING), (4 * GIB, State.OK)],
)
def test_memory_must_hold_the_daemon(free: int, state: State) -> None:
    assert check_memory(free, 8 * GIB).state is state


def test_jetpack_6_is_not_supported_and_told_why() -> None:
    (found,) = check_jetson(JETPACK_6)
    assert found.state is State.PROBLEM
    assert "JetPack 6" in found.found
    assert "Python is older than 3.11" in found.found
    assert "JetPack 7.2" in found.cure
    assert check_jetson(JETPACK_7)[0].state is State.OK
    assert check_jetson("") == []


def test_a_finding_that_is_not_ok_has_a_cure() -> None:
    with pytest.raises(ValueError, match="memory"):
        Finding("memory", State.PROBLEM, "none")
