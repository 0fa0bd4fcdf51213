"""Each attack on an installation is refused by name; the store stays as it was, byte for byte."""

import io
import json
import pickle
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from edge.bundle import MANIFEST
from edge.errors import BundleError
from edge.store import archive, arrival, keys, screening
from edge.store.arrival import SIGNATURE
from edge.store.state import Place
from edge.store.store import Store

from .bundles import Shop, contents, edit, network

Attack = Callable[[Shop, Path], Path | None]
HUGE = 2**40


def onnx_with(data: bytes) -> Attack:
    return lambda shop, folder: shop.replace(folder, "camera.onnx", data)


def tensor(**fields: object) -> TensorProto:
    return TensorProto(name="w", data_type=TensorProto.FLOAT, **fields)


def external() -> TensorProto:
    one = tensor(dims=[4], data_location=TensorProto.EXTERNAL)
    one.external_data.add(key="location", value="../../../etc/passwd")
    return one


def node_with(**attributes: object) -> bytes:
    return network(helper.make_node("Constant", [], ["c"], **attributes))


def npz(**arrays: object) -> bytes:
    out = io.BytesIO()
    np.savez(out, allow_pickle=True, **arrays)
    return out.getvalue()


def golden_with(data: bytes) -> Attack:
    return lambda shop, folder: shop.replace(folder, "golden.npz", data)


def unsigned(shop: Shop, folder: Path) -> None:
    (folder / SIGNATURE).unlink()


def by_a_stranger(shop: Shop, folder: Path) -> None:
    keys.write_pair(shop.folder / "stranger")
    shop.secret = shop.folder / "stranger.key"
    shop.sign(folder)


def changed_after_signing(shop: Shop, folder: Path) -> None:
    edit(folder, r"ok_belief = [0-9.]+", "ok_belief = 0.0")


def other_network(shop: Shop, folder: Path) -> None:
    (folder / "camera.onnx").write_bytes(network())


def link(shop: Shop, folder: Path) -> None:
    (folder / "camera.onnx").rename(shop.folder / "elsewhere.onnx")
    (folder / "camera.onnx").symlink_to(shop.folder / "elsewhere.onnx")


def listed_path(path: str) -> Attack:
    def attack(shop: Shop, folder: Path) -> None:
        edit(folder, r'"camera\.onnx" = ', f'"{path}" = ')
        shop.sign(folder)

    return attack


def unlisted(shop: Shop, folder: Path) -> None:
    (folder / "sitecustomize.py").write_text("print('hello')")


def pickled(name: str) -> Attack:
    return lambda shop, folder: shop.replace(folder, name, pickle.dumps({"weights": 1}))


def zipped(change: Callable[[zipfile.ZipFile, Path], None]) -> Attack:
    """A zip file by Python's own writer, with a change."""

    def attack(shop: Shop, folder: Path) -> Path:
        file = shop.folder / "attack.bundle"
        with zipfile.ZipFile(file, "w") as made:
            for path in sorted(folder.iterdir()):
                made.write(path, path.name)
            change(made, folder)
        return file

    return attack


def member(name: str) -> Attack:
    return zipped(lambda made, folder: made.writestr(name, b"x"))


def symbolic_link(made: zipfile.ZipFile, folder: Path) -> None:
    one = zipfile.ZipInfo("notes.txt")
    one.external_attr = 0o120777 << 16
    made.writestr(one, "/etc/passwd")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def twice(made: zipfile.ZipFile, folder: Path) -> None:
    made.write(folder / "camera.onnx", "camera.onnx")


def bomb(made: zipfile.ZipFile, folder: Path) -> None:
    made.writestr("zeros.txt", bytes(10_000_000), zipfile.ZIP_DEFLATED)


def prefixed(shop: Shop, folder: Path) -> Path:
    file = zipped(lambda made, folder: None)(shop, folder)
    assert file is not None
    file.write_bytes(b"#!/bin/sh\n" + file.read_bytes())
    return file


def many_members(shop: Shop, folder: Path) -> Path:
    file = shop.folder / "attack.bundle"
    with zipfile.ZipFile(file, "w") as made:
        for i in range(1000):
            made.writestr(f"{i}.txt", b"")
    return file


def too_large_by_its_own_word(shop: Shop, folder: Path) -> Path:
    """The directory says 3 GB of a member that holds a few bytes."""
    file = zipped(lambda made, folder: None)(shop, folder)
    assert file is not None
    raw = bytearray(file.read_bytes())
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 20 : at + 28] = struct.pack("<2L", 3_000_000_000, 3_000_000_000)
    file.write_bytes(raw)
    return file


