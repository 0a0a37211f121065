"""How an installation runs a training: what changes its time and cost but not its settings.

Belongs here: device, helpers, price. Does not belong here: what decides the result (``config.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Execution:
    """How to run a training.

    Attributes:
        device: What ``device.choose_device`` is asked for; empty for its own choice.
        price_per_hour: Of one GPU; None where nobody says.
        helpers: Threads that prepare the next batches; 0 for none.
        cache: Folder for vectors of texts; None to compute them each time.
    """

    device: str = ""
    price_per_hour: float | None = None
    helpers: int = 1
    cache: Path | None = None
