"""A bundle as one file: a zip archive whose members are stored as they are.

Format: PKWARE APPNOTE 6.3.10. Read is only what `pack` could have written: plain files in one flat
folder, no compression (so nothing can unpack to more than it is), no encryption, no zip64, no byte
before the first member or behind the directory.
"""

import os
import re
import stat
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

from edge.errors import BundleError, ConfigError
from edge.store.files import copy, open_plain, settle, sync_folder

END = struct.Struct("<4s4H2LH")  # end of central directory record, APPNOTE 4.3.16
ZIP64_LOCATOR = b"PK\x06\x07"
LOCATOR_BYTES = 20
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")  # never a path
MAX_MEMBERS = 64
MAX_DIRECTORY = 64 * 1024  # bytes
NEWEST_VERSION = 20  # of the format needed to read: neither zip64 nor encryption
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same bundle packs to the same bytes
PLAIN_FLAGS = 0x800  # names in UTF-8


class Archive:
    """A packed bundle; `with` opens it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Self:
        """
        Raises:
            BundleError: no zip file, or one that `pack` would not write.
        """
        self._file = open_plain(self.path)
        try:
            _check_end(self._file, self.path)
            self._zip = zipfile.ZipFile(self._file)
            self.sizes: Mapping[str, int] = self._members()
        except (zipfile.BadZipFile, NotImplementedError, ValueError, UnicodeError) as error:
            self._file.close()
            raise _bad(self.path, error) from error
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    def copy(self, name: str, target: Path, most: int) -> None:
        try:
            with self._zip.open(name) as member:
                copy(member, target, most)
        except (zipfile.BadZipFile, EOFError, KeyError, NotImplementedError) as error:
            raise _bad(self.path, error) from error

    def _members(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        used = 0
        for one in self._zip.infolist():
            where = f"{self.path}: member {one.orig_filename!r}"
            if one.filename != one.orig_filename or not NAME.fullmatch(one.filename):
                raise BundleError(f"{where}: is no plain file name; a bundle is one flat folder")
            if one.filename in sizes:
                raise BundleError(f"{where}: stands twice")
            kind = stat.S_IFMT(one.external_attr >> 16)
            if one.is_dir() or kind not in (0, stat.S_IFREG):
                raise BundleError(f"{where}: is no plain file but a link, folder or device")
            if one.compress_type != zipfile.ZIP_STORED or one.compress_size != one.file_size:
                raise BundleError(f"{where}: is compressed; make the file by edge bundle pack")
            if one.flag_bits & ~PLAIN_FLAGS or one.extract_version > NEWEST_VERSION:
                raise BundleError(f"{where}: is encrypted, or made in a way never used here")
            sizes[one.filename] = one.file_size
            used += one.file_size
        if used > self.path.stat().st_size:
            raise BundleError(f"{self.path}: its members overlap")
        return sizes


class Folder:
    """A bundle as a folder, with the verbs of `Archive`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Self:
        """
        Raises:
            BundleError: it holds anything but plain files.
        """
        self.sizes: dict[str, int] = {}
        try:
            for one in sorted(self.path.iterdir()):
                found = one.lstat()
                if not stat.S_ISREG(found.st_mode):
                    raise BundleError(
                        f"{one}: is no plain file; a bundle is one flat folder of them"
                    )
                self.sizes[one.name] = found.st_size
        except OSError as error:
            raise BundleError(f"{self.path}: cannot be read ({error.strerror})") from error
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def copy(self, name: str, target: Path, most: int) -> None:
        with open_plain(self.path / name) as file:
            copy(file, target, most)


def opened(path: Path) -> Archive | Folder:
    """By what lies there: a folder, or one file."""
    return Folder(path) if path.is_dir() else Archive(path)


def pack(folder: Path, file: Path, names: list[str]) -> None:
    """These files of a folder, in this order.

    Raises:
        ConfigError: `file` is there already, or cannot be written.
    """
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with beside.open("xb") as out:
            with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
                for name in names:
                    member = zipfile.ZipInfo(name, EPOCH)
                    member.external_attr = (stat.S_IFREG | 0o644) << 16
                    with open_plain(folder / name) as source:
                        archive.writestr(member, source.read())
            settle(out)
        file.hardlink_to(beside)  # fails where something is there already
        sync_folder(file.parent)
    except FileExistsError as error:
        raise ConfigError(f"{file}: is there already, and is not overwritten") from error
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written ({error.strerror})") from error
    finally:
        beside.unlink(missing_ok=True)


def _check_end(file: IO[bytes], path: Path) -> None:
    """Before Python's reader, which searches for the directory and reads it however long it is."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - END.size - LOCATOR_BYTES, 0))
    tail = file.read()
    if len(tail) < END.size:
        raise BundleError(f"{path}: is no bundle: too short for a zip file")
    mark, disk, start_disk, here, members, length, offset, comment = END.unpack(tail[-END.size :])
    if mark != b"PK\x05\x06" or comment:
        raise BundleError(f"{path}: is no bundle: make the file by edge bundle pack")
    is_whole = offset + length + END.size == size and disk == start_disk == 0 and here == members
    if not is_whole or tail[:4] == ZIP64_LOCATOR:
        raise BundleError(
            f"{path}: is no bundle: a zip file in parts, or with other data around it"
        )
    if members > MAX_MEMBERS or length > MAX_DIRECTORY:
        raise BundleError(f"{path}: {members} members, at most {MAX_MEMBERS} are allowed")
    file.seek(0)


def _bad(path: Path, error: Exception) -> BundleError:
    return BundleError(f"{path}: is no bundle: {error}")
