"""Where a training computes: the device, its precision, and what it has left.

Belongs here: choosing and looking at a device. Does not belong here: how much fits on it
(``memory.py``), what it costs (``meter.py``) and Dagster (``resources/gpu.py``). Torch is imported
inside the functions.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

_FORM = re.compile(r"cpu|cuda(:\d+)?")


class DeviceError(ValueError):
    """The device that was asked for cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Device:
    """What a process computes on.

    Attributes:
        name: ``cpu`` or ``cuda:<number>``.
        precision: ``float32``, or ``bfloat16`` for matrix products under autocast.
    """

    name: str = "cpu"
    precision: str = "float32"

    @property
    def is_cuda(self) -> bool:
        """Whether it is a GPU."""
        return self.name.startswith("cuda")

    @property
    def number(self) -> int:
        """Number of the GPU; 0 for the CPU."""
        return int(self.name.partition(":")[2] or 0)

    @contextmanager
    def autocast(self) -> Generator[None]:
        """Compute in the device's precision; nothing changes on the CPU."""
        import torch

        if self.precision == "float32":
            yield
            return
        with torch.autocast(self.name.partition(":")[0], dtype=getattr(torch, self.precision)):
            yield


@dataclass(frozen=True)
class DeviceReport:
    """What a device has left.

    Attributes:
        device: Its name.
        model: What the maker calls it; empty for the CPU.
        memory_bytes: All of its memory; None where nobody says.
        free_bytes: What is left of it.
        utilisation_percent: How busy it was during the last moments; None where nobody says.
    """

    device: str
    model: str = ""
    memory_bytes: int | None = None
    free_bytes: int | None = None
    utilisation_percent: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON-serialisable data."""
        return asdict(self)


def choose_device(asked: str = "", *, local_rank: int = 0) -> Device:
    """Choose what to compute on.

    Args:
        asked: ``cpu``, ``cuda`` or ``cuda:<number>`` (``AMODELS_DEVICE``); empty for a GPU where
            there is one and else the CPU, with a warning.
        local_rank: Number of this process on its machine; ``cuda`` without a number is that GPU.

    Raises:
        DeviceError: What was asked for does not exist here.
    """
    import torch

    if asked and not _FORM.fullmatch(asked):
        raise DeviceError(f"AMODELS_DEVICE is {asked!r}: give cpu, cuda or cuda:<number>")
    if asked == "cpu":
        return Device()
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        if asked:
            raise DeviceError(
                f"AMODELS_DEVICE is {asked!r} and torch sees no CUDA device: take it away to "
                "compute on the CPU, or install a CUDA build of torch and a driver"
            )
        warnings.warn("no CUDA device: computing on the CPU", RuntimeWarning, stacklevel=2)
        return Device()
    number = int(asked.partition(":")[2] or local_rank)
    if number >= count:
        raise DeviceError(f"there is no device cuda:{number}: this machine has {count} of them")
    name = f"cuda:{number}"
    supported = torch.cuda.is_bf16_supported(including_emulation=False)
    return Device(name, "bfloat16" if supported else "float32")


def report(device: Device) -> DeviceReport:
    """What a device has left: from NVML where it is installed, else from torch."""
    if not device.is_cuda:
        return DeviceReport("cpu", memory_bytes=_memory("SC_PHYS_PAGES"), free_bytes=_available())
    import torch

    free, total = torch.cuda.mem_get_info(device.number)
    model = torch.cuda.get_device_name(device.number)
    busy: int | None = None
    if (handle := nvml_handle(device)) is not None:
        nvml, place = handle
        busy = int(nvml.nvmlDeviceGetUtilizationRates(place).gpu)
    return DeviceReport(device.name, model, total, free, busy)


def nvml_handle(device: Device) -> tuple[Any, Any] | None:
    """NVML and its handle of a GPU; None without NVML, which no extra installs."""
    if not device.is_cuda:
        return None
    try:
        pynvml: Any = import_module("pynvml")
    except ImportError:
        return None
    import torch

    try:
        pynvml.nvmlInit()
        # By its own identifier: CUDA_VISIBLE_DEVICES numbers the devices anew.
        identifier = f"GPU-{torch.cuda.get_device_properties(device.number).uuid}"
        return pynvml, pynvml.nvmlDeviceGetHandleByUUID(identifier)
    except pynvml.NVMLError:
        return None


def _memory(name: str) -> int | None:
    try:
        return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def _available() -> int | None:
    """Memory that a process may still take without swapping."""
    return _memory("SC_AVPHYS_PAGES")
