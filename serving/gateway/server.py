"""Running the gateway.

Belongs here: uvicorn's settings, what it does not bound itself, and where it may listen. Does not
belong here: the application.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import socket
import ssl
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from serving.gateway.bounds import ABORT
from serving.gateway.settings import Settings

_HEAD_BYTES = 16_384
_HEAD_SECONDS = 10.0
_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class ListenError(ValueError):
    """The gateway cannot listen there; the message says why."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which waits for headers only so long and reads only so many of them."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """As uvicorn makes it."""
        super().__init__(*arguments, **options)
        self._head_bytes = 0
        self._in_head = True
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Of asyncio's protocol."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(_HEAD_SECONDS, self._close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Of asyncio's protocol."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Of asyncio's protocol."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        # What came together with a body is judged by the application.
        if self._in_head and self._head_bytes > _HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LONG)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Of the parser."""
        super().on_message_begin()
        # uvicorn's own type knows no functions among the extensions.
        extensions: Any = {ABORT: self.transport.abort}
        self.scope["extensions"] = extensions
        self._in_head = True
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(_HEAD_SECONDS, self._close)

    def on_headers_complete(self) -> None:
        """Of the parser."""
        self._head_came()
        super().on_headers_complete()

    def _head_came(self) -> None:
        self._in_head, self._head_bytes = False, 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _close(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()


def listening_socket(
    host: str, port: int, *, certificate: Path | None, insecure: bool
) -> socket.socket:
    """A socket to listen on.

    Raises:
        ListenError: It is not on this machine alone and neither TLS nor ``insecure`` is given, or
            the port is taken.
    """
    try:
        (found, *_) = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise ListenError(f"{host} is no address of this machine: {error.strerror}") from error
    family, _, _, _, address = found
    if not ipaddress.ip_address(address[0]).is_loopback and certificate is None and not insecure:
        raise ListenError(
            f"{host} can be reached from other machines, where keys could be read on their way: "
            "give --tls-certificate and --tls-key, or --insecure-http behind a proxy that has TLS"
        )
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise ListenError(f"{host}:{port} cannot be used: {error.strerror}") from error
    listening.set_inheritable(True)
    return listening


def configuration(
    settings: Settings,
    *,
    workers: int = 1,
    certificate: Path | None = None,
    key: Path | None = None,
) -> uvicorn.Config:
    """How uvicorn is to serve the gateway."""
    return uvicorn.Config(
        app=_factory(settings),
        factory=True,
        interface="asgi3",
        loop="uvloop",
        http=BoundedProtocol,
        ws="websockets-sansio",
        lifespan="on",
        workers=workers,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=2 * settings.requests,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=30,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )


def run(
    settings: Settings,
    listening: socket.socket,
    *,
    workers: int = 1,
    certificate: Path | None = None,
    key: Path | None = None,
) -> None:
    """Serve until the process is asked to end.

    Raises:
        ListenError: The certificate or its key cannot be used.
    """
    config = configuration(settings, workers=workers, certificate=certificate, key=key)
    if certificate is not None:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
        except OSError as error:
            raise ListenError(f"{certificate} cannot be used: {error}") from error
    if workers == 1:
        uvicorn.Server(config).run(sockets=[listening])
        return
    with tempfile.TemporaryDirectory(prefix="amodels-gateway-") as figures:
        # Each process writes its figures there, whichever is asked gives those of all.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = figures
        Multiprocess(config, [listening]).run()


def _factory(settings: Settings) -> Callable[[], Any]:
    return partial(_application, settings)


def _application(settings: Settings) -> Any:
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    # Streams that broke and WebSockets that were refused end that way on purpose; the audit log
    # and the figures have them.
    logging.getLogger("uvicorn.error").addFilter(
        lambda record: "returned without completing" not in record.getMessage()
    )
    # Imported by the processes that need it.
    from serving.gateway.application import Gateway

    return Gateway(settings)
