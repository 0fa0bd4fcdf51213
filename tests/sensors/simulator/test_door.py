"""Who may speak to a server of the simulated plant."""

from pathlib import Path

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from sensors.simulator import pki
from sensors.simulator.plan import Plan, Server

from .conftest import MakePlan, free_port
from .desk import listening, read


@pytest.fixture
def guarded(tmp_path: Path) -> tuple[dict[str, pki.Identity], Server]:
    """Identities of a plant, and a PLC that lets in the box with its password."""
    identities = pki.make_plant_identities(tmp_path / "pki")
    own, box = identities["plc"], identities["box"]
    server = Server(
        endpoint=f"opc.tcp://127.0.0.1:{free_port()}",
        certificate_file=own.certificate_file,
        key_file=own.key_file,
        trusted_files=(box.certificate_file,),
        username="box",
        password="right",
    )
    return identities, server


async def knock(
    plan: Plan, who: pki.Identity | None, user: str | None, password: str | None
) -> str:
    """PartId as this client reads it."""
    client = Client(plan.plc.endpoint)
    if who is not None:
        client.application_uri = who.application_uri
        await client.set_security(
            SecurityPolicyBasic256Sha256,
            who.certificate_file,
            who.key_file,
            server_certificate=str(plan.plc.certificate_file),
        )
    if user is not None:
        client.set_user(user)
        client.set_password(password or "")
    async with client:
        return str(await read(client, "PartId"))


async def test_only_the_trusted_box_with_its_password_comes_in(
    make_plan: MakePlan, guarded: tuple[dict[str, pki.Identity], Server], tmp_path: Path
) -> None:
    identities, server = guarded
    box = identities["box"]
    stranger = pki.make_identity(tmp_path / "stranger", "box", box.application_uri)
    plan = make_plan(plc=server, lead_s=60.0)
    async with listening(plan):
        assert await knock(plan, box, "box", "right") == ""
        with pytest.raises(ua.uaerrors.BadCertificateUntrusted):
            await knock(plan, stranger, "box", "right")
        for user, password in (("box", "wrong"), ("box", ""), ("admin", "right"), (None, None)):
            with pytest.raises(
                (ua.uaerrors.BadUserAccessDenied, ua.uaerrors.BadIdentityTokenRejected)
            ):
                await knock(plan, box, user, password)
        with pytest.raises((ua.uaerrors.UaError, ConnectionError, TimeoutError)):
            await knock(plan, None, "box", "right")  # in clear
        assert await knock(plan, box, "box", "right") == ""  # none of these has shut the door
