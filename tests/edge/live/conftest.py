"""One maker and one line a test."""

from pathlib import Path

import pytest

from .cell import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Two versions with different networks; the first is active."""
    made = Shop(tmp_path)
    made.install("1.0.0", seed=1)
    made.install("1.1.0", seed=2)
    made.promote("1.0.0")
    return made
