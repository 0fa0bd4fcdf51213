"""Versions are whole or not there, are promoted upwards and come back by a rollback alone."""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge.errors import BundleError, ConfigError
from edge.store.state import FAULT, Place, rolled_back
from edge.store.store import Store

from .bundles import Shop, contents, edge, edit

HERE, THERE = Place("a", "*"), Place("b", "left/right")
KILLED = """
import os, signal, sys
from pathlib import Path
from edge.store.keys import read_trusted
from edge.store.state import Place
from edge.store.store import Store
left = int(sys.argv[1])
def mortal(real):
    def call(*arguments, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    return call
os.fsync, os.rename, os.replace, os.mkdir = map(
    mortal, (os.fsync, os.rename, os.replace, os.mkdir))
store, trusted = Store(Path(sys.argv[2])), read_trusted(Path(sys.argv[3]))
store.install(Path(sys.argv[4]), trusted, None)
if store.state(Place("a", "*")).active.version != "1.1.0":
    store.promote("motor", "1.1.0", [Place("a", "*")], trusted)
"""


@pytest.fixture
def store(shop: Shop) -> Store:
    """With 1.0.0 active and 1.1.0 installed."""
    made = Store(shop.store)
    for version in ("1.0.0", "1.1.0"):
        made.install(shop.bundle(version), shop.trusted, None)
    made.promote("motor", "1.0.0", [HERE], shop.trusted)
    return made


def active(store: Store, place: Place = HERE) -> str:
    state = store.state(place)
    assert state is not None
    return state.active.version


def test_a_promotion_is_undone_by_one_rollback_and_no_second(shop: Shop, store: Store) -> None:
    store.promote("motor", "1.1.0", [HERE], shop.trusted)
    assert active(store) == "1.1.0"
    store.rollback([HERE], shop.trusted)
    assert active(store) == "1.0.0"
    with pytest.raises(BundleError, match="nothing to return to"):
        store.rollback([HERE], shop.trusted)
    store.promote("motor", "1.1.0", [HERE], shop.trusted)
    assert active(store) == "1.1.0"


def test_a_lower_version_than_was_promoted_is_refused(shop: Shop, store: Store) -> None:
    store.promote("motor", "1.1.0", [HERE], shop.trusted)
    before = contents(shop.store)
    with pytest.raises(BundleError, match=r"lower than motor 1\.1\.0.*rollback"):
        store.promote("motor", "1.0.0", [HERE], shop.trusted)
    with pytest.raises(BundleError, match=r"lower than motor 1\.1\.0"):
        store.promote("motor", "1.0.0", [THERE], shop.trusted)
    with pytest.raises(BundleError, match=r"lower than motor 1\.1\.0"):
        store.install(shop.bundle("1.0.9"), shop.trusted, None)
    assert contents(shop.store) == before


def test_after_a_rollback_what_it_returned_to_is_the_least(shop: Shop, store: Store) -> None:
    store.promote("motor", "1.1.0", [HERE], shop.trusted)
    store.rollback([HERE], shop.trusted)
    assert store.install(shop.bundle("1.0.1"), shop.trusted, None)[1]
    store.promote("motor", "1.0.1", [HERE], shop.trusted)
    with pytest.raises(BundleError, match="lower"):
        store.install(shop.bundle("0.9.9"), shop.trusted, None)


def test_versions_are_compared_as_numbers(shop: Shop, store: Store) -> None:
    store.install(shop.bundle("1.10.0"), shop.trusted, None)
    store.promote("motor", "1.10.0", [HERE], shop.trusted)
    with pytest.raises(BundleError, match="lower"):
        store.install(shop.bundle("1.9.0"), shop.trusted, None)


def test_another_bundle_in_between_does_not_lower_the_floor(shop: Shop, store: Store) -> None:
    store.promote("motor", "1.1.0", [HERE], shop.trusted)
    store.install(shop.bundle("0.1.0", "fan"), shop.trusted, None)
    store.promote("fan", "0.1.0", [HERE], shop.trusted)
    with pytest.raises(BundleError, match="lower"):
        store.promote("motor", "1.0.0", [HERE], shop.trusted)


def test_places_are_promoted_together_or_not_at_all(shop: Shop, store: Store) -> None:
    before = contents(shop.store)
    with pytest.raises(BundleError, match="active already"):
        store.promote("motor", "1.0.0", [THERE, HERE], shop.trusted)
    assert contents(shop.store) == before
    store.promote("motor", "1.1.0", [THERE, HERE], shop.trusted)
    assert (active(store), active(store, THERE)) == ("1.1.0", "1.1.0")


