"""Runs a training in this process: device, processes, signals, then the loop.

Belongs here: what surrounds a run whatever it trains. Does not belong here: the loop (``loop.py``)
and what is trained (``work.py``). Imports torch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from amodels_assets.training.device import Device, choose_device
from amodels_assets.training.distributed import joined, ranks_of
from amodels_assets.training.execution import Execution
from amodels_assets.training.loop import Loop
from amodels_assets.training.loop_config import LoopConfig
from amodels_assets.training.meter import Meter
from amodels_assets.training.signals import asked_to_stop
from amodels_assets.training.work import Progress, TrainingResult, Work


def run_training(
    make_work: Callable[[Device], Work],
    config: LoopConfig,
    folder: Path,
    progress: Progress,
    execution: Execution,
) -> TrainingResult:
    """Train until the end or until SIGTERM or Ctrl-C, which save where the training is.

    Args:
        make_work: What is trained, on a device.
        config: Its settings.
        folder: Gets the checkpoint; holds the steps to resume from in the meantime.
        progress: Called after each step.
        execution: How this installation runs it.

    Raises:
        DeviceError: The device that was asked for does not exist.
        TrainingError: Training cannot go on.
        OutOfMemoryError: Not even one context fits.
    """
    ranks = ranks_of()
    device = choose_device(execution.device, local_rank=ranks.local)
    prepare_torch(config.threads, device)
    folder.mkdir(parents=True, exist_ok=True)
    with asked_to_stop() as stop, joined(ranks, device.name):
        meter = Meter(device, price_per_hour=execution.price_per_hour, devices=ranks.size)
        loop = Loop(make_work(device), device, ranks, meter)
        return loop.run(folder, progress, stop=stop, helpers=execution.helpers)


def prepare_torch(threads: int, device: Device) -> None:
    """Threads of this process, and on the CPU the same bits every time."""
    torch.set_num_threads(threads)
    # On a GPU some kernels have no deterministic form. The other function that sets this loads
    # torch's compiler, which takes longer than many a prediction.
    torch.set_deterministic_debug_mode("default" if device.is_cuda else "error")
