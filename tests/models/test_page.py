"""docs/models.md shows what the workshop has: its configurations are read, its commands parse."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("torch")

from models.__main__ import _parser
from models.datasets.source import Columns
from models.training.configuration import Configuration

pytestmark = pytest.mark.workshop

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "models.md").read_text()


def _blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def test_every_configuration_on_the_page_is_read() -> None:
    assert len(_blocks("toml")) >= 2
    for block in _blocks("toml"):
        Configuration.model_validate({"sense": "audio"} | tomllib.loads(block))


def test_every_command_on_the_page_parses() -> None:
    lines = [line for block in _blocks("sh") for line in block.splitlines()]
    lines += re.findall(r"`(python -m models [^`]*)`", PAGE)
    commands = [line for line in lines if line.startswith("python -m models ")]
    assert {shlex.split(line)[3] for line in commands} >= {
        "train",
        "quantize",
        "evaluate",
        "export",
    }
    for line in commands:
        _parser().parse_args(shlex.split(line, comments=True)[3:])


def test_every_column_of_a_manifest_is_on_the_page_and_in_the_module() -> None:
    for name in Columns.model_fields:
        assert f"`{name}`" in PAGE


def test_every_picture_is_there_and_all_are_small() -> None:
    shown = re.findall(r"\]\((pictures/[^)]+)\)", PAGE)
    assert len(shown) >= 4
    assert sum((ROOT / "docs" / one).stat().st_size for one in shown) < 300_000
