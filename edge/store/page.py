"""What a bundle is and what a store holds, for people and as data."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge.bundle import ClipInput, Detector
from edge.errors import BundleError
from edge.store import signature
from edge.store.arrival import Arrival, Trusted
from edge.store.keys import PublicKey
from edge.store.store import Store

PAGE = 120  # columns of a plain page


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a bundle's signature."""

    signed_by: str | None  # the key it names; proves nothing by itself
    comment: str | None  # only of a signature that was checked
    said: str
    style: str

    @classmethod
    def of(cls, found: Arrival, raw: bytes, given: Trusted | None) -> "Standing":
        made = found.signature
        if made is None:
            return cls(None, None, "none: no box will install it", "yellow")
        name = made.key_name
        if given is None:
            return cls(name, None, f"by key {name}, not checked (--key NAME.pub does)", "yellow")
        try:
            signer: PublicKey = signature.check(raw, made, given, "signature")
        except BundleError as error:
            return cls(name, None, plain(str(error)), "bold red")
        comment = plain(made.comment)
        return cls(name, comment, f"right, by key {signer.name}: {comment}", "green")


def console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else PAGE)


def say(text: str, style: str = "") -> None:
    Console(highlight=False).print(Text(text, style=style), soft_wrap=True)


def plain(text: str) -> str:
    """Of whoever made the bundle, without what would steer a terminal."""
    return "".join(one if one.isprintable() else " " for one in text)


def as_data(found: Arrival, standing: Standing) -> dict[str, Any]:
    """The manifest as it is, and what was found about the files."""
    return {
        "manifest": found.bundle.manifest.model_dump(mode="json"),
        "manifest_sha256": found.bundle.sha256,
        "signature": asdict(standing),
        "networks": {name: asdict(one) for name, one in found.networks.items()},
        "files": found.sizes,
    }


def show(found: Arrival, standing: Standing, out: Console) -> None:
    """From what it tells apart to what it is made of."""
    passport = found.bundle.manifest
    out.print(Text(f"{found.bundle.label}, manifest {found.bundle.sha256}", style="bold"))
    out.print(Text(f"signature: {standing.said}", style=standing.style))
    names = [f"{one} (good)" if one == passport.good else one for one in passport.hypotheses]
    out.print(Text(plain(f"tells apart: {', '.join(names)}; combined by {passport.rule}")))
    if passport.limits:
        out.print(Text(plain(f"limits: {passport.limits}"), style="yellow"))
    _table(out, "detectors", ["detector", "sense", "takes", "class", "means", "prior"],
           (row for one in passport.detectors.items() for row in _detector(*one)))  # fmt: skip
    _table(out, "thresholds", ["sensors", "what", "value"], _thresholds(passport.thresholds))
    if passport.certificate is None:
        out.print(Text("not certified: its thresholds promise no escape rate", style="yellow"))
    else:
        _table(out, "certificate", ["what", "value"], _pairs(passport.certificate.model_dump()))
    origin = passport.origin.model_dump()
    metrics = origin.pop("metrics")
    _table(out, "origin", ["what", "value"], _pairs(origin))
    _table(out, "figures, as its maker measured them", ["what", "value"], _pairs(metrics))
    _table(out, "files", ["file", "bytes", "is"], _files(found))


def listing(store: Store) -> dict[str, Any]:
    """Versions, and what is active at each place."""
    states = store.states()
    installed = [
        {
            "name": name,
            "version": str(version),
            "folder": str(store.folder_of(name, str(version))),
            "active": [
                one.place._asdict()
                for one in states
                if (one.active.name, one.active.version) == (name, str(version))
            ],
        }
        for name, version in store.installed()
    ]
    return {"installed": installed, "places": [one.model_dump(mode="json") for one in states]}


def show_listing(data: Mapping[str, Any], out: Console) -> None:
    if not data["installed"]:
        out.print("no bundle is installed")
        return
    rows = (
        [one["name"], one["version"], f"{len(one['active'])} place(s)", one["folder"]]
        for one in data["installed"]
    )  # fmt: skip
    _table(out, "installed", ["bundle", "version", "active at", "folder"], rows)
    places = (
        [
            one["station"],
            one["recipe"],
            *map(_label, (one["active"], one["shadow"], one["previous"])),
            one["changed"],
        ]
        for one in data["places"]
    )
    _table(out, "chosen (edge bundle status says what a daemon at work judges by)",
           ["station", "recipe", "active", "shadow", "before", "since"], places)  # fmt: skip


def _label(ref: Mapping[str, str] | None) -> str:
    return f"{ref['name']} {ref['version']}" if ref else ""


def _detector(name: str, one: Detector) -> Iterator[list[str]]:
    taken = one.input
    shape = " x ".join(map(str, taken.shape))
    if isinstance(taken, ClipInput):
        takes = f"{shape} pictures, every {taken.stride}. of {taken.rate_hz:g}/s"
    else:
        takes = f"{shape} at {taken.rate_hz:g} Hz in {taken.unit}"
    for i, each in enumerate(one.classes):
        head = ["", "", ""] if i else [name, one.sense, takes]
        yield [*head, each.name, ", ".join(each.hypotheses), f"{each.prior:.3g}"]


def _thresholds(rows: Sequence[Any]) -> Iterator[list[str]]:
    for row in rows:
        values = row.model_dump(exclude_none=True)
        sensors = values.pop("sensors", None)
        head = ", ".join(sensors) if sensors else "any other"
        for i, (key, value) in enumerate(_pairs(values)):
            yield ["" if i else head, key, value]


def _files(found: Arrival) -> Iterator[list[str]]:
    for name, size in found.sizes.items():
        network = found.networks.get(name)
        said = ""
        if network:
            kinds = ", ".join(network.operators)
            said = f"opset {network.opset}, {network.parameters} parameters, of {kinds}"
        yield [name, str(size), said]


def _pairs(values: Mapping[str, Any], prefix: str = "") -> Iterator[list[str]]:
    """Whatever the passport says, nested or not, one line a value."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _pairs(value, f"{prefix}{key}.")
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
            for i, one in enumerate(value):
                yield from _pairs(one, f"{prefix}{key}.{i}.")
        elif value is not None:
            yield [prefix + key, f"{value:g}" if isinstance(value, float) else str(value)]


def _table(out: Console, title: str, heads: Sequence[str], rows: Iterator[list[str]]) -> None:
    table = Table(box=SIMPLE, title=title, title_justify="left", pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    if table.row_count:
        out.print(table)
