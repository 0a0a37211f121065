"""The stand-in as a process of its own: the driver holds Python's lock while it waits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.hana.server import PASSWORD, USER

ROOT = Path(__file__).resolve().parents[2]


class HanaServer:
    """Listens on a free port of the loopback interface; keeps what was committed in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """For SQLAlchemy."""
        return f"hana://{USER}:{PASSWORD}@127.0.0.1:{self.port}"

    @property
    def statements(self) -> list[str]:
        """Every statement that was executed."""
        path = self.folder / "statements.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def start(self) -> None:
        """Start it where it does not run, and wait until it listens."""
        if self._process is not None and self._process.poll() is None:
            return
        (self.folder / "port").unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hana.server", str(self.folder), str(self.port)], cwd=ROOT
        )
        deadline = time.monotonic() + 120
        while not (self.folder / "port").exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the stand-in did not start")
            time.sleep(0.01)
        self.port = int((self.folder / "port").read_text())

    def restart(self) -> None:
        """Start it again when it has died."""
        if self._process is not None:
            self._process.wait(60)
        self.start()

    def die_at(self, beginning: str, number: int = 1, *, after: bool = False) -> None:
        """Let it be killed at a statement.

        Args:
            beginning: Of the statement.
            number: Which of those that begin so.
            after: When it is executed, and the client does not know yet; otherwise before.
        """
        asked = {"beginning": beginning, "number": number, "after": after}
        (self.folder / "dies_at.json").write_text(json.dumps(asked))

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(60)

    stop = kill
