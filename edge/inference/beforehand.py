"""Compiles and proves the networks of a bundle in a process of its own, before a line at work loads
them: what takes long, breaks or swallows memory does so there.

The process goes behind everything else on the box and holds nobody's interpreter. What it compiled
lies in the cache then, and the line's own process takes it from there.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from edge import bundle, config
from edge.bundle import Bundle
from edge.errors import BundleError, ConfigError
from edge.inference.loaded import Key, Loaded
from edge.inference.runner import Candidate
from edge.priority import go_last

LIMIT_S = 240.0  # of a box that has no time to spare; a command waits for 300


async def compile_beforehand(
    one: Bundle, settings: config.Engine, chosen: Mapping[Key, Candidate], cache: Path
) -> None:
    """Fill `cache` with what `Loaded.compile` asks for.

    Raises:
        BundleError: the networks cannot be compiled, or do not keep what the passport promises.
    """
    order = {
        "folder": str(one.folder.resolve()),
        "cache": str(cache),
        "settings": settings.model_dump(mode="json"),
        "chosen": {name: asdict(candidate) for (_, name), candidate in chosen.items()},
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge.inference.beforehand"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # so that the whole of it can go last
    )
    go_last(process.pid)
    try:
        async with asyncio.timeout(LIMIT_S):
            said, _ = await process.communicate(json.dumps(order).encode())
    except TimeoutError as error:
        raise BundleError(f"{one.label}: not compiled and proved in {LIMIT_S:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise BundleError(
            f"{one.label}: the process that compiled its networks broke off "
            f"(status {process.returncode}); the line is not touched"
        )
    if failed := json.loads(said)["failed"]:
        raise BundleError(str(failed))


def main() -> int:
    """The order on standard input; `{"failed": null or why}` comes back."""
    order = json.load(sys.stdin)
    failed: str | None = None
    try:
        one = bundle.load(Path(order["folder"]))
        chosen = {(one.sha256, name): Candidate(**row) for name, row in order["chosen"].items()}
        settings = config.Engine.model_validate(order["settings"])
        Loaded(settings, None, Path(order["cache"])).compile(one, chosen)
    except (BundleError, ConfigError) as error:
        failed = str(error)
    json.dump({"failed": failed}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
