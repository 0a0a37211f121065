"""A supervisor with its gateway as real processes, or as a thread, on published releases."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from serving.gateway.keys import KeyStore
from serving.gateway.server import listening_socket
from serving.gateway.settings import read_settings
from serving.model_server.process import CommandLauncher
from serving.releases.gateway_process import GatewayProcess
from serving.releases.supervisor import Supervisor
from tests.unit.serving.releases import model_server_stand_in as stand_in
from tests.unit.serving.releases.published import Published
from tests.unit.serving.running import PATIENCE

ROOT = Path(__file__).parents[4]
STAND_IN = Path(stand_in.__file__)
COMMAND = [sys.executable, "-I", "-S", str(STAND_IN), "--port", "{port}", "--release",
           "{release}", "--folder", "{folder}", "--adapter", "{adapter}"]  # fmt: skip
FAST = {
    "poll_seconds": 0.1,
    "probe_seconds": 0.2,
    "probe_timeout": 5,
    "hung_seconds": 20,
    "start_seconds": 30,
    # A machine with other work makes answers that come at once take much longer now and then.
    "slowest_ratio": 50,
    "drain_seconds": 60,
    "stop_seconds": 2,
    "backoff_seconds": 0.1,
    "most_backoff_seconds": 0.5,
}


class Supervised(Published):
    """The supervisor and its gateway, as ``amodels-gateway supervise`` starts them.

    Args:
        home: Where.
        gateway: Whether it has a gateway.
        environment: More variables of its process.
        in_thread: Whether it is a thread of this process.
        settings: Of releases.
    """

    def __init__(
        self,
        home: Path,
        *,
        gateway: bool = True,
        environment: Mapping[str, str] | None = None,
        in_thread: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(home)
        self.in_thread = in_thread
        self.thread: SupervisorThread | None = None
        self.config = home / "gateway.yaml"
        self.environment = dict(environment or {})
        self.config.write_text(
            yaml.safe_dump({"releases": {**FAST, "command": COMMAND, **settings}})
        )
        self.with_gateway = gateway
        self.process: subprocess.Popen[bytes] | None = None
        self.key = KeyStore(home / "gateway" / "keys.json").create("t", ("infer", "operate"))[1]

    def __enter__(self) -> Supervised:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        assert self.processes() == []

    def start(self, *wrapper: str) -> None:
        if self.in_thread:
            self.thread = SupervisorThread(self)
            return
        more = ["--port", "0"] if self.with_gateway else ["--without-gateway"]
        program = wrapper or ("-m", "serving.command")
        self.log = (self.home / "supervisor.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, *program, "--config", str(self.config), "supervise", *more],
            cwd=ROOT, stdout=self.log, stderr=self.log,
            env={**os.environ, "AMODELS_HOME": str(self.home), "PYTHONPATH": str(ROOT),
                 **self.environment},
        )  # fmt: skip

    def stop(self) -> None:
        if self.thread is not None:
            self.thread.stop()
            self.thread = None
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE)
            self.log.close()
            self.process = None

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE)
        self.log.close()
        self.process = None

    @property
    def gateway(self) -> dict[str, Any]:
        return json.loads((self.folder / "gateway.json").read_text())

    def ask(self, body: dict[str, Any], path: str = "/v1/completions") -> tuple[int, str, bytes]:
        """Status, release and body of an answer through the gateway."""
        connection = http.client.HTTPConnection(self.gateway["url"].split("//")[1], timeout=60)
        try:
            headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
            connection.request("POST", path, json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("x-amodels-release", ""), answer.read()
        finally:
            connection.close()

    def decided(self, release: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """As without a gateway; where the release is accepted the gateway knows it, too.

        It looks at the file of servers 50 ms after it did at the latest.
        """
        found = super().decided(release, seconds)
        if self.with_gateway and found["verdict"] == "accepted":
            eventually(lambda: {release, "released"} <= self.models())
        return found

    def models(self) -> set[str]:
        """What the gateway says can be asked for."""
        connection = http.client.HTTPConnection(self.gateway["url"].split("//")[1], timeout=60)
        try:
            connection.request("GET", "/v1/models", headers={"authorization": f"Bearer {self.key}"})
            return {entry["id"] for entry in json.loads(connection.getresponse().read())["data"]}
        finally:
            connection.close()

    def ask_well(self) -> str:
        """The release that answers."""
        status, release, body = self.ask({"model": "released", "prompt": "a", "max_tokens": 2})
        assert status == 200, body
        return release

    def told(self) -> str:
        return (self.home / "supervisor.log").read_text()


class SupervisorThread:
    """A supervisor in a thread, where coverage sees it."""

    def __init__(self, world: Supervised) -> None:
        self._variables = mock.patch.dict(os.environ, {"AMODELS_HOME": str(world.home)})
        self._variables.start()
        settings = read_settings(os.environ, world.config)
        command = [sys.executable, "-m", "serving.command", "--config", str(world.config), "serve"]

        def listen() -> socket.socket:
            return listening_socket("127.0.0.1", 0, certificate=None, insecure=False)

        gateway = GatewayProcess(settings.home / "releases", command, "127.0.0.1:0", listen)
        launcher = CommandLauncher(settings.releases.command)
        supervisor = Supervisor(settings, launcher, gateway if world.with_gateway else None)
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(
            target=lambda: self._loop.run_until_complete(supervisor.supervise(self._ended))
        )
        self._thread.start()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self._loop.close()
        self._variables.stop()


def eventually(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """As wait_until, for conditions that read files which come and go."""
    end = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except (OSError, KeyError, TypeError, ValueError):
            pass
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
