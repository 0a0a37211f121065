"""What the supervisor of served releases decided: its records, read.

Belongs here: finding and checking them, and how the current release stands. Does not belong here:
deciding (the package ``serving`` does, and writes a file a release) and Dagster.

The files are somebody else's, so what one says is checked before it is believed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

ACCEPTED, REJECTED = "accepted", "rejected"
# Below the platform's home.
RECORDS = Path("gateway", "releases", "records")
MOST_BYTES = 2**20


class VerdictError(ValueError):
    """A record cannot be understood; the message says which and why."""


@dataclass(frozen=True)
class Verdict:
    """What was decided about a release.

    Attributes:
        release: Its name.
        version: Of the artifact that it is in.
        accepted: Whether it is served, or could be.
        reason: Why not; empty where it was accepted.
        phase: In which it was decided.
        decided_at: With a zone.
        checks: What it had to show: name, whether it did, what was found.
        figures: By name.
        log: The end of its server's output, where that ended.
    """

    release: str
    version: str
    accepted: bool
    reason: str
    phase: str
    decided_at: datetime
    checks: tuple[tuple[str, bool, str], ...]
    figures: dict[str, float]
    log: str

    @property
    def decision(self) -> str:
        """``accepted`` or ``rejected``."""
        return ACCEPTED if self.accepted else REJECTED

    def to_json(self) -> dict[str, Any]:
        """As the supervisor writes it."""
        content = asdict(self)
        del content["accepted"]
        return {
            **content,
            "verdict": self.decision,
            "decided_at": self.decided_at.isoformat(),
            "checks": [
                {"check": check, "passed": passed, "detail": detail}
                for check, passed, detail in self.checks
            ],
        }

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """A record.

        Raises:
            VerdictError: It is none.
        """
        try:
            raw = json.loads(content)
            return cls._of(raw)
        except (
            *(ValueError, KeyError, TypeError),
            *(AttributeError, RecursionError, OverflowError),
        ) as error:
            raise VerdictError(f"it is no verdict ({error})") from error

    @classmethod
    def _of(cls, raw: dict[str, Any]) -> Self:
        if raw["schema_version"] != 1:
            raise ValueError("schema_version is not 1")
        texts = {name: raw[name] for name in ("release", "version", "reason", "phase", "log")}
        if not all(isinstance(text, str) for text in texts.values()) or not texts["release"]:
            raise ValueError("a text is none")
        if raw["verdict"] not in {ACCEPTED, REJECTED}:
            raise ValueError("the verdict is neither accepted nor rejected")
        if raw["verdict"] == REJECTED and not texts["reason"].strip():
            raise ValueError("it was rejected for no reason")
        decided = datetime.fromisoformat(raw["decided_at"])
        return cls(
            **texts,
            accepted=raw["verdict"] == ACCEPTED,
            decided_at=decided if decided.tzinfo else decided.replace(tzinfo=UTC),
            checks=tuple(_check(each) for each in raw["checks"]),
            figures={str(name): float(value) for name, value in raw["figures"].items()},
        )


@dataclass(frozen=True)
class Standing:
    """How the current release stands.

    Attributes:
        passed: False where it was rejected.
        told: A sentence.
        verdict: On it; None where there is none yet.
    """

    passed: bool
    told: str
    verdict: Verdict | None


def read_verdicts(home: Path) -> tuple[list[Verdict], list[str]]:
    """All verdicts, the oldest first, and what is wrong with records that are none.

    Args:
        home: Of the platform.
    """
    found, problems = [], []
    for path in sorted((home / RECORDS).glob("*.json")):
        try:
            if path.stat().st_size > MOST_BYTES:
                raise VerdictError("it is longer than any verdict")
            found.append(Verdict.parse(path.read_bytes()))
        except (OSError, VerdictError) as error:
            problems.append(f"{path}: {error}")
    return sorted(found, key=lambda verdict: verdict.decided_at), problems


def standing(release: str, version: str, verdicts: Iterable[Verdict]) -> Standing:
    """How a release stands.

    Args:
        release: Its name.
        version: Of its artifact; one whose manifest could not be read is named by it alone.
        verdicts: The oldest first.
    """
    own = [v for v in verdicts if v.version == version or v.release == release]
    if not own:
        return Standing(True, f"{release} was not tried by a supervisor yet", None)
    newest = own[-1]
    if newest.accepted:
        return Standing(True, f"{release} was accepted ({newest.phase})", newest)
    told = f"{release} was rejected while {newest.phase}: {newest.reason}"
    return Standing(False, told, newest)


def _check(raw: dict[str, Any]) -> tuple[str, bool, str]:
    name, passed, detail = raw["check"], raw["passed"], raw["detail"]
    if not isinstance(name, str) or not isinstance(passed, bool) or not isinstance(detail, str):
        raise ValueError("a check is none")
    return name, passed, detail
