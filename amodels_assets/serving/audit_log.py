"""The gateway's audit log, read: which release answered a request.

Belongs here: finding and checking lines. Does not belong here: writing them (the gateway does) and
what a release stands on (``release/provenance.py``).

The log is somebody else's: a process that was killed leaves half a line, and what a line says is
checked before it is believed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

# As the gateway takes them from clients; its own are of the same form.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TEXTS = ("at", "request", "key", "name", "method", "path", "model", "release", "error")


class AuditLogError(ValueError):
    """The audit log has no such request, or cannot be read; the message says what to do."""


@dataclass(frozen=True)
class AuditLine:
    """A request, as far as it has to do with releases.

    Attributes:
        at: When it ended, ISO 8601.
        request: Its id; a client may use one several times.
        key: Public id of the key.
        name: That the key was given.
        method: HTTP method.
        path: What was asked.
        model: Name that was asked for: a release, an alias, a service.
        release: What answered; empty where nothing did.
        error: Word of what went wrong, also after the answer began; empty for nothing.
        status: HTTP status of the answer, 0 for none.
        complete: Whether the answer was whole.
        tokens: That it took.
        seconds: That it took.
    """

    at: str
    request: str
    key: str
    name: str
    method: str
    path: str
    model: str
    release: str
    error: str
    status: int
    complete: bool
    tokens: int
    seconds: float

    @classmethod
    def of_json(cls, raw: Any) -> Self:
        """A line's content.

        Raises:
            ValueError: It is none.
        """
        if not isinstance(raw, dict):
            raise ValueError("it is no object")
        values = {name: raw.get(name, "") for name in _TEXTS}
        if not all(isinstance(value, str) for value in values.values()):
            raise ValueError("a text is none")
        status, complete = raw.get("status", 0), raw.get("complete", False)
        tokens, seconds = raw.get("tokens", 0), raw.get("seconds", 0.0)
        numbers = (status, tokens, seconds)
        if any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
            raise ValueError("a number is none")
        if not isinstance(complete, bool) or not values["request"] or not values["at"]:
            raise ValueError("something is missing")
        return cls(
            **values,
            status=int(status),
            complete=complete,
            tokens=int(tokens),
            seconds=float(seconds),
        )


def find_request(folder: Path, request: str) -> list[AuditLine]:
    """All lines of a request id, oldest first.

    Args:
        folder: ``gateway/audit`` below the platform's home.
        request: The ``x-request-id`` of the answer.

    Raises:
        AuditLogError: There is none, or the id cannot be one.
    """
    if not REQUEST_ID.fullmatch(request):
        raise AuditLogError(f"{request[:128]!r} is no request id: give the answer's x-request-id")
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise AuditLogError(f"{folder} holds no audit log: is AMODELS_HOME the gateway's?")
    found = [line for file in files for line in _lines(file, request)]
    if not found:
        raise AuditLogError(
            f"the audit log has no request {request}; it was read from {files[0].name[:10]} to "
            f"{files[-1].name[:10]}, and the last 200 milliseconds are not in it yet"
        )
    return sorted(found, key=lambda line: line.at)


def _lines(file: Path, request: str) -> Iterator[AuditLine]:
    wanted = request.encode()
    try:
        with file.open("rb") as handle:
            for line in handle:
                # Few lines are worth decoding.
                if wanted in line and (found := parsed(line)) and found.request == request:
                    yield found
    except OSError as error:
        raise AuditLogError(f"{file} cannot be read: {error.strerror}") from error


def parsed(line: bytes) -> AuditLine | None:
    """A line of the log; None for half a line or what is none."""
    try:
        return AuditLine.of_json(json.loads(line))
    except (ValueError, RecursionError, OverflowError):
        return None
