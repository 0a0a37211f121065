"""When Python looks for garbage while a million objects are made that are none."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def collecting_rarely() -> Generator[None]:
    """Collect only where the code asks for it; halves the time of following views."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
