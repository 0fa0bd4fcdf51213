"""The machine itself: interpreter, processor, memory, and the boards we know to be too old."""

import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path

import psutil

from edge.awake import CPUIDLE, REQUEST, default_us
from edge.checkup.finding import Finding, ok, problem, warning

NEEDED_PYTHON = (3, 11)
DAEMON_BYTES = 350 * 2**20  # what the daemon may take
TEGRA_RELEASE = Path("/etc/nv_tegra_release")
CPU_INFO = Path("/proc/cpuinfo")
GOVERNORS = Path("/sys/devices/system/cpu")
# Instructions by which INT8 products are summed in one step; ARM's stand first
_INT8 = ("i8mm", "asimddp", "amx_int8", "avx512_vnni", "avx_vnni")


def check_box() -> list[Finding]:
    """Every check of this file, on this machine."""
    cpu_info = CPU_INFO.read_text() if CPU_INFO.exists() else ""
    release = TEGRA_RELEASE.read_text() if TEGRA_RELEASE.exists() else ""
    memory = psutil.virtual_memory()
    governors = [p.read_text().strip() for p in GOVERNORS.glob("cpu*/cpufreq/scaling_governor")]
    return [
        check_python(sys.version_info[:3], sys.executable),
        check_processor(cpu_info, len(os.sched_getaffinity(0))),
        *check_governor(governors),
        *_look_at_sleep(),
        check_memory(memory.available, memory.total),
        *check_jetson(release),
    ]


def check_python(version: tuple[int, int, int], executable: str) -> Finding:
    name = ".".join(map(str, version))
    if version[:2] < NEEDED_PYTHON:
        needed = ".".join(map(str, NEEDED_PYTHON))
        return problem("python", f"{name} ({executable})", f"install Python {needed} or newer")
    return ok("python", f"{name} ({executable}, {platform.machine()})")


def int8_sums(cpu_info: str) -> list[str]:
    """Instructions of this processor for sums of INT8 products; `cpu_info` as below."""
    flags: set[str] = set()
    for line in cpu_info.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            flags = set(value.split())
            break
    return [flag for flag in _INT8 if flag in flags]


def check_processor(cpu_info: str, usable: int) -> Finding:
    """`cpu_info` is the text of /proc/cpuinfo, `usable` the cores that we may run on."""
    found = int8_sums(cpu_info)
    cores = f"{usable} core{'s' if usable != 1 else ''}"
    if usable < 2:
        return warning("processor", cores, "give the box two cores: one decodes while one infers")
    if not found:
        return warning(
            "processor",
            f"{cores}, no instructions for INT8 sums (none of {', '.join(_INT8)})",
            "expect networks about as slow as in FP32, or use a processor with one of them",
        )
    return ok("processor", f"{cores}, INT8 by {', '.join(found)}")


def check_governor(governors: Iterable[str]) -> list[Finding]:
    """How the kernel sets the clock; nothing to say where it does not (virtual machines)."""
    kinds = sorted(set(governors))
    if not kinds:
        return []
    if kinds == ["performance"]:
        return [ok("clock rate", "governor performance")]
    return [
        warning(
            "clock rate",
            f"governor {', '.join(kinds)}: cores slow down between parts, networks then take "
            "two to three times as long",
            "cpupower frequency-set -g performance (on a Jetson: jetson_clocks)",
        )
    ]


def _look_at_sleep() -> list[Finding]:
    states = GOVERNORS.glob("cpu0/cpuidle/state*/latency")
    driver = CPUIDLE.read_text().strip() if CPUIDLE.exists() else ""
    may_ask = os.access(REQUEST, os.W_OK)
    return check_sleep(driver, [int(one.read_text()) for one in states], may_ask=may_ask)


def check_sleep(driver: str, latencies_us: Iterable[int], *, may_ask: bool) -> list[Finding]:
    """How long an idle core may take to wake: `driver` of its sleep, how long each state takes, and
    whether we may ask for less; nothing to say where no core sleeps."""
    deepest_us, wanted_us = max(latencies_us, default=0), default_us(driver)
    if deepest_us <= wanted_us:
        return []
    if may_ask:
        return [ok("idle cores", f"are kept from deep sleep while the daemon runs ({driver})")]
    return [
        warning(
            "idle cores",
            f"may take {deepest_us} us by {driver} to wake, more in a virtual machine, and "
            f"{REQUEST} may not be written by this user",
            "put systemd/60-edge.rules into /etc/udev/rules.d, then do as it says",
        )
    ]


def check_memory(available: int, total: int) -> Finding:
    found = f"{available / 2**30:.1f} of {total / 2**30:.1f} GiB available"
    if available < DAEMON_BYTES:
        return problem("memory", found, "free 350 MiB for the daemon: end other programs")
    if available < 2 * DAEMON_BYTES:
        return warning("memory", found, "keep 700 MiB free, or a larger line will not fit")
    return ok("memory", found)


def check_jetson(release: str) -> list[Finding]:
    """`release` is the text of /etc/nv_tegra_release; empty on anything but a Jetson."""
    if not release:
        return []
    words = release.replace(",", " ").split()
    major = next((w[1:] for w in words if w[0] == "R" and w[1:].isdigit()), "")
    if major and int(major) < 38:
        jetpack = {"36": "6", "35": "5"}.get(major, "older than 6")
        return [
            problem(
                "jetson",
                f"L4T R{major} (JetPack {jetpack}): its Python is older than 3.11 and its "
                "TensorRT older than 10.13, so it is not supported",
                "flash JetPack 7.2 (Python 3.12, TensorRT 10.16)",
            )
        ]
    return [ok("jetson", f"L4T R{major or '?'} ({release.splitlines()[0].strip('# ')})")]
