"""One maker and one box a test."""

from pathlib import Path

import pytest

from .bundles import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)
