"""Sign, verify, install and promote bundles: sets of networks with their passport.

Who makes bundles:
  edge bundle keygen quality                       quality.key (secret) and quality.pub
  edge bundle sign motor-0.3.0 --key quality.key   checks it, writes manifest.toml.minisig into it
  edge bundle pack motor-0.3.0 motor-0.3.0.bundle  one file, to be carried

Anybody, anywhere:
  edge bundle inspect motor-0.3.0.bundle           what it is, for what, how good, never shown what
  edge bundle verify motor-0.3.0.bundle --key quality.pub

On the box (of /etc/edge/line.toml or --line; its table [bundles] names store and keys):
  edge bundle install motor-0.3.0.bundle           checked, tried on the engine, kept
  edge bundle list                                 versions, and which is active where
  edge bundle shadow motor 0.3.0                   judges beside the active one, publishes nothing
  edge bundle status                               what the daemon judges by; shadow and published
  edge bundle promote motor 0.3.0                  wherever the line says "store:motor"
  edge bundle promote motor 0.3.0 --station cell1
  edge bundle rollback --station cell1             what was active before is active again
  edge bundle remove motor 0.2.0

A daemon at work loads and proves a version while the old one judges, and takes it between two
parts; the command returns when that is done. Where none is at work, its next start takes it.

Keys and signatures are minisign's: `minisign -Vm manifest.toml -p quality.pub` verifies as well,
and a secret key with a password made by `minisign -G` signs here, too. Refused, with nothing
changed: no signature or a bad one, a key not trusted here, a version lower than was promoted, files
outside the manifest, links and paths, data outside the ONNX file, unknown operators, oversize
tensors and pickles. The ONNX files are first looked through in a process with limits of memory and
time.

Exit status 0: done; 1: refused; 2: wrong usage, configuration or keys.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from edge.errors import BundleError
from edge.store import changing, keeping, making
from edge.store.where import LINE

Verb = tuple[Callable[[argparse.Namespace], None], str, tuple[str, ...]]

VERBS: dict[str, Verb] = {  # name: what it does, a line of help, its arguments
    "keygen": (making.keygen, "make a pair of keys", ("prefix",)),
    "sign": (making.sign, "check a folder and sign its manifest", ("folder", "secret")),
    "pack": (making.pack, "make one file of a folder", ("folder", "file")),
    "inspect": (making.inspect, "show what a bundle is", ("bundle", "key", "keys", "json")),
    "verify": (making.verify, "check signature and contents", ("bundle", "key", "keys", "line")),
    "install": (keeping.install, "check a bundle and keep it", ("bundle", "box", "untried")),
    "list": (keeping.list_, "show versions, and which is active where", ("store", "line", "json")),
    "shadow": (
        changing.shadow,
        "have a version judge beside the active one",
        ("maybe", "box", "place"),
    ),
    "status": (changing.status, "show what the daemon judges by", ("store", "line", "json")),
    "promote": (changing.promote, "make a version the active one", ("version", "box", "place")),
    "rollback": (changing.rollback, "return to what was active before", ("box", "place")),
    "remove": (keeping.remove, "delete a version that nobody needs", ("version", "store", "line")),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, (do, line, arguments) in VERBS.items():
        verb = verbs.add_parser(name, help=line, description=do.__doc__)
        for one in arguments:
            ARGUMENTS[one](verb)
        verb.set_defaults(do=do)


def run(options: argparse.Namespace) -> int:
    try:
        options.do(options)
    except BundleError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the answer to the user
        return 1
    return 0


def _version(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("name", metavar="NAME", help="of the bundle, e.g. motor")
    verb.add_argument("version", metavar="VERSION", help="e.g. 0.3.0")


def _maybe(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("name", metavar="NAME", nargs="?", help="of the bundle, e.g. motor")
    verb.add_argument("version", metavar="VERSION", nargs="?", help="e.g. 0.3.0")
    verb.add_argument("--end", action="store_true", help="end what judges in shadow there")


def _store(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--store", type=Path, metavar="DIR", help="instead of the line's")


def _keys(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--keys", type=Path, metavar="DIR", help="public keys (*.pub) that are trusted"
    )


def _line(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--line", type=Path, metavar="LINE.toml", help=f"the box's configuration (default {LINE})"
    )


def _box(verb: argparse.ArgumentParser) -> None:
    for add in (_store, _keys, _line):
        add(verb)


def _place(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--station", metavar="ID", help="only there (default: wherever the line names it)"
    )
    verb.add_argument("--recipe", metavar="NAME", help='only for it; "*" is every other')


ARGUMENTS: dict[str, Callable[[argparse.ArgumentParser], object]] = {
    "prefix": lambda verb: verb.add_argument(
        "prefix", type=Path, metavar="NAME", help="NAME.key and NAME.pub are written"
    ),
    "folder": lambda verb: verb.add_argument("folder", type=Path, metavar="FOLDER"),
    "file": lambda verb: verb.add_argument("file", type=Path, metavar="FILE"),
    "bundle": lambda verb: verb.add_argument("bundle", type=Path, metavar="BUNDLE"),
    "secret": lambda verb: verb.add_argument(
        "--key", type=Path, required=True, metavar="NAME.key", help="the secret key"
    ),
    "key": lambda verb: verb.add_argument(
        "--key", type=Path, metavar="NAME.pub", help="the one public key that is trusted"
    ),
    "json": lambda verb: verb.add_argument("--json", action="store_true", help="for machines"),
    "untried": lambda verb: verb.add_argument(
        "--untried", action="store_true", help="do not have the engine try the networks"
    ),
    "version": _version,
    "maybe": _maybe,
    "store": _store,
    "keys": _keys,
    "line": _line,
    "box": _box,
    "place": _place,
}
