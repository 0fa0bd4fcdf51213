"""A damaged or forged file is refused as a bundle, and by nothing else."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import BundleError, ConfigError
from edge.store.archive import Archive, pack

MEMBERS = {"manifest.toml": b"format = 1\n", "a.onnx": bytes(range(100)), "b.txt": b""}


def packed(folder: Path) -> Path:
    for name, data in MEMBERS.items():
        (folder / name).write_bytes(data)
    pack(folder, folder / "packed", list(MEMBERS))
    return folder / "packed"


def unpacked(file: Path, into: Path) -> dict[str, bytes]:
    into.mkdir()
    with Archive(file) as archive:
        for name in archive.sizes:
            archive.copy(name, into / name, 1000)
    return {path.name: path.read_bytes() for path in into.iterdir()}


def test_what_was_packed_comes_out(tmp_path: Path) -> None:
    assert unpacked(packed(tmp_path), tmp_path / "out") == MEMBERS


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    file = packed(tmp_path)
    before = file.read_bytes()
    with pytest.raises(ConfigError, match="not overwritten"):
        pack(tmp_path, file, ["b.txt"])
    assert file.read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return packed(tmp_path_factory.mktemp("whole")).read_bytes()


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_forged_bytes_give_the_members_or_a_refusal(whole: bytes, data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        file = Path(name) / "forged"
        raw = bytearray(whole)
        for _ in range(data.draw(st.integers(1, 4))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        file.write_bytes(raw)
        try:
            found = unpacked(file, Path(name) / "out")
        except BundleError:
            return
        assert sum(map(len, found.values())) <= len(raw)
        assert all("/" not in one and not one.startswith(".") for one in found)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(raw: bytes) -> None:
    with TemporaryDirectory() as name:
        file = Path(name) / "file"
        file.write_bytes(raw)
        with pytest.raises(BundleError, match="is no bundle"), Archive(file):
            pass
