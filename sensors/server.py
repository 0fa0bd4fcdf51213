"""A live session with an OPC UA server: asyncua, dialled once, trusting listed certificates."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClientState
from asyncua.crypto import security_policies, uacrypto
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors._base import UaError, UaStatusCodeError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from sensors.errors import LinkLost
from sensors.wiring import OpcUaLink

REQUEST_S = 3.0
WATCHDOG_S = 1.5  # between looks at a connection that says nothing, and how long each may take
GOODBYE_S = 0.5
SESSION_MS = 30_000  # a server forgets sessions that were cut off: a PLC has few to give
SIGN_AND_ENCRYPT = ua.MessageSecurityMode.SignAndEncrypt
POLICIES: dict[str, Callable[..., Any]] = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes256Sha256RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
LINK_ERRORS = (LinkLost, UaError, OSError)  # a time-out is an OSError
CURES = {
    StatusCodes.BadUserAccessDenied: "check username and password_file, and the user's rights",
    StatusCodes.BadIdentityTokenRejected: "check username and password_file",
    StatusCodes.BadIdentityTokenInvalid: "check username and password_file",
    StatusCodes.BadCertificateUntrusted: "let the server trust certificate_file",
    StatusCodes.BadSecurityChecksFailed: "let the server trust certificate_file, and list the "
    "server's in trusted_files",
    StatusCodes.BadCertificateUriInvalid: "make certificate_file for application_uri",
    StatusCodes.BadSecurityPolicyRejected: "set security to one that the server offers",
    StatusCodes.BadSecurityModeRejected: "set security to one that the server offers",
    StatusCodes.BadNodeIdUnknown: "a node of this link does not exist on the server",
    StatusCodes.BadTooManySessions: "the server has no session left: close others",
}


@dataclass(frozen=True, slots=True)
class _Identity:
    """What the files of a link hold, read and checked in a thread."""

    certificate: x509.Certificate | None
    key: Any
    trusted: tuple[x509.Certificate, ...]
    password: str | None


@asynccontextmanager
async def dial_opcua(link: OpcUaLink) -> AsyncIterator[Client]:
    """A session that is gone when the body ends; asyncua's own reconnect is off.

    Raises:
        LinkLost: the server cannot be reached, trusted or logged in to; within the body, whatever
            asyncua, the system or a time-out says of the connection.
    """
    try:
        identity = await asyncio.to_thread(_identity, link)
        client = Client(link.endpoint, timeout=REQUEST_S, watchdog_intervall=WATCHDOG_S)
        client.application_uri = link.application_uri
        client.session_timeout = SESSION_MS
        client.name = client.description = "edge-verdict"
        if link.username is not None:
            client.set_user(link.username)
            client.set_password(identity.password or "")
        if link.security != "None":
            await _secure(client, link, identity)
        try:
            await _connect(client, link)
            yield client
        finally:
            await _leave(client)
    except UaStatusCodeError as error:
        cure = CURES.get(error.code, f"is the server healthy?{_renewed(link)}")
        raise LinkLost(f"{link.endpoint}: {ua.StatusCode(error.code).name}: {cure}") from error
    except uacrypto.InvalidSignature as error:  # type: ignore[attr-defined]
        raise LinkLost(
            f"{link.endpoint}: the server does not hold its certificate's key"
        ) from error
    except UaError as error:
        raise LinkLost(f"{link.endpoint}: {error}{_renewed(link)}") from error
    except TimeoutError as error:
        raise LinkLost(
            f"{link.endpoint}: no answer in {REQUEST_S} s: is the server frozen?{_renewed(link)}"
        ) from error
    except OSError as error:
        raise LinkLost(
            f"{link.endpoint}: {error or 'connection closed'}: is the server running, and does it "
            f"offer {link.security}?"
        ) from error


async def _connect(client: Client, link: OpcUaLink) -> None:
    try:
        await client.connect(auto_reconnect=False)
    except AssertionError as error:  # asyncua's own, of an answer that is no channel but a fault
        raise LinkLost(
            f"{link.endpoint}: opens no secure channel: let the server trust certificate_file"
        ) from error


async def wait_lost(client: Client) -> NoReturn:
    """Raises LinkLost when the connection ends, or does not answer any more."""
    async with client.subscribe_state() as states:
        await states.wait_for_state(UaClientState.DISCONNECTED)
    raise LinkLost(f"{client.server_url.geturl()}: connection ended, or frozen")


def gravest(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of what ended a session's tasks: a fault of logic before a lost link, wherever it stands.

    Bare, so that the dialler can name the loss.
    """
    _, faults = errors.split(LINK_ERRORS)
    one: BaseException = faults or errors
    while isinstance(one, BaseExceptionGroup):
        one = one.exceptions[0]
    return one


