"""One thing that was looked at, how it is, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"  # it works, but not as well as promised
    PROBLEM = "problem"  # it does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """A row of `edge doctor`. What is not ok always has a cure."""

    subject: str
    state: State
    found: str
    cure: str = ""

    def __post_init__(self) -> None:
        if (self.state is State.OK) == bool(self.cure):
            raise ValueError(f"{self.subject}: {self.state} goes with cure {self.cure!r}")


def ok(subject: str, found: str) -> Finding:
    return Finding(subject, State.OK, found)


def warning(subject: str, found: str, cure: str) -> Finding:
    return Finding(subject, State.WARNING, found, cure)


def problem(subject: str, found: str, cure: str) -> Finding:
    return Finding(subject, State.PROBLEM, found, cure)
