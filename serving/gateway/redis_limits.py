"""What keys used, counted in Redis for all processes of the gateway.

Belongs here: the counting and what happens while Redis is away. Does not belong here: the rules
(``limits.py``). While Redis cannot be used, requests are counted in this process's memory, so that
answers go on and the limits hold by process; ``/readyz`` says so.
"""

from __future__ import annotations

import contextlib
import time

from redis.asyncio import Redis
from redis.exceptions import RedisError

from serving.gateway.keys import Key
from serving.gateway.limits import MemoryLimiter, day_of, too_many_requests, too_many_tokens

# Long enough for a server in the same data centre, short enough to stand beside an answer.
_SECONDS = 0.25
# After a failure Redis is left alone for this long.
_PAUSE = 2.0

# One look: tokens of the day, then the time at which the key's allowance is whole again. The
# server's clock is the only one, so that processes on several machines agree.
_ADMIT = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1e6
if tonumber(ARGV[2]) > 0 and tonumber(redis.call('GET', KEYS[2]) or 0) >= tonumber(ARGV[2]) then
  return 'tokens'
end
local rate = tonumber(ARGV[1])
if rate > 0 then
  local whole = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + 60 / rate
  local excess = whole - now - 60
  if excess > 1e-6 then return tostring(excess) end
  redis.call('SET', KEYS[1], string.format('%.6f', whole), 'PX', math.ceil((whole - now) * 1000))
end
return ''
"""
_SPEND = """
redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], 172800)
"""


class RedisLimiter:
    """Counts in Redis.

    Attributes:
        away: Why Redis cannot be used now, empty while it can.
    """

    def __init__(self, url: str) -> None:
        """Connect on first use.

        Raises:
            ValueError: The URL cannot be read.
        """
        self._client = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=_SECONDS,
            socket_connect_timeout=_SECONDS,
            max_connections=64,
        )
        self._admit = self._client.register_script(_ADMIT)
        self._spend = self._client.register_script(_SPEND)
        self._memory = MemoryLimiter()
        self._again_at = 0.0
        self.away = ""

    async def admit(self, key: Key) -> None:
        """As in :class:`serving.gateway.limits.Limiter`."""
        if not key.requests_per_minute and not key.tokens_per_day:
            return None
        if time.monotonic() < self._again_at:
            return await self._memory.admit(key)
        try:
            answer = await self._admit(
                keys=[f"amodels:gateway:rate:{key.id}", _tokens_of(key)],
                args=[key.requests_per_minute, key.tokens_per_day],
            )
        except (TimeoutError, RedisError, OSError) as error:
            self._failed(error)
            return await self._memory.admit(key)
        self.away = ""
        if answer == "tokens":
            raise too_many_tokens(key, time.time())
        if answer:
            raise too_many_requests(key, float(answer))
        return None

    async def spend(self, key: Key, tokens: int) -> None:
        """As in :class:`serving.gateway.limits.Limiter`."""
        if not key.tokens_per_day:
            return
        # Counted here too, so that the quota is not forgotten at once when Redis goes.
        await self._memory.spend(key, tokens)
        if time.monotonic() < self._again_at:
            return
        try:
            await self._spend(keys=[_tokens_of(key)], args=[tokens])
        except (TimeoutError, RedisError, OSError) as error:
            self._failed(error)

    async def ping(self) -> None:
        """Ask whether Redis can be used.

        Raises:
            ConnectionError: It cannot; the message holds no password.
        """
        try:
            await self._client.ping()
        except (TimeoutError, RedisError, OSError) as error:
            self._failed(error)
            raise ConnectionError(self.away) from None
        self.away, self._again_at = "", 0.0

    async def close(self) -> None:
        """As in :class:`serving.gateway.limits.Limiter`."""
        with contextlib.suppress(RedisError, OSError):
            await self._client.aclose()

    def _failed(self, error: Exception) -> None:
        self.away = f"Redis cannot be used: {type(error).__name__}"
        self._again_at = time.monotonic() + _PAUSE


def _tokens_of(key: Key) -> str:
    return f"amodels:gateway:tokens:{key.id}:{day_of(time.time())}"
