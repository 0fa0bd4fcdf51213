"""What the daemon says once its networks are loaded, before it listens to anything."""

import logging
from pathlib import Path

import pytest

from edge.bundle import load
from edge.config import SHIPPED, read
from edge.daemon import Daemon

ROOT = Path(__file__).parents[2]


async def test_at_start_it_says_whether_its_bundle_is_certified_here(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "line.toml"
    documented = (ROOT / "docs" / "line.toml").read_text()
    path.write_text(documented.replace('"/var/lib/edge"', '"state"'))
    caplog.set_level(logging.INFO, "edge.daemon")
    bundle = load(SHIPPED / "motor").label
    async with Daemon(read(path)).open():
        pass
    said = [r for r in caplog.records if r.getMessage().startswith(f"{bundle}: ")]
    assert len(said) == 1
    is_certified = said[0].getMessage().startswith(f"{bundle}: certified for camera+vibration")
    assert said[0].levelno == (logging.INFO if is_certified else logging.WARNING)
    assert is_certified or "not certified" in said[0].getMessage()
