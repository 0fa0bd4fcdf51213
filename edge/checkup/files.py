"""Files that a line names: there, readable, and secrets kept secret."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from edge.checkup.finding import Finding, ok, problem, warning
from edge.config import Line
from sensors.wiring import MqttLink, OpcUaLink

OTHERS = stat.S_IRWXG & ~stat.S_IRGRP | stat.S_IRWXO  # a group may read, nobody else anything


def check_files(line: Line) -> list[Finding]:
    """Certificates, keys, passwords and wired cameras of every link and sensor."""
    found = [finding for name, link in line.links.items() for finding in _link_files(name, link)]
    cameras = [s for s in line.sensors.values() if s.camera and s.camera.startswith("/dev/")]
    found += [_readable(f"{s.id} camera", Path(s.camera or ""), _CAMERA_CURE) for s in cameras]
    wrong = [finding for finding in found if finding.cure]
    return wrong or ([ok("files", f"{len(found)} keys, certificates and devices")] if found else [])


_CAMERA_CURE = "plug it in, and let the daemon's user into its group (usermod -aG video edge)"
_FILE_CURE = "put it there, readable by the daemon's user"


def _link_files(name: str, link: MqttLink | OpcUaLink) -> Iterator[Finding]:
    public = [link.certificate_file]
    public += [link.ca_file] if isinstance(link, MqttLink) else link.trusted_files
    for path in filter(None, public):
        yield _readable(name, path, _FILE_CURE)
    for path in filter(None, (link.key_file, link.password_file)):
        yield _secret(name, path)


def _readable(name: str, path: Path, cure: str) -> Finding:
    if not path.exists():
        return problem(name, f"{path} is not there", cure)
    if not os.access(path, os.R_OK):
        return problem(name, f"{path} may not be read by user {os.getuid()}", cure)
    return ok(name, str(path))


def _secret(name: str, path: Path) -> Finding:
    found = _readable(name, path, _FILE_CURE)
    if found.cure:
        return found
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & OTHERS:
        return warning(name, f"{path} has mode {mode:04o}: others may read it", f"chmod 600 {path}")
    return found
