"""The processes that teach together: one, or as many as torchrun started (one a GPU)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import distributed, nn

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Team:
    """This process among `size`."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """It alone writes files and prints."""
        return self.rank == 0

    def joined(self, network: nn.Module) -> nn.Module:
        """The network, its gradients averaged over all members."""
        if self.size == 1:
            return network
        if self.device.type == "cuda":
            convert = nn.SyncBatchNorm.convert_sync_batchnorm
            network = convert(network)  # type: ignore[no-untyped-call]
            return nn.parallel.DistributedDataParallel(network, device_ids=[self.device.index])
        return nn.parallel.DistributedDataParallel(network)

    def shared(self, value: Value) -> Value:
        """What the first member says, at every member."""
        if self.size == 1:
            return value
        said = [value]
        distributed.broadcast_object_list(said, src=0)
        return said[0]

    def gathered(self, value: Value) -> list[Value]:
        """What each member says."""
        if self.size == 1:
            return [value]
        said = [value] * self.size
        distributed.all_gather_object(said, value)
        return said


@contextmanager
def team() -> Iterator[Team]:
    """By the variables that torchrun sets; without them, this process alone."""
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    has_gpu = torch.cuda.is_available()
    device = torch.device("cpu")
    if has_gpu:
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    if size == 1:
        yield Team(0, 1, device)
        return
    distributed.init_process_group("nccl" if has_gpu else "gloo")
    try:
        yield Team(rank, size, device)
    finally:
        distributed.destroy_process_group()
