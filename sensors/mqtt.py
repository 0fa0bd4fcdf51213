"""One ingest session of one broker: blocks of its sensors, triggers of its stations."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from sensors.complaints import Complaints
from sensors.errors import BadReading
from sensors.link import Message, MqttSession, dial_mqtt
from sensors.signal import Announce, Announcement, Count, Deliver
from sensors.wiring import MqttLink, SensorSource, TriggerSource

MAX_TRIGGER = 4096  # bytes
QUEUED_NS = 1_000_000_000  # after connecting, triggers may be of an absence: they carry no mark
NEVER_NS = 2**63
MAX_TEXT = 256  # characters of a part id or a recipe


class MqttSource:
    """Subscribes to every topic of a link; blocks at QoS 0, triggers at QoS 1 until journalled.

    Where there are triggers, the broker's session is persistent: those of an absence come when the
    box is back, and each is acknowledged when `announce` says that it is safe. Counts, by sensor
    or station: `bad_trigger` (acknowledged and dropped), `retained` (an old block) and, by link,
    `unknown_topic`.
    """

    def __init__(
        self,
        name: str,
        link: MqttLink,
        *,
        client_id: str,
        sensors: Iterable[SensorSource],
        triggers: Mapping[str, TriggerSource],  # by station
        deliver: Deliver,
        announce: Announce,
        count: Count,
        up: Callable[[], None] = lambda: None,  # called when everything is subscribed
    ) -> None:
        self._name = name
        self._link = link
        self._client_id = client_id
        self._sensors = {s.topic: s.id for s in sensors if s.topic is not None}
        self._stations = {t.topic: station for station, t in triggers.items() if t.topic}
        self._deliver = deliver
        self._announce = announce
        self._count = count
        self._up = up
        self._complaints = Complaints()
        self._session: MqttSession | None = None
        self._early: list[Message] = []  # safe, and come with the broker's yes: no session yet
        self._live_from_ns = NEVER_NS

    async def run(self) -> None:
        """Hand on what comes until cancelled.

        Raises:
            LinkLost: the broker cannot be reached, refuses, or is gone.
        """
        async with dial_mqtt(
            self._link,
            client_id=self._client_id,
            on_message=self._message,
            persistent=bool(self._stations),
            manual_ack=True,
        ) as session:
            self._session = session
            for message in self._early:
                session.ack(message)
            self._live_from_ns = time.monotonic_ns() + QUEUED_NS
            for topic in self._stations:
                await session.subscribe(topic, 1)
            for topic in self._sensors:
                await session.subscribe(topic, 0)
            self._up()
            await session.wait_lost()

    def _message(self, message: Message) -> None:
        sensor = self._sensors.get(message.topic)
        if sensor is not None:
            if message.is_retained:
                self._count(sensor, "retained")
            else:
                self._deliver(sensor, message.payload, message.properties, message.received_ns)
        elif (station := self._stations.get(message.topic)) is not None:
            self._trigger(station, message)
            return
        else:
            self._count(self._name, "unknown_topic")
        self._ack(message)

    def _trigger(self, station: str, message: Message) -> None:
        try:
            announcement = read_trigger(station, message)
        except BadReading as error:
            self._count(station, "bad_trigger")
            self._complaints.say(station, "bad_trigger", str(error), message.payload)
            self._ack(message)
            return
        if message.received_ns < self._live_from_ns:
            announcement = replace(announcement, from_ring=True)
        self._announce(announcement, lambda: self._ack(message))

    def _ack(self, message: Message) -> None:
        """Of a session that is over the broker sends the message again: the journal knows it."""
        if not message.qos:
            return
        if self._session is None:
            self._early.append(message)
        else:
            self._session.ack(message)


def read_trigger(station: str, message: Message) -> Announcement:
    """JSON `{"sequence": 1, "part": "A7", "recipe": "motor", "t_ns": 0}`; the last three optional.

    Raises:
        BadReading: anything else.
    """
    if len(message.payload) > MAX_TRIGGER:
        raise BadReading("oversized", f"a trigger of {len(message.payload)} bytes")
    try:
        fields = json.loads(message.payload)
    except (ValueError, RecursionError) as error:
        raise BadReading("malformed", f"a trigger that is no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise BadReading("malformed", "a trigger that is no JSON object")
    sequence, time_ns = fields.get("sequence"), fields.get("t_ns", 0)
    if type(sequence) is not int or not 0 <= sequence < 2**32:
        raise BadReading("wrong_type", f"sequence: expected a UInt32, got {sequence!r:.40}")
    if type(time_ns) is not int or not 0 <= time_ns < 2**63:
        raise BadReading("wrong_type", f"t_ns: expected nanoseconds, got {time_ns!r:.40}")
    texts = fields.get("part", ""), fields.get("recipe", "")
    if not all(isinstance(t, str) and len(t) <= MAX_TEXT and t.isprintable() for t in texts):
        raise BadReading("wrong_type", f"part, recipe: expected text up to {MAX_TEXT} characters")
    return Announcement(
        station,
        sequence,
        *texts,
        source_ns=time_ns,
        received_ns=message.received_ns,
        from_ring=message.is_repeat or message.is_retained,
    )
