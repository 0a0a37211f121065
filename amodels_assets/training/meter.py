"""What a training uses: seconds of GPUs, energy, money.

Belongs here: counting. Does not belong here: where the counts are kept (``checkpoint.py``).
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from amodels_assets.training.device import Device, nvml_handle

_SECONDS_AN_HOUR = 3600.0


@dataclass
class Usage:
    """What a training has used so far, over all of its attempts and processes.

    Attributes:
        gpu_seconds: Seconds times GPUs; 0 on the CPU.
        energy_joules: Energy of the GPUs; None where nobody measures it.
        cost: Money, where a price is configured; in the price's currency.
    """

    gpu_seconds: float = 0.0
    energy_joules: float | None = None
    cost: float | None = None

    def to_json(self) -> dict[str, float | None]:
        """As JSON-serialisable data."""
        return asdict(self)


class Meter:
    """Measures what a training uses on its device.

    Nothing is counted on the CPU: two runs of the same training there leave the same bytes.
    """

    def __init__(
        self, device: Device, *, price_per_hour: float | None = None, devices: int = 1
    ) -> None:
        """Begin to measure.

        Args:
            device: Of this process.
            price_per_hour: Of one GPU (``AMODELS_GPU_PRICE_PER_HOUR``).
            devices: How many work at the same time.
        """
        self._device = device
        self._price = price_per_hour
        self._devices = devices
        self._before = Usage()
        self._started = time.monotonic()
        self._energy = energy_joules(device)

    def add(self, before: Usage) -> None:
        """Count what earlier attempts used."""
        self._before = before

    def read(self) -> Usage:
        """What was used so far."""
        if not self._device.is_cuda:
            return self._before
        spent = (time.monotonic() - self._started) * self._devices
        seconds = round(self._before.gpu_seconds + spent, 3)
        energy = self._before.energy_joules
        now = energy_joules(self._device)
        if now is not None and self._energy is not None:
            # Every process measures its own; they are alike, so this one stands for all.
            energy = (energy or 0.0) + (now - self._energy) * self._devices
        cost = None if self._price is None else seconds / _SECONDS_AN_HOUR * self._price
        return Usage(seconds, energy, cost)


def energy_joules(device: Device) -> float | None:
    """Energy that a GPU has used since its driver was loaded; None where nobody measures it."""
    handle = nvml_handle(device)
    if handle is None:
        return None
    nvml, place = handle
    try:
        return nvml.nvmlDeviceGetTotalEnergyConsumption(place) / 1000
    except nvml.NVMLError:
        # Older models and some virtual ones do not measure it.
        return None
