"""Retention of language models' checkpoints: what goes, and what stays whatever its age."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from amodels_assets.artifacts import Artifact, ArtifactError, ArtifactStore
from amodels_assets.privacy.ledger import released_entries
from amodels_assets.privacy.publish import publish_ledger
from amodels_assets.release.jobs import delete_expired_checkpoints
from amodels_assets.release.retention import CHECKPOINTS, delete_expired, expired_checkpoints
from amodels_assets.training.language.names import LANGUAGE_MODEL
from resources.artifact_store import ArtifactStoreResource

QUESTIONS = "datasets/catalog_questions"
PRIVATE = "training/private_language_model"
LATE = datetime.now(UTC) + timedelta(days=61)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path)


def checkpoint(store: ArtifactStore, name: str, weights: str) -> Artifact:
    manifest = {"privacy": None, "weights": weights}
    return store.publish(
        name, inputs={QUESTIONS: "a" * 64}, code_version="1", config={"weights": weights},
        produce=lambda folder: (folder / "config.json").write_text(json.dumps(manifest)),
    )  # fmt: skip


def release(store: ArtifactStore, made: Artifact) -> Artifact:
    content = {
        "release": f"language-{made.manifest.config['weights']}",
        "checkpoint": {"artifact": made.manifest.artifact, "data_version": made.data_version},
        "dataset": {"artifact": QUESTIONS},
        "privacy": None,
    }
    return store.publish(
        "release/released_language_model", inputs={"checkpoint": made.data_version},
        code_version="1",
        produce=lambda folder: (folder / "release.json").write_text(json.dumps(content)),
    )  # fmt: skip


def kept(store: ArtifactStore, name: str) -> set[str]:
    return {artifact.manifest.config["weights"] for artifact in store.versions(name)}


def test_every_training_of_a_language_model_is_known() -> None:
    assert set(CHECKPOINTS) == {"training/relational_transformer", LANGUAGE_MODEL, PRIVATE}


@pytest.mark.parametrize("name", [LANGUAGE_MODEL, PRIVATE])
def test_the_old_go_and_released_and_current_stay(store: ArtifactStore, name: str) -> None:
    release(store, checkpoint(store, name, "first"))
    checkpoint(store, name, "old")
    release(store, checkpoint(store, name, "second"))
    checkpoint(store, name, "current")
    soon = datetime.now(UTC) + timedelta(days=59)
    assert expired_checkpoints(store, now=soon, days=60) == []
    (deleted,) = delete_expired(store, now=LATE, days=60)
    assert (deleted.manifest.artifact, deleted.manifest.config) == (name, {"weights": "old"})
    assert kept(store, name) == {"first", "second", "current"}
    assert delete_expired(store, now=LATE, days=60) == []


def test_what_the_ledger_alone_remembers_as_released_stays(store: ArtifactStore) -> None:
    released = release(store, checkpoint(store, LANGUAGE_MODEL, "released"))
    checkpoint(store, LANGUAGE_MODEL, "current")
    publish_ledger(store, code_version="1")
    release(store, checkpoint(store, PRIVATE, "another"))
    store.delete_version(released)
    assert delete_expired(store, now=LATE, days=60) == []
    assert kept(store, LANGUAGE_MODEL) == {"released", "current"}


def test_the_ledger_keeps_its_entry_when_the_files_are_gone(store: ArtifactStore) -> None:
    made = checkpoint(store, LANGUAGE_MODEL, "released")
    release(store, made)
    checkpoint(store, LANGUAGE_MODEL, "current")
    before = released_entries(store)
    store.delete_version(made)
    assert released_entries(store) == before
    assert [entry.version for entry in before] == [made.data_version]


def test_nothing_goes_while_a_release_cannot_be_read(store: ArtifactStore) -> None:
    damaged = release(store, checkpoint(store, LANGUAGE_MODEL, "released"))
    checkpoint(store, LANGUAGE_MODEL, "old")
    checkpoint(store, LANGUAGE_MODEL, "current")
    (damaged.path / "release.json").write_text("{")
    with pytest.raises(ArtifactError, match="damaged"):
        delete_expired(store, now=LATE, days=60)
    assert kept(store, LANGUAGE_MODEL) == {"released", "old", "current"}


def test_the_job_deletes_them(store: ArtifactStore) -> None:
    old = checkpoint(store, PRIVATE, "old")
    checkpoint(store, PRIVATE, "current")
    manifest = json.loads((old.path / "manifest.json").read_text())
    manifest["created_at"] = "2020-01-01T00:00:00+00:00"
    (old.path / "manifest.json").write_text(json.dumps(manifest))
    done = delete_expired_checkpoints.execute_in_process(
        resources={"artifact_store": ArtifactStoreResource(root=str(store.root))},
        run_config={"ops": {"delete_expired_archives": {"config": {"days": 60}}}},
    )
    assert done.success
    assert kept(store, PRIVATE) == {"current"}