def test_a_version_never_changes(shop: Shop, store: Store) -> None:
    folder = shop.folder / "motor-1.1.0"
    assert not store.install(folder, shop.trusted, None)[1]  # the same again is no harm
    edit(folder, r'(?m)^limits = ".*"$', 'limits = "none"')
    shop.sign(folder)
    before = contents(shop.store)
    with pytest.raises(BundleError, match="with other contents"):
        store.install(folder, shop.trusted, None)
    assert contents(shop.store) == before


def test_a_key_trusted_no_more_takes_its_bundles_with_it(shop: Shop, store: Store) -> None:
    store.promote("motor", "1.1.0", [HERE], shop.trusted)
    for refuse in (
        lambda: store.promote("motor", "1.1.0", [THERE], {}),
        lambda: store.rollback([HERE], {}),
    ):
        with pytest.raises(BundleError, match="not trusted"):
            refuse()
    assert active(store) == "1.1.0"


def test_what_was_changed_on_disk_is_not_promoted(shop: Shop, store: Store) -> None:
    with (store.folder_of("motor", "1.1.0") / "audio.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(BundleError, match="sha256 differs"):
        store.promote("motor", "1.1.0", [HERE], shop.trusted)


def test_what_some_place_needs_is_not_removed(shop: Shop, store: Store) -> None:
    store.promote("motor", "1.1.0", [HERE], shop.trusted)
    for version, role in (("1.0.0", "what a rollback returns to"), ("1.1.0", "active")):
        with pytest.raises(BundleError, match=role):
            store.remove("motor", version)
    store.install(shop.bundle("1.2.0"), shop.trusted, None)
    store.remove("motor", "1.2.0")
    assert [str(number) for _, number in store.installed()] == ["1.0.0", "1.1.0"]
    with pytest.raises(BundleError, match="not installed"):
        store.remove("motor", "../../..")


def test_an_engine_that_misses_the_golden_data_refuses_the_bundle(shop: Shop) -> None:
    store, folder = Store(shop.store), shop.bundle("1.0.0")
    shop.replace(folder, "audio.onnx", (folder / "camera.onnx").read_bytes())
    edit(folder, r'name = "pressure"', 'name = "clip"')
    shop.sign(folder)
    with pytest.raises(BundleError, match="audio"):
        store.install(folder, shop.trusted, "openvino")
    assert store.installed() == []


def test_a_kill_at_any_moment_leaves_a_version_whole_or_not_there(shop: Shop, store: Store) -> None:
    """Killed before every fsync, rename and mkdir in turn; then the same command finishes."""
    store.remove("motor", "1.1.0")
    old, new = contents(store.folder_of("motor", "1.0.0")), shop.folder / "motor-1.1.0"
    deaths = 0
    for moment in range(1, 40):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(moment), shop.store, shop.keys, new], check=False
        )
        assert contents(store.folder_of("motor", "1.0.0")) == old
        if ("motor", (1, 1, 0)) in store.installed():
            assert contents(store.folder_of("motor", "1.1.0")) == contents(new)
        if done.returncode == 0:
            break
        assert done.returncode == -9
        assert active(store) in ("1.0.0", "1.1.0")
        deaths += 1
    assert done.returncode == 0
    assert deaths >= 8
    assert active(store) == "1.1.0"
    left = {path.name for path in shop.store.rglob("*")}
    assert not {name for name in left if name.endswith(".new") or name == ".incoming"}


def test_installations_at_once_wait_for_each_other(shop: Shop) -> None:
    folders = [shop.bundle(f"1.{i}.0") for i in range(3)]
    with ThreadPoolExecutor() as pool:
        done = list(
            pool.map(
                lambda folder: edge(
                    "install", folder, "--store", shop.store, "--keys", shop.keys, "--untried"
                ),
                [*folders, folders[0]],
            )
        )
    assert [one.returncode for one in done] == [0, 0, 0, 0], [one.stderr for one in done]
    store = Store(shop.store)
    assert [str(number) for _, number in store.installed()] == ["1.0.0", "1.1.0", "1.2.0"]
    for folder in folders:
        version = folder.name.removeprefix("motor-")
        assert contents(store.folder_of("motor", version)) == contents(folder)


def test_the_command_says_what_is_active_and_when_a_daemon_takes_it(
    shop: Shop, store: Store
) -> None:
    at = ("--store", shop.store, "--keys", shop.keys, "--station", "a")
    done = edge("promote", "motor", "1.1.0", *at)
    assert done.returncode == 0
    assert "a daemon at work takes it within a second" in done.stdout
    listed = json.loads(edge("list", "--store", shop.store, "--json").stdout)
    assert listed["places"][0]["active"]["version"] == "1.1.0"
    refused = edge("promote", "motor", "1.0.0", *at)
    assert refused.returncode == 1
    assert "lower" in refused.stderr
    assert edge("promote", "motor", "1.0.0", "--store", shop.store).returncode == 2


