"""A network on a GPU, host to host: one launch a batch, and the caller may do something else then.

For every size of batch there are buffers that never move, page-locked ones of the host and ones of
the GPU, and one CUDA graph: the copy there, every kernel, one copy of all outputs back.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.inference.cuda.layer import Buffer, CudaFailed, Device, Event, Graph, Stream
from edge.inference.runner import Outputs, Precision, RunFailed

log = logging.getLogger(__name__)
WARM_UP = 3  # runs of a batch before it is captured: they allocate, and choose their kernels
ALIGNED = 64  # float32 values, 256 bytes: where every output begins


@dataclass(frozen=True, slots=True)
class Ports:
    """What goes in and comes out for one window, without the batch axis; outputs are float32."""

    shape: tuple[int, ...]
    element: type[np.uint8] | type[np.float32]
    outputs: Mapping[str, tuple[int, ...]]


class Network(Protocol):
    """A library's compiled network."""

    ports: Ports
    is_whole: bool  # nothing of it runs on the processor, which no graph can hold

    def bind(self, size: int, given: int, answers: Mapping[str, int]) -> Callable[[], None]:
        """What enqueues a batch of `size` windows between these addresses of the GPU.

        Raises, like what it returns:
            RunFailed: the library refused.
        """


class Batch:
    """Buffers and the captured graph of one size."""

    def __init__(self, device: Device, stream: Stream, network: Network, size: int) -> None:
        ports = network.ports
        self.size = size
        self._stream = stream
        nbytes = size * math.prod(ports.shape) * np.dtype(ports.element).itemsize
        self.windows = device.pinned(nbytes).view(ports.element).reshape(size, *ports.shape)
        self.places: dict[str, tuple[int, int, tuple[int, ...]]] = {}
        end = 0
        for name, shape in ports.outputs.items():
            count = size * math.prod(shape)
            self.places[name] = (end, end + count, (size, *shape))
            end += -(-count // ALIGNED) * ALIGNED
        self.answers = device.pinned(4 * end).view(np.float32)
        self._on_gpu: tuple[Buffer, Buffer] = (device.buffer(nbytes), device.buffer(4 * end))
        given, found = (one.address for one in self._on_gpu)
        addresses = {name: found + 4 * start for name, (start, _, _) in self.places.items()}
        self._enqueue = network.bind(size, given, addresses)
        self._is_whole = network.is_whole
        self._given, self._found = given, found
        self._graph: Graph | None = None

    def prepare(self) -> None:
        """Warm up on silence, and capture. A network that cannot be captured runs without.

        Raises:
            RunFailed: it does not run at all.
        """
        self.windows.fill(0)
        for _ in range(WARM_UP):
            self._whole()
        self._stream.wait()
        if not self._is_whole:
            log.warning("runs without a CUDA graph: part of it runs on the processor")
            return
        try:
            graph = self._stream.capture(self._whole)
            graph.launch()
            self._stream.wait()
        except RunFailed as error:
            log.warning("runs without a CUDA graph, kernel by kernel: %s", error)
            self._whole()
            self._stream.wait()
        else:
            self._graph = graph

    @property
    def is_graph(self) -> bool:
        return self._graph is not None

    def launch(self) -> None:
        if self._graph is not None:
            self._graph.launch()
        else:
            self._whole()

    def _whole(self) -> None:
        self._stream.upload(self._given, self.windows)
        self._enqueue()
        self._stream.download(self.answers, self._found)

    def outputs(self, count: int) -> list[Outputs]:
        """Copies of what came back: the next run writes into the same memory."""
        flat = self.answers.copy()
        whole = {
            name: flat[start:end].reshape(shape)
            for name, (start, end, shape) in self.places.items()
        }
        return [{name: value[row] for name, value in whole.items()} for row in range(count)]


class Running:
    """A batch on its way. Its answers are fetched before the next one starts, at the latest."""

    def __init__(self, batch: Batch, event: Event, count: int, name: str) -> None:
        self._batch = batch
        self._event = event
        self._count = count
        self._name = name
        self._answers: list[Outputs] | None = None
        self._failure: CudaFailed | None = None

    def settle(self) -> None:
        if self._answers is None and self._failure is None:
            try:
                self._event.wait()
            except CudaFailed as error:
                self._failure = error
            else:
                self._answers = self._batch.outputs(self._count)

    def wait(self) -> list[Outputs]:
        self.settle()
        if self._answers is None:
            raise RunFailed(f"{self._name}: {self._failure}") from self._failure
        return self._answers


class GpuRunner:
    """A network with a stream of its own, so that the networks of a part run side by side.

    Raises, on construction:
        RunFailed: it does not run.
    """

    def __init__(
        self,
        device: Device,
        stream: Stream,
        network: Network,
        *,
        name: str,
        precision: Precision,
        most: int,
    ) -> None:
        self.name = name
        self.precision = precision
        self.most = most
        self._batches = [Batch(device, stream, network, size) for size in sizes(most)]
        self._device = device
        self._stream = stream
        self._event = device.event()
        self._running: Running | None = None
        for batch in self._batches:
            batch.prepare()

    @property
    def is_graph(self) -> bool:
        """Every batch is one captured graph."""
        return all(batch.is_graph for batch in self._batches)

    def free_bytes(self) -> int:
        """Of its GPU's memory, whoever uses the rest."""
        return self._device.free_bytes()

    def start(self, windows: Sequence[NDArray[np.generic]]) -> Running:
        """As `Runner.start`: returns once everything is enqueued, copies included."""
        if not 1 <= len(windows) <= self.most:
            raise ValueError(f"{len(windows)} windows, 1 to {self.most} make a batch")
        if self._running is not None:
            self._running.settle()
        batch = next(one for one in self._batches if one.size >= len(windows))
        for row, window in enumerate(windows):
            batch.windows[row] = window
        batch.launch()
        self._stream.mark(self._event)
        self._running = Running(batch, self._event, len(windows), self.name)
        return self._running

    def run(self, data: NDArray[np.generic]) -> Outputs:
        return self.start([data]).wait()[0]


def sizes(most: int) -> list[int]:
    """Batches that are captured: powers of two, and the largest. Others are filled up."""
    return sorted({min(2**power, most) for power in range(most.bit_length() + 1)})
