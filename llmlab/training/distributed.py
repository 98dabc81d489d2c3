"""Several processes under ``torchrun``: DDP, which copies the model, and FSDP2, which parts it.

Each process takes every n-th row of a batch; the loss is divided by the targets of the whole
batch, so that the processes together take the step that one would take.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .objective import Objective


@dataclass(frozen=True)
class Processes:
    """This process among those of the run; one alone unless ``torchrun`` started more."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this one writes files."""
        return self.rank == 0

    def share(self, batch_size: int) -> slice:
        """The rows of a batch that this process takes.

        Raises:
            ValueError: the number of processes does not divide the batch.
        """
        if batch_size % self.count:
            raise ValueError(
                f"batch_size={batch_size} does not divide among {self.count} processes; give a "
                f"multiple of {self.count}, or start another number of them"
            )
        return slice(self.rank, None, self.count)

    def summed(self, value: float) -> float:
        """The sum over all processes, the same in each."""
        if self.count == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=_device())
        dist.all_reduce(total)
        return total.item()

    def gathered(self, value) -> list:
        """Each process's value, in order of rank; plain values only."""
        if self.count == 1:
            return [value]
        values = [None] * self.count
        dist.all_gather_object(values, value)
        return values

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            dist.barrier()


@contextmanager
def processes(device: torch.device) -> Iterator[Processes]:
    """Join the others that ``torchrun`` started, and part from them at the end."""
    count = int(os.environ.get("WORLD_SIZE", 1))
    if count == 1:
        yield Processes()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def local_device(device: torch.device) -> torch.device:
    """Each process of a machine has its own CUDA device."""
    if device.type == "cuda" and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device


def distribute(objective: Objective, team: Processes, sharding: str) -> nn.Module:
    """The objective as the processes run it together.

    With FSDP2 each block's weights, gradients and moments lie in parts, one in each process
    (Zhao et al., 2023); with DDP every process holds them all.
    """
    if team.count == 1:
        return objective
    if sharding == "fsdp":
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(_device().type, (team.count,))
        transformer = objective.transformer
        for block in [*getattr(transformer, "encoder_blocks", ()), *transformer.blocks]:
            fully_shard(block, mesh=mesh)
        fully_shard(objective, mesh=mesh)
        return objective
    return nn.parallel.DistributedDataParallel(objective)


def gradients_summed(module: nn.Module, now: bool) -> AbstractContextManager:
    """A region whose backward pass exchanges gradients only where ``now`` says so."""
    if hasattr(module, "set_requires_gradient_sync"):
        module.set_requires_gradient_sync(now)
    elif not now and hasattr(module, "no_sync"):
        return module.no_sync()
    return nullcontext()


def whole(tensor: Tensor) -> Tensor:
    """The whole of a tensor that may lie in parts, on the CPU; all processes must ask for it."""
    tensor = tensor.detach()
    tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return tensor.cpu()


@torch.no_grad()
def fill(tensor: Tensor, value: Tensor) -> None:
    """The reverse of ``whole``: each process keeps its part of the value."""
    if hasattr(tensor, "full_tensor"):
        from torch.distributed.tensor import distribute_tensor

        value = value.to(tensor.device_mesh.device_type)
        tensor.copy_(distribute_tensor(value, tensor.device_mesh, tensor.placements))
    else:
        tensor.copy_(value)


def _device() -> torch.device:
    return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")
