"""The sessions of a line: one source a link or wired camera, one publisher a destination.

Each row is a name for logs and metrics and a function that runs one session until its link is
lost; the supervisor calls it again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge.bundle import ClipInput
from edge.config import Line, Sensor
from edge.health import Health
from edge.metrics import Metrics
from edge.publish.mqtt import MqttPublisher
from edge.publish.outbox import Delivery, Outbox, Routes
from edge.publish.plc import Echoes, PlcPublisher, publisher_name
from edge.supervisor import Session, Up
from sensors.camera import CameraSource
from sensors.mqtt import MqttSource
from sensors.opcua import Granted, ObserveClock, OpcUaSource
from sensors.signal import Announce, Deliver, Sample
from sensors.wiring import MqttLink, OpcUaLink

VERDICTS = "mqtt"  # name of the MQTT publisher in the outbox
Named = tuple[str, Session]


@dataclass(frozen=True, slots=True)
class Inlets:
    """Where sources put what they hear."""

    deliver: Deliver
    announce: Announce
    observe_clock: ObserveClock
    granted: Callable[[Granted], None]
    picture: Callable[[Sample], None]
    clip: Callable[[Sensor], ClipInput]  # what a wired camera's detector takes


def sources(line: Line, inlets: Inlets, metrics: Metrics) -> Iterator[Named]:
    """Everything this line listens to."""
    for name, link in line.links.items():
        if _sensors(line, name) or _triggers(line, name):
            build = _mqtt_source if isinstance(link, MqttLink) else _opcua_source
            yield name, build(name, line, inlets, metrics)
    for sensor in line.sensors.values():
        if sensor.camera is not None:
            yield sensor.id, _camera(sensor, inlets, metrics)


def publishers(
    line: Line,
    outbox: Outbox,
    echoes: Echoes,
    health: Health,
    metrics: Metrics,
    published: Callable[[Delivery, int], None],
) -> Iterator[Named]:
    """Everywhere this line's verdicts go."""
    if line.publishing:
        yield f"{line.publishing.link}/verdicts", _mqtt_publisher(line, outbox, published)
    for name, link in line.links.items():
        served = {s.id: s.plc for s in line.stations if s.plc and s.plc.link == name}
        if served and isinstance(link, OpcUaLink):

            async def session(
                up: Up, name: str = name, link: OpcUaLink = link, served: dict = served  # type: ignore[type-arg]
            ) -> None:
                await PlcPublisher(
                    name,
                    link,
                    served,
                    outbox,
                    echoes,
                    is_ready=lambda: health.is_ready,
                    published=published,
                    count=metrics.count,
                    up=up,
                ).run()

            yield f"{name}/plc", session


def routes(line: Line) -> Routes:
    """Which stations' verdicts each publisher of the outbox owes."""
    found: dict[str, tuple[str, ...] | None] = {VERDICTS: None} if line.publishing else {}
    return found | {publisher_name(s.id): (s.id,) for s in line.stations if s.plc}


def trigger_links(line: Line) -> set[str]:
    """Links without which no part can be announced."""
    return {s.trigger.link for s in line.stations}


def _sensors(line: Line, link: str) -> list[Sensor]:
    return [s for s in line.sensors.values() if s.link == link]


def _triggers(line: Line, link: str) -> dict:  # type: ignore[type-arg]
    return {s.id: s.trigger for s in line.stations if s.trigger.link == link}
