"""The verbs of `edge bundle` for who makes a bundle, and for who is given one."""

import argparse
import getpass
import json
import sys
import time
from pathlib import Path

from edge.bundle import MANIFEST
from edge.errors import BundleError, ConfigError
from edge.store import archive, keys, page, signature
from edge.store.arrival import SIGNATURE, Trusted, examined
from edge.store.files import write_atomically
from edge.store.where import trusted


def keygen(options: argparse.Namespace) -> None:
    """Make NAME.key, which signs and stays secret, and NAME.pub, which goes to every box. The
    secret key has no password; `minisign -G` makes one that has."""
    public = keys.write_pair(options.prefix)
    page.say(f"{options.prefix}.key is secret: whoever has it can sign bundles")
    page.say(f"{options.prefix}.pub, key {public.name}: put it among the trusted keys of every box")


def sign(options: argparse.Namespace) -> None:
    """Check a folder as an installation would, and sign its manifest, which has the hash of every
    other file."""
    if not options.folder.is_dir():
        raise ConfigError(f"{options.folder}: is no folder; sign first, pack then")
    key = keys.read_secret(options.key, _password)
    with examined(options.folder, None) as found:
        label = found.bundle.label
        raw = (found.bundle.folder / MANIFEST).read_bytes()  # what was checked, and nothing else
        comment = f"{label}, signed {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"
        made = signature.sign(raw, key, comment)
    try:
        write_atomically(options.folder / SIGNATURE, made.text().encode())
    except OSError as error:
        raise ConfigError(f"{options.folder}: cannot be written ({error.strerror})") from error
    page.say(f"{options.folder / SIGNATURE}: {comment}, by key {key.public.name}")


def pack(options: argparse.Namespace) -> None:
    """Make one file of a folder: a zip archive, nothing compressed. It is signed if the folder
    is."""
    if not options.folder.is_dir():
        raise ConfigError(f"{options.folder}: is no folder")
    with examined(options.folder, None) as found:
        first = [name for name in (MANIFEST, SIGNATURE) if name in found.sizes]
        names = [*first, *sorted(set(found.sizes) - set(first))]
        archive.pack(found.bundle.folder, options.file, names)
    said = "signed" if SIGNATURE in names else "NOT signed, no box will install it"
    page.say(f"{options.file}: {found.bundle.label}, {options.file.stat().st_size} bytes, {said}")


def inspect(options: argparse.Namespace) -> None:
    """Show what a bundle is: its detectors, what they tell apart, its thresholds and certificate,
    its figures and limits, where it comes from and what it is made of. Nothing is run."""
    given = _given(options) if options.key or options.keys else None
    with examined(options.bundle, None) as found:
        raw = (found.bundle.folder / MANIFEST).read_bytes()
        standing = page.Standing.of(found, raw, given)
        if options.json:
            sys.stdout.write(json.dumps(page.as_data(found, standing), indent=1) + "\n")
        else:
            page.show(found, standing, page.console())


def verify(options: argparse.Namespace) -> None:
    """Check that a bundle is signed by a trusted key, that every file is the one that was signed,
    and that its files hold nothing that may not be. Trusted is --key, or the keys of --keys or the
    line."""
    with examined(options.bundle, _given(options)) as found:
        if found.signer is None or found.signature is None:
            raise BundleError(f"{options.bundle}: is not signed")
        page.say(f"{options.bundle}: {found.bundle.label}, right", style="green")
        page.say(f"  signed by key {found.signer.name}: {page.plain(found.signature.comment)}")
        page.say(f"  {len(found.sizes)} files, {sum(found.sizes.values())} bytes, all as signed")


def _given(options: argparse.Namespace) -> Trusted:
    if options.key:
        one = keys.read_public(Path(options.key))
        return {one.id: one}
    return trusted(options)


def _password() -> str:
    if not sys.stdin.isatty():  # as minisign: a password may be piped in
        return sys.stdin.readline().rstrip("\n")
    return getpass.getpass("Password of the secret key: ")
