"""Errors of a trial, named by what the catcher does."""


class TrialFailed(RuntimeError):  # noqa: N818 - named by what happened, as the command line says it
    """The trial cannot go on: says which process ended or what is missing, and the cure."""
