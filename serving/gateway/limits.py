"""How much a key may ask: requests a minute, tokens a day.

Belongs here: the rules, counted in this process's memory. Does not belong here: counting for
several processes (``redis_limits.py``).

Requests are limited by the generic cell rate algorithm (ITU-T I.371): one number a key, the time
at which its allowance would be whole again. A minute's allowance may be used at once. Tokens are
known when an answer ends, so a key may pass its quota by what it has under way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from serving.gateway.errors import RefusedError
from serving.gateway.keys import Key

_PERIOD = 60.0
# Keys that are counted at one time; those that are over are thrown away beyond it.
_MANY = 10_000


class Limiter(Protocol):
    """Counts what keys use."""

    async def admit(self, key: Key) -> None:
        """Count a request.

        Raises:
            RefusedError: 429, the key has used up what it may.
        """
        ...

    async def spend(self, key: Key, tokens: int) -> None:
        """Count tokens of an answer."""
        ...

    async def close(self) -> None:
        """Let go of what is held."""
        ...


def too_many_requests(key: Key, seconds: float) -> RefusedError:
    """The refusal of a key that asks too often."""
    message = f"this key may ask {key.requests_per_minute} times a minute"
    return RefusedError(429, "rate_limit_exceeded", message, retry_after=seconds)


def too_many_tokens(key: Key, now: float) -> RefusedError:
    """The refusal of a key whose tokens of the day are used up."""
    message = f"this key may use {key.tokens_per_day} tokens a day (UTC)"
    return RefusedError(429, "insufficient_quota", message, retry_after=86_400 - now % 86_400)


def day_of(now: float) -> str:
    """The UTC day of a time."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


class MemoryLimiter:
    """Counts for one process, from its start."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Nothing is counted yet."""
        self._clock = clock
        self._whole_at: dict[str, float] = {}
        self._tokens: dict[str, int] = {}
        self._day = ""

    async def admit(self, key: Key) -> None:
        """As in :class:`Limiter`."""
        now = self._clock()
        if key.tokens_per_day and self._today(now).get(key.id, 0) >= key.tokens_per_day:
            raise too_many_tokens(key, now)
        if key.requests_per_minute:
            whole_at = max(self._whole_at.get(key.id, now), now) + _PERIOD / key.requests_per_minute
            excess = whole_at - now - _PERIOD
            if excess > 1e-6:
                raise too_many_requests(key, excess)
            if len(self._whole_at) > _MANY:
                self._whole_at = {k: t for k, t in self._whole_at.items() if t > now}
            self._whole_at[key.id] = whole_at

    async def spend(self, key: Key, tokens: int) -> None:
        """As in :class:`Limiter`."""
        used = self._today(self._clock())
        used[key.id] = used.get(key.id, 0) + tokens

    async def close(self) -> None:
        """As in :class:`Limiter`."""

    def _today(self, now: float) -> dict[str, int]:
        day = day_of(now)
        if day != self._day:
            self._day, self._tokens = day, {}
        return self._tokens
