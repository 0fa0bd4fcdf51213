"""A box and a broker for every test that asks."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from .box import Box, box_at
from .broker import Mosquitto, Subscriber


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


@pytest.fixture
async def box(path: Path) -> AsyncIterator[Box]:
    async with box_at(path) as box:
        yield box


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as mosquitto:
        yield mosquitto


@pytest.fixture
def mes(mosquitto: Mosquitto) -> Iterator[Subscriber]:
    with Subscriber(mosquitto.port, "leipzig/line-1/#") as subscriber:
        yield subscriber
