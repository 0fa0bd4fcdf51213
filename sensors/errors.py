"""Errors of this package, named by what the catcher does."""


class LinkLost(Exception):  # noqa: N818 - named by what happened, as the supervisor's log says it
    """A connection ended or could not be made. The supervisor redials."""


class BadReading(ValueError):  # noqa: N818 - named by what the catcher holds: a reading to skip
    """A payload that is not what its sensor promised. Skipped and counted.

    `cause` is one short word from a fixed set (the metric's label), the message tells what was
    expected.
    """

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self.cause = cause
