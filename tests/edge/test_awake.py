"""While the daemon runs, idle cores do not sleep deeper than asked; who may not ask is told."""

import logging
import os
import time
from pathlib import Path

import pytest

from edge.awake import REQUEST, awake, default_us

CPUS = Path("/sys/devices/system/cpu")
WATCHED_S = 0.3


def _deep_sleeps(*, longer_us: int) -> int:
    """How often cores have entered a state that takes longer than this to leave."""
    return sum(
        int((state / "usage").read_text())
        for state in CPUS.glob("cpu*/cpuidle/state*")
        if int((state / "latency").read_text()) > longer_us
    )


@pytest.mark.skipif(
    not os.access(REQUEST, os.W_OK) or not list(CPUS.glob("cpu0/cpuidle/state1")),
    reason="needs a kernel with sleeping cores, and the right to ask it (root, or the udev rule)",
)
def test_no_core_sleeps_deeply_while_a_request_is_held() -> None:
    with awake(0) as is_held:
        assert is_held
        time.sleep(0.05)  # cores that slept are woken
        before = _deep_sleeps(longer_us=0)
        time.sleep(WATCHED_S)
        assert _deep_sleeps(longer_us=0) == before


def test_the_request_is_a_native_int32_of_microseconds(tmp_path: Path) -> None:
    request = tmp_path / "cpu_dma_latency"
    request.touch()
    with awake(1_000_000, request=request):
        # 1,000,000 = 0x000F4240; PM QoS reads four bytes in the processor's order (little-endian
        # on x86-64 and on arm64 as Linux runs there)
        assert request.read_bytes() == bytes([0x40, 0x42, 0x0F, 0x00])


def test_who_may_not_ask_goes_on_and_says_where_the_cure_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), awake(request=tmp_path / "absent") as is_held:
        assert not is_held
    assert "edge doctor" in caplog.text


def test_an_idle_core_of_a_virtual_machine_is_not_given_back_to_its_host() -> None:
    assert default_us("haltpoll\n") == 0


@pytest.mark.parametrize("driver", ["intel_idle", "acpi_idle", "psci_idle", ""])
def test_elsewhere_the_first_and_cheapest_sleep_is_allowed(driver: str) -> None:
    # exit latencies of the first state: 1 us WFI (arm64), 1 to 4 us C1 (drivers/idle/intel_idle.c)
    assert 4 <= default_us(driver) < 85  # 85 us: C6, the next deeper one of Intel's servers