ATTACKS: dict[str, tuple[Attack, str]] = {
    "no signature": (unsigned, "is not signed"),
    "an unknown key": (by_a_stranger, "not trusted here"),
    "thresholds changed after signing": (changed_after_signing, "bad signature"),
    "another network under the name": (other_network, "sha256 differs"),
    "a signature of garbage": (
        lambda shop, folder: (folder / SIGNATURE).write_bytes(b"\xff" * 300) and None,
        "no minisign signature",
    ),
    "a link": (link, "no plain file"),
    "a file nobody signed": (unlisted, "is not listed"),
    "a parent path": (listed_path("../camera.onnx"), "pattern"),
    "an absolute path": (listed_path("/etc/passwd"), "pattern"),
    "external data": (onnx_with(network(stored=(external(),))), "lie outside"),
    "external data in an attribute": (onnx_with(node_with(value=external())), "lie outside"),
    "a custom domain": (
        onnx_with(network(helper.make_node("Evil", ["clip"], ["logits"], domain="com.evil"))),
        "custom domain",
    ),
    "an unknown operator": (
        onnx_with(network(helper.make_node("Loop", ["clip"], ["logits"]))),
        "not among",
    ),
    "a graph in an attribute": (
        onnx_with(
            network(
                helper.make_node(
                    "Relu", ["clip"], ["logits"], body=helper.make_graph([], "inner", [], [])
                )
            )
        ),
        "carries a graph",
    ),
    "a tensor of a terabyte": (onnx_with(network(stored=(tensor(dims=[HUGE]),))), "at most"),
    "a tensor larger than its data": (
        onnx_with(network(stored=(tensor(dims=[1000], raw_data=b"1234"),))),
        "says 1000 elements and holds 1",
    ),
    "a negative length": (onnx_with(network(stored=(tensor(dims=[-1]),))), "negative"),
    "an opset of tomorrow": (onnx_with(network(opset=99)), "opset 99"),
    "a pickle instead of a network": (onnx_with(pickle.dumps([1])), "is damaged|no graph|opset"),
    "an empty network": (onnx_with(b""), "is damaged"),
    "a pickle": (pickled("weights.pkl"), "of this kind"),
    "a torch file": (pickled("weights.pt"), "of this kind"),
    "a pickle that calls itself text": (pickled("notes.txt"), "no UTF-8 text"),
    "pickled objects in the golden data": (
        golden_with(npz(**{"camera.input": np.array([{}], dtype=object)})),
        "pickled objects",
    ),
    "strange golden data": (golden_with(npz(more=np.zeros(3))), "not expected"),
    "golden data that is a pickle": (golden_with(pickle.dumps([1])), "is damaged"),
    "a member with a parent path": (member("../notes.txt"), "no plain file name"),
    "a member with an absolute path": (member("/etc/notes.txt"), "no plain file name"),
    "a member in a folder": (member("inner/notes.txt"), "no plain file name"),
    "a member that is a link": (zipped(symbolic_link), "no plain file but a link"),
    "a member twice": (zipped(twice), "stands twice"),
    "a zip bomb": (zipped(bomb), "is compressed"),
    "data before the archive": (prefixed, "other data around it"),
    "a thousand members": (many_members, "1000 members"),
    "a member of three gigabytes": (too_large_by_its_own_word, "overlap|larger|bytes"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ATTACKS)
def test_refused_and_the_store_is_unchanged(shop: Shop, name: str) -> None:
    attack, said = ATTACKS[name]
    store = Store(shop.store)
    store.install(shop.bundle("1.0.0"), shop.trusted, None)
    store.promote("motor", "1.0.0", [Place("a", "*")], shop.trusted)
    before = contents(shop.store)
    folder = shop.bundle("1.1.0")
    source = attack(shop, folder) or folder
    with pytest.raises(BundleError, match=said):
        store.install(source, shop.trusted, None)
    assert contents(shop.store) == before


def test_without_an_attack_both_forms_are_installed(shop: Shop) -> None:
    """Or else every refusal above would prove nothing."""
    store, folder = Store(shop.store), shop.bundle("1.0.0")
    file = zipped(lambda made, folder: None)(shop, shop.bundle("1.1.0"))
    assert file is not None
    shop.replace(folder, "notes.txt", b"for line 3")
    for source in (folder, file):
        assert store.install(source, shop.trusted, None)[1]
    assert [str(number) for _, number in store.installed()] == ["1.0.0", "1.1.0"]
    assert contents(store.folder_of("motor", "1.0.0")) == contents(folder)


def test_sizes_are_limited_before_anything_is_copied(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrival, "MAX_TOTAL", 1_000_000)
    with pytest.raises(BundleError, match="at most 1000000 are allowed"):
        Store(shop.store).install(shop.bundle("1.0.0"), shop.trusted, None)


def test_a_flood_of_fields_is_refused(shop: Shop) -> None:
    folder = shop.bundle("1.0.0")
    shop.replace(folder, "camera.onnx", b"\x08\x01" * 600_000)
    with pytest.raises(BundleError, match="more than 524288 fields"):
        Store(shop.store).install(folder, shop.trusted, None)


def test_the_look_runs_within_limits_of_its_own(tmp_path: Path) -> None:
    """A file larger than the memory it may have cannot even be mapped; the limits are no words."""
    with (tmp_path / "camera.onnx").open("wb") as file:
        file.truncate(screening.MEMORY_BYTES + 1)
    order = json.dumps({"folder": str(tmp_path), "files": {"camera.onnx": None}})
    done = subprocess.run(
        [sys.executable, "-m", "edge.store.screening"],
        input=order, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "Cannot allocate memory" in json.loads(done.stdout)["refused"]


def test_packing_twice_gives_the_same_bytes(shop: Shop) -> None:
    folder = shop.bundle("1.0.0")
    names = sorted(path.name for path in folder.iterdir())
    for name in ("one", "two"):
        archive.pack(folder, shop.folder / name, names)
    assert (shop.folder / "one").read_bytes() == (shop.folder / "two").read_bytes()
    assert MANIFEST in names
