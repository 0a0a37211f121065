"""What others read of the supervisor, and what they ask of it: files below ``gateway/releases``.

Belongs here: the verdict on each release, and requests of people. Does not belong here: the
supervisor's own state (``state.py``).

``records/<release>.json`` is the newest verdict on a release. ``request.json`` is what somebody
asks for; the supervisor takes it away once its state has it.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from serving.gateway.json_file import replace_file

ACCEPTED, REJECTED = "accepted", "rejected"
PROMOTE, ROLLBACK = "promote", "rollback"
# In which a release is rejected that was accepted before.
SERVING = "serving"


@dataclass(frozen=True)
class Verdict:
    """What was decided about a release.

    Attributes:
        release: Its name.
        version: Of the artifact that it is in.
        verdict: ``accepted`` or ``rejected``.
        reason: A sentence; empty where it was accepted.
        phase: In which it was decided.
        decided_at: ISO 8601, UTC.
        checks: What it had to show.
        figures: By name.
        log: The end of its server's output, where that ended.
    """

    release: str
    version: str
    verdict: str
    reason: str
    phase: str
    decided_at: str
    checks: list[dict[str, Any]] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    log: str = ""


@dataclass(frozen=True)
class Request:
    """What somebody asks for.

    Attributes:
        id: By which the answer is found.
        action: ``promote`` or ``rollback``.
        release: To promote; empty for a rollback.
    """

    id: str
    action: str
    release: str


class Records:
    """The files."""

    def __init__(self, folder: Path) -> None:
        """Use ``folder``, which need not exist."""
        self._folder = folder

    def write(self, verdict: Verdict) -> None:
        """Keep a verdict in place of an older one on the same release."""
        path = self._path(verdict.release)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"schema_version": 1, **asdict(verdict)}, indent=1, sort_keys=True)
        replace_file(path, content.encode() + b"\n")

    def read(self, release: str) -> Verdict | None:
        """The verdict on a release; None where there is none that can be read."""
        try:
            raw = json.loads(self._path(release).read_bytes())
            return Verdict(**{name: raw[name] for name in Verdict.__dataclass_fields__})
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def request(self) -> Request | None:
        """What somebody asks for; None for nothing, or for nothing that makes sense."""
        try:
            raw = json.loads((self._folder / "request.json").read_bytes())
            asked = Request(str(raw["id"]), str(raw["action"]), str(raw.get("release") or ""))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return asked if asked.action in {PROMOTE, ROLLBACK} else None

    def take_away(self, request: Request) -> None:
        """Remove a request that the state has, unless another came in its place."""
        found = self.request()
        if found == request:
            with contextlib.suppress(FileNotFoundError):
                (self._folder / "request.json").unlink()

    def _path(self, release: str) -> Path:
        return self._folder / "records" / f"{release}.json"
