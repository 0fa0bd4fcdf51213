"""Keys and signatures are minisign's: what one signs, the other verifies."""

import shutil
import subprocess
from pathlib import Path

import pytest

from edge.errors import BundleError, ConfigError
from edge.store import keys, signature

from .bundles import Shop, edge

needs_minisign = pytest.mark.skipif(
    shutil.which("minisign") is None,
    reason="minisign is missing: sudo apt-get install minisign (tests/install-peers.sh does it)",
)
MESSAGE = b"format = 1\n"


def minisign(*arguments: object, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["minisign", *map(str, arguments)],
        input=said, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@needs_minisign
def test_minisign_verifies_what_edge_signs(shop: Shop) -> None:
    folder = shop.bundle("1.0.0")
    assert edge("sign", folder, "--key", shop.secret).returncode == 0
    done = minisign("-Vm", folder / "manifest.toml", "-p", shop.folder / "maker.pub")
    assert done.returncode == 0, done.stderr
    assert "Trusted comment: motor 1.0.0, signed " in done.stdout
    (folder / "manifest.toml").write_bytes(MESSAGE)
    assert minisign("-Vm", folder / "manifest.toml", "-p", shop.folder / "maker.pub").returncode


@needs_minisign
def test_minisign_signs_with_a_key_of_ours(shop: Shop) -> None:
    path = shop.folder / "m"
    path.write_bytes(MESSAGE)
    assert minisign("-S", "-s", shop.secret, "-m", path).returncode == 0
    made = signature.parse((shop.folder / "m.minisig").read_bytes(), "m")
    assert signature.check(MESSAGE, made, shop.trusted, "m") in shop.trusted.values()


@needs_minisign
@pytest.mark.parametrize("legacy", [[], ["-l"]], ids=["hashed", "legacy"])
def test_edge_verifies_what_minisign_signs(tmp_path: Path, legacy: list[str]) -> None:
    public, secret, path = tmp_path / "k.pub", tmp_path / "k.key", tmp_path / "m"
    assert minisign("-G", "-W", "-p", public, "-s", secret).returncode == 0
    path.write_bytes(MESSAGE)
    assert minisign("-S", *legacy, "-s", secret, "-m", path, "-t", "for line 3").returncode == 0
    made = signature.parse((tmp_path / "m.minisig").read_bytes(), "m")
    trusted = keys.read_trusted(tmp_path)
    assert made.algorithm == (signature.LEGACY if legacy else signature.HASHED)
    assert keys.read_secret(secret, lambda: "").public == keys.read_public(public)
    assert signature.check(MESSAGE, made, trusted, "m").id == made.key_id
    with pytest.raises(BundleError, match="bad signature"):
        signature.check(MESSAGE + b" ", made, trusted, "m")


@needs_minisign
def test_a_key_with_a_password_signs_and_a_wrong_password_is_refused(tmp_path: Path) -> None:
    """Scrypt at minisign's own costs: a gigabyte and some seconds, so both in one test."""
    public, secret = tmp_path / "k.pub", tmp_path / "k.key"
    assert minisign("-G", "-p", public, "-s", secret, said="right\nright\n").returncode == 0
    assert keys.read_secret(secret, lambda: "right").public == keys.read_public(public)
    with pytest.raises(ConfigError, match="wrong password"):
        keys.read_secret(secret, lambda: "wrong")


def test_scrypt_costs_are_those_of_libsodium() -> None:
    """Its constants INTERACTIVE and SENSITIVE stand for N = 2^14 and 2^20, r = 8, p = 1 (the
    documentation of crypto_pwhash_scryptsalsa208sha256; Percival 2009, section 6)."""
    assert keys.scrypt_costs(524288, 16777216) == (2**14, 8, 1)
    assert keys.scrypt_costs(33554432, 1073741824) == (2**20, 8, 1)


def test_a_secret_key_is_for_its_owner_alone_and_never_overwritten(tmp_path: Path) -> None:
    keys.write_pair(tmp_path / "k")
    before = (tmp_path / "k.key").read_bytes()
    assert (tmp_path / "k.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigError, match="not overwritten"):
        keys.write_pair(tmp_path / "k")
    assert (tmp_path / "k.key").read_bytes() == before


def test_a_changed_comment_is_refused(shop: Shop) -> None:
    key = keys.read_secret(shop.secret, lambda: "")
    text = signature.sign(MESSAGE, key, "motor 1.0.0").text().replace("1.0.0", "9.0.0")
    with pytest.raises(BundleError, match="trusted comment was changed"):
        signature.check(MESSAGE, signature.parse(text.encode(), "m"), shop.trusted, "m")


def test_every_flipped_bit_of_a_signature_is_refused(shop: Shop) -> None:
    key = keys.read_secret(shop.secret, lambda: "")
    made = signature.sign(MESSAGE, key, "c")
    for at in range(0, 512, 7):
        raw = bytearray(made.signature)
        raw[at // 8] ^= 1 << at % 8
        forged = signature.Signature(
            made.algorithm, made.key_id, bytes(raw), made.comment, made.comment_signature
        )
        with pytest.raises(BundleError, match="bad signature"):
            signature.check(MESSAGE, forged, shop.trusted, "m")
