"""HTTP/1.1 to the servers behind the gateway.

Belongs here: connections that are kept, one request at a time on each, and responses read as they
come with back-pressure. Does not belong here: which server is asked and what is passed on.

Why not a general client: httpx and aiohttp were measured in its place (``docs/serving.md``); each
takes most of the CPU time that a request may cost if one core is to pass on 2,000 a second. The
protocol itself is parsed by llhttp, through httptools, as on the server's side.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from typing import cast

import httptools

from serving.gateway.addresses import Address

# A response that is read more slowly than it comes is held back at this much.
HIGH_WATER = 65_536
_LOW_WATER = 16_384
# uvicorn closes a connection after five idle seconds; leaving before it does means that a request
# does not meet a connection that is being closed.
_IDLE_SECONDS = 2.0
_MOST_HEADER_BYTES = 65_536

Headers = list[tuple[bytes, bytes]]


class NotSentError(Exception):
    """The server could not be reached; nothing of the request was sent."""


class BrokenResponseError(Exception):
    """The server went away or answered wrongly after the request was sent."""


class Connection(asyncio.Protocol):
    """One connection, and the response that is being read from it.

    Attributes:
        status: Of the response, once :meth:`head` returned.
        headers: Of the response, names in lower case.
        complete: Whether the response was received to its end.
        closed: Whether the connection is gone.
        idle_since: When it was given back, on the monotonic clock.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Made by the pool."""
        self._loop = loop
        self._transport = cast(asyncio.Transport, None)
        self._chunks: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._error = ""
        self._buffered = self._header_bytes = 0
        self._paused = self._reusable = self._head_done = self._head_only = False
        self.closed = False
        self.complete = True
        self.idle_since = 0.0
        self.status = 0
        self.headers: Headers = []

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent on it."""
        return self.complete and self._reusable and not self.closed and not self._chunks

    def send(self, method: bytes, target: bytes, headers: Headers, body: bytes) -> None:
        """Send a request; a body of no bytes is sent as such for methods that have one."""
        self._parser = httptools.HttpResponseParser(self)
        self._error, self._header_bytes = "", 0
        self._head_done = self._reusable = self.complete = False
        self._head_only = method == b"HEAD"
        self.headers = []
        lines = [b"%b %b HTTP/1.1\r\n" % (method, target)]
        lines += [b"%b: %b\r\n" % header for header in headers]
        if body or method not in {b"GET", b"HEAD"}:
            lines.append(b"content-length: %d\r\n" % len(body))
        lines += [b"\r\n", body]
        self._transport.write(b"".join(lines))

    async def head(self) -> None:
        """Wait for status and headers.

        Raises:
            BrokenResponseError: There will be none.
        """
        while not self._head_done:
            if self._error:
                raise BrokenResponseError(self._error)
            await self._wait()

    async def read(self) -> bytes:
        """What has come since, without a limit to wait for; no bytes at the end.

        Raises:
            BrokenResponseError: The response ends before it is complete.
        """
        while not self._chunks:
            if self.complete:
                return b""
            if self._error:
                raise BrokenResponseError(self._error)
            await self._wait()
        chunk = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._buffered = 0
        if self._paused and not self.closed:
            self._paused = False
            self._transport.resume_reading()
        return chunk

    def close(self) -> None:
        """Leave, also in the middle of a response: that is how a server learns of it."""
        if not self.closed:
            self._transport.abort()

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, reason: str) -> None:
        self._error = self._error or reason
        self._reusable = False
        self.close()

    # What follows is called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of a response came."""
        if self.complete:
            # Nobody asked: whatever it is, it would be taken for the next request's answer.
            self._fail("the server spoke without being asked")
            return
        if not self._head_done:
            self._header_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("the server changed the protocol without being asked")
        except httptools.HttpParserError:
            self._fail("the server's answer is no HTTP")
        if not self._head_done and self._header_bytes > _MOST_HEADER_BYTES:
            self._fail("the server's headers are too long")
        if self._buffered > HIGH_WATER and not self._paused and not self.closed:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The connection is gone."""
        self.closed = True
        if self._head_done and not self.complete and not self._error and self._ends_with_close():
            self.complete = True
        elif not self.complete:
            self._error = self._error or "the server closed the connection"
        self._wake()

    def _ends_with_close(self) -> bool:
        names = {name for name, _ in self.headers}
        return not names & {b"content-length", b"transfer-encoding"}

    # What follows is called by the parser.

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header was read."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Status and headers were read."""
        self.status = self._parser.get_status_code()
        if self.status < 200:
            # Interim answers say nothing that the client asked for.
            self.headers = []
            return
        self._reusable = self._parser.should_keep_alive()
        self._head_done = True
        if self._head_only:
            # The parser would wait for the body that the headers speak of.
            self.complete, self._reusable = True, False

    def on_body(self, body: bytes) -> None:
        """A part of the body was read."""
        self._chunks.append(body)
        self._buffered += len(body)

    def on_message_complete(self) -> None:
        """The response was read to its end."""
        if self._head_done:
            self.complete = True


class Pool:
    """Connections to any number of servers, kept while they are used often."""

    def __init__(self, connect_seconds: float = 5.0) -> None:
        """No connection is made yet."""
        self._connect_seconds = connect_seconds
        self._idle: dict[Address, deque[Connection]] = {}

    async def open(self, address: Address) -> Connection:
        """A connection on which nothing is going on.

        Raises:
            NotSentError: The server cannot be reached.
        """
        idle = self._idle.get(address)
        oldest = time.monotonic() - _IDLE_SECONDS
        while idle:
            connection = idle.pop()
            if connection.reusable and connection.idle_since > oldest:
                return connection
            connection.close()
        loop = asyncio.get_running_loop()
        context = ssl.create_default_context() if address.scheme == "https" else None
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop), address.host, address.port, ssl=context
                )
        except (OSError, TimeoutError) as error:
            raise NotSentError(f"{address} cannot be reached") from error
        return connection

    def give_back(self, address: Address, connection: Connection) -> None:
        """Keep a connection for the next request, or close it where that cannot be."""
        if not connection.reusable:
            connection.close()
            return
        connection.idle_since = time.monotonic()
        idle = self._idle.setdefault(address, deque())
        idle.append(connection)
        # The oldest are those that nobody needs any more.
        while idle and idle[0].idle_since < connection.idle_since - _IDLE_SECONDS:
            idle.popleft().close()

    def close(self) -> None:
        """Close what is idle."""
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()
