"""Work that goes on beside requests, by one task.

Belongs here: how such a task begins and ends. Does not belong here: what it does (``audit.py``,
``exchange.py``, ``health.py``).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod


class Background(ABC):
    """Does something from ``start`` until ``close``."""

    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Go on from now on."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @abstractmethod
    async def _run(self) -> None:
        """Never returns by itself."""
