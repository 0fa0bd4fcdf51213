"""An OPC UA server in a process of its own, to be written to, frozen and killed by the tests."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_server import InternalServer
from asyncua.server.user_managers import UserManager

KINDS = {
    "block": (b"", ua.VariantType.ByteString),
    "text": ("", ua.VariantType.String),
    "floats": ([0.0], ua.VariantType.Float),
    "counts": ([0], ua.VariantType.Int16),
    "sequence": (0, ua.VariantType.UInt32),
    "part": ("", ua.VariantType.String),
    "recipe": ("", ua.VariantType.String),
    "ring_sequence": ([0] * 16, ua.VariantType.UInt32),
    "ring_part": ([""] * 16, ua.VariantType.String),
    "ring_recipe": ([""] * 16, ua.VariantType.String),
    "ring_time": ([ua.datetime(1601, 1, 1)] * 16, ua.VariantType.DateTime),
}


class OneUser(UserManager):
    """Anonymous, or user `edge` with the password `secret`."""

    def get_user(
        self,
        iserver: Any,
        username: str | None = None,
        password: str | None = None,
        certificate: Any = None,
    ) -> User | None:
        if username is not None and (username, password) != ("edge", "secret"):
            return None
        return User(role=UserRole.User)


async def main(port: int, certificate: Path, key: Path, slowest_ms: float) -> None:
    inside = InternalServer(user_manager=OneUser())
    server = Server(iserver=inside)
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_identity_tokens([ua.AnonymousIdentityToken, ua.UserNameIdentityToken])
    await server.load_certificate(certificate)
    await server.load_private_key(key)
    server.set_security_policy(
        [
            ua.SecurityPolicyType.NoSecurity,
            ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
            ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
        ]
    )
    create = inside.subscription_service.create_subscription

    async def slow_create(params: Any, *rest: Any, **named: Any) -> Any:
        params.RequestedPublishingInterval = max(slowest_ms, params.RequestedPublishingInterval)
        return await create(params, *rest, **named)

    inside.subscription_service.create_subscription = slow_create  # type: ignore[method-assign]
    inside.isession.subscription_service = inside.subscription_service
    await server.register_namespace("urn:test")
    for name, (value, kind) in KINDS.items():
        variable = await server.nodes.objects.add_variable(
            f"ns=2;s={name}", f"2:{name}", value, varianttype=kind
        )
        await variable.set_writable()
    async with server:
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])))
