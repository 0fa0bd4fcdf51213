"""What both CUDA siblings promise, on a real GPU; and what is said where there is none."""

import gc
import sys
import threading

import numpy as np
import pytest

from edge.errors import EngineMissing
from edge.inference.cuda.layer import CURE, SIBLINGS, CudaFailed, Device, device
from edge.inference.cuda.run import sizes

SIZE = 2**20


def test_bytes_come_back_as_they_went(gpu: Device) -> None:
    given, found = gpu.pinned(SIZE), gpu.pinned(SIZE)
    given[:] = np.random.default_rng(1).integers(0, 256, SIZE, np.uint8)
    found.fill(0)
    stream, there = gpu.stream(), gpu.buffer(SIZE)
    stream.upload(there.address, given)
    stream.download(found, there.address)
    stream.wait()
    assert np.array_equal(found, given)


def test_a_graph_does_again_what_was_captured_with_what_is_there_now(gpu: Device) -> None:
    given, found = gpu.pinned(SIZE), gpu.pinned(SIZE)
    stream, there, event = gpu.stream(), gpu.buffer(SIZE), gpu.event()

    def work() -> None:
        stream.upload(there.address, given)
        stream.download(found, there.address)

    graph = stream.capture(work)
    stream.wait()
    found.fill(7)
    assert (found == 7).all()  # captured, not done
    for value in (1, 2):
        given.fill(value)
        graph.launch()
        stream.mark(event)
        event.wait()
        assert (found == value).all()


def test_it_can_be_captured_again_with_other_addresses(gpu: Device) -> None:
    stream, found = gpu.stream(), gpu.pinned(16)
    for value in (3, 4):
        given, there = gpu.pinned(16), gpu.buffer(16)
        given.fill(value)

        def work(given=given, there=there) -> None:  # type: ignore[no-untyped-def]
            stream.upload(there.address, given)
            stream.download(found, there.address)

        stream.capture(work).launch()
        stream.wait()
        assert (found == value).all()


def test_a_capture_that_fails_leaves_the_stream_usable(gpu: Device) -> None:
    stream, given, there = gpu.stream(), gpu.pinned(16), gpu.buffer(16)
    found = gpu.pinned(16)

    def work() -> None:
        stream.upload(there.address, given)
        raise KeyError("on the way")

    with pytest.raises(KeyError, match="on the way"):
        stream.capture(work)

    def waits() -> None:
        stream.upload(there.address, given)
        stream.wait()  # which a capture forbids

    with pytest.raises(CudaFailed):
        stream.capture(waits)
    given.fill(5)
    stream.upload(there.address, given)
    stream.download(found, there.address)
    stream.wait()
    assert (found == 5).all()


def test_any_thread_may_use_it_and_end(gpu: Device) -> None:
    """PyCUDA ends the process with a thread that leaves a context behind."""
    stream, given, found, there = gpu.stream(), gpu.pinned(16), gpu.pinned(16), gpu.buffer(16)
    given.fill(9)

    def use() -> None:
        stream.upload(there.address, given)
        stream.download(found, there.address)
        stream.wait()

    for _ in range(3):
        found.fill(0)
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        assert (found == 9).all()


def test_memory_goes_back_with_the_last_reference_on_any_thread(gpu: Device) -> None:
    many = 256 * SIZE
    before = gpu.free_bytes()
    held = [gpu.buffer(many), gpu.buffer(many)]
    assert before - gpu.free_bytes() >= 2 * many
    del held[0]
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    gc.collect()
    assert gpu.free_bytes() >= before - many // 4


def test_what_the_driver_refuses_is_named(gpu: Device) -> None:
    with pytest.raises(CudaFailed, match=r"(?i)memory"):
        gpu.buffer(2**50)


def test_both_libraries_see_the_same_gpu() -> None:
    try:
        first, second = (device(package) for package in SIBLINGS)
    except EngineMissing as error:
        pytest.skip(f"needs both libraries and a GPU: {error}")
    assert (first.name, first.capability) == (second.name, second.capability)
    assert first.driver.split()[0] == second.driver.split()[0]


def test_without_a_library_the_cure_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for package, module in SIBLINGS.items():
        monkeypatch.setitem(sys.modules, package, None)
        monkeypatch.delitem(sys.modules, module, raising=False)
    device.cache_clear()  # type: ignore[attr-defined]
    try:
        with pytest.raises(EngineMissing, match="no library for CUDA is installed") as told:
            device()
    finally:
        device.cache_clear()  # type: ignore[attr-defined]
    assert CURE in str(told.value)


def test_batches_are_captured_in_powers_of_two_and_the_largest() -> None:
    assert [sizes(most) for most in (1, 2, 6, 8)] == [[1], [1, 2], [1, 2, 4, 6], [1, 2, 4, 8]]
