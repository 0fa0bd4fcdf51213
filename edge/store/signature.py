"""Detached signatures as minisign makes them: beside the file, with a comment signed as well.

Format: https://jedisct1.github.io/minisign/, "Signature format". `Ed` signs the file itself, `ED`
its BLAKE2b-512 hash; the second signature covers the first and the trusted comment.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature

from edge.bundle import MANIFEST
from edge.errors import BundleError
from edge.store.keys import COMMENT, PublicKey, SecretKey, to_base64, unbase64

LEGACY, HASHED = b"Ed", b"ED"
TRUSTED = "trusted comment: "
MAX_SIGNATURE = 16 * 1024  # bytes of a signature file
SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class Signature:
    """The contents of a `.minisig` file; nothing in it is believed before `check`."""

    algorithm: bytes
    key_id: bytes
    signature: bytes
    comment: str  # trusted, once checked
    comment_signature: bytes

    @property
    def key_name(self) -> str:
        return PublicKey(self.key_id, b"").name

    def text(self) -> str:
        first = to_base64(self.algorithm + self.key_id + self.signature)
        second = to_base64(self.comment_signature)
        untrusted = f"signature from minisign secret key {self.key_name}"
        return f"{COMMENT}{untrusted}\n{first}\n{TRUSTED}{self.comment}\n{second}\n"


def sign(message: bytes, key: SecretKey, comment: str) -> Signature:
    """Over the BLAKE2b-512 hash, as minisign does since 0.10.

    Raises:
        ValueError: the comment is no single line.
    """
    if not comment.isprintable() or len(comment.encode()) > MAX_SIGNATURE // 4:
        raise ValueError("a trusted comment is one line of printable text")
    signs = key.signs()
    first = signs.sign(hashlib.blake2b(message).digest())
    return Signature(HASHED, key.id, first, comment, signs.sign(first + comment.encode()))


def parse(raw: bytes, where: str) -> Signature:
    """
    Raises:
        BundleError: not four lines of minisign's.
    """
    try:
        lines = raw.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise BundleError(f"{where}: is no minisign signature: not UTF-8") from error
    lines = [line.removesuffix("\r") for line in lines]
    if len(lines) != 4 or not lines[0].startswith(COMMENT) or not lines[2].startswith(TRUSTED):
        raise BundleError(f"{where}: is no minisign signature: expected are its four lines")
    first, second = unbase64(lines[1], where), unbase64(lines[3], where)
    if len(first) != 2 + 8 + SIGNATURE_BYTES or len(second) != SIGNATURE_BYTES:
        raise BundleError(f"{where}: is no minisign signature: of another length")
    if first[:2] not in (LEGACY, HASHED):
        raise BundleError(f"{where}: signed by algorithm {first[:2]!r}; known are Ed and ED")
    return Signature(first[:2], first[2:10], first[10:], lines[2].removeprefix(TRUSTED), second)


def check(
    message: bytes, found: Signature, trusted: Mapping[bytes, PublicKey], where: str
) -> PublicKey:
    """Whose signature it is.

    Raises:
        BundleError: by a key that is not trusted, or wrong.
    """
    key = trusted.get(found.key_id)
    if key is None:
        known = ", ".join(sorted(one.name for one in trusted.values())) or "none"
        raise BundleError(
            f"{where}: signed by key {found.key_name}, which is not trusted here (trusted: {known})"
            "; put its .pub file among the keys if it should be"
        )
    signed = message if found.algorithm == LEGACY else hashlib.blake2b(message).digest()
    try:
        key.checks().verify(found.signature, signed)
    except (InvalidSignature, ValueError) as error:
        raise BundleError(
            f"{where}: bad signature by key {key.name}: {MANIFEST} is not what was signed"
        ) from error
    try:
        key.checks().verify(found.comment_signature, found.signature + found.comment.encode())
    except InvalidSignature as error:
        raise BundleError(
            f"{where}: the trusted comment was changed after it was signed"
        ) from error
    return key
