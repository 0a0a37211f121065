"""What the benchmark of the gateway asks with, and the stand-in that answers.

The stand-in speaks as much of HTTP and of OpenAI's protocol as the benchmark needs and answers at
once, so that it is the gateway that is measured. What it does is said in a request's body:
``wait=100`` answers after 100 ms, ``hold`` begins a stream and leaves it open.

Run as a program it is the stand-in, ``python gateway_load.py PORT``, or, with a second port, a
relay that copies bytes between its own port and that one: the least that a process in between can
cost on the machine.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from dataclasses import dataclass, field
from typing import cast

import httptools
import uvloop

ANSWER = (
    b'{"id":"x","object":"text_completion","created":1,"model":"r-1","choices":[{"index":0,'
    b'"text":"ok","finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":1,'
    b'"total_tokens":6}}'
)
_WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(
    ANSWER
)
_STREAM = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
_EVENT = b'data: {"id":"x","object":"text_completion","choices":[{"index":0,"text":"w "}]}\n\n'
_WAIT = re.compile(rb"wait=(\d+)")


class StandIn(asyncio.Protocol):
    """A connection of the stand-in."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.parser = httptools.HttpRequestParser(self)
        self.body = b""

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        body, self.body = self.body, b""
        if b'"stream"' in body:
            chunk = b"%x\r\n%b\r\n" % (len(_EVENT), _EVENT)
            end = b"" if b"hold" in body else chunk * 3 + b"0\r\n\r\n"
            self.transport.write(_STREAM + chunk + end)
        elif found := _WAIT.search(body):
            loop = asyncio.get_running_loop()
            loop.call_later(int(found[1]) / 1000, self.transport.write, _WHOLE + ANSWER)
        else:
            self.transport.write(_WHOLE + ANSWER)


class Relay(asyncio.Protocol):
    """One end of a connection whose bytes are copied to the other."""

    def __init__(self, port: int | None = None, other: asyncio.Transport | None = None) -> None:
        self.port, self.other = port, other
        self.early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self.port is not None:
            self.opening = asyncio.get_running_loop().create_task(self.open(self.port))

    async def open(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        other, _ = await loop.create_connection(
            lambda: Relay(other=self.transport), "127.0.0.1", port
        )
        self.other = other
        self.other.write(self.early)

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self.early += data
        else:
            self.other.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None:
            self.other.close()


@dataclass
class Measured:
    """Figures of a load.

    Attributes:
        seconds: From the first request to the last answer.
        latencies: Of each request, seconds to the end of its answer.
        first: Of each request, seconds to the first byte of its answer's body.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)

    @property
    def throughput(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def latency(self, share: float) -> float:
        """Milliseconds within which a share of the requests was answered."""
        return _quantile(self.latencies, share)

    def first_byte(self, share: float) -> float:
        """The same to the first byte of a body."""
        return _quantile(self.first, share)


class Client(asyncio.Protocol):
    """Asks one request after another on one connection."""

    def __init__(self, request: bytes, number: int, measured: Measured, pause: float) -> None:
        self.request, self.left, self.measured, self.pause = request, number, measured, pause
        self.loop = asyncio.get_running_loop()
        self.done = self.loop.create_future()
        self.begun = self.loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.ask()

    def ask(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.had_body = False
        self.asked_at = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        if not self.had_body:
            self.had_body = True
            self.measured.first.append(time.perf_counter() - self.asked_at)
            if not self.begun.done():
                self.begun.set_result(None)

    def on_message_complete(self) -> None:
        self.measured.latencies.append(time.perf_counter() - self.asked_at)
        if (status := self.parser.get_status_code()) != 200:
            self.fail(RuntimeError(f"an answer of status {status}"))
            return
        self.left -= 1
        if self.left:
            self.loop.call_later(self.pause, self.ask)
        else:
            self.transport.close()
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(RuntimeError("the connection was closed before the last answer"))

    def fail(self, error: Exception) -> None:
        for future in (self.done, self.begun):
            if not future.done():
                future.set_exception(error)
        self.transport.close()


def request(key: str, body: bytes) -> bytes:
    """A request as bytes."""
    return (
        f"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {key}\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body


def load(
    port: int, content: bytes, connections: int, number: int, *, pause: float = 0.0
) -> Measured:
    """Ask a number of requests over so many connections at once.

    Args:
        port: Of the server.
        content: The request.
        connections: How many ask at one time.
        number: Of all requests.
        pause: Seconds between an answer and the next request of a connection.
    """

    async def run() -> Measured:
        loop, measured = asyncio.get_running_loop(), Measured()
        began = time.perf_counter()
        clients = []
        for _ in range(connections):
            client = Client(content, number // connections, measured, pause)
            await loop.create_connection(lambda made=client: made, "127.0.0.1", port)
            clients.append(client)
        await asyncio.gather(*(client.done for client in clients))
        measured.seconds = time.perf_counter() - began
        return measured

    return uvloop.run(run())


async def hold_open(port: int, content: bytes, number: int) -> list[Client]:
    """Open so many streams and wait until each has begun."""
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(number):
        client = Client(content, 1, Measured(), 0)
        await loop.create_connection(lambda made=client: made, "127.0.0.1", port)
        clients.append(client)
    await asyncio.gather(*(client.begun for client in clients))
    return clients


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000


async def _serve(port: int, relayed: int | None) -> None:
    def protocol() -> asyncio.Protocol:
        return StandIn() if relayed is None else Relay(relayed)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None))
