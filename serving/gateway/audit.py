"""The audit log: who asked what of which model, when, and what came of it.

Belongs here: lines on the disk, and what happens when there is no room for them. Does not belong
here: what a line says.

Each process writes its own file for each day, ``<date>.<host>.<process id>.jsonl``. Lines are
flushed to the disk five times a second. While they cannot be written they wait in memory; when
10,000 wait, requests are refused until the disk takes them again, so none is lost but those of the
last 200 milliseconds before a kill.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from serving.gateway.background import Background
from serving.gateway.errors import RefusedError

_SECONDS = 0.2
_MOST_WAITING = 10_000


class AuditLog(Background):
    """Lines of JSON, written in the background.

    Attributes:
        problem: Why lines cannot be written now, empty while they can.
    """

    def __init__(self, folder: Path) -> None:
        """Write below ``folder``, which need not exist yet."""
        self._folder = folder
        self._waiting: list[bytes] = []
        self._unfinished: tuple[Path, bytes] | None = None
        self._flushing = threading.Lock()
        self.problem = ""

    @property
    def waiting(self) -> int:
        """How many lines are not on the disk yet."""
        unfinished = self._unfinished
        return len(self._waiting) + (unfinished[1].count(b"\n") if unfinished else 0)

    def admit(self) -> None:
        """Ask whether another line can be taken.

        Raises:
            RefusedError: 503, too many wait.
        """
        if self.problem and self.waiting >= _MOST_WAITING:
            raise RefusedError(
                503, "audit_log_full", "the audit log cannot be written", retry_after=5
            )

    def record(self, line: dict[str, Any]) -> None:
        """Take a line."""
        self._waiting.append(to_json(line) + b"\n")

    async def close(self) -> None:
        """Write what waits and stop."""
        await super().close()
        self._flush()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS)
            if self._waiting or self._unfinished:
                await asyncio.shield(asyncio.to_thread(self._flush))

    def _flush(self) -> None:
        with self._flushing:
            self._flush_alone()

    def _flush_alone(self) -> None:
        taken = len(self._waiting)
        try:
            if self._unfinished is not None:
                self._write(*self._unfinished)
            lines = b"".join(self._waiting[:taken])
            if lines:
                # Containers that share a volume have the same process ids, but each its own name.
                process = f"{socket.gethostname()}.{os.getpid()}"
                name = f"{datetime.now(UTC).date().isoformat()}.{process}.jsonl"
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                # From here on the lines are partly on the disk, or wait as a whole.
                self._unfinished = (self._folder / name, lines)
                del self._waiting[:taken]
                self._write(*self._unfinished)
        except OSError as error:
            self.problem = f"the audit log cannot be written: {error.strerror}"
            return
        self.problem = ""

    def _write(self, path: Path, lines: bytes) -> None:
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            while lines:
                written = os.write(handle, lines)
                lines = lines[written:]
                self._unfinished = (path, lines)
            os.fdatasync(handle)
            self._unfinished = None
        finally:
            os.close(handle)
