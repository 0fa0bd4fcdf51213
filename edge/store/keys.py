"""Ed25519 keys in minisign's own files, which minisign reads and writes as well.

Formats: the manual page minisign(1) and https://jedisct1.github.io/minisign/, "Public key format"
and "Secret key format". All integers are little-endian.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge.errors import BundleError, ConfigError

ED25519 = b"Ed"
SCRYPT, PLAIN = b"Sc", b"\0\0"  # how a secret key is kept
BLAKE2B = b"B2"  # of its checksum
ID_BYTES, KEY_BYTES, SECRET_BYTES, SUM_BYTES = 8, 32, 64, 32
MAX_FILE = 4096  # bytes of a key file
MAX_MEMORY = 2**30  # bytes for scrypt: what minisign itself asks
COMMENT = "untrusted comment: "
SUFFIX = ".pub"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Whose signatures count: `id` names the key, it proves nothing."""

    id: bytes
    key: bytes

    @property
    def name(self) -> str:
        """As minisign prints it."""
        return f"{int.from_bytes(self.id, 'little'):016X}"

    def checks(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.key)

    def text(self) -> str:
        return (
            f"{COMMENT}minisign public key {self.name}\n{to_base64(ED25519 + self.id + self.key)}\n"
        )


@dataclass(frozen=True, slots=True)
class SecretKey:
    """What signs; `seed` never leaves the machine it was made on."""

    id: bytes
    seed: bytes

    def __repr__(self) -> str:
        return f"SecretKey({self.public.name})"  # the seed is in no log

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.id, self.signs().public_key().public_bytes_raw())

    def signs(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def text(self) -> str:
        """Unprotected, as `minisign -G -W` writes it: whoever reads the file can sign."""
        head = ED25519 + PLAIN + BLAKE2B + bytes(32 + 8 + 8)
        whole = head + self.id + self.seed + self.public.key + bytes(SUM_BYTES)
        return f"{COMMENT}minisign encrypted secret key\n{to_base64(whole)}\n"


def generate() -> SecretKey:
    return SecretKey(secrets.token_bytes(ID_BYTES), secrets.token_bytes(KEY_BYTES))


def write_pair(prefix: Path) -> PublicKey:
    """PREFIX.key, readable by its owner alone, and PREFIX.pub.

    Raises:
        ConfigError: one of them is there already, or cannot be written.
    """
    made = generate()
    files = {prefix.with_name(f"{prefix.name}.key"): (made.text(), 0o600)}
    files[prefix.with_name(prefix.name + SUFFIX)] = made.public.text(), 0o644
    if there := [path for path in files if path.exists()]:
        raise ConfigError(f"{there[0]}: is there already, and keys are not overwritten")
    for path, (text, mode) in files.items():
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(text)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be written ({error.strerror})") from error
    return made.public


def read_public(path: Path) -> PublicKey:
    """
    Raises:
        ConfigError: no public key of minisign's.
    """
    raw = _decoded(path, "a minisign public key", len(ED25519) + ID_BYTES + KEY_BYTES)
    if raw[:2] != ED25519:
        raise ConfigError(f"{path}: is no Ed25519 public key of minisign's")
    return PublicKey(raw[2:10], raw[10:])


def read_secret(path: Path, password: Callable[[], str]) -> SecretKey:
    """`password` is asked for only where the key is protected by one.

    Raises:
        ConfigError: no secret key of minisign's, or the password is wrong.
    """
    body = ID_BYTES + SECRET_BYTES + SUM_BYTES
    raw = _decoded(path, "a minisign secret key", 6 + 32 + 8 + 8 + body)
    algorithm, kdf, checksum = raw[:2], raw[2:4], raw[4:6]
    if algorithm != ED25519 or kdf not in (SCRYPT, PLAIN) or checksum != BLAKE2B:
        raise ConfigError(f"{path}: is no Ed25519 secret key of minisign's")
    hidden = raw[-body:]
    if kdf == SCRYPT:
        hidden = _opened(path, raw[6:54], hidden, password())
    key = SecretKey(hidden[:8], hidden[8:40])
    if kdf == PLAIN:
        is_whole = hmac.compare_digest(key.public.key, hidden[40:72])
    else:
        said = hashlib.blake2b(algorithm + hidden[:72], digest_size=SUM_BYTES).digest()
        is_whole = hmac.compare_digest(said, hidden[72:])
    if not is_whole:
        wrong = "wrong password, or a damaged file" if kdf == SCRYPT else "is damaged"
        raise ConfigError(f"{path}: {wrong}")
    return key


def read_trusted(folder: Path) -> Mapping[bytes, PublicKey]:
    """Every `*.pub` of a folder, by id.

    Raises:
        ConfigError: the folder cannot be read, one of its files is no key, or two share an id.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == SUFFIX)
    except OSError as error:
        cure = "put the public keys (*.pub) that may sign bundles there, or name the folder"
        raise ConfigError(f"{folder}: no folder of keys ({error.strerror}); {cure}") from error
    found: dict[bytes, PublicKey] = {}
    for path in paths:
        one = read_public(path)
        if found.setdefault(one.id, one) != one:
            raise ConfigError(f"{path}: another key of {folder} has its id {one.name}; remove one")
    return found


def to_base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def unbase64(text: str, what: str) -> bytes:
    """
    Raises:
        BundleError: it is not base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BundleError(f"{what}: not base64 ({error})") from error


def _decoded(path: Path, what: str, size: int) -> bytes:
    """The second line of a key file, whose first is a comment."""
    try:
        with path.open("rb") as file:
            lines = file.read(MAX_FILE).decode("utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not {what}") from error
    if len(lines) < 2 or not lines[0].startswith(COMMENT):
        raise ConfigError(f"{path}: is not {what}: two lines, a comment and base64")
    try:
        raw = unbase64(lines[1].strip(), str(path))
    except BundleError as error:
        raise ConfigError(str(error)) from error
    if len(raw) != size:
        raise ConfigError(f"{path}: is not {what}: {len(raw)} bytes, expected {size}")
    return raw


def _opened(path: Path, parameters: bytes, hidden: bytes, password: str) -> bytes:
    """`hidden` XOR scrypt(password), with the costs libsodium derives from its two limits."""
    salt = parameters[:32]
    operations = int.from_bytes(parameters[32:40], "little")
    memory = int.from_bytes(parameters[40:48], "little")
    if not 0 < memory <= MAX_MEMORY or operations > MAX_MEMORY:
        raise ConfigError(f"{path}: asks {memory} bytes to be opened, {MAX_MEMORY} are allowed")
    n, r, p = scrypt_costs(operations, memory)
    room = 128 * r * (n + p + 2) + 2**20
    stream = hashlib.scrypt(
        password.encode(), salt=salt, n=n, r=r, p=p, maxmem=room, dklen=len(hidden)
    )
    return bytes(a ^ b for a, b in zip(hidden, stream, strict=True))


def scrypt_costs(operations: int, memory: int) -> tuple[int, int, int]:
    """N, r and p of scrypt from libsodium's `opslimit` and `memlimit` (its `pickparams`)."""
    operations, r = max(operations, 2**15), 8
    if operations < memory // 32:
        return _power(operations // (r * 4)), r, 1
    n = _power(memory // (r * 128))
    return n, r, max(min(operations // 4 // n, 2**30 - 1) // r, 1)


def _power(limit: int) -> int:
    """The least power of two above half of `limit`, and at least 2."""
    return 1 << max((limit // 2).bit_length(), 1)
