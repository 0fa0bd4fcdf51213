"""Which engines really answer: one true INT8 inference each, with a result known beforehand.

What a library says it can do proves nothing (ONNX Runtime lists providers whose libraries are
missing and then silently falls back), so only numbers that come back count.
"""

import base64
import re
import tempfile
import time
from pathlib import Path

import numpy as np

from edge.bundle import Bundle
from edge.certificate import Ran, standing
from edge.checkup.finding import Finding, ok, problem, warning
from edge.errors import BundleError, ConfigError
from edge.inference.proved import load
from edge.inference.runner import (
    ENGINES,
    GPU_SIGNS,
    RunFailed,
    element_type,
    has_gpu,
    opener,
    present,
)
from edge.manifest import SeriesInput

# y = dequantised(quantised(x)) @ dequantised(W), explicit INT8 Q/DQ, per-channel weights, opset 17:
# x scale 0.5; W rows (1 -2 3) (4 5 -6) (-7 8 9) (10 -11 12), column scales 1, 1/2, 1/4.
PROBE = base64.b64decode(
    "CAg6kAIKHAoBeAoBcwoBehIBcSIOUXVhbnRpemVMaW5lYXIKHgoBcQoBcwoBehIBZCIQRGVxdWFudGl6ZUxpbmVhcgot"
    "CgFXCgJ3cwoCd3oSAXciEERlcXVhbnRpemVMaW5lYXIqCwoEYXhpcxgBoAECChEKAWQKAXcSAXkiBk1hdE11bBIFcHJv"
    "YmUqCxABQgFzSgQAAAA/KggQA0IBekoBACoXCAQIAxADQgFXSgwB/gMEBfr5CAkK9QwqFggDEAFCAndzSgwAAIA/AAAA"
    "PwAAgD4qDQgDEANCAnd6SgMAAABaFwoBeBISChAIARIMCgIIAQoCCAEKAggEYhcKAXkSEgoQCAESDAoCCAEKAggBCgII"
    "A0IECgAQEQ=="
)
PASSPORT = SeriesInput(kind="series", name="x", unit="1", channels=1, rate_hz=1.0, length=4)
QUESTION = np.array([[0.4, -1.3, 2.0, 0.26]], np.float32)
ANSWER = np.array([[-14.5, 1.0, 8.625]], np.float32)  # worked out by hand from the rows above
TEGRA = Path("/etc/nv_tegra_release")
FIRST_TEGRA = 38  # JetPack 7
CUDA_LIBRARIES = ("/usr/local/cuda/version.json", "/usr/local/cuda/version.txt")


def check_engines(needed: str = "openvino") -> list[Finding]:
    """Every engine the box could use; `needed` is the one it will."""
    here = present()
    rows = [row for row in ENGINES if row.name == needed or row in here]
    found = [check_engine(row.name, row.cure, needed=row.name == needed) for row in rows]
    return [*found, *jetpack(), *_nvidia()]


def check_engine(name: str, cure: str, *, needed: bool) -> Finding:
    """Compile the probe as the daemon compiles its networks, ask, and compare the answer."""
    fails = problem if needed else warning
    try:
        with tempfile.TemporaryDirectory(prefix="edge-probe-") as folder:
            file = Path(folder) / "probe.onnx"
            file.write_bytes(PROBE)
            runner = opener(name)(file, PASSPORT, threads=1)
            runner.run(QUESTION)
            before_s = time.perf_counter()
            answer = runner.run(QUESTION)["y"]
            took_us = (time.perf_counter() - before_s) * 1e6
    except (ConfigError, BundleError, RunFailed, ImportError) as error:
        return fails(name, _first_line(error), f"{cure} (again, if it is installed)")
    if not np.allclose(answer, ANSWER, atol=1e-3):
        found = f"{runner.name} answers {answer.tolist()}, right is {ANSWER.tolist()}"
        return fails(name, found, "choose another engine: this one miscalculates here")
    found = f"{runner.name}: an INT8 probe came back right in {took_us:.0f} us"
    on_gpu = any(row.needs_gpu for row in ENGINES if row.name == name)
    if runner.precision != "int8" and not on_gpu:  # a GPU is as fast in half precision
        return warning(
            name, f"{found}, but calculated in {runner.precision}", "expect slower networks"
        )
    return ok(name, found)


def check_networks(one: Bundle, engine: str = "openvino") -> list[Finding]:
    """The bundle's own networks on the box's engine, on the golden data they travel with."""
    found: list[Finding] = []
    ran: list[tuple[str, Ran]] = []
    for name in one.manifest.detectors:
        subject = f"network {name}"
        try:
            detector = load(one, name, opener(engine), threads=1)
            wanted = one.manifest.detectors[name].input
            noise = np.random.default_rng().integers(0, 256, wanted.shape, np.uint8)
            unseen = noise.astype(element_type(wanted))
            before_s = time.perf_counter()
            detector.runner.run(unseen)
            took_ms = (time.perf_counter() - before_s) * 1e3
        except ConfigError as error:  # says itself what to install
            cure = "mend the engine, or name one that is ok here in LINE.toml (engine.name)"
            found.append(problem(subject, _first_line(error), cure))
            continue
        except (BundleError, RunFailed) as error:
            found.append(problem(subject, _first_line(error), "install the bundle again"))
            continue
        proved = "golden data" if one.manifest.golden else "no golden data to prove it"
        runs = f"{detector.runner.precision} on {detector.runner.name}, {took_ms:.1f} ms"
        found.append(ok(subject, f"{one.label}: {runs}, {proved}"))
        ran.append((name, Ran(engine=detector.runner.name, precision=detector.runner.precision)))
    if len(ran) == len(one.manifest.detectors):
        found.append(_certificate(one, ran))
    return found


def _certificate(one: Bundle, ran: list[tuple[str, Ran]]) -> Finding:
    """Whether the escape rate promised covers what runs here."""
    manifest = one.manifest
    stands = standing(manifest.certificate, manifest.vouched_sha256, ran)
    found = f"{one.label}: {stands.words}"
    if stands.is_certified:
        return ok("certificate", found)
    cure = "calibrate the bundle on this engine: python -m models calibrate, in the workshop"
    return warning("certificate", found, cure)


def jetpack(release: Path = TEGRA) -> list[Finding]:
    """A Jetson's software, where it is one that no TensorRT of ours is for."""
    try:
        found = re.search(r"R(\d+)", release.read_text())
    except OSError:
        return []
    if found is None or int(found[1]) >= FIRST_TEGRA:
        return []
    return [
        warning(
            "jetpack",
            f"L4T R{found[1]}: JetPack 6 and older, whose TensorRT is for Python 3.10: networks "
            "run on the processor",
            "flash JetPack 7.2 (Orin, Thor)",
        )
    ]


def _nvidia() -> list[Finding]:
    """A GPU that no engine uses; nothing to say on a box without one."""
    if not has_gpu():
        return []
    if any(row.needs_gpu for row in present()):
        return [ok("gpu", _driver())]
    return [
        warning(
            "gpu",
            f"NVIDIA GPU ({_driver()}), and no library that uses it: networks run on the processor",
            "pip install 'edge-verdict[gpu]' in place of onnxruntime; on a Jetson use the TensorRT "
            "of JetPack 7.2",
        )
    ]


def _driver() -> str:
    for name in (*GPU_SIGNS[:1], *CUDA_LIBRARIES):
        if Path(name).is_file():
            return " ".join(Path(name).read_text().split()[:8])
    return "driver version unknown"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
