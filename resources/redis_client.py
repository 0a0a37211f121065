"""A connection to Redis or Valkey whose errors name no password."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from redis import Redis


class RedisUnavailableError(Exception):
    """Redis cannot be used; the message says what to do, never the password."""


@contextmanager
def connected_redis(url: str) -> Generator[Redis]:
    """A client that has answered, closed at the end.

    Args:
        url: ``redis://:password@host:port/number`` or ``rediss://`` for TLS.

    Raises:
        RedisUnavailableError: It cannot be reached, does not let us in, or fails while it is used.
    """
    try:
        import redis
        from redis.exceptions import RedisError
    except ImportError:
        raise RedisUnavailableError(
            "redis is not installed: say pip install 'amodels[redis]'"
        ) from None
    try:
        where = _without_password(url)
        client = redis.Redis.from_url(url, decode_responses=True, socket_connect_timeout=10)
    except ValueError:
        raise RedisUnavailableError(
            "AMODELS_REDIS_URL cannot be read: give redis://:password@host:port/number, with %2F "
            "for / and %23 for # in the password"
        ) from None
    with client:
        try:
            client.ping()
        except (RedisError, OSError, TypeError) as error:
            raise RedisUnavailableError(
                f"{where} cannot be reached: {_first_line(error)}; check AMODELS_REDIS_URL and "
                "that the server runs"
            ) from None
        try:
            yield client
        except RedisError as error:
            raise RedisUnavailableError(f"{where} failed: {_first_line(error)}") from None


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        raise ValueError("a sign in the password is not encoded")
    host = parts.hostname or "?"
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0]
