"""The process of the server of predictions.

Belongs here: its port, its signals, its log. Does not belong here: what it answers.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from types import FrameType

import uvicorn

from amodels_assets.serving.predict_server import PredictServer

HOST = "127.0.0.1"
# A gateway that was told to forget a service looks at its list again within 50 milliseconds.
_STILL_ASKED_SECONDS = 0.5
_GRACE_SECONDS = 30


class ListenError(ValueError):
    """The port cannot be used; the message says why."""


def bound_socket(port: int) -> socket.socket:
    """A socket on the loopback interface, 0 for any free port; nothing is accepted yet.

    The server has no keys of its own, so that nobody but this machine's gateway may reach it.

    Raises:
        ListenError: The port is taken.
    """
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError as error:
        bound.close()
        raise ListenError(
            f"{HOST}:{port} cannot be used ({error.strerror}): give another --port"
        ) from error
    return bound


class _Server(uvicorn.Server):
    """uvicorn's server, which takes its leave of the gateway before it stops to listen."""

    def __init__(self, config: uvicorn.Config, served: PredictServer) -> None:
        super().__init__(config)
        self._served = served
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leave: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self._loop is None or self._served.leaving:
            # Asked twice, or before there was anything to leave.
            self.should_exit = True
            return
        self._served.leaving = True
        self._loop.call_soon_threadsafe(self._begin_to_leave)

    def _begin_to_leave(self) -> None:
        self._leave = asyncio.ensure_future(self._go())

    async def _go(self) -> None:
        try:
            if self._served.heartbeat is not None:
                await self._served.heartbeat.leave()
                await asyncio.sleep(_STILL_ASKED_SECONDS)
        finally:
            self.should_exit = True


def serve(served: PredictServer, bound: socket.socket) -> None:
    """Serve until the process is asked to end; requests that are under way get 30 seconds."""
    config = uvicorn.Config(
        served.application,
        interface="asgi3",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=16_384,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    _Server(config, served).run(sockets=[bound])


def log_to_stderr() -> None:
    """One line a message, warnings and what this server says."""
    form = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format=form)
    logging.getLogger("amodels_assets.serving").setLevel(logging.INFO)
