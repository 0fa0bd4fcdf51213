"""Errors of a trial, named by what the catcher does."""


class TrialFailed(RuntimeError):  # noqa: N818 - named by what happened, as the command line says it
    """The trial cannot go on: says which process ended or what is missing, and the cure."""


def leaves(error: Exception) -> list[TrialFailed]:
    """The failures within an error or a group of them.

    Raises:
        Exception: there is something else among them: a fault of logic, given back as it came.
    """
    if isinstance(error, TrialFailed):
        return [error]
    if isinstance(error, ExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    raise error
