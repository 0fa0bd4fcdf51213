"""An OPC UA server of the plant, closed to whoever is not trusted."""

import contextlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto import uacrypto
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from asyncua.server.internal_server import InternalServer
from asyncua.server.server import Server as UaServer
from asyncua.server.subscription_service import SubscriptionService
from asyncua.server.user_managers import UserManager
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sensors.simulator import pki
from sensors.simulator.plan import Server

NAMESPACE = "urn:edge:simulator"  # of every node, index 2
_POLICIES = [
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
]
_CHECKS = CertificateValidatorOptions.EXT_VALIDATION | CertificateValidatorOptions.PEER_CLIENT


class Doorkeeper(UserManager):
    """Lets in who is named in the plan: certificate, then user and password."""

    def __init__(self, row: Server, trusted: frozenset[bytes]) -> None:
        self._row = row
        self._trusted = trusted  # DER
        self._fields = CertificateValidator(_CHECKS)

    def get_user(
        self,
        iserver: InternalServer,
        username: str | None = None,
        password: str | None = None,
        certificate: Any = None,
    ) -> User | None:
        """Called at ActivateSession; `certificate` is the one the channel was opened with."""
        row = self._row
        if row.certificate_file is not None and certificate not in self._trusted:
            return None
        if row.username is not None and not (
            _equal(username, row.username) and _equal(password, row.password or "")
        ):
            return None
        return User(role=UserRole.User, name=username)

    async def check_certificate(
        self, certificate: x509.Certificate, application: ua.ApplicationDescription
    ) -> None:
        """Called at CreateSession; refuses an unknown certificate by its own status code."""
        await self._fields(certificate, application)
        if _der(certificate) not in self._trusted:
            raise ServiceError(StatusCodes.BadCertificateUntrusted)


class SlowSubscriptions(SubscriptionService):
    """Grants no publishing interval below a floor, as a busy PLC does."""

    floor_ms = 0.0

    async def create_subscription(
        self,
        params: ua.CreateSubscriptionParameters,
        callback: Callable[..., Any],
        session_id: ua.NodeId,
        request_callback: Callable[..., Any] | None = None,
    ) -> ua.CreateSubscriptionResult:
        params.RequestedPublishingInterval = max(params.RequestedPublishingInterval, self.floor_ms)
        return await super().create_subscription(params, callback, session_id, request_callback)


def stamped(value: object, kind: ua.VariantType, source_time: datetime) -> ua.DataValue:
    """A value with the stamp of its source; of a list, an array."""
    return ua.DataValue(ua.Variant(value, kind), SourceTimestamp=source_time)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def serving(
    row: Server,
    name: str,
    populate: Callable[[UaServer], Awaitable[None]],
    *,
    min_publishing_ms: float = 0.0,
    now: Callable[[], datetime] | None = None,
) -> AsyncIterator[UaServer]:
    """A server that listens, after `populate` has made its nodes, for as long as it is entered.

    `now` is the clock that answers ServerStatus.CurrentTime at the moment of reading.
    """
    trusted = [await uacrypto.load_certificate(path) for path in row.trusted_files]
    door = Doorkeeper(row, frozenset(map(_der, trusted)))
    inside = InternalServer(user_manager=door)
    inside.disabled_clock = now is not None
    _slow_down(inside, min_publishing_ms)
    server = UaServer(iserver=inside)
    await server.init()
    server.set_server_name(name)
    server.set_endpoint(row.endpoint)
    server.allow_remote_admin(False)
    await _secure(server, row, door)
    await server.register_namespace(NAMESPACE)
    await populate(server)
    async with server:
        if now is not None:
            _answer_time(inside, now)
        yield server


async def _secure(server: UaServer, row: Server, door: Doorkeeper) -> None:
    server.set_identity_tokens(
        [ua.AnonymousIdentityToken if row.username is None else ua.UserNameIdentityToken]
    )
    if row.certificate_file is None or row.key_file is None:
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        return
    await server.load_certificate(row.certificate_file)
    await server.load_private_key(row.key_file)
    certificate = await uacrypto.load_certificate(row.certificate_file)
    if uri := pki.application_uri(certificate):
        await server.set_application_uri(uri)
    server.set_security_policy(_POLICIES)
    server.iserver.certificate_validator = door.check_certificate


def _slow_down(inside: InternalServer, floor_ms: float) -> None:
    subscriptions = SlowSubscriptions(inside.aspace, iserver=inside)
    subscriptions.floor_ms = floor_ms
    inside.subscription_service = subscriptions
    inside.isession.subscription_service = subscriptions


def _answer_time(inside: InternalServer, now: Callable[[], datetime]) -> None:
    current = ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus_CurrentTime))
    whole = ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus))
    held = inside.read_attribute_value(whole).Value
    status: ua.ServerStatusDataType = held.Value if held else ua.ServerStatusDataType()

    def read_time(_node: ua.NodeId, _attribute: AttributeIds) -> ua.DataValue:
        shown = now()
        return stamped(shown, ua.VariantType.DateTime, shown)

    def read_status(_node: ua.NodeId, _attribute: AttributeIds) -> ua.DataValue:
        shown = now()
        status.CurrentTime = shown
        return stamped(status, ua.VariantType.ExtensionObject, shown)

    inside.set_attribute_value_callback(current, read_time)
    inside.set_attribute_value_callback(whole, read_status)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _equal(given: str | None, expected: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(), expected.encode())
