"""The mailbox between the box and the simulated PLC."""

import time
from typing import Any

import pytest
from asyncua import ua

from sensors.simulator.plan import node

from .conftest import MakePlan
from .desk import ledger, read, serving, write

FROM_BOX = (
    "Heartbeat", "Ready", "Busy", "EchoPartId", "EchoSequence", "Result", "DefectCode",
    "ResultSequence", "Late", "ErrorCode", "ResultReady",
)  # fmt: skip
FROM_PLC = (
    "Sequence", "PartId", "Recipe", "RingSequence", "RingPartId", "RingRecipe", "RingTime", "Ack",
)  # fmt: skip


def result_of(sequence: int, decision: int = 2) -> dict[str, tuple[Any, ua.VariantType]]:
    return {
        "Result": (decision, ua.VariantType.Int16),
        "DefectCode": (5, ua.VariantType.Int16),
        "ResultSequence": (sequence, ua.VariantType.UInt32),
        "Late": (False, ua.VariantType.Boolean),
        "ErrorCode": (1, ua.VariantType.Int16),
    }


async def test_a_result_is_taken_once_and_acknowledged(make_plan: MakePlan) -> None:
    plan = make_plan(lead_s=60.0)
    async with serving(plan) as client:
        await write(
            client,
            Busy=(True, ua.VariantType.Boolean),
            EchoPartId=("S1-000041", ua.VariantType.String),
            EchoSequence=(41, ua.VariantType.UInt32),
        )
        await write(client, **result_of(41))
        assert await read(client, "Ack") == 0  # nothing is taken before ResultReady
        await write(client, ResultReady=(True, ua.VariantType.Boolean))
        assert await read(client, "Ack") == 41
        await write(client, ResultReady=(True, ua.VariantType.Boolean))  # no edge
        await write(client, ResultReady=(False, ua.VariantType.Boolean))
        await write(client, **result_of(42, 1), ResultReady=(True, ua.VariantType.Boolean))
        assert await read(client, "Ack") == 42
    echo = ledger(plan, "echo")
    assert [(row["sequence"], row["part"], row["busy"]) for row in echo] == [
        (41, "S1-000041", True)
    ]
    rows = ledger(plan, "result")
    keys = ("station", "sequence", "result", "defect_code", "late", "error_code")
    assert [tuple(row[key] for key in keys) for row in rows] == [
        ("S1", 41, 2, 5, False, 1),
        ("S1", 42, 1, 5, False, 1),
    ]
    assert all(abs(row["monotonic_ns"] - time.monotonic_ns()) < 60e9 for row in rows)


async def test_the_box_writes_its_own_variables_and_no_others(make_plan: MakePlan) -> None:
    plan = make_plan(lead_s=60.0, ack=False)
    async with serving(plan) as client:
        for name in FROM_BOX:
            variable = client.get_node(node("S1", name))
            await variable.write_value(await variable.read_data_value())
        for name in FROM_PLC:
            variable = client.get_node(node("S1", name))
            value = await variable.read_data_value()
            with pytest.raises(ua.uaerrors.BadUserAccessDenied):
                await variable.write_value(value)
        await write(client, **result_of(7), ResultReady=(True, ua.VariantType.Boolean))
        assert await read(client, "Ack") == 0  # this one never acknowledges
    assert [row["sequence"] for row in ledger(plan, "result")] == [7]
