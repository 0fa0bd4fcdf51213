"""Files that are whole or not there, whatever happens in between."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from edge.errors import BundleError, ConfigError

CHUNK = 2**20
FILE_MODE, FOLDER_MODE = 0o644, 0o755  # the daemon is another user than who installs


def write_atomically(path: Path, data: bytes) -> None:
    """The old contents or the new, also after a power cut (rename(2) replaces in one step).

    One writer at a time: the caller holds a lock.
    """
    beside = path.with_name(f".{path.name}.new")  # of one writer: the next one sweeps it away
    try:
        with beside.open("wb") as file:
            file.write(data)
            settle(file)
        os.replace(beside, path)  # noqa: PTH105 - the name of the system call
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def settle(file: IO[bytes]) -> None:
    """On disk, and readable by the daemon."""
    file.flush()
    os.fchmod(file.fileno(), FILE_MODE)
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Names that were made, renamed or removed in it are on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path, root: Path) -> None:
    """With the folders above it up to `root`, on disk; each belongs to whom the one above does.

    So what root makes below a folder of the daemon's user, that user may change.
    """
    missing = [one for one in (folder, *folder.parents) if one.is_relative_to(root)]
    for one in reversed(missing):
        if not one.is_dir():
            one.mkdir()
            one.chmod(FOLDER_MODE)  # whatever the umask: the daemon is another user
            if os.geteuid() == 0:
                above = one.parent.stat()
                os.chown(one, above.st_uid, above.st_gid)
            sync_folder(one.parent)


@contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """One change at a time, by whatever process; a lock ends with its process.

    Raises:
        ConfigError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / name, os.O_RDONLY | os.O_CREAT, 0o644)
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be written ({error.strerror}); run this as a user who may"
        ) from error
    try:
        with suppress(PermissionError):  # whoever made it did
            os.fchmod(handle, FILE_MODE)  # whatever the umask: the daemon takes it as well
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}; nothing was made active") from error
    finally:
        os.close(handle)


def open_plain(path: Path) -> IO[bytes]:
    """A regular file: no link is followed, no pipe is waited for.

    Raises:
        BundleError: it is something else, or cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise BundleError(
            f"{path}: is no plain file, or cannot be read ({error.strerror})"
        ) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise BundleError(f"{path}: is no plain file")
    return os.fdopen(handle, "rb")


def copy(source: IO[bytes], target: Path, most: int) -> None:
    """Into a new file, on disk.

    Raises:
        BundleError: there is more than `most` bytes.
    """
    left = most
    with target.open("xb") as file:
        while piece := source.read(CHUNK):
            left -= len(piece)
            if left < 0:
                raise BundleError(f"{target.name}: larger than {most} bytes")
            file.write(piece)
        settle(file)
