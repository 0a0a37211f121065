"""The gate, the release manifest and retention, on artifacts made for the purpose."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from amodels_assets.artifacts import (
    Artifact,
    ArtifactError,
    ArtifactStore,
    CheckRecord,
    write_table,
)
from amodels_assets.release import evidence as evidence_module
from amodels_assets.release.assets import release
from amodels_assets.release.checks import release_is_servable
from amodels_assets.release.evidence import (
    CHECKPOINT,
    DATASET,
    RELEASE,
    REQUIRED_CHECKS,
    SCORES,
    read_release,
)
from amodels_assets.release.gate import Evidence, Score, audit_checks, decide
from amodels_assets.release.manifest import find_problems, release_manifest
from amodels_assets.release.publish import GateResult, publish_gate, publish_release
from amodels_assets.release.retention import delete_expired, expired_checkpoints
from resources.artifact_store import ArtifactStoreResource

SCORE = Score("auroc", 0.8, 0.75, 0.85, 500, 80, 0, 1000)
GOOD = Evidence("c" * 64, "c" * 64, SCORE, (), (), None, None)


@pytest.mark.parametrize(
    ("evidence", "broken_rule"),
    [
        (replace(GOOD, missing_checks=("a:b",)), "all blocking checks passed"),
        (replace(GOOD, failed_checks=("a:b",)), "all blocking checks passed"),
        (replace(GOOD, scored_checkpoint_version="d" * 64), "the scores are the candidate's own"),
        (replace(GOOD, score=replace(SCORE, low=0.49)), "the score is above chance"),
        (
            replace(GOOD, incumbent="old", gain=(-0.01, -0.02, 0.01)),
            "the score beats the released one",
        ),
        (replace(GOOD, incumbent="old", gain=(0.0, 0.0, 0.0)), "the score beats the released one"),
    ],
)
def test_each_rule_can_refuse(evidence: Evidence, broken_rule: str) -> None:
    decision = decide(evidence)
    assert not decision.accepted
    assert [rule.rule for rule in decision.rules if not rule.passed] == [broken_rule]
    assert "**not met**" in decision.reasons()


@pytest.mark.parametrize(
    "evidence", [GOOD, replace(GOOD, incumbent="old", gain=(0.01, -0.001, 0.02))]
)
def test_a_candidate_that_meets_every_rule_is_accepted(evidence: Evidence) -> None:
    assert decide(evidence).accepted


def test_audit_names_what_is_missing_and_what_failed() -> None:
    records = {("x", "good"): True, ("x", "bad"): False}
    assert audit_checks([("x", "good"), ("x", "gone")], records) == (("x:gone",), ("x:bad",))


@dataclass
class World:
    """A store with a data set and as many checkpoints as a test asks for."""

    store: ArtifactStore
    labels: np.ndarray

    def checkpoint(self, weights: str, skill: float, *, checks: bool = True) -> None:
        """Publish a checkpoint and its scores; ``skill`` of 0 is chance, of 1 nearly perfect."""
        dataset = self.store.publish(
            DATASET,
            inputs={},
            code_version="1",
            produce=lambda folder: (folder / "dataset.json").write_text("{}"),
        )
        checkpoint = self.store.publish(
            CHECKPOINT,
            inputs={DATASET: dataset.data_version},
            code_version="1",
            config={"weights": weights},
            produce=lambda folder: (folder / "model.safetensors").write_text(f"{weights} {skill}"),
        )
        scores = self.store.publish(
            SCORES,
            inputs={CHECKPOINT: checkpoint.data_version, DATASET: dataset.data_version},
            code_version="1",
            produce=lambda folder: self._write_scores(folder, checkpoint, dataset, skill),
        )
        if checks:
            versions = {DATASET: dataset, CHECKPOINT: checkpoint, SCORES: scores}
            for artifact, check in REQUIRED_CHECKS:
                version = versions[artifact].data_version
                self.store.record_check(artifact, CheckRecord(check, version, True, blocking=True))

    def predictions(self, skill: float) -> np.ndarray:
        noise = np.random.default_rng(1).normal(size=len(self.labels))
        return skill * 3 * self.labels + noise

    def _write_scores(
        self, folder: Path, checkpoint: Artifact, dataset: Artifact, skill: float
    ) -> None:
        count = len(self.labels)
        score = {
            "model": "relational_transformer",
            "metric": "auroc",
            "value": 0.5 + skill / 2,
            "low": 0.45 + skill / 2,
            "high": 0.55 + skill / 2,
            "n": count,
            "positives": int(self.labels.sum()),
            "seed": 0,
            "resamples": 1000,
            "checkpoint_version": checkpoint.data_version,
            "dataset_version": dataset.data_version,
        }
        write_table(folder, "scores", pa.Table.from_pylist([score]))
        write_table(folder, "predictions", self.table(self.predictions(skill)))

    def table(self, scores: np.ndarray, name: str = "relational_transformer") -> pa.Table:
        count = len(self.labels)
        return pa.table(
            {
                "facility_id": [f"f{i}" for i in range(count)],
                "cutoff_date": [datetime(2024, 4, 1, tzinfo=UTC).date()] * count,
                "label": self.labels,
                name: scores,
            }
        )

    def release(self) -> GateResult:
        gate = publish_gate(self.store, code_version="1")
        if gate.decision.accepted:
            publish_release(self.store, gate, code_version="1")
        return gate


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    labels = (np.arange(300) % 5 == 0).astype(float)
    world = World(ArtifactStore(tmp_path), labels)

    def score_checkpoint(checkpoint: Path, dataset: Path, split: str) -> pa.Table:
        """Stands in for inference: the stored weights say how good the checkpoint is."""
        assert split == "test"
        skill = float((checkpoint / "model.safetensors").read_text().split()[1])
        table = world.table(world.predictions(skill), "score")
        return table.take(np.random.default_rng(0).permutation(table.num_rows))

    monkeypatch.setattr(evidence_module, "score_checkpoint", score_checkpoint)
    return world


def released_name(world: World) -> str | None:
    found = world.store.find(RELEASE)
    return read_release(found)["release"] if found else None


def test_the_first_good_checkpoint_is_released(world: World) -> None:
    world.checkpoint("a", 0.5)
    gate = world.release()
    assert gate.decision.accepted
    release = world.store.get(RELEASE)
    assert find_problems(world.store, release) == []
    manifest = read_release(release)
    assert manifest["supersedes"] is None
    assert (world.store.root / manifest["checkpoint"]["path"] / "model.safetensors").exists()


def test_judging_the_released_checkpoint_again_changes_nothing(world: World) -> None:
    world.checkpoint("a", 0.5)
    first = world.release()
    second = world.release()
    assert second.artifact.unchanged
    assert second.decision == first.decision


def test_a_better_checkpoint_takes_over_and_a_worse_one_does_not(world: World) -> None:
    world.checkpoint("a", 0.4)
    world.release()
    first = released_name(world)
    world.checkpoint("b", 0.8)
    better = world.release()
    second = released_name(world)
    assert better.decision.accepted
    assert second != first
    assert read_release(world.store.get(RELEASE))["supersedes"] == first
    world.checkpoint("c", 0.6)
    worse = world.release()
    assert not worse.decision.accepted
    assert released_name(world) == second
    assert f"gain over {second}" in worse.decision.reasons()


def test_chance_and_missing_checks_are_refused(world: World) -> None:
    world.checkpoint("a", 0.0)
    assert not world.release().decision.accepted
    assert world.store.find(RELEASE) is None


@pytest.mark.skipif(not REQUIRED_CHECKS, reason="no check is required")
def test_a_checkpoint_without_checks_on_record_is_refused(world: World) -> None:
    world.checkpoint("a", 0.5, checks=False)
    gate = world.release()
    assert not gate.decision.accepted
    assert len(gate.evidence.missing_checks) == len(REQUIRED_CHECKS)


def test_scores_of_another_data_set_are_an_error(world: World) -> None:
    world.checkpoint("a", 0.5)
    world.store.publish(
        DATASET,
        inputs={"new": "rows"},
        code_version="1",
        produce=lambda folder: (folder / "dataset.json").write_text('{"new": 1}'),
    )
    with pytest.raises(ArtifactError, match="trained on another version"):
        world.release()


def test_a_refused_candidate_has_no_manifest(world: World) -> None:
    world.checkpoint("a", 0.0)
    gate = world.release()
    with pytest.raises(ValueError, match="refused"):
        release_manifest(
            world.store, gate.release_name, gate.candidate, gate.evidence, gate.decision
        )


def test_a_release_whose_checkpoint_was_touched_is_a_problem(world: World) -> None:
    world.checkpoint("a", 0.5)
    world.release()
    model = world.store.get(CHECKPOINT).path / "model.safetensors"
    model.write_text("tampered")
    release = world.store.get(RELEASE)
    assert find_problems(world.store, release) == [
        "checkpoint file model.safetensors is not what was released"
    ]
    model.unlink()
    assert find_problems(world.store, release) == ["checkpoint file model.safetensors is missing"]
    manifest = json.loads((release.path / "release.json").read_text())
    (release.path / "release.json").write_text(json.dumps(manifest))
    (problem,) = find_problems(world.store, release)
    assert "missing or damaged" in problem


def test_the_check_on_the_release_passes_and_fails(world: World) -> None:
    resource = ArtifactStoreResource(root=str(world.store.root))
    with pytest.raises(dg.Failure):
        release_is_servable(resource)
    world.checkpoint("a", 0.5)
    world.release()
    for tampered, passed in ((False, True), (True, False)):
        if tampered:
            (world.store.get(CHECKPOINT).path / "model.safetensors").write_text("tampered")
        result = release_is_servable(resource)
        assert isinstance(result, dg.AssetCheckResult)
        assert result.passed is passed


def test_the_asset_keeps_the_standing_release_when_the_gate_refuses(world: World) -> None:
    resources = {"artifact_store": ArtifactStoreResource(root=str(world.store.root))}
    world.checkpoint("a", 0.8)
    made = [dg.materialize([release], resources=resources)]
    standing = released_name(world)
    world.checkpoint("b", 0.3)
    made.append(dg.materialize([release], resources=resources))
    keys = [
        [m.asset_key.path[-1] for m in r.asset_materializations_for_node("release")] for r in made
    ]
    assert keys == [["gate", "released_model"], ["gate"]]
    assert released_name(world) == standing


def test_retention_deletes_the_old_and_keeps_released_and_current(world: World) -> None:
    for weights, skill in (("released", 0.5), ("old", 0.2), ("current", 0.3)):
        world.checkpoint(weights, skill)
        if weights == "released":
            world.release()
    soon = datetime.now(UTC) + timedelta(days=59)
    late = datetime.now(UTC) + timedelta(days=61)
    assert expired_checkpoints(world.store, now=soon, days=60) == []
    (deleted,) = delete_expired(world.store, now=late, days=60)
    assert deleted.manifest.config == {"weights": "old"}
    assert not deleted.path.exists()
    kept = {a.manifest.config["weights"] for a in world.store.versions(CHECKPOINT)}
    assert kept == {"released", "current"}
    assert delete_expired(world.store, now=late, days=60) == []
