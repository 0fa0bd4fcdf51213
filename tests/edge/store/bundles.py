"""Signed bundles for tests, and what an attacker would make of them."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from edge import config
from edge.bundle import MANIFEST
from edge.store import keys, signature
from edge.store.arrival import SIGNATURE

MOTOR = config.SHIPPED / "motor"


class Shop:
    """A maker with a key, and a box that trusts it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = folder / "keys"
        self.keys.mkdir()
        self.secret = folder / "maker.key"
        public = keys.write_pair(folder / "maker")
        shutil.copy(folder / "maker.pub", self.keys)
        self.trusted = {public.id: public}
        self.store = folder / "store"

    def bundle(self, version: str, name: str = "motor") -> Path:
        """A signed folder, not yet installed."""
        folder = Path(shutil.copytree(MOTOR, self.folder / f"{name}-{version}"))
        edit(folder, r'(?m)^version = ".*"$', f'version = "{version}"')
        edit(folder, r'(?m)^name = "motor"$', f'name = "{name}"')
        self.sign(folder)
        return folder

    def sign(self, folder: Path) -> None:
        """Whatever lies there: the attacker of these tests has even stolen the key."""
        key = keys.read_secret(self.secret, lambda: "")
        made = signature.sign((folder / MANIFEST).read_bytes(), key, "by the maker")
        (folder / SIGNATURE).write_text(made.text())

    def replace(self, folder: Path, name: str, data: bytes) -> None:
        """Another file under that name, listed and signed."""
        (folder / name).write_bytes(data)
        said = hashlib.sha256(data).hexdigest()
        text = (folder / MANIFEST).read_text()
        if f'"{name}" = ' in text:
            edit(folder, rf'(?m)^"{re.escape(name)}" = ".*"$', f'"{name}" = "{said}"')
        else:
            edit(folder, r"(?m)^\[files\]$", f'[files]\n"{name}" = "{said}"')
        self.sign(folder)


def edit(folder: Path, pattern: str, new: str) -> None:
    path = folder / MANIFEST
    text, count = re.subn(pattern, new.replace("\\", "\\\\"), path.read_text(), count=1)
    assert count == 1
    path.write_text(text)


def edge(*arguments: object, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge", "bundle", *map(str, arguments)],
        input=said,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every name under a folder, and every byte."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def network(*nodes: onnx.NodeProto, stored: tuple[TensorProto, ...] = (), opset: int = 18) -> bytes:
    """An ONNX file with the camera's input and the given nodes, however wrong."""
    nodes = nodes or (helper.make_node("Relu", ["clip"], ["logits"]),)
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("clip", TensorProto.FLOAT, [8, 120, 160])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [4])],
        list(stored),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    return bytes(model.SerializeToString())
