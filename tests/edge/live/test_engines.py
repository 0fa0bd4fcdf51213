"""A bundle that comes to a running line gets the engine that is best on this box, as at a start."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge import bundle, config
from edge.build.beside import chosen
from edge.build.memory import Remembered, key_of, recall, remember
from edge.bundle import Bundle
from edge.inference import plans
from edge.inference.runner import Candidate

from .cell import Cell, Faulty, Shop, cell
from .test_changes import assert_judged_by

AUTO = config.Engine(name="auto")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this box keeps its choices."""
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path / "cache"))
    return plans.folder()


def version(shop: Shop, number: str) -> Bundle:
    return bundle.load(shop.store.folder_of("felt", number))


def is_usual(box: Cell, one: Bundle) -> bool:
    """It runs on what the test gave the daemon to open, and not on what was chosen."""
    return isinstance(box.engine.loaded.detector(one, "vibration").runner, Faulty)


async def test_a_promoted_bundle_whose_engine_is_stale_is_served_and_chosen_for_meanwhile(
    shop: Shop, kept: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = version(shop, "1.0.0"), version(shop, "1.1.0")
    on = Candidate("openvino", "fp32")
    remember(first, {"vibration": Remembered(key_of(first, "vibration", 1), on)}, kept)
    old = replace(key_of(second, "vibration", 1), processor="another")
    remember(second, {"vibration": Remembered(old, on)}, kept)
    async with cell(shop, shop.line(engine="auto")) as box:
        assert_judged_by(shop, box, await box.judge(1), "1.0.0")
        shop.promote("1.1.0")
        await box.changes.look()
        assert "was chosen when processor was another, is " in caplog.text
        assert is_usual(box, second)
        assert_judged_by(shop, box, await box.judge(2), "1.1.0")
        await box.until(lambda: not is_usual(box, second), within_s=60.0)
        assert_judged_by(shop, box, await box.judge(3), "1.1.0")
    assert recall(second, kept)["vibration"].key == key_of(second, "vibration", 1)


async def test_what_was_chosen_before_it_was_promoted_serves_from_the_first_part(
    shop: Shop, kept: Path
) -> None:
    second, on = version(shop, "1.1.0"), Candidate("onnxruntime", "fp32")
    remember(second, {"vibration": Remembered(key_of(second, "vibration", 1), on)}, kept)
    assert chosen(AUTO, [second]) == {(second.sha256, "vibration"): on}
    async with cell(shop, shop.line(engine="auto")) as box:
        shop.promote("1.1.0")
        await box.changes.look()
        assert box.engine.loaded.names["felt 1.1.0 vibration"].startswith("onnxruntime")
        assert_judged_by(shop, box, await box.judge(1), "1.1.0")
