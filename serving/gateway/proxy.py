"""Passing a request on and its answer back.

Belongs here: choosing among servers, trying another while nothing was sent, and relaying parts as
they come. Does not belong here: which servers there are and what a request means.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from serving.gateway.addresses import Address
from serving.gateway.errors import UPSTREAM_FAILED, RefusedError
from serving.gateway.exchange import CLIENT_STALLED, Exchange
from serving.gateway.http_client import (
    BrokenResponseError,
    Connection,
    Headers,
    NotSentError,
    Pool,
)
from serving.gateway.metrics import UPSTREAM_FAILURES

# Of one hop only (RFC 9110, 7.6.1), or written anew by this server.
HOP_BY_HOP = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization",
        b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
        b"date", b"server", b"x-request-id", b"x-amodels-release",
    }
)  # fmt: skip
_WAITS = (0.0, 0.1, 0.3)


class Meter(Protocol):
    """Looks at an answer's parts as they pass."""

    def feed(self, chunk: bytes) -> bytes:
        """Take a part; gives what to pass on."""
        ...

    def end(self) -> bytes:
        """What is left to pass on."""
        ...


class Target(Protocol):
    """A server that can be asked."""

    @property
    def name(self) -> str:
        """For the metrics."""
        ...

    @property
    def address(self) -> Address:
        """Where it listens."""
        ...


class Proxy:
    """Passes requests on."""

    def __init__(self, pool: Pool, answer_seconds: float, idle_seconds: float) -> None:
        """Use the connections of ``pool``."""
        self._pool = pool
        self._answer_seconds = answer_seconds
        self._idle_seconds = idle_seconds
        self._busy: Counter[str] = Counter()

    async def relay(
        self,
        exchange: Exchange,
        targets: Callable[[], Sequence[Target]],
        request: tuple[bytes, bytes, Headers, bytes],
        meter: Callable[[Connection], Meter | None] = lambda _: None,
    ) -> None:
        """Ask one of the servers and pass its answer on.

        Args:
            exchange: What is answered.
            targets: The servers that can be asked now; asked again before another attempt.
            request: Method, target, headers and body for the server.
            meter: Makes what looks at the answer's parts, of an answer whose headers have come.

        Raises:
            RefusedError: 502 or 503, no server answered.
        """
        exchange.end_after(self._answer_seconds, "no answer began in time")
        target, connection = await self._connected(targets)
        self._busy[target.name] += 1
        try:
            exchange.watch_client()
            connection.send(request[0], request[1], self._own(target, request[2]), request[3])
            await connection.head()
            await self._pass_on(exchange, connection, meter(connection))
        except BrokenResponseError as error:
            UPSTREAM_FAILURES.labels(target.name, "broken").inc()
            raise RefusedError(502, UPSTREAM_FAILED, f"{target.name}: {error}") from error
        finally:
            self._busy[target.name] -= 1
            # One whose answer is not whole is closed: so the server learns that nobody listens.
            self._pool.give_back(target.address, connection)

    async def _pass_on(
        self, exchange: Exchange, connection: Connection, meter: Meter | None
    ) -> None:
        stalled = "the answer stood still"
        exchange.end_after(self._idle_seconds, stalled)
        measured = meter is not None and _is_stream(connection)
        headers = [
            (name, value)
            for name, value in connection.headers
            if name not in HOP_BY_HOP and not (measured and name == b"content-length")
        ]
        await exchange.begin(connection.status, headers)
        while True:
            chunk = await connection.read()
            exchange.end_after(self._idle_seconds, CLIENT_STALLED)
            last = connection.complete
            if meter is not None:
                chunk = meter.feed(chunk)
                if last:
                    chunk += meter.end()
            if chunk or last:
                await exchange.part(chunk, more=not last)
            if last:
                return
            exchange.end_after(self._idle_seconds, stalled)

    async def _connected(
        self, targets: Callable[[], Sequence[Target]]
    ) -> tuple[Target, Connection]:
        for wait in _WAITS:
            if wait:
                await asyncio.sleep(wait)
            for target in sorted(targets(), key=lambda t: self._busy[t.name]):
                try:
                    return target, await self._pool.open(target.address)
                except NotSentError:
                    UPSTREAM_FAILURES.labels(target.name, "unreachable").inc()
        raise RefusedError(
            503, "upstream_unreachable", "no server of it can be reached", retry_after=5
        )

    @staticmethod
    def _own(target: Target, headers: Headers) -> Headers:
        return [(b"host", target.address.authority.encode()), *headers]


def _is_stream(connection: Connection) -> bool:
    return any(
        name == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in connection.headers
    )
