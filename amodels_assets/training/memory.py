"""How much is computed at once: as much as memory holds, and half of it when that was too much.

Belongs here: everything about running out of memory. Does not belong here: what is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from amodels_assets.training.device import Device

Result = TypeVar("Result")
# Share of the free memory that a micro-batch may fill: the allocator's blocks leave gaps.
_FILL = 0.85


class OutOfMemoryError(RuntimeError):
    """A single context does not fit; the message says what to do."""


class Portions:
    """How many contexts are computed at once.

    Attributes:
        size: Half of what it was, rounded up, whenever memory ran out.
    """

    def __init__(self, size: int, device: Device) -> None:
        """Begin with a number of contexts."""
        self.size = max(1, size)
        self._device = device

    def attempt(self, work: Callable[[int], Result]) -> Result:
        """What ``work`` makes when it is told how many contexts it may take at once.

        It is begun again with half of them when memory runs out, so it must stand that.

        Raises:
            OutOfMemoryError: It ran out of memory with one context.
        """
        while True:
            try:
                return work(self.size)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if self.size == 1:
                    raise OutOfMemoryError(
                        f"one context does not fit into the memory of {self._device.name}: lower "
                        "max_cells of the sampler or the width of the model; of a language model, "
                        "the length of a sequence"
                    ) from error
            # Behind the handler: until here the error holds on to what did not fit.
            self.size = (self.size + 1) // 2
            release_memory(self._device)


def largest_fit(peak_bytes: Callable[[int], int], most: int, free_bytes: int) -> int:
    """How many contexts fit into memory at once, from what two small batches took.

    Args:
        peak_bytes: Takes a training step with so many contexts and says how many bytes it needed.
        most: No more are wanted.
        free_bytes: What there is.

    Returns:
        ``most`` halved as often as needed, at least 1.
    """
    few = min(2, most)
    more = min(8, most)
    small, large = peak_bytes(few), peak_bytes(more)
    if more == few:
        return most
    each = max(0.0, (large - small) / (more - few))
    fixed = max(0.0, small - few * each)
    size = most
    while size > 1 and fixed + size * each > _FILL * free_bytes:
        size = (size + 1) // 2
    return size


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory is used up, on a GPU or on the CPU."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def release_memory(device: Device) -> None:
    """Give cached blocks back to the device."""
    if device.is_cuda:
        import torch

        torch.cuda.empty_cache()


def peak_memory(device: Device, work: Callable[[], object]) -> int:
    """Bytes of a GPU that some work needed at most, beyond what was taken before."""
    import torch

    torch.cuda.synchronize(device.number)
    before = torch.cuda.memory_allocated(device.number)
    torch.cuda.reset_peak_memory_stats(device.number)
    work()
    torch.cuda.synchronize(device.number)
    return torch.cuda.max_memory_allocated(device.number) - before
