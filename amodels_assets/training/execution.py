"""How an installation runs a training: what changes its time and cost but not its settings.

Belongs here: device, helpers, price. Does not belong here: what decides the result (``config.py``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

DEVICE = "AMODELS_DEVICE"
PRICE = "AMODELS_GPU_PRICE_PER_HOUR"


@dataclass(frozen=True)
class Execution:
    """How to run a training.

    Attributes:
        device: What ``device.choose_device`` is asked for; empty for its own choice.
        price_per_hour: Of one GPU; None where nobody says.
        helpers: Threads that prepare the next batches; 0 for none.
    """

    device: str = ""
    price_per_hour: float | None = None
    helpers: int = 1


def execution_from_environment(environment: Mapping[str, str] | None = None) -> Execution:
    """What ``AMODELS_DEVICE`` and ``AMODELS_GPU_PRICE_PER_HOUR`` say.

    Raises:
        ValueError: The price is no number.
    """
    env = os.environ if environment is None else environment
    text = env.get(PRICE) or ""
    try:
        price = float(text) if text else None
    except ValueError:
        raise ValueError(f"{PRICE} is {text!r}: give a number, 2.5 say") from None
    if price is not None and not 0 <= price < float("inf"):
        raise ValueError(f"{PRICE} is {text!r}: give a number, 2.5 say")
    return Execution(device=env.get(DEVICE) or "", price_per_hour=price)
