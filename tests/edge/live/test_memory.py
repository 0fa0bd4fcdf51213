"""The memory of networks that nobody needs comes back."""

import asyncio
from dataclasses import replace

import psutil

from edge import bundle, config
from edge.inference.engine import Engine
from edge.inference.loaded import let_go

MIB = 2**20


def rss_mib() -> float:
    return float(psutil.Process().memory_info().rss / MIB)


async def test_loading_and_unloading_again_and_again_takes_no_memory() -> None:
    shipped = bundle.load(config.SHIPPED / "motor")
    async with Engine(config.Engine(), [shipped], lambda *_: None) as engine:

        async def swap(number: int) -> tuple[float, float]:
            """RSS with both bundles loaded, and with the first alone again."""
            other = replace(shipped, sha256=f"{number:064x}")
            made = await asyncio.to_thread(engine.loaded.compile, other, {})
            engine.loaded.take(other, made)
            loaded = rss_mib()
            made.clear()
            await asyncio.to_thread(let_go, engine.loaded.drop(other.sha256))
            return loaded, rss_mib()

        found = [await swap(number) for number in range(8)]
    rest = [after for _, after in found]
    assert max(rest[2:]) < rest[1] + 8.0  # the first ones also fill the library's own caches
    assert all(loaded > after + 8.0 for loaded, after in found[2:])  # and there was much to go
