"""CUDA through PyCUDA. What it has no words for, graphs, is asked of the driver itself.

The primary context is retained once and pushed for each call, on whichever thread that is; it never
stays on a thread, which PyCUDA would abort the process for when the thread ends.
"""

import ctypes
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pycuda
from numpy.typing import NDArray
from pycuda import driver

from edge.inference.cuda.layer import CudaFailed

_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: does not wait for the default stream
_NO_FLAGS = ctypes.c_ulonglong(0)
_THREAD_LOCAL = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL


class _Freed:
    """Holds one thing of PyCUDA, and lets go of it within the context, whichever thread that is."""

    def __init__(self, owner: "Device", raw: Any) -> None:
        self.owner = owner
        self.held = [raw]
        weakref.finalize(self, _let_go, owner, self.held).atexit = False

    @property
    def raw(self) -> Any:
        return self.held[0]


def _let_go(owner: "Device", held: list[Any]) -> None:
    with owner:
        held.clear()


class Buffer(_Freed):
    def __init__(self, owner: "Device", size: int) -> None:
        with owner:
            super().__init__(owner, driver.mem_alloc(size))
        self.address = int(self.raw)
        self.size = size


class Event(_Freed):
    def __init__(self, owner: "Device") -> None:
        with owner:
            super().__init__(owner, driver.Event(driver.event_flags.DISABLE_TIMING))

    def wait(self) -> None:
        with self.owner:
            self.raw.synchronize()


class Graph:
    def __init__(self, owner: "Device", captured: ctypes.c_void_p, stream: "Stream") -> None:
        executable = ctypes.c_void_p()
        try:
            owner.ask("cuGraphInstantiateWithFlags", ctypes.byref(executable), captured, _NO_FLAGS)
        finally:
            owner.library.cuGraphDestroy(captured)
        self._owner, self._stream, self._raw = owner, stream, executable
        weakref.finalize(self, _destroy, owner, executable).atexit = False

    def launch(self) -> None:
        with self._owner:
            self._owner.ask("cuGraphLaunch", self._raw, self._stream.pointer)


def _destroy(owner: "Device", executable: ctypes.c_void_p) -> None:
    with owner:
        owner.library.cuGraphExecDestroy(executable)  # an error has nobody to go to


class Stream(_Freed):
    def __init__(self, owner: "Device") -> None:
        with owner:
            super().__init__(owner, driver.Stream(_NON_BLOCKING))
        self.handle = int(self.raw.handle)
        self.pointer = ctypes.c_void_p(self.handle)

    def upload(self, target: int, source: NDArray[np.generic]) -> None:
        with self.owner:
            driver.memcpy_htod_async(target, source, self.raw)

    def download(self, target: NDArray[np.generic], source: int) -> None:
        with self.owner:
            driver.memcpy_dtoh_async(target, source, self.raw)

    def mark(self, event: Event) -> None:
        with self.owner:
            event.raw.record(self.raw)

    def wait(self) -> None:
        with self.owner:
            self.raw.synchronize()

    def capture(self, work: Callable[[], None]) -> Graph:
        with self.owner:
            self.owner.ask("cuStreamBeginCapture_v2", self.pointer, _THREAD_LOCAL)
            captured = ctypes.c_void_p()
            try:
                work()
            except BaseException:
                self.owner.library.cuStreamEndCapture(self.pointer, ctypes.byref(captured))
                if captured:
                    self.owner.library.cuGraphDestroy(captured)
                raise
            self.owner.ask("cuStreamEndCapture", self.pointer, ctypes.byref(captured))
            return Graph(self.owner, captured, self)


class Device:
    """The first GPU. `with` makes its primary context the calling thread's, and nests."""

    def __init__(self) -> None:
        driver.init()
        self.library = ctypes.CDLL("libcuda.so.1")
        gpu = driver.Device(0)
        self._context = gpu.retain_primary_context()
        self.name = str(gpu.name())
        self.capability = "SM{}{}".format(*gpu.compute_capability())
        major, minor = divmod(driver.get_driver_version(), 1000)
        self.driver = f"{major}.{minor // 10} (pycuda {pycuda.VERSION_TEXT})"

    def __enter__(self) -> None:
        self._context.push()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        driver.Context.pop()
        if isinstance(error, driver.Error):
            raise CudaFailed(str(error)) from error

    def ask(self, function: str, *arguments: Any) -> None:
        """Call the driver by the name of a function of its own.

        Raises:
            CudaFailed: it answers with an error.
        """
        if code := getattr(self.library, function)(*arguments):
            name = ctypes.c_char_p()
            self.library.cuGetErrorName(code, ctypes.byref(name))
            raise CudaFailed(f"{function}: {(name.value or b'').decode() or code}")

    def stream(self) -> Stream:
        return Stream(self)

    def event(self) -> Event:
        return Event(self)

    def buffer(self, size: int) -> Buffer:
        return Buffer(self, size)

    def pinned(self, size: int) -> NDArray[np.uint8]:
        with self:
            held = [driver.pagelocked_empty(size, np.uint8)]
        memory = (ctypes.c_uint8 * size).from_address(held[0].ctypes.data)
        weakref.finalize(memory, _let_go, self, held).atexit = False
        return np.frombuffer(memoryview(memory), np.uint8)

    def free_bytes(self) -> int:
        with self:
            return int(driver.mem_get_info()[0])


def open_device() -> Device:
    """
    Raises:
        CudaFailed: no driver, no GPU, or one that cannot be used.
    """
    try:
        return Device()
    except (driver.Error, OSError) as error:
        raise CudaFailed(str(error)) from error