def _identity(link: OpcUaLink) -> _Identity:
    try:
        password = None
        if link.password_file is not None:
            password = (link.password_file.read_text().splitlines() or [""])[0]
        if link.security == "None" or not (link.certificate_file and link.key_file):
            return _Identity(None, None, (), password)
        certificate = _certificate(link.certificate_file.read_bytes())
        # Checking an RSA key takes 50 ms and holds the interpreter lock even in a thread. It is
        # our own key; that it belongs to the certificate is seen below.
        key = serialization.load_pem_private_key(
            link.key_file.read_bytes(), None, unsafe_skip_rsa_key_validation=True
        )
        if key.public_key() != certificate.public_key():
            raise ValueError("key_file is not the key of certificate_file")
        trusted = tuple(_certificate(path.read_bytes()) for path in link.trusted_files)
    except (OSError, ValueError, TypeError) as error:
        raise LinkLost(
            f"{link.endpoint}: certificate_file, key_file, trusted_files or password_file cannot "
            f"be used: {error}"
        ) from error
    return _Identity(certificate, key, trusted, password)


def _certificate(content: bytes) -> x509.Certificate:
    is_pem = content.lstrip().startswith(b"-----BEGIN")
    return (x509.load_pem_x509_certificate if is_pem else x509.load_der_x509_certificate)(content)


async def _secure(client: Client, link: OpcUaLink, identity: _Identity) -> None:
    """Sign and encrypt for a server certificate that is listed, or not at all."""
    policy = POLICIES[link.security]
    peer = identity.trusted[0]
    if len(identity.trusted) > 1:  # ask which of them it holds
        peer = _listed(await client.connect_and_get_server_endpoints(), link, identity.trusted)
    client.security_policy = policy(peer, identity.certificate, identity.key, SIGN_AND_ENCRYPT)
    client.uaclient.set_security(client.security_policy)


def _listed(
    endpoints: list[ua.EndpointDescription], link: OpcUaLink, trusted: tuple[x509.Certificate, ...]
) -> x509.Certificate:
    uri = POLICIES[link.security].URI  # type: ignore[attr-defined]
    offered = [
        x509.load_der_x509_certificate(e.ServerCertificate)
        for e in endpoints
        if e.SecurityPolicyUri == uri and e.SecurityMode == SIGN_AND_ENCRYPT
    ]
    if not offered:
        raise LinkLost(f"{link.endpoint}: does not offer {link.security} SignAndEncrypt")
    for certificate in offered:
        if certificate in trusted:
            return certificate
    fingerprint = offered[0].fingerprint(hashes.SHA256()).hex(":")
    raise LinkLost(
        f"{link.endpoint}: its certificate (SHA-256 {fingerprint}) is not among trusted_files: "
        "compare the fingerprint on the server and add the file"
    )


def _renewed(link: OpcUaLink) -> str:
    return (
        "; if its certificate was renewed, add the new one to trusted_files"
        if link.trusted_files
        else ""
    )


async def _leave(client: Client) -> None:
    """Close politely if the server answers soon, and in any case."""
    protocol = client.uaclient.protocol
    try:
        async with asyncio.timeout(GOODBYE_S) as limit:
            await client.disconnect()
    except TimeoutError:
        client.disconnect_socket()
    except asyncio.CancelledError:
        # Debian 12's Python 3.11.2 says so of a timeout, once a task group has failed in this task
        if not limit.expired():
            raise
        client.disconnect_socket()
    finally:
        if protocol is not None and protocol.transport is not None:
            protocol.transport.abort()  # a peer that does not read would hold it open
