"""The decode thread never falls behind by more than two frames a camera."""

import asyncio
import threading
from collections import Counter

from edge.decode import DecodeThread


async def test_the_older_frame_is_dropped_and_counted_when_two_wait() -> None:
    dropped: Counter[tuple[str, str]] = Counter()
    shown: list[int] = []
    started, release, ended = threading.Event(), threading.Event(), asyncio.Event()

    def block() -> int:
        started.set()
        release.wait(5)
        return 0

    async with DecodeThread(lambda source, cause: dropped.update([(source, cause)])) as decode:
        decode.submit("left", block, shown.append)
        assert await asyncio.to_thread(started.wait, 5)
        for frame in (1, 2, 3, 4):
            decode.submit("left", lambda frame=frame: frame, shown.append)  # type: ignore[misc]
        decode.submit("right", lambda: 9, lambda frame: (shown.append(frame), ended.set()))
        release.set()
        await asyncio.wait_for(ended.wait(), 5)
    assert shown == [0, 3, 4, 9]
    assert dropped == {("left", "decode_queue"): 2}


async def test_a_fault_in_decoding_reaches_the_loop() -> None:
    failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: failed.set_result(context["exception"])
    )
    async with DecodeThread(lambda *_: None) as decode:
        decode.submit("left", lambda: 1 // 0, lambda _: None)
        assert isinstance(await asyncio.wait_for(failed, 5), ZeroDivisionError)
