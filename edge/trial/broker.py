"""An MQTT broker for a trial: mosquitto where it is installed, else amqtt.

Run as a module (`python -m edge.trial.broker PORT`) it is the amqtt broker itself.
"""

import asyncio
import os
import random
import shutil
import socket
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from edge.trial.errors import TrialFailed
from edge.trial.processes import Child, python

HOST = "127.0.0.1"
FIRST_PORT = 1024  # below it they are the administrator's
OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
MAX_PACKET = 8 * 1024 * 1024  # bytes
READY_WITHIN_S = 20.0
AMQTT_LACKS = (
    "the broker is amqtt: MQTT 3.1.1 only (verdicts carry no expiry), nothing is kept for a client "
    "that is away, and it is slower; for all that: apt-get install mosquitto"
)
_PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
# MQTT 3.1.1 CONNECT, clean session, keep-alive 10 s, client "ready?"; and DISCONNECT
_CONNECT = b"\x10\x12\x00\x04MQTT\x04\x02\x00\x0a\x00\x06ready?"
_DISCONNECT = b"\xe0\x00"


def find_mosquitto() -> str | None:
    """Path of the mosquitto program; administrators' folders are often not on a user's PATH."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=os.pathsep.join(_PLACES))


def free_port() -> int:
    """A loopback port that nothing listens on now, and that no connection gets meanwhile.

    The system numbers outgoing connections itself (Linux: ip_local_port_range): a port of theirs,
    which is what binding to 0 gives, may be taken between this and its use.

    Raises:
        TrialFailed: none is free.
    """
    end = first_outgoing_port()
    ports = list(range(max(FIRST_PORT, end // 2), end))
    random.shuffle(ports)
    for port in ports:
        with socket.socket() as listener, suppress(OSError):
            listener.bind((HOST, port))
            return port
    raise TrialFailed(f"no port below {end} is free on {HOST}; see {OUTGOING}")


def first_outgoing_port() -> int:
    """From which on the system numbers outgoing connections; the first of IANA's dynamic ports
    where it does not say (RFC 6335, section 6)."""
    try:
        return int(OUTGOING.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 49152


class Broker:
    """A broker in its own process on a loopback port, ready when entered.

    `program` is the mosquitto to run; None runs amqtt.
    """

    def __init__(self, folder: Path, *, program: str | None, port: int = 0) -> None:
        self.port = port or free_port()
        self.name = "mosquitto" if program else "amqtt"
        self.lacks = "" if program else AMQTT_LACKS
        self._folder = folder
        command = python("edge.trial.broker", str(self.port))
        if program:
            command = [program, "-c", str(folder / "mosquitto.conf")]
        self.child = Child(f"broker ({self.name})", command, folder / "broker.log")

    async def __aenter__(self) -> "Broker":
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "mosquitto.conf").write_text(configuration(self.port, self._folder))
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.child.end()

    async def start(self) -> None:
        """Start the process, again on the same port after it was killed, and wait for it."""
        await self.child.spawn()
        try:
            await _until_ready(self.child, self.port)
        except BaseException:
            await self.child.end()
            raise

    async def kill(self) -> None:
        """Pull it out, as a power cut would."""
        self.child.kill()
        await self.child.wait()


def configuration(port: int, folder: Path) -> str:
    """mosquitto's file: loopback only, no Nagle delays, sessions and queues kept on disk."""
    rows = {
        "listener": f"{port} {HOST}",
        "allow_anonymous": "true",
        "set_tcp_nodelay": "true",
        "max_packet_size": str(MAX_PACKET),
        "max_queued_messages": "2000",
        "max_inflight_messages": "100",
        "persistence": "true",
        "persistence_location": f"{folder}/",
        "autosave_interval": "2",
        "log_dest": "stderr",
        "log_type": "error\nlog_type warning\nlog_type notice",
    }
    if os.geteuid() == 0:  # else it changes to a user who may not write our folder
        rows["user"] = "root"
    return "".join(f"{key} {value}\n" for key, value in rows.items())


async def accepts(port: int, within_s: float = 1.0) -> bool:
    """Whether a broker takes an MQTT connection on this loopback port."""
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(_CONNECT)
                answer = await reader.readexactly(4)
                writer.write(_DISCONNECT)
                await writer.drain()
            finally:
                writer.close()
            return answer == b"\x20\x02\x00\x00"  # CONNACK, accepted
    return False


async def _until_ready(child: Child, port: int) -> None:
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            while not await accepts(port):
                if child.returncode is not None:
                    break
                await asyncio.sleep(0.02)
            else:
                return
    except TimeoutError:
        pass
    raise TrialFailed(f"{child.name} does not answer on port {port}:\n{child.last_words()}")


async def _serve_amqtt(port: int) -> None:
    from amqtt.broker import Broker as Amqtt  # noqa: PLC0415 - only where mosquitto is missing

    broker = Amqtt(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {}},
        }
    )
    await broker.start()
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve_amqtt(int(sys.argv[1])))
