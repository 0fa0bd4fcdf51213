"""Looks at a bundle's files before anything else opens them, and then has an engine try them.

Both in processes of their own with limits: what breaks, loops or swallows memory there is refused
and harms nothing.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

import edge
from edge.errors import BundleError
from edge.manifest import Manifest
from edge.store.network import Network

LOOK_S, TRY_S = 90.0, 240.0
ANSWER = TypeAdapter(dict[str, dict[str, Network]])
MAX_ANSWER = 2**20  # bytes
ROOT = Path(edge.__path__[0]).parent


def screen(folder: Path, manifest: Manifest) -> dict[str, Network]:
    """What each network of the bundle is made of; nothing is run.

    Raises:
        BundleError: a file asks for what a bundle may not have, or cannot be looked through.
    """
    golden = [f"{name}.{what}" for name in manifest.detectors for what in ("input", "logits")]
    files = {name: golden if name == manifest.golden else None for name in manifest.files}
    order = json.dumps({"folder": str(folder.resolve()), "files": files})
    said = _ask("edge.store.screening", order, LOOK_S, folder)
    try:
        answer = json.loads(said)
        if isinstance(refused := answer.get("refused"), str):
            raise BundleError(f"{folder}: {refused}")
        found = ANSWER.validate_python(answer)["networks"]
    except (json.JSONDecodeError, ValidationError, KeyError, AttributeError) as error:
        raise BundleError(f"{folder}: the look at its files gave no answer") from error
    for name, detector in manifest.detectors.items():
        _check_names(folder, name, detector.input.name, found.get(detector.file))
    return found


def rehearse(folder: Path, engine: str) -> None:
    """Have the engine compile every network and give the golden data again.

    Raises:
        BundleError: it does not, within the limits.
    """
    order = json.dumps({"folder": str(folder.resolve()), "engine": engine})
    said = _ask("edge.store.rehearsal", order, TRY_S, folder)
    try:
        failed = json.loads(said.splitlines()[-1])["failed"]
    except (json.JSONDecodeError, KeyError, IndexError, TypeError) as error:
        raise BundleError(f"{folder}: {engine} broke off while it tried the networks") from error
    if failed is not None:
        raise BundleError(str(failed))


def _check_names(folder: Path, name: str, wanted: str, found: Network | None) -> None:
    if found is None:
        raise BundleError(f"{folder}: detectors.{name}.file: is no ONNX file (*.onnx)")
    if wanted not in found.inputs:
        raise BundleError(
            f"{folder}: detectors.{name}: has no input {wanted!r}; it has {', '.join(found.inputs)}"
        )


def _ask(module: str, order: str, timeout_s: float, folder: Path) -> str:
    """Standard output of one of our modules, run on its own with the order on standard input."""
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    try:
        done = subprocess.run(
            [sys.executable, "-s", "-m", module],
            input=order.encode(),
            capture_output=True,
            env=environment,
            cwd="/",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"{folder}: not looked through within {timeout_s:.0f} s") from error
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise BundleError(
            f"{folder}: the look at its files broke off (status {done.returncode})"
            + (f": {last[0]}" if last else "")
        )
    return done.stdout[:MAX_ANSWER].decode(errors="replace")
