"""Servers of the tests, in threads of this process, on free ports of the loopback interface."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Self

import uvicorn

from serving.gateway.application import Gateway
from serving.gateway.keys import SCOPES
from serving.gateway.server import configuration, listening_socket
from serving.gateway.settings import Settings

# Seconds until what has to happen is given up: on a machine with other work little happens in few.
PATIENCE = 60.0


class ServerThread:
    """uvicorn in a thread, stopped at the end of a with block."""

    def __init__(self, config: uvicorn.Config) -> None:
        self._socket = listening_socket("127.0.0.1", 0, certificate=None, insecure=False)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config.timeout_graceful_shutdown = 1
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: self._server.started)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE)
        self._socket.close()
        assert not self._thread.is_alive()


class Answer:
    """Status, headers by lower-case name, and body of an answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The word for programs of a refusal."""
        return self.json["error"]["code"]


class Running(ServerThread):
    """A gateway."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.application = Gateway(settings)
        config = configuration(settings)
        config.app = self.application
        config.factory = False
        super().__init__(config)
        self.key = self.new_key(*SCOPES)

    def new_key(self, *scopes: str, **limits: int) -> str:
        return self.application.keys.create("test", scopes, **limits)[1]

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Ask with the key of all scopes, another one, or, with None, without."""
        sent = dict(headers or {})
        if key is not None:
            sent.setdefault("authorization", f"Bearer {key or self.key}")
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if content is not body:
            sent.setdefault("content-type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, content, sent)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def raw(self, content: bytes) -> bytes:
        """Send bytes as they are and read until the gateway closes, which it has to."""
        with self.connection() as connection:
            connection.sendall(content)
            received = b""
            while True:
                try:
                    part = connection.recv(65_536)
                except ConnectionResetError:
                    return received
                if not part:
                    return received
                received += part

    def connection(self) -> socket.socket:
        """A connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def clock_of_services(self) -> list[float]:
        """From now on registered services are forgotten by what stands in this list."""
        now = [time.time()]
        self.application.services._clock = lambda: now[0]
        return now

    def audit_lines(self) -> list[dict[str, Any]]:
        """What the audit log says of all that was asked, once nothing waits to be written."""
        # A client may have its answer before the request has come to its end in the gateway's
        # thread, which takes up the next one afterwards.
        wait_until(lambda: not self.application._sweeper.under_way)
        assert self.ask("GET", "/healthz", key=None).status == 200
        wait_until(lambda: self.application.audit.waiting == 0)
        files = sorted((self.settings.home / "audit").glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for what happens in another thread."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
