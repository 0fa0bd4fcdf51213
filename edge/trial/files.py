"""What a trial leaves in its folder."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Files:
    """Names within the folder of one trial."""

    folder: Path

    @property
    def plan(self) -> Path:
        return self.folder / "PLAN.json"

    @property
    def line(self) -> Path:
        return self.folder / "LINE.toml"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.jsonl"

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"
