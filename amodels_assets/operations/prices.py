"""What an hour of a processor costs and draws, as far as somebody declared it.

Belongs here: reading the declaration, and pricing what was measured. Does not belong here: figures
of our own; what is not declared stays unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from amodels_assets.datasets.sections import Section, read_yaml

_HOUR = 3600.0


@dataclass(frozen=True)
class Prices:
    """Declared figures, None where there is none.

    Attributes:
        currency: Of the prices; empty where none is declared.
        cpu_price_per_hour: Of one CPU.
        gpu_price_per_hour: Of one GPU.
        cpu_watts: That one busy CPU draws.
        gpu_watts: That one busy GPU draws, for where its energy is not measured.
    """

    currency: str = ""
    cpu_price_per_hour: float | None = None
    gpu_price_per_hour: float | None = None
    cpu_watts: float | None = None
    gpu_watts: float | None = None

    def cost(
        self, cpu_seconds: float | None, gpu_seconds: float | None, known: float | None = None
    ) -> float | None:
        """Price of what was used.

        Args:
            cpu_seconds: None for unknown.
            gpu_seconds: None for unknown.
            known: What the GPUs cost, where that was reported.

        Returns:
            None where no part of it is known.
        """
        gpu = known if known is not None else _times(gpu_seconds, self.gpu_price_per_hour, _HOUR)
        return _sum(_times(cpu_seconds, self.cpu_price_per_hour, _HOUR), gpu)

    def energy(
        self, cpu_seconds: float | None, gpu_seconds: float | None, known: float | None = None
    ) -> float | None:
        """Joules of what was used; the arguments as for :meth:`cost`."""
        gpu = known if known is not None else _times(gpu_seconds, self.gpu_watts, 1.0)
        return _sum(_times(cpu_seconds, self.cpu_watts, 1.0), gpu)


def read_prices(path: Path | None, gpu_price_per_hour: float | None = None) -> Prices:
    """Read the declaration.

    Args:
        path: A YAML file with the fields of :class:`Prices`; None for none.
        gpu_price_per_hour: Of the installation, for where the file has none.

    Raises:
        SpecError: The file cannot be used; the message names the place.
    """
    if path is None:
        return Prices(gpu_price_per_hour=gpu_price_per_hour)
    section = Section(read_yaml(path), str(path), "the file")
    figures = ("cpu_price_per_hour", "gpu_price_per_hour", "cpu_watts", "gpu_watts")
    section.allow({"currency", *figures})
    found = {name: section.number(name, 2.5) if section.has(name) else None for name in figures}
    if found["gpu_price_per_hour"] is None:
        found["gpu_price_per_hour"] = gpu_price_per_hour
    return Prices(section.optional_text("currency") or "", **found)


def _times(seconds: float | None, figure: float | None, unit: float) -> float | None:
    return None if seconds is None or figure is None else seconds / unit * figure


def _sum(*parts: float | None) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None
