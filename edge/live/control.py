"""Where commands reach the daemon at work: a socket in its state folder, for its user and root.

HTTP, so that `curl --unix-socket` may ask as well. What changes anything stays the command's: it
writes the store, and the daemon is asked to prove a bundle before and to look after.
"""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web
from pydantic import ValidationError

from edge.errors import BundleError, ConfigError
from edge.live.asking import SOCKET
from edge.live.changes import Changes
from edge.store.state import Place, Ref
from sensors.wiring import Row


class Wanted(Row):
    """What is asked to be prepared, and for where."""

    ref: Ref
    places: tuple[Place, ...]


@contextmanager
def address(folder: Path) -> Iterator[str]:
    """Of the socket in that folder, however long the folder's name: a socket's is 107 bytes.

    Raises:
        OSError: there is no such folder.
    """
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET}"
    finally:
        os.close(handle)


@contextlib.asynccontextmanager
async def listening(folder: Path, changes: Changes) -> AsyncIterator[None]:
    """Answer for as long as the body lives."""
    runner = web.AppRunner(application(changes), access_log=None)
    with address(folder) as path:
        (folder / SOCKET).unlink(missing_ok=True)  # of a daemon that was killed
        await runner.setup()
        try:
            await web.UnixSite(runner, path).start()
            (folder / SOCKET).chmod(0o600)
            yield
        finally:
            await runner.cleanup()
            (folder / SOCKET).unlink(missing_ok=True)


def application(changes: Changes) -> web.Application:
    """GET /: what judges where. POST /prepare: load and prove. POST /look: follow the store."""

    async def status(_: web.Request) -> web.Response:
        return web.json_response({"places": changes.status()})

    async def prepare(request: web.Request) -> web.Response:
        try:
            wanted = Wanted.model_validate_json(await request.read())
            took_s = await changes.prepare(wanted.ref, wanted.places)
        except (BundleError, ConfigError, ValidationError) as error:
            return web.json_response({"refused": str(error)}, status=409)
        return web.json_response({"took_s": took_s})

    async def look(_: web.Request) -> web.Response:
        await changes.look()
        return web.json_response({"places": changes.status()})

    app = web.Application()
    app.router.add_get("/", status)
    app.router.add_post("/prepare", prepare)
    app.router.add_post("/look", look)
    return app
