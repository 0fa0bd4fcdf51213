"""The sessions of a line: one source a link or wired camera, one publisher a destination.

Each row is a name for logs and metrics, and a function that runs one session until its link is
lost; the supervisor calls it again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from edge.config import Line, Sensor
from edge.manifest import ClipInput, SeriesInput
from edge.publish.mqtt import MqttPublisher
from edge.publish.outbox import Delivery, Outbox, Routes
from edge.publish.plc import Echoes, PlcPublisher, publisher_name
from edge.supervisor import Session, Up
from sensors.camera import CameraSource
from sensors.mqtt import MqttSource
from sensors.opcua import Granted, ObserveClock, OpcUaSource
from sensors.signal import Announce, Count, Deliver, Sample
from sensors.wiring import Link, MqttLink

VERDICTS = "mqtt"  # name of the MQTT publisher in the outbox
PLC = "plc"
Published = Callable[[str, Delivery, int], None]  # by which way, what, and when on the box's clock
Named = tuple[str, Session]
Shapes = Mapping[str, SeriesInput | ClipInput]  # by sensor: what its detector takes


@dataclass(frozen=True, slots=True)
class Inlets:
    """Where sources put what they hear."""

    deliver: Deliver
    announce: Announce
    observe_clock: ObserveClock
    granted: Callable[[Granted], None]
    picture: Callable[[Sample], None]


def sources(line: Line, inlets: Inlets, shapes: Shapes, count: Count) -> Iterator[Named]:
    """Everything this line listens to."""
    for name, link in line.links.items():
        if any(s.link == name for s in line.sensors.values()) or name in trigger_links(line):
            yield name, partial(_listen, name, link, line, inlets, count)
    for sensor in line.sensors.values():
        shape = shapes[sensor.id]
        if sensor.camera is not None and isinstance(shape, ClipInput):
            yield sensor.id, partial(_watch, sensor, shape, inlets, count)


def publishers(
    line: Line,
    outbox: Outbox,
    echoes: Echoes,
    *,
    is_ready: Callable[[], bool],
    published: Published,
    count: Count,
) -> Iterator[Named]:
    """Everywhere this line's verdicts go."""
    if line.publishing:
        yield f"{line.publishing.link}/verdicts", partial(_publish, line, outbox, published)
    for name in {s.plc.link: None for s in line.stations if s.plc}:

        async def session(up: Up, name: str = name) -> None:
            link = line.links[name]
            assert not isinstance(link, MqttLink)
            served = {s.id: s.plc for s in line.stations if s.plc and s.plc.link == name}
            await PlcPublisher(
                name,
                link,
                served,
                outbox,
                echoes,
                is_ready=is_ready,
                published=partial(published, PLC),
                count=count,
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


async def _listen(name: str, link: Link, line: Line, inlets: Inlets, count: Count, up: Up) -> None:
    sensors = [s for s in line.sensors.values() if s.link == name]
    triggers = {s.id: s.trigger for s in line.stations if s.trigger.link == name}
    if isinstance(link, MqttLink):
        await MqttSource(
            name,
            link,
            client_id=f"edge-{line.site}-{line.line}-in",
            sensors=sensors,
            triggers=triggers,
            deliver=inlets.deliver,
            announce=inlets.announce,
            count=count,
            up=up,
        ).run()
    else:
        await OpcUaSource(
            name,
            link,
            sensors=sensors,
            triggers=triggers,
            deliver=inlets.deliver,
            announce=inlets.announce,
            observe_clock=inlets.observe_clock,
            granted=inlets.granted,
            count=count,
            up=up,
        ).run()


async def _watch(sensor: Sensor, shape: ClipInput, inlets: Inlets, count: Count, up: Up) -> None:
    await CameraSource(
        sensor,
        height=shape.height,
        width=shape.width,
        deliver=inlets.picture,
        count=count,
        up=up,
    ).run()


async def _publish(line: Line, outbox: Outbox, published: Published, up: Up) -> None:
    publishing = line.publishing
    assert publishing is not None
    link = line.links[publishing.link]
    assert isinstance(link, MqttLink)
    await MqttPublisher(
        VERDICTS,
        link,
        publishing,
        outbox,
        site=line.site,
        line=line.line,
        published=partial(published, VERDICTS),
        up=up,
    ).run()
