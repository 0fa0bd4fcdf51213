"""What ends a session is told with its cure; of several errors at once, the one that matters."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asyncua import ua

from sensors.errors import LinkLost
from sensors.link import dial_opcua, gravest
from sensors.wiring import OpcUaLink

# OPC 10000-6, 6.7.2 and 7.1.2: messages as a server writes them
ACKNOWLEDGE = b"ACKF" + struct.pack("<6I", 28, 0, 65536, 65536, 0, 0)
NO_POLICY = b"http://opcfoundation.org/UA/SecurityPolicy#None"

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


def fault(status: int) -> bytes:
    """A ServiceFault in the place of an opened channel, as node-opcua answers strangers."""
    body = struct.pack("<I", 7) + struct.pack("<i", len(NO_POLICY)) + NO_POLICY
    body += struct.pack("<2i2I", -1, -1, 1, 1)  # nobody's certificates; sequence, request
    body += struct.pack("<BBH", 1, 0, ua.ObjectIds.ServiceFault_Encoding_DefaultBinary)
    body += struct.pack("<qIIBiHB", 0, 1, status, 0, -1, 0, 0)  # the response's header
    return b"OPNF" + struct.pack("<I", 8 + len(body)) + body


def error(status: int) -> bytes:
    return b"ERRF" + struct.pack("<3I", 20, status, 4) + b"why?"


@contextlib.asynccontextmanager
async def server_that_answers(answer: bytes) -> AsyncIterator[str]:
    """It says hello, then `answer` to whoever wants a channel, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for one in (ACKNOWLEDGE, answer):
            await reader.read(65536)
            writer.write(one)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"opc.tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("answer", "cure"),
    [
        (error(ua.StatusCodes.BadTcpInternalError), "add the new one to trusted_files"),
        (error(ua.StatusCodes.BadSecurityChecksFailed), "list the server's in trusted_files"),
        (error(ua.StatusCodes.BadSecurityModeRejected), "set security to one that the server"),
        (b"", "does it offer Basic256Sha256"),
    ],
    ids=["internal", "checks", "mode", "closed"],
)
async def test_a_server_that_refuses_a_channel_is_a_lost_link_with_a_cure(
    keys: dict[str, Any], answer: bytes, cure: str
) -> None:
    async with server_that_answers(answer) as endpoint:
        box, server = keys["box"], keys["server"].certificate_file
        secured = OpcUaLink(
            kind="opcua", endpoint=endpoint, certificate_file=box.certificate_file,
            key_file=box.key_file, trusted_files=(server,),
        )  # fmt: skip
        with pytest.raises(LinkLost, match=cure):
            async with dial_opcua(secured):
                pass


async def test_a_fault_where_a_channel_was_asked_for_is_a_lost_link() -> None:
    """asyncua fails an assertion of its own then, and the daemon would end."""
    async with server_that_answers(fault(ua.StatusCodes.BadCertificateUntrusted)) as endpoint:
        with pytest.raises(LinkLost, match="let the server trust certificate_file"):
            async with dial_opcua(OpcUaLink(kind="opcua", endpoint=endpoint, security="None")):
                pass
