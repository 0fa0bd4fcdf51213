"""The decode thread: order, bound, faults."""

import asyncio
import threading
from collections import Counter

from edge.decode import WAITING_PER_CAMERA, DecodeThread


async def test_the_newest_is_refused_and_counted_when_a_camera_has_too_many_waiting() -> None:
    dropped: Counter[tuple[str, str]] = Counter()
    shown: list[int] = []
    started, release, ended = threading.Event(), threading.Event(), asyncio.Event()

    def block() -> int:
        started.set()
        release.wait(5)
        return 0

    async with DecodeThread(lambda source, cause: dropped.update([(source, cause)])) as decode:
        assert decode.submit("left", block, shown.append)
        assert await asyncio.to_thread(started.wait, 5)
        taken = [
            decode.submit("left", lambda frame=frame: frame, shown.append)  # type: ignore[misc]
            for frame in range(1, WAITING_PER_CAMERA + 2)
        ]
        assert taken == [True] * (WAITING_PER_CAMERA - 1) + [False] * 2
        assert decode.submit("right", lambda: 99, lambda frame: (shown.append(frame), ended.set()))
        release.set()
        await asyncio.wait_for(ended.wait(), 5)
        assert decode.waiting("left") == 0
    assert shown == [*range(WAITING_PER_CAMERA), 99]
    assert dropped == {("left", "decode_queue"): 2}


async def test_a_fault_in_decoding_reaches_the_loop() -> None:
    failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: failed.set_result(context["exception"])
    )
    async with DecodeThread(lambda *_: None) as decode:
        decode.submit("left", lambda: 1 // 0, lambda _: None)
        assert isinstance(await asyncio.wait_for(failed, 5), ZeroDivisionError)
