"""A command reaches the daemon at work by the socket in its state folder, and is answered."""

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import BundleError
from edge.live.asking import SOCKET, Daemon
from edge.store.store import Store
from edge.trial import toml

from .cell import PLACE, Shop, cell


async def test_without_a_daemon_there_is_nobody_to_ask(tmp_path: Path) -> None:
    assert not Daemon(tmp_path / "nowhere").is_at_work
    assert not Daemon(tmp_path).is_at_work
    shop = shop_in(tmp_path)
    async with cell(shop, shop.line()) as box:
        daemon = Daemon(tmp_path / "state")
        assert await asyncio.to_thread(lambda: daemon.is_at_work)
        mode = (tmp_path / "state" / SOCKET).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600
        assert box.post.active.label == "felt 1.0.0"
    assert not daemon.is_at_work


async def test_a_socket_that_a_killed_daemon_left_answers_nobody_and_is_replaced(
    tmp_path: Path,
) -> None:
    shop = shop_in(tmp_path)
    code = (
        "import os, socket, sys; s = socket.socket(socket.AF_UNIX); os.chdir(sys.argv[1]);"
        f"s.bind({SOCKET!r}); s.listen(); os._exit(9)"
    )
    (tmp_path / "state").mkdir()
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(tmp_path / "state")
    )
    await killed.wait()
    daemon = Daemon(tmp_path / "state")
    assert (tmp_path / "state" / SOCKET).exists()
    assert not daemon.is_at_work
    async with cell(shop, shop.line()):
        assert await asyncio.to_thread(lambda: daemon.is_at_work)


async def test_a_refusal_reaches_the_command(shop: Shop) -> None:
    bad = shop.install("1.2.0", seed=3, off=2.0)
    async with cell(shop, shop.line()):
        daemon = Daemon(shop.folder / "state")
        with pytest.raises(BundleError, match=r"goes on as it is: .*misses the golden logits"):
            await asyncio.to_thread(daemon.prepare, bad, [PLACE])


async def test_the_commands_change_what_the_daemon_judges_by(shop: Shop) -> None:
    line = shop.folder / "LINE.toml"
    said = shop.line().model_dump(mode="json", exclude_defaults=True)
    line.write_text(toml.dump(said))
    async with cell(shop, shop.line()) as box:
        done = await edge("shadow", "felt", "1.1.0", "--line", line)
        assert "felt 1.1.0 in its shadow" in done.stdout, done.stderr
        await box.judge(1)
        tally = box.post.tally
        assert tally is not None
        await box.until(lambda: tally.parts == 1)
        done = await edge("status", "--line", line)
        assert "over the last 1 parts" in done.stdout, done.stderr
        done = await edge("promote", "felt", "1.1.0", "--line", line)
        assert "felt 1.1.0 judges, of parts since" in done.stdout, done.stderr
        assert (await box.judge(2))["bundle_version"] == "1.1.0"
        done = await edge("rollback", "--line", line)
        assert "felt 1.0.0 judges, of parts since" in done.stdout, done.stderr
        assert (await box.judge(3))["bundle_version"] == "1.0.0"
        shop.install("1.2.0", seed=3, off=2.0)
        before = Store(shop.store.folder).state(PLACE)
        done = await edge("promote", "felt", "1.2.0", "--line", line)
        assert done.returncode == 1
        assert "misses the golden logits" in done.stderr
        assert Store(shop.store.folder).state(PLACE) == before
        assert (await box.judge(4))["bundle_version"] == "1.0.0"
    done = await edge("promote", "felt", "1.1.0", "--line", line)
    assert "no daemon is at work" in done.stdout, done.stderr
    done = await edge("shadow", "--end", "--line", line)
    assert done.returncode == 1  # there is none


async def test_the_path_of_the_state_folder_may_be_long(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    assert len(os.fsencode(deep)) > 108  # sockaddr_un of unix(7)
    shop = shop_in(deep)
    async with cell(shop, shop.line()):
        daemon = Daemon(deep / "state")
        found = await asyncio.to_thread(daemon.status)
        assert found[0]["active"]["version"] == "1.0.0"


def shop_in(folder: Path) -> Shop:
    made = Shop(folder)
    made.install("1.0.0", seed=1)
    made.promote("1.0.0")
    return made


async def edge(*arguments: object) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        lambda: subprocess.run(
            [sys.executable, "-m", "edge", "bundle", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    )
