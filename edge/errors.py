"""Errors of the daemon, named by what the catcher does."""


class ConfigError(ValueError):
    """The line's file is wrong: names the key, what was expected and the cure. Exit status 2."""


class BundleError(ValueError):
    """A model bundle cannot be used: replace the model."""


class EngineMissing(RuntimeError):  # noqa: N818 - named by its state; the catcher takes another
    """An engine's library, or what it needs of this box, is not here."""


class EngineStale(RuntimeError):  # noqa: N818 - named by its state; the catcher rebuilds
    """A built engine does not fit this box or this model any more: rebuild it."""


class DiskFailed(RuntimeError):  # noqa: N818 - named by what happened; the process ends
    """The state file cannot be opened, read or written: mend the disk. Ends the process."""


class EngineHung(RuntimeError):  # noqa: N818 - named by its state
    """A network never came back: the process ends and is started again."""


class QueueFull(RuntimeError):  # noqa: N818 - named by its state
    """A bounded hand-over refused the newest: that sensor is missing for this part."""
