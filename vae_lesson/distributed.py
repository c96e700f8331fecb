"""Several processes train one model, each on its share of every batch: what they agree on. See `train`.

    torchrun --nproc-per-node=2 -m vae_lesson train --save runs/digits.pt

Every process draws the noise of the whole batch and keeps its own share, so that the run is the one that a single
process would have made, up to the rounding of sums; on GPUs only if they are of one kind, for each draws its own.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")


@dataclass(frozen=True)
class Group:
    """The processes that train together: this one's rank, and how many there are; alone it is 0 of 1."""

    rank: int = 0
    size: int = 1

    @classmethod
    def joined(cls) -> "Group":
        """The group that `together` joined; a group of one outside it."""
        together = dist.is_available() and dist.is_initialized()
        return cls(dist.get_rank(), dist.get_world_size()) if together else cls()

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes files and speaks."""
        return self.rank == 0

    def share(self, n: int) -> slice:
        """This process's part of n things: every size-th; none, if there are fewer things than processes."""
        return slice(self.rank, n, self.size)

    def total(self, values: Tensor) -> Tensor:
        """The sum of values over the processes, in place."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is set in any of the processes."""
        return flag if self.size == 1 else bool(self.total(torch.tensor(float(flag), device=device)))

    def leaders(self, value: T) -> T:
        """What the process that leads has for value: figures that decide something must not differ by a rounding."""
        values = [value]
        if self.size > 1:
            dist.broadcast_object_list(values, src=0)
        return values[0]

    def wait(self) -> None:
        """Go on when all processes have come here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def together(device: str) -> Iterator[Group]:
    """Join the processes that torchrun started, over nccl between GPUs and gloo else; alone where it started none.

    Args:
        device: as `pick_device` takes it. On a machine with several GPUs each process takes one.

    Raises:
        ValueError: torchrun started more processes on this machine than it has GPUs.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield Group()
        return
    on_gpus = torch.cuda.is_available() and device != "cpu"
    if on_gpus:
        number, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if number >= gpus:
            raise ValueError(f"no GPU is left for process {number + 1} here: start at most {gpus}, or add --device cpu")
        torch.cuda.set_device(number)
        dist.init_process_group("nccl", device_id=torch.device("cuda", number))
    else:
        dist.init_process_group("gloo")
    try:
        yield Group.joined()
    finally:
        dist.destroy_process_group()
