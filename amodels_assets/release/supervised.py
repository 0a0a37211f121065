"""What the supervisor of the served releases says, and what is asked of it.

Belongs here: its files below ``gateway/releases``, as far as the platform reads and writes them.
Does not belong here: trying and switching releases (the package ``serving``, of which nothing is
imported here).
"""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amodels_assets.artifacts import Artifact, ArtifactError, ArtifactStore, write_atomically
from amodels_assets.evaluation.language.names import RELEASED
from amodels_assets.release.verdicts import Verdict, read_verdicts

PROMOTE, ROLLBACK = "promote", "rollback"


class RequestError(ValueError):
    """Something cannot be asked of the supervisor; the message says why."""


@dataclass(frozen=True)
class Known:
    """A release and how it stands.

    Attributes:
        name: Of the release.
        artifact: That it was published in; None where that is no longer kept.
        state: ``served``, ``being tried``, ``rejected``, ``served before`` or ``not tried``.
        verdict: The supervisor's newest; None for none.
    """

    name: str
    artifact: Artifact | None
    state: str
    verdict: Verdict | None

    def to_json(self) -> dict[str, Any]:
        """For a program."""
        made = self.artifact.manifest.created_at if self.artifact else None
        return {
            "release": self.name,
            "state": self.state,
            "released_at": made,
            "verdict": self.verdict.to_json() if self.verdict else None,
        }


class SupervisedReleases:
    """The releases of language models, and the supervisor's files about them."""

    def __init__(self, store: ArtifactStore, home: Path) -> None:
        """Read ``store`` and what is below the platform's ``home``."""
        self._store = store
        self._home = home
        self._folder = home / "gateway" / "releases"

    def all(self) -> list[Known]:
        """Every release that is known, the newest last."""
        artifacts = {str(_manifest(a)["release"]): a for a in self._store.versions(RELEASED)}
        verdicts = self.verdicts()
        state = self.state()
        names = [*(name for name in verdicts if name not in artifacts), *artifacts]
        return [
            Known(name, artifacts.get(name), _standing(name, state, found), found)
            for name in names
            for found in [verdicts.get(name)]
        ]

    def find(self, name: str) -> Known:
        """A release by name.

        Raises:
            ArtifactError: There is none.
        """
        for known in self.all():
            if known.name == name:
                return known
        raise ArtifactError(f"there is no release {name}: see `amodels release list`")

    def verdicts(self) -> dict[str, Verdict]:
        """The newest verdict on each release, the oldest of them first.

        Raises:
            ArtifactError: One of them cannot be understood.
        """
        found, problems = read_verdicts(self._home)
        if problems:
            raise ArtifactError(f"{problems[0]}: is it the supervisor's?")
        return {verdict.release: verdict for verdict in found}

    def state(self) -> dict[str, Any]:
        """What the supervisor is doing; empty where none ever ran."""
        return _read(self._folder / "state.json")

    def ask(self, action: str, release: str = "") -> str:
        """Ask for a release to be served.

        Args:
            action: ``promote`` or ``rollback``.
            release: To promote.

        Returns:
            By which the answer is found.

        Raises:
            RequestError: Something else was asked and is not taken up yet.
        """
        asked = {"id": uuid.uuid4().hex, "action": action, "release": release}
        self._folder.mkdir(parents=True, exist_ok=True)
        aside = self._folder / f".request.{asked['id']}"
        write_atomically(aside, (json.dumps(asked) + "\n").encode())
        try:
            # Unlike a rename this leaves alone what is there.
            os.link(aside, self._request)
        except FileExistsError:
            waiting = _read(self._request)
            raise RequestError(
                f"{waiting.get('action', 'a request')} {waiting.get('release', '')}".rstrip()
                + " was asked before and is not taken up yet: wait for it, or start "
                "`amodels-gateway supervise`"
            ) from None
        finally:
            aside.unlink()
        return asked["id"]

    def answer(self, identity: str) -> dict[str, str] | None:
        """What became of a request; None while that is open."""
        for entry in self.state().get("answers", ()):
            if entry["request"] == identity:
                return entry
        return None

    @property
    def is_waiting(self) -> bool:
        """Whether a request was not taken up yet."""
        return self._request.exists()

    @property
    def _request(self) -> Path:
        return self._folder / "request.json"


def _manifest(artifact: Artifact) -> dict[str, Any]:
    return json.loads(artifact.verified_file("release.json").read_text())


def _standing(name: str, state: dict[str, Any], verdict: Verdict | None) -> str:
    switch = state.get("switch")
    if switch and switch["release"] == name and name != state.get("released"):
        return "being tried"
    if name == state.get("released"):
        return "served"
    if verdict is None:
        return "not tried"
    return "served before" if verdict.accepted else "rejected"


def _read(path: Path) -> dict[str, Any]:
    """A file of the supervisor's; empty where there is none.

    Raises:
        ArtifactError: It is there and cannot be understood.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read ({error}): is it the supervisor's?") from error
