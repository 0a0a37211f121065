"""The released Relational Transformer, verified and opened.

Belongs here: which release and which facts are served now, and comparing every file with its hash.
Does not belong here: predictions (``predictions.py``), when to look again (``predict_server.py``).

The facts are those of the newest version of the release's data set that passed every blocking check
and has the columns that the checkpoint was trained on; failing that, of the version that the
release names.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from amodels_assets.artifacts import Artifact, ArtifactError, ArtifactStore
from amodels_assets.release.evidence import DATASET, RELEASE, REQUIRED_CHECKS, read_release
from amodels_assets.release.gate import audit_checks
from amodels_assets.release.manifest import find_problems
from amodels_assets.serving.predictions import facts_until
from amodels_assets.serving.row_keys import RowForm, form_of
from amodels_assets.training.checkpoint import CheckpointError
from amodels_assets.training.predictor import Predictor, open_predictor

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)


class Seen(NamedTuple):
    """Folders of what is current.

    Attributes:
        release: The release manifest's; empty where nothing is released.
        facts: The data set's; empty while its checks have not all passed.
    """

    release: str
    facts: str

    def replaces(self, opened: Seen) -> bool:
        """Whether something has to be opened again; unchecked facts are no reason."""
        return self.release != opened.release or self.facts not in {"", opened.facts}


class ReleasedError(RuntimeError):
    """A release cannot be served; the message says why and what to do."""


@dataclass(frozen=True)
class Released:
    """What is served.

    Attributes:
        name: Of the release.
        checkpoint: Data version of its checkpoint.
        facts: Data version of the data set.
        facts_until: Moment of its newest fact.
        form: What a row of a request looks like.
        predictor: Opened.
        seen: What was current when this was opened.
    """

    name: str
    checkpoint: str
    facts: str
    facts_until: str
    form: RowForm
    predictor: Predictor
    seen: Seen

    def to_json(self) -> dict[str, Any]:
        """For clients: what answers, and what it can be asked."""
        spec = self.predictor.material.dataset.spec
        return {
            "release": self.name,
            "checkpoint": self.checkpoint,
            "data_version": self.facts,
            "facts_until": self.facts_until,
            "task": spec.name,
            "question": spec.description,
            "kind": spec.task.kind,
            "row": self.form.to_json(),
        }


def look(store: ArtifactStore) -> Seen:
    """Which versions are current.

    Raises:
        ArtifactError: The store cannot be read.
    """
    try:
        release, facts = store.find(RELEASE), store.find(DATASET)
        checked = facts is not None and passed(store, facts)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"what is current in {store.root} cannot be read: {error}") from error
    return Seen(str(release.path) if release else "", str(facts.path) if checked and facts else "")


def open_released(store: ArtifactStore, *, device: str = "", cache: Path | None = None) -> Released:
    """Verify what is released and open it.

    Args:
        store: Where it is.
        device: As for ``device.choose_device``.
        cache: Folder for vectors of texts.

    Raises:
        ReleasedError: Nothing is released, or what is released is not what was released.
    """
    try:
        seen = look(store)
        release = store.find(RELEASE)
        if release is None:
            raise ReleasedError("nothing is released yet: say `amodels run`")
        if problems := find_problems(store, release):
            raise ReleasedError(
                f"the release cannot be served: {'; '.join(problems)}: restore the file or "
                "release a checkpoint again"
            )
        manifest = read_release(release)
        checkpoint = store.root / manifest["checkpoint"]["path"]
        return _open(store, manifest, checkpoint, seen, device=device, cache=cache)
    except ReleasedError:
        raise
    except (ArtifactError, OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        # Whatever is wrong with it, what is served goes on.
        raise ReleasedError(f"the release cannot be served: {error}") from error


def _open(
    store: ArtifactStore,
    manifest: dict[str, Any],
    checkpoint: Path,
    seen: Seen,
    *,
    device: str,
    cache: Path | None,
) -> Released:
    pinned = manifest["dataset"]
    newest = store.find(pinned["artifact"])
    if newest is not None and str(newest.path) == seen.facts and newest.is_intact():
        try:
            predictor = open_predictor(checkpoint, newest.path, device=device, cache=cache)
        except CheckpointError as error:
            # Of other columns: what the release names still fits.
            logger.info("%s: older facts are used", error)
        else:
            return _released(manifest, newest, predictor, seen)
    facts = _version(store, pinned["artifact"], pinned["data_version"])
    predictor = open_predictor(checkpoint, facts.path, device=device, cache=cache)
    return _released(manifest, facts, predictor, seen)


def _released(
    manifest: dict[str, Any], facts: Artifact, predictor: Predictor, seen: Seen
) -> Released:
    return Released(
        name=manifest["release"],
        checkpoint=manifest["checkpoint"]["data_version"],
        facts=facts.data_version,
        facts_until=facts_until(predictor.material.graph),
        form=form_of(predictor.material.dataset),
        predictor=predictor,
        seen=seen,
    )


def passed(store: ArtifactStore, dataset: Artifact) -> bool:
    """Whether a data set passed every blocking check that a release asks for."""
    name = dataset.manifest.artifact
    versions = {dataset.data_version, *(r.sha256 for r in dataset.manifest.files.values())}
    records = {
        (name, check): record.passed
        for check, record in store.checks(name).items()
        if record.blocking and record.data_version in versions
    }
    required = [(artifact, check) for artifact, check in REQUIRED_CHECKS if artifact == name]
    missing, failed = audit_checks(required, records)
    return not missing and not failed


def _version(store: ArtifactStore, name: str, data_version: str) -> Artifact:
    for found in store.versions(name):
        if found.data_version == data_version:
            if not found.is_intact():
                raise ReleasedError(f"{found.path} is damaged: restore it or release again")
            return found
    raise ReleasedError(
        f"version {data_version[:12]} of {name}, which the release names, is no longer kept: "
        "release a checkpoint again"
    )
