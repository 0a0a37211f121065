"""Whether a model server's engine computes, which its ``/health`` does not say.

Belongs here: looking at the engine's figures, asking for a token where they stand still, and what
that comes to. Does not belong here: replacing a server (``servers.py``).

vLLM's ``/health`` is answered by the process that takes requests and says no more than whether the
engine's process ended: one that hangs stays well. Its figures come with what the engine sends and
with nothing else: a request that is taken, waits, or is given up moves none of them. So while they
move, the engine computes, also in the middle of a long prompt, each part of which moves the use of
the cache. Where they stand still there may be nothing to do, or one step may take long; a token
that is asked for tells that from an engine that hangs.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from serving.gateway.http_client import Pool
from serving.releases.asking import AskError, engine_figures, one_token
from serving.releases.settings import ReleaseSettings

LOG = logging.getLogger("amodels.releases")


class Liveness:
    """Of one server's process.

    Attributes:
        moved_at: When its engine was last seen to compute, on the clock; of a server without
            figures, when it was last looked at.
    """

    def __init__(
        self,
        pool: Pool,
        url: str,
        model: Callable[[], tuple[str, float]],
        settings: ReleaseSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing was looked at yet.

        Args:
            pool: For connections.
            url: Of the server.
            model: The name that it is asked by, and the seconds that its slowest answer took when
                it was tried; 0 where that is not known.
            settings: Times.
            clock: Seconds, for tests.
        """
        self._pool = pool
        self._url = url
        self._model = model
        self._settings = settings
        self._clock = clock
        self._figures: tuple[float, ...] | None = None
        self.moved_at = clock()
        self._asking: asyncio.Task[None] | None = None
        self._missed = 0
        self._answered = False

    def gives_tokens(self) -> bool:
        """Whether a token came yet; one is asked for where none did and none is asked for."""
        if not self._answered:
            self._ask_once()
        return self._answered

    async def look(self) -> str:
        """Look at the figures and have a token asked for where that is due.

        Returns:
            Why the engine is taken to hang; empty where it is not.
        """
        settings = self._settings
        try:
            figures = await engine_figures(self._pool, self._url, settings.probe_timeout)
        except AskError:
            # That a server does not answer at all is seen by its /health.
            return ""
        if not figures:
            # Without figures, a queue cannot be told from an engine that hangs.
            self._moved()
            return ""
        if figures != self._figures:
            self._figures = figures
            self._moved()
        elif self._missed >= settings.engine_misses:
            return (
                f"its engine hangs: its figures stood still for "
                f"{self._clock() - self.moved_at:.0f} s, and {self._missed} times no token came "
                f"within {self._deadline():.3g} s"
            )
        elif self._clock() > self.moved_at + settings.still_seconds:
            self._ask_once()
        return ""

    async def close(self) -> None:
        """Leave what is being asked."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _moved(self) -> None:
        self.moved_at, self._missed = self._clock(), 0

    def _deadline(self) -> float:
        """In which a token has to come: a slow machine showed how slow when it was tried."""
        return max(self._settings.token_timeout, self._model()[1])

    def _ask_once(self) -> None:
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        try:
            await one_token(self._pool, self._url, self._model()[0], self._deadline())
        except AskError as error:
            if not error.status:
                self._missed += 1
                LOG.warning("%s was asked for a token in vain: %s", self._url, error)
                return
            # Refused, so somebody is there; what it refuses of others is in the gateway's log.
            self._moved()
        else:
            self._answered = True
            self._moved()
        finally:
            self._asking = None
