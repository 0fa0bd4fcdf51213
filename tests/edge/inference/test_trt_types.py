"""Every call of TensorRT, held against NVIDIA's type stubs: what cannot run here can be checked."""

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import edge

PACKAGES = ("tensorrt", "tensorrt_bindings")
FILES = ("edge/inference/trt.py", "edge/inference/trt_build.py")
ROOT = Path(edge.__file__).parents[1]
CONFIG = """
[mypy]
strict = true
python_version = 3.11
[mypy-tensorrt.*,tensorrt_bindings.*,tensorrt_libs.*]
ignore_errors = true
ignore_missing_imports = true
[mypy-onnx.*,google.*,cuda.*,pycuda.*,onnxruntime.*,openvino.*,tensorrt_rtx_bindings.*,onnxruntime_ep_nv_tensorrt_rtx.*]
follow_imports = skip
ignore_missing_imports = true
"""


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What no Python parses in them is mended in a copy: parameters called `in`, and ones without
    a default behind ones that have one.
    """
    try:
        installed = metadata.distribution("tensorrt-stubs")
    except metadata.PackageNotFoundError:
        pytest.skip("make test-engines installs tensorrt-stubs")
    folder = tmp_path_factory.mktemp("stubs")
    for package in PACKAGES:
        shutil.copytree(Path(str(installed.locate_file(package))), folder / package)
    for file in folder.rglob("*.pyi"):
        lines = re.sub(r"(?<=[(, ])in: ", "in_: ", file.read_text()).splitlines()
        file.write_text("\n".join(map(_with_defaults, lines)))
    return folder


def _with_defaults(line: str) -> str:
    """A parameter behind one with a default has one too."""
    if not line.lstrip().startswith("def ") or " = " not in line:
        return line
    head, mark, tail = line.partition(" = ")
    return head + mark + re.sub(r"(, \w+: [\w.\[\]]+)(?=, |\) ->)(?! = )", r"\1 = ...", tail)


def check(stubs: Path, *files: Path) -> str:
    (stubs / "mypy.ini").write_text(CONFIG)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(stubs / "mypy.ini"), *map(str, files)],
        cwd=ROOT,
        env=os.environ | {"MYPYPATH": str(stubs), "MYPY_CACHE_DIR": str(stubs / "cache")},
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


def test_every_call_is_one_that_tensorrt_has(stubs: Path) -> None:
    said = check(stubs, *(ROOT / file for file in FILES))
    assert "Success: no issues found" in said, said


def test_a_call_that_it_does_not_have_is_found(stubs: Path, tmp_path: Path) -> None:
    """The stubs are read: a wrong name and a wrong type are errors."""
    text = (ROOT / "edge/inference/trt.py").read_text()
    for right, wrong in (
        ("context.execute_async_v3(handle)", "context.execute_async_v2(handle)"),
        ("context.set_tensor_address(name, address)", "context.set_tensor_address(name, name)"),
    ):
        assert right in text
        file = tmp_path / "changed.py"
        file.write_text(text.replace(right, wrong))
        said = check(stubs, file)
        assert re.search(r"changed\.py:\d+: error", said), said
