"""Several processes that train one model, as ``torchrun`` starts them.

Belongs here: who this process is, and what processes tell each other. Does not belong here: the
loop. Torch is imported inside the functions.

Every process computes the gradients of its share of a batch, in as many micro-batches as its memory
asks for; then one sum over all processes makes them the gradients of the whole batch. The sum is
taken once, behind the backward pass and not during it as ``DistributedDataParallel`` does: a
process that runs out of memory can then repeat its share while the others wait, and the networks
are small enough for the wait to be short.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together.

    Attributes:
        rank: Its number; 0 writes the checkpoints.
        size: How many there are.
        local: Its number on this machine.
    """

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process speaks for all."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """Which of ``count`` things are this process's; the shares differ by one at most."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def sum(self, numbers: Tensor) -> Tensor:
        """The sum of a tensor over all processes, in its own place."""
        if self.size > 1:
            from torch import distributed

            distributed.all_reduce(numbers)
        return numbers

    def any(self, flag: bool, device: str = "cpu") -> bool:
        """Whether it is true of any process."""
        import torch

        return bool(self.sum(torch.tensor(float(flag), device=device)) > 0)

    def all(self, thing: object) -> list[Any]:
        """What every process has, by rank; must be picklable."""
        if self.size == 1:
            return [thing]
        from torch import distributed

        found: list[Any] = [None] * self.size
        distributed.all_gather_object(found, thing)
        return found

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.size > 1:
            from torch import distributed

            distributed.barrier()


def ranks_of(environment: Mapping[str, str] | None = None) -> Ranks:
    """This process as ``torchrun`` describes it; alone where it was started otherwise."""
    env = os.environ if environment is None else environment
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    return Ranks(*(int(env.get(name, default)) for name, default in zip(names, "010", strict=True)))


@contextmanager
def joined(ranks: Ranks, device: str) -> Generator[None]:
    """Connect the processes: by NCCL between GPUs, by gloo between CPUs."""
    if ranks.size == 1:
        yield
        return
    from torch import cuda, distributed

    if device != "cpu":
        cuda.set_device(device)
    distributed.init_process_group("gloo" if device == "cpu" else "nccl")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def sum_gradients(ranks: Ranks, model: nn.Module, beside: Iterable[float]) -> list[float]:
    """Sum the gradients of all processes, in place.

    Args:
        ranks: The processes.
        model: Its parameters hold this process's gradients; one without is left out where no
            process has one.
        beside: Numbers that are summed on the way.

    Returns:
        The sums of ``beside``.
    """
    import torch

    numbers = list(beside)
    if ranks.size == 1:
        return numbers
    parameters = list(model.parameters())
    place = parameters[0].device
    extra = torch.tensor(
        [*numbers, *(float(p.grad is not None) for p in parameters)],
        dtype=torch.float64,
        device=place,
    )
    sums = ranks.sum(extra).tolist()
    used = [p for p, n in zip(parameters, sums[len(numbers) :], strict=True) if n]
    flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in used])
    ranks.sum(flat)
    for parameter, part in zip(used, flat.split([p.numel() for p in used]), strict=True):
        parameter.grad = part.view_as(parameter).clone()
    return sums[: len(numbers)]
