"""Requests of the gateway, counted by hour out of its audit log.

Belongs here: counting lines that are new. Does not belong here: what a line says
(``serving/audit_log.py``) and when files are read (``intake.py``).

Of a request only the release that answered, the hour and how it ended are kept: no key, no path,
nothing that a client may have written.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from amodels_assets.operations.operation import Operation
from amodels_assets.serving.audit_log import AuditLine, parsed

NO_RELEASE = "no release"
_MOST_BYTES = 8 * 1024 * 1024
_HOUR = 3600
# The gateway's words for what a server did to an answer that had begun.
_SERVERS_FAILURES = frozenset({"timeout", "upstream_failed", "upstream_error"})


@dataclass(frozen=True)
class Counted:
    """What a piece of a file holds.

    Attributes:
        operations: One an hour, release and outcome.
        position: Byte after the last whole line.
        more: Whether there is more to read now.
    """

    operations: list[Operation]
    position: int
    more: bool


def count_requests(file: Path, position: int) -> Counted:
    """Count the whole lines of a file from a position on.

    Args:
        file: Of the audit log.
        position: Byte at which a line begins.

    Raises:
        OSError: It cannot be read.
    """
    with file.open("rb") as handle:
        handle.seek(position)
        read = handle.read(_MOST_BYTES)
    whole = read[: read.rfind(b"\n") + 1]
    if not whole and len(read) == _MOST_BYTES:
        # No line is as long: what has none is passed over.
        return Counted([], position + len(read), True)
    counts: dict[tuple[int, str, str], int] = defaultdict(int)
    seconds: dict[tuple[int, str, str], float] = defaultdict(float)
    for line in whole.splitlines():
        found = parsed(line)
        hour = None if found is None else _hour(found.at)
        if found is None or hour is None:
            continue
        key = (hour, found.release or NO_RELEASE, _outcome(found))
        counts[key] += 1
        seconds[key] += found.seconds
    operations = [
        Operation(
            operation_id=f"request/{hour}/{status}/{release}",
            run_id="",
            kind="request",
            name=release,
            status=status,
            started_at=float(hour),
            seconds=seconds[hour, release, status],
            count=count,
        )
        for (hour, release, status), count in counts.items()
    ]
    return Counted(operations, position + len(whole), len(read) == _MOST_BYTES)


def _hour(at: str) -> int | None:
    try:
        moment = datetime.fromisoformat(at)
        return int(moment.timestamp()) // _HOUR * _HOUR if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _outcome(line: AuditLine) -> str:
    if line.status >= 500 or line.error in _SERVERS_FAILURES:
        return "failed"
    if 400 <= line.status < 500:
        return "refused"
    return "succeeded" if line.complete else "abandoned"
