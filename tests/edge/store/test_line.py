"""A line takes from the store what was promoted for its place, signed by a key it trusts today."""

import re
from pathlib import Path

import pytest

from edge import config, fit
from edge.errors import ConfigError
from edge.store.choice import chosen
from edge.store.state import Place
from edge.store.store import Store

from .bundles import Shop, contents, edge, edit

EXAMPLE = Path(__file__).parents[3] / "docs" / "line.toml"


@pytest.fixture
def line(shop: Shop) -> Path:
    """The documented line, with its bundle from the store."""
    text = EXAMPLE.read_text().replace('"shipped:motor"', '"store:motor"')
    assert "store:motor" in text
    path = shop.folder / "line.toml"
    path.write_text(text + f'\n[bundles]\nstore = "{shop.store}"\nkeys = "{shop.keys}"\n')
    return path


def test_what_was_promoted_judges_at_the_next_start(shop: Shop, line: Path) -> None:
    for version in ("1.0.0", "1.1.0"):
        assert edge("install", shop.bundle(version), "--line", line, "--untried").returncode == 0
        assert edge("promote", "motor", version, "--line", line).returncode == 0
        ready = chosen(config.read(line))
        (one,) = fit.check_bundles(ready).values()
        assert one.label == f"motor {version}"
        assert one.folder == Store(shop.store).folder_of("motor", version)
    assert edge("rollback", "--line", line).returncode == 0
    (one,) = fit.check_bundles(chosen(config.read(line))).values()
    assert one.label == "motor 1.0.0"


def test_a_place_without_a_promotion_says_how_to_make_one(line: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"stations\.st1\.bundles\.\*: .*edge bundle promote motor"
    ):
        chosen(config.read(line))


def test_a_bundle_that_does_not_fit_the_sensors_is_not_promoted(shop: Shop, line: Path) -> None:
    folder = shop.bundle("1.0.0")
    edit(folder, r'unit = "Pa"', 'unit = "dB"')
    edit(folder, r"rate_hz = 16000\.0", "rate_hz = 8000.0")
    edit(folder, r"detectors\.audio\]", "detectors.sound]")
    edit(folder, r"detectors\.audio\.input\]", "detectors.sound.input]")
    text = (folder / "manifest.toml").read_text().replace("[detectors.audio.", "[detectors.sound.")
    text = text.replace("[[detectors.audio.", "[[detectors.sound.")
    text = re.sub(r"(?ms)^\[detectors\.\w+\.monitor\b[^\[]*", "", text)  # learnt of another name
    (folder / "manifest.toml").write_text(text)
    edit(folder, r"(?m)^golden = .*$", "")
    shop.sign(folder)
    assert edge("install", folder, "--line", line, "--untried").returncode == 0
    before = contents(shop.store)
    done = edge("promote", "motor", "1.0.0", "--line", line)
    assert done.returncode == 1
    assert "does not fit" in done.stderr
    assert contents(shop.store) == before


def test_a_withdrawn_key_stops_the_next_start(shop: Shop, line: Path) -> None:
    store = Store(shop.store)
    store.install(shop.bundle("1.0.0"), shop.trusted, None)
    store.promote("motor", "1.0.0", [Place("st1", "*")], shop.trusted)
    fit.check_bundles(chosen(config.read(line)))
    (shop.keys / "maker.pub").unlink()
    with pytest.raises(ConfigError, match="not trusted here"):
        fit.check_bundles(chosen(config.read(line)))


def test_a_state_that_points_elsewhere_is_not_believed(shop: Shop, line: Path) -> None:
    store = Store(shop.store)
    for version in ("1.0.0", "1.1.0"):
        store.install(shop.bundle(version), shop.trusted, None)
    store.promote("motor", "1.0.0", [Place("st1", "*")], shop.trusted)
    path = next(shop.store.rglob("*.json"))
    path.write_text(path.read_text().replace('"version": "1.0.0"', '"version": "1.1.0"', 1))
    with pytest.raises(ConfigError, match="is not what was promoted"):
        chosen(config.read(line))
    path.write_text("{")
    with pytest.raises(ConfigError, match="is damaged"):
        chosen(config.read(line))


@pytest.mark.parametrize("is_required", [False, True])
def test_an_unsigned_folder_is_taken_unless_signatures_are_required(
    shop: Shop, is_required: bool
) -> None:
    folder = shop.bundle("1.0.0")
    (folder / "manifest.toml.minisig").unlink()
    path = shop.folder / "line.toml"
    path.write_text(
        EXAMPLE.read_text().replace("shipped:motor", str(folder))
        + f'\n[bundles]\nkeys = "{shop.keys}"\nrequire_signature = {str(is_required).lower()}\n'
    )
    line = chosen(config.read(path))
    if is_required:
        with pytest.raises(ConfigError, match="is not signed"):
            fit.check_bundles(line)
        shop.sign(folder)
    assert [one.label for one in fit.check_bundles(line).values()] == ["motor 1.0.0"]
