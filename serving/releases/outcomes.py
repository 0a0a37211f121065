"""How the answers of a release ended, counted in the gateway's audit log.

Belongs here: finding a release's lines of a time and counting those that failed. Does not belong
here: what the numbers come to (``watching.py``), writing the log (``serving.gateway``).

The log is a file for each process and day, whose lines stand in the order in which requests ended.
Where a time begins is found by halving, so that a day's log need not be read.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from serving.gateway.errors import TIMEOUT, UPSTREAM_ERROR, UPSTREAM_FAILED

# Of an answer that had begun with 200.
_FAILURES = frozenset({TIMEOUT, UPSTREAM_ERROR, UPSTREAM_FAILED})
# Of one file: some 90,000 requests say enough of a release.
_MOST_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Outcomes:
    """Requests to a release.

    Attributes:
        asked: All that ended, of clients that left too.
        failed: Those that the release's server did not answer, or not to the end: a status of 500
            or more, or a stream that broke, stood still or ended with an error.
    """

    asked: int = 0
    failed: int = 0

    @property
    def share(self) -> float:
        """The part that failed, 0 where nothing was asked."""
        return self.failed / self.asked if self.asked else 0.0


class OutcomeCounter:
    """Counts a release's answers of a time, and goes on where it stopped."""

    def __init__(self, folder: Path, release: str, since: float, until: float = math.inf) -> None:
        """Nothing is read yet.

        Args:
            folder: Of the audit log; need not exist.
            release: Whose answers.
            since: When the time begins, seconds since 1970.
            until: When it ends.
        """
        self._folder = folder
        self._release = release
        self._since = since
        self._until = until
        self._positions: dict[str, int] = {}
        self._asked = self._failed = 0

    def count(self) -> Outcomes:
        """Read on.

        Raises:
            OSError: The log cannot be read.
        """
        day = datetime.fromtimestamp(self._since, UTC).date().isoformat()
        for path in sorted(self._folder.glob("*.jsonl")):
            if path.name[:10] >= day:
                self._read(path)
        return Outcomes(self._asked, self._failed)

    def _read(self, path: Path) -> None:
        with path.open("rb") as file:
            position = self._positions.get(path.name)
            if position is None:
                position = self._start(file)
            file.seek(position)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # Its rest is being written.
                position += len(line)
                self._take(line)
        self._positions[path.name] = position

    def _start(self, file: BinaryIO) -> int:
        start = _offset(file, self._since)
        end = file.seek(0, os.SEEK_END) if math.isinf(self._until) else _offset(file, self._until)
        if end - start > _MOST_BYTES:
            file.seek(end - _MOST_BYTES)
            file.readline()
            start = file.tell()
        return start

    def _take(self, line: bytes) -> None:
        if self._release.encode() not in line:
            return  # Few lines are worth decoding.
        found = _decoded(line)
        if found is None or found.get("release") != self._release:
            return
        moment = _moment(found)
        if moment is None or not self._since <= moment < self._until:
            return
        status = found.get("status")
        self._asked += 1
        self._failed += isinstance(status, int) and (
            status >= 500 or found.get("error") in _FAILURES
        )


def _offset(file: BinaryIO, moment: float) -> int:
    """Where the first line that is not older than a moment begins."""
    low, high = 0, file.seek(0, os.SEEK_END)
    while low < high:
        middle = (low + high) // 2
        file.seek(max(middle - 1, 0))
        if middle:
            file.readline()
        found = None
        while found is None and file.tell() < high:
            found = _moment(_decoded(file.readline()))
        if found is None or found >= moment:
            high = middle
        else:
            low = file.tell()
    return low


def _decoded(line: bytes) -> dict[str, Any] | None:
    """A line; None for half of one, as a process leaves that was killed."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _moment(line: dict[str, Any] | None) -> float | None:
    try:
        return datetime.fromisoformat(line["at"]).timestamp() if line else None
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