def test_a_bundle_is_carried_from_its_maker_to_the_box(shop: Shop, tmp_path: Path) -> None:
    folder, file = shop.bundle("1.0.0"), tmp_path / "motor.bundle"
    assert edge("sign", folder, "--key", shop.secret).returncode == 0
    assert edge("pack", folder, file).returncode == 0
    assert edge("verify", file, "--key", tmp_path / "maker.pub").returncode == 0
    shown = json.loads(edge("inspect", file, "--keys", shop.keys, "--json").stdout)
    assert shown["manifest"]["version"] == "1.0.0"
    assert shown["signature"]["style"] == "green"
    assert shown["networks"]["camera.onnx"]["opset"] == 18
    done = edge("install", file, "--store", shop.store, "--keys", shop.keys)
    assert done.returncode == 0, done.stderr
    assert "gives its golden data again on openvino" in done.stdout


def test_a_shadow_stands_beside_the_active_one_until_it_is_promoted(
    shop: Shop, store: Store
) -> None:
    place = THERE
    with pytest.raises(BundleError, match="nothing was promoted there yet"):
        store.shadow("motor", "1.0.0", [place], shop.trusted)
    store.promote("motor", "1.0.0", [place], shop.trusted)
    with pytest.raises(BundleError, match="is active already"):
        store.shadow("motor", "1.0.0", [place], shop.trusted)
    store.shadow("motor", "1.1.0", [place], shop.trusted)
    with pytest.raises(BundleError, match="is the shadow already"):
        store.shadow("motor", "1.1.0", [place], shop.trusted)
    with pytest.raises(BundleError, match=r"1\.1\.0 is the shadow at station b"):
        store.remove("motor", "1.1.0")
    store.promote("motor", "1.1.0", [place], shop.trusted, by="rule", why="enough")
    state = store.state(place)
    assert state is not None
    assert (state.active.version, state.shadow, state.proving) == ("1.1.0", None, True)
    assert (state.by, state.why) == ("rule", "enough")


def test_a_shadow_ends_where_it_comes_back_as_the_active_one(shop: Shop, store: Store) -> None:
    place = THERE
    for version in ("1.0.0", "1.1.0"):
        store.promote("motor", version, [place], shop.trusted)
    store.shadow("motor", "1.0.0", [place], shop.trusted)
    (state,) = store.rollback([place], shop.trusted)
    assert (state.active.version, state.shadow, state.proving) == ("1.0.0", None, False)


def test_what_the_daemon_wrote_in_the_meantime_stays(shop: Shop, store: Store) -> None:
    place = THERE
    store.promote("motor", "1.0.0", [place], shop.trusted)
    before = store.state(place)
    store.change(place, lambda _: None)
    assert store.state(place) == before
    with pytest.raises(BundleError, match="nothing was ever promoted"):
        store.change(Place("c", "*"), lambda one: one)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give folders away")
def test_a_place_belongs_to_whom_the_folder_of_places_does(shop: Shop, store: Store) -> None:
    """So that the daemon's user may change what root promoted."""
    os.chown(store.places, 1234, 1235)
    store.promote("motor", "1.0.0", [THERE], shop.trusted)
    found = (store.places / "b").stat()
    assert (found.st_uid, found.st_gid) == (1234, 1235)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_a_daemon_that_is_not_root_changes_its_places_and_no_bundle(shop: Shop) -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        Path(folder).chmod(0o755)
        store, before = Store(Path(folder) / "store"), os.umask(0o077)
        try:
            for version in ("1.0.0", "1.1.0"):
                store.install(shop.bundle(version), shop.trusted, None)
            store.folder.chmod(0o755)
            store.places.mkdir(mode=0o755)
            os.chown(store.places, 1234, 1234)
            for version in ("1.0.0", "1.1.0"):
                store.promote("motor", version, [HERE], shop.trusted)
            os.seteuid(1234)
            store.change(HERE, lambda one: rolled_back(one, by=FAULT, why="it failed"))
            with pytest.raises(ConfigError, match="Permission denied"):
                store.remove("motor", "1.1.0")
        finally:
            os.seteuid(0)
            os.umask(before)
        state = store.state(HERE)
        assert state is not None
        assert (state.active.version, state.by) == ("1.0.0", "fault")
        assert ("motor", "1.1.0") in [(name, str(one)) for name, one in store.installed()]
