"""Of several errors that end a session at once, the one that matters is told."""

import pytest
from asyncua import ua

from sensors.errors import LinkLost
from sensors.link import gravest

LOSSES = (
    LinkLost("gone"),
    ua.uaerrors.BadSessionIdInvalid(),
    ConnectionResetError(),
    TimeoutError(),
)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_a_fault_of_logic_is_told_wherever_it_stands_among_lost_links(loss: Exception) -> None:
    fault = ZeroDivisionError()
    for errors in ([loss, fault], [fault, loss], [loss, ExceptionGroup("", [loss, fault])]):
        assert gravest(ExceptionGroup("session", errors)) is fault


def test_where_every_error_is_a_lost_link_the_first_is_told_bare() -> None:
    first, second = LinkLost("gone"), LinkLost("frozen")
    nested = ExceptionGroup("session", [ExceptionGroup("mailboxes", [first]), second])
    assert gravest(nested) is first
