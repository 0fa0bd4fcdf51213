"""CUDA through cuda-python (cuda.bindings 13)."""

import ctypes
import weakref
from collections.abc import Callable
from typing import Any

import cuda.bindings
import numpy as np
from cuda.bindings import driver
from numpy.typing import NDArray

from edge.inference.cuda.layer import CudaFailed

_ATTRIBUTES = driver.CUdevice_attribute
_PORTABLE = 0  # flags of page-locked memory: nothing special
_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: does not wait for the default stream
_NO_TIMING = 2  # CU_EVENT_DISABLE_TIMING
_THREAD_LOCAL = driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
Free = Callable[[Any], tuple[Any, ...]]


def ask(answer: tuple[Any, ...]) -> Any:
    """What a call gave, without its error code.

    Raises:
        CudaFailed: the code is one.
    """
    code = answer[0]
    if int(code):
        _, name = driver.cuGetErrorName(code)
        _, text = driver.cuGetErrorString(code)
        raise CudaFailed(f"{_text(name) or code}: {_text(text)}")
    return answer[1] if len(answer) > 1 else None


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else ""


class _Freed:
    """Something of the driver that goes back with the last reference, whichever thread drops it."""

    def __init__(
        self, owner: "Device", handle: Any, free: Callable[[Any], tuple[Any, ...]]
    ) -> None:
        self.owner = owner
        self.raw = handle
        finalizer = weakref.finalize(self, _free, owner, handle, free)
        finalizer.atexit = False  # the driver frees what a process leaves behind


def _free(owner: "Device", handle: Any, free: Free) -> None:
    owner.use()
    free(handle)  # an error has nobody to go to


class Buffer(_Freed):
    def __init__(self, owner: "Device", size: int) -> None:
        owner.use()
        super().__init__(owner, ask(driver.cuMemAlloc(size)), driver.cuMemFree)
        self.address = int(self.raw)
        self.size = size


class Event(_Freed):
    def __init__(self, owner: "Device") -> None:
        owner.use()
        super().__init__(owner, ask(driver.cuEventCreate(_NO_TIMING)), driver.cuEventDestroy)

    def wait(self) -> None:
        self.owner.use()
        ask(driver.cuEventSynchronize(self.raw))


class Graph(_Freed):
    def __init__(self, owner: "Device", captured: Any, stream: "Stream") -> None:
        try:
            executable = ask(driver.cuGraphInstantiate(captured, 0))
        finally:
            driver.cuGraphDestroy(captured)
        super().__init__(owner, executable, driver.cuGraphExecDestroy)
        self._stream = stream

    def launch(self) -> None:
        self.owner.use()
        ask(driver.cuGraphLaunch(self.raw, self._stream.raw))


class Stream(_Freed):
    def __init__(self, owner: "Device") -> None:
        owner.use()
        super().__init__(owner, ask(driver.cuStreamCreate(_NON_BLOCKING)), driver.cuStreamDestroy)
        self.handle = int(self.raw)

    def upload(self, target: int, source: NDArray[np.generic]) -> None:
        self.owner.use()
        ask(driver.cuMemcpyHtoDAsync(target, source.ctypes.data, source.nbytes, self.raw))

    def download(self, target: NDArray[np.generic], source: int) -> None:
        self.owner.use()
        ask(driver.cuMemcpyDtoHAsync(target.ctypes.data, source, target.nbytes, self.raw))

    def mark(self, event: Event) -> None:
        self.owner.use()
        ask(driver.cuEventRecord(event.raw, self.raw))

    def wait(self) -> None:
        self.owner.use()
        ask(driver.cuStreamSynchronize(self.raw))

    def capture(self, work: Callable[[], None]) -> Graph:
        self.owner.use()
        ask(driver.cuStreamBeginCapture(self.raw, _THREAD_LOCAL))
        try:
            work()
        except BaseException:
            self.owner.use()
            _, captured = driver.cuStreamEndCapture(self.raw)
            if captured:
                driver.cuGraphDestroy(captured)
            raise
        return Graph(self.owner, ask(driver.cuStreamEndCapture(self.raw)), self)


class Device:
    """The first GPU, in its primary context."""

    def __init__(self) -> None:
        ask(driver.cuInit(0))
        self._device = ask(driver.cuDeviceGet(0))
        self._context = ask(driver.cuDevicePrimaryCtxRetain(self._device))
        self.name = _text(ask(driver.cuDeviceGetName(96, self._device))).split("\0")[0]
        self.capability = f"SM{self._of('MAJOR')}{self._of('MINOR')}"
        major, minor = divmod(ask(driver.cuDriverGetVersion()), 1000)
        self.driver = f"{major}.{minor // 10} (cuda-python {cuda.bindings.__version__})"

    def use(self) -> None:
        """Make its context the calling thread's."""
        ask(driver.cuCtxSetCurrent(self._context))

    def stream(self) -> Stream:
        return Stream(self)

    def event(self) -> Event:
        return Event(self)

    def buffer(self, size: int) -> Buffer:
        return Buffer(self, size)

    def pinned(self, size: int) -> NDArray[np.uint8]:
        self.use()
        address = ask(driver.cuMemHostAlloc(size, _PORTABLE))
        memory = (ctypes.c_uint8 * size).from_address(int(address))
        weakref.finalize(memory, _free, self, address, driver.cuMemFreeHost).atexit = False
        return np.frombuffer(memoryview(memory), np.uint8)

    def free_bytes(self) -> int:
        self.use()
        ask(answer := driver.cuMemGetInfo())
        return int(answer[1])

    def _of(self, part: str) -> int:
        wanted = getattr(_ATTRIBUTES, f"CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_{part}")
        return int(ask(driver.cuDeviceGetAttribute(wanted, self._device)))


def open_device() -> Device:
    """
    Raises:
        CudaFailed: no driver, no GPU, or one that cannot be used.
    """
    try:
        return Device()
    except RuntimeError as error:  # cuda-python's own, where there is no driver
        raise CudaFailed(str(error)) from error
