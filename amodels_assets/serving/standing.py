"""How the newest release of a language model stands with the supervisor.

Belongs here: bringing the store and the supervisor's records together, for a check and a sensor.
Does not belong here: either of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from amodels_assets.artifacts import ArtifactError, ArtifactStore
from amodels_assets.release.verdicts import read_verdicts, standing

RELEASE = "release/released_language_model"


@dataclass(frozen=True)
class Current:
    """How it stands.

    Attributes:
        passed: False where it was rejected.
        told: A sentence.
        seen: Changes when there is something new to say.
        problems: Records that cannot be understood, a sentence each.
        figures: Of the verdict.
    """

    passed: bool
    told: str
    seen: str
    problems: tuple[str, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict)


def current_standing(store: ArtifactStore, home: Path) -> Current:
    """How the newest release stands.

    Args:
        store: Where it is.
        home: Of the platform, below which the supervisor writes.

    Raises:
        ArtifactError: There is none.
    """
    artifact = store.get(RELEASE)
    version = artifact.path.name
    try:
        name = str(json.loads(artifact.verified_file("release.json").read_bytes())["release"])
    except (ArtifactError, ValueError, KeyError, TypeError):
        # The supervisor rejects it for that; its verdict names the version.
        name = f"version {version[:12]}"
    verdicts, problems = read_verdicts(home)
    found = standing(name, version, verdicts)
    figures: dict[str, Any] = {"release": name, "version": version}
    at = ""
    if found.verdict is not None:
        at = found.verdict.decided_at.isoformat()
        phase = found.verdict.phase
        figures = {**found.verdict.figures, **figures, "decided_at": at, "phase": phase}
        failed = [
            f"{check}: {detail}" for check, passed, detail in found.verdict.checks if not passed
        ]
        figures |= {"failed": failed} if failed else {}
    seen = json.dumps([version, at, found.passed])
    return Current(found.passed, found.told, seen, tuple(problems), figures)
