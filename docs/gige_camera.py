#!/usr/bin/python3
"""Publishes a GigE Vision camera to the box, stamped by the camera's own clock.

Runs beside the camera, with Debian's or Ubuntu's packages alone:

    sudo apt-get install gir1.2-aravis-0.8 python3-gi python3-msgpack python3-paho-mqtt
    ./gige_camera.py --topic leipzig/motor-eol/st1/camera --sensor st1-camera --broker 10.0.0.5

Without a camera, Aravis has one (package aravis-tools): arv-fake-gv-camera-0.8 -i lo -s FAKE &

The stamp is the camera's, of the exposure, in nanoseconds from its power-on: it needs no clock set.
The box follows it along the lower envelope of arrival minus stamp (`clock = "free"`); with PTP in
the camera, `clock = "synchronised"` is better. `stamp_offset_ms` moves it to the exposure's middle.
"""

import argparse
import socket

import gi
import msgpack
import paho.mqtt.client as mqtt

gi.require_version("Aravis", "0.8")
from gi.repository import Aravis  # noqa: E402 - its version has to be chosen first

BUFFERS = 8
SOCKET_BUFFER = 4 << 20  # bytes; the system's limit is net.core.rmem_max
WAIT_US = 2_000_000


def connected(host: str, port: int) -> mqtt.Client:
    """A client that reconnects by itself, without Nagle's 40 ms."""
    versions = getattr(mqtt, "CallbackAPIVersion", None)
    client = mqtt.Client(versions.VERSION2) if versions else mqtt.Client()
    client.on_socket_open = lambda _c, _u, sock: sock.setsockopt(
        socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
    )
    client.reconnect_delay_set(max_delay=2)  # paho would double it up to two minutes
    client.connect(host, port)
    client.loop_start()
    return client


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--camera", help="id of the camera; the first one found without it")
    parser.add_argument("--broker", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--sensor", required=True, help="id of the sensor in LINE.toml")
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--frames", type=int, default=0, help="stop after so many; 0: never")
    options = parser.parse_args()

    camera = Aravis.Camera.new(options.camera)
    camera.set_pixel_format(Aravis.PIXEL_FORMAT_MONO_8)
    camera.set_frame_rate(options.fps)
    # an ordinary UDP socket: the faster packet socket wants CAP_NET_RAW and a real interface
    camera.gv_set_stream_options(Aravis.GvStreamOption.PACKET_SOCKET_DISABLED)
    stream = camera.create_stream(None, None)
    stream.set_property("socket-buffer", Aravis.GvStreamSocketBuffer.FIXED)
    stream.set_property("socket-buffer-size", SOCKET_BUFFER)
    for _ in range(BUFFERS):
        stream.push_buffer(Aravis.Buffer.new_allocate(camera.get_payload()))
    client = connected(options.broker, options.port)
    camera.start_acquisition()
    sent = 0
    while not options.frames or sent < options.frames:
        buffer = stream.timeout_pop_buffer(WAIT_US)
        if buffer is None:
            raise SystemExit("the camera has not sent for 2 s")
        if buffer.get_status() == Aravis.BufferStatus.SUCCESS:  # a torn frame is no frame
            shape = [buffer.get_image_height(), buffer.get_image_width()]
            block = {
                "v": 1,
                "sensor": options.sensor,
                "seq": sent,
                "t0_ns": buffer.get_timestamp(),
                "rate_hz": options.fps,
                "unit": "",
                "dtype": "u1",
                "shape": shape,
                "data": bytes(buffer.get_data()[: shape[0] * shape[1]]),
            }
            client.publish(options.topic, msgpack.packb(block), qos=0)
            sent += 1
        stream.push_buffer(buffer)
    camera.stop_acquisition()
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main()
