"""Waiting for a release that is starting.

Belongs here: who waits, how long, and how many. Does not belong here: which releases there are
(``upstreams.py``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from serving.gateway.errors import RefusedError
from serving.gateway.exchange import Exchange
from serving.gateway.metrics import WAITING
from serving.gateway.upstreams import Routes

UNREACHABLE = "upstream_unreachable"
# As often as the file of upstreams is looked at.
_LOOK_SECONDS = 0.05


class Queue:
    """Requests of one process that wait."""

    def __init__(self, routes: Callable[[], Routes], most: int, seconds: float) -> None:
        """Let at most ``most`` requests wait, each for so many seconds."""
        self._routes = routes
        self._most = most
        self._seconds = seconds
        self._waiting = 0

    def is_worthwhile(self, model: str, release: str) -> bool:
        """Whether a request that no server of a release could be given may be tried again."""
        routes = self._routes()
        return release in routes.coming or routes.release_of(model) not in {release, None}

    async def release(self, exchange: Exchange, model: str) -> str:
        """The release that a model's name means, once it is ready.

        The name is looked up anew each time: an alias may lead elsewhere when the wait is over.

        Raises:
            RefusedError: 404 for a name that there is not, 503 where it takes too long, too many
                wait, or none is coming.
        """
        # Each answer is of one reading: from one to the next a name may lead elsewhere.
        routes = self._routes()
        release = _find(routes, model)
        if release in routes.coming:
            routes, release = await self._wait(exchange, model, release)
        if release not in routes.ready:
            raise RefusedError(503, UNREACHABLE, "no server of it is ready", retry_after=5)
        return release

    async def _wait(self, exchange: Exchange, model: str, release: str) -> tuple[Routes, str]:
        if self._waiting >= self._most or not self._seconds:
            raise _starting(release)
        end = exchange.queued_until or asyncio.get_running_loop().time() + self._seconds
        exchange.queued_until = end
        # A little more, so that it is this that ends the wait.
        exchange.end_after(self._seconds + 5, "no release was ready in time")
        exchange.watch_client()
        self._waiting += 1
        WAITING.set(self._waiting)
        try:
            while True:
                routes = self._routes()
                release = _find(routes, model)
                if release not in routes.coming:
                    return routes, release
                if asyncio.get_running_loop().time() > end:
                    raise _starting(release)
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self._waiting -= 1
            WAITING.set(self._waiting)


def _find(routes: Routes, model: str) -> str:
    release = routes.release_of(model)
    if release is None:
        raise no_model(model)
    return release


def no_model(name: str) -> RefusedError:
    """There is no model of that name."""
    return RefusedError(404, "model_not_found", f"there is no model {name[:128]!r}")


def _starting(release: str) -> RefusedError:
    return RefusedError(503, "release_starting", f"{release} is being started", retry_after=10)
