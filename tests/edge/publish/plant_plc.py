"""A PLC that is a real OPC UA server in a thread of its own, with a program that takes results."""

import asyncio
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from asyncua import ua
from asyncua.common.callback import Callback, CallbackService, CallbackType, ServerItemCallback
from asyncua.server.server import Server

from sensors.wiring import HandshakeNodes

KINDS = {
    "heartbeat": ua.VariantType.UInt32,
    "ready": ua.VariantType.Boolean,
    "busy": ua.VariantType.Boolean,
    "echo_part": ua.VariantType.String,
    "echo_sequence": ua.VariantType.UInt32,
    "result": ua.VariantType.Int16,
    "defect_code": ua.VariantType.Int16,
    "result_sequence": ua.VariantType.UInt32,
    "late": ua.VariantType.Boolean,
    "error_code": ua.VariantType.Int16,
    "result_ready": ua.VariantType.Boolean,
    "ack": ua.VariantType.UInt32,
}
RESULT = ("result_sequence", "result", "defect_code", "late", "error_code")
Kinds = dict[str, ua.VariantType]  # where a station's variables differ from KINDS
INITIAL = {ua.VariantType.Boolean: False, ua.VariantType.String: ""}


@dataclass(frozen=True)
class Request:
    """One write of the box, as the server took it."""

    station: str
    values: dict[str, Any]
    at: float  # time.monotonic


def nodes(station: str) -> HandshakeNodes:
    return HandshakeNodes(**{name: f"ns=2;s={station}.{name}" for name in KINDS})


def _node(station: str, name: str) -> ua.NodeId:
    return ua.NodeId.from_string(f"ns=2;s={station}.{name}")


class Plc:
    """`requests` is what was written to it, in order; `acks` whether its program acknowledges."""

    def __init__(self, port: int, stations: Mapping[str, Kinds]) -> None:
        self.endpoint = f"opc.tcp://127.0.0.1:{port}"
        self.requests: list[Request] = []
        self.taken: list[dict[str, Any]] = []  # what stood there as ResultReady rose
        self.acks = True
        self._kinds = {station: KINDS | kinds for station, kinds in stations.items()}
        self._was_ready: dict[str, bool] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._run()])
        self._thread.start()
        assert self._started.wait(20)

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(20)
            self._loop.close()

    def freeze(self, seconds: float) -> None:
        """Answers nobody for a while, as a PLC in a long cycle."""
        self._loop.call_soon_threadsafe(time.sleep, seconds)

    def of(self, station: str, *names: str) -> list[dict[str, Any]]:
        """Writes to a station that set one of `names`, or all of them."""
        return [
            r.values
            for r in list(self.requests)
            if r.station == station and (not names or set(names) & set(r.values))
        ]

    def value(self, station: str, name: str) -> Any:
        held = self._server.iserver.read_attribute_value(_node(station, name))
        return held.Value.Value if held.Value else None

    def write(self, station: str, **values: Any) -> None:
        for name, value in values.items():
            work = self._write(station, name, value)
            asyncio.run_coroutine_threadsafe(work, self._loop).result(5)

    async def _write(self, station: str, name: str, value: Any) -> None:
        variant = ua.Variant(value, self._kinds[station][name])
        await self._server.get_node(_node(station, name)).write_value(variant)

    async def _run(self) -> None:
        self._server = Server()
        await self._server.init()
        self._server.set_endpoint(self.endpoint)
        self._server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        await self._server.register_namespace("urn:test:plc")
        for station, kinds in self._kinds.items():
            for name, kind in kinds.items():
                variable = await self._server.nodes.objects.add_variable(
                    _node(station, name),
                    ua.QualifiedName(f"{station}.{name}", 2),
                    ua.Variant(INITIAL.get(kind, 0), kind),
                )
                if name != "ack":
                    await variable.set_writable()
        async with self._server:
            self._server.iserver.subscribe_server_callback(CallbackType.PostWrite, self._written)  # type: ignore[arg-type]
            self._started.set()
            await self._stopping.wait()

    async def _written(self, event: Callback, _: CallbackService) -> None:
        if not isinstance(event, ServerItemCallback) or not event.is_external:
            return
        values: dict[str, Any] = {}
        station = ""
        for row in event.request_params.NodesToWrite:
            station, name = row.NodeId.Identifier.split(".")
            values[name] = row.Value.Value.Value
        self.requests.append(Request(station, values, time.monotonic()))
        is_ready = values.get("result_ready")
        if is_ready and not self._was_ready.get(station):
            self.taken.append({name: self.value(station, name) for name in RESULT})
            if self.acks:
                await self._write(station, "ack", self.value(station, "result_sequence"))
        if is_ready is not None:
            self._was_ready[station] = is_ready
