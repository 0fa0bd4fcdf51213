"""What the documents show is what the program has."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edge.__main__ import COMMANDS
from edge.verdict import Verdict

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_every_command_is_in_the_readme_and_the_other_way_round() -> None:
    shown = set(re.findall(r"^\| `edge (\w+)", README, re.MULTILINE))
    assert shown == set(COMMANDS)


def test_every_key_of_the_verdict_is_in_the_readme() -> None:
    section = README.split("## The verdict")[1].split("\n## ")[0]
    assert set(Verdict.model_fields) - {"schema_version"} <= set(re.findall(r"`(\w+)`", section))


def test_every_linked_file_exists() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page}: {target}"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_help_teaches(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edge", command, "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert f"edge {command}" in done.stdout.split("\n\n", 1)[1]  # an example, not only options


def test_the_schema_command_prints_what_is_published() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edge", "config", "verdict"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    published = json.loads((ROOT / "docs" / "verdict.schema.json").read_text())
    assert json.loads(done.stdout) == published
