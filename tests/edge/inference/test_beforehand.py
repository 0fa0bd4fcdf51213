"""What takes long or may break is done in another process, and what came of it is loaded."""

import asyncio
import os
from pathlib import Path

import psutil
import pytest

from edge import config
from edge.errors import BundleError
from edge.inference.beforehand import compile_beforehand
from edge.inference.loaded import Loaded
from edge.inference.runner import Candidate

from .conftest import MakeBundle
from .networks import clips, reference, series, window

SETTINGS = config.Engine()


def written(cache: Path) -> dict[str, int]:
    """By name of what stands beside each engine: it is written when one is made, not when read."""
    return {one.name: one.stat().st_mtime_ns for one in cache.glob("*.json")}


async def test_what_was_compiled_beforehand_is_loaded_and_answers_alike(
    make_bundle: MakeBundle, tmp_path: Path
) -> None:
    one, cache = make_bundle(), tmp_path / "cache"
    await compile_beforehand(one, SETTINGS, {}, cache)
    before = written(cache)
    assert len(before) >= len(one.manifest.detectors)
    made = Loaded(SETTINGS, None, cache).compile(one, {})
    assert written(cache) == before
    for name, data in (("vibration", series()[0]), ("camera", clips()[0])):
        score = made[one.sha256, name].infer(window(data, name))
        expected = reference(one.folder / f"{name}.onnx", data)["logits"]
        assert score.logits == pytest.approx(expected, abs=0.05)


async def test_the_engine_that_was_chosen_is_the_one_that_is_compiled(
    make_bundle: MakeBundle, tmp_path: Path
) -> None:
    one, cache = make_bundle(), tmp_path / "cache"
    chosen = {(one.sha256, "vibration"): Candidate("openvino", "fp32")}
    await compile_beforehand(one, SETTINGS, chosen, cache)
    before = written(cache)
    Loaded(SETTINGS, None, cache).compile(one, chosen)
    assert written(cache) == before


async def test_what_does_not_prove_itself_there_is_refused(
    make_bundle: MakeBundle, tmp_path: Path
) -> None:
    one = make_bundle(golden_error=0.5)
    with pytest.raises(BundleError, match="misses the golden logits"):
        await compile_beforehand(one, SETTINGS, {}, tmp_path / "cache")


async def test_a_process_that_breaks_off_is_told_and_goes_behind_everything(
    make_bundle: MakeBundle, tmp_path: Path
) -> None:
    others = set(psutil.Process().children())  # a tracker of earlier tests' pools
    compiling = asyncio.create_task(
        compile_beforehand(make_bundle(), SETTINGS, {}, tmp_path / "cache")
    )
    async with asyncio.timeout(10):
        while not (found := set(psutil.Process().children()) - others):  # noqa: ASYNC110 - it is started
            await asyncio.sleep(0.002)
        (child,) = found
        while os.sched_getscheduler(child.pid) != os.SCHED_IDLE:  # noqa: ASYNC110 - and lowered
            await asyncio.sleep(0.002)
    assert child.nice() == 19
    child.kill()
    with pytest.raises(BundleError, match=r"broke off \(status -9\); the line is not touched"):
        await compiling
