"""The gate of language models: each rule can refuse, and what is released can be served."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from amodels_assets.artifacts import Artifact, ArtifactError, ArtifactStore, CheckRecord
from amodels_assets.definitions import build_definitions
from amodels_assets.evaluation.language.board import Compared
from amodels_assets.evaluation.language.checkpoints import (
    Checkpoint,
    artifact_checkpoint,
    current_checkpoints,
)
from amodels_assets.evaluation.language.comparison import Comparison
from amodels_assets.evaluation.language.names import CATALOG_QA, OWN, QUESTIONS, scores_of
from amodels_assets.models.store import ModelStore
from amodels_assets.release.assets import language_release
from amodels_assets.release.checks import language_release_is_servable
from amodels_assets.release.evidence import read_release
from amodels_assets.release.language_evidence import (
    REQUIRED_CHECKS,
    REQUIRED_OF_PUBLIC,
    language_candidate,
)
from amodels_assets.release.language_gate import LanguageEvidence, decide_language, lost_on
from amodels_assets.release.language_release import (
    SCHEMA_FILE,
    LanguageGate,
    language_manifest,
    publish_language_gate,
    publish_language_release,
)
from amodels_assets.release.manifest import find_problems
from amodels_assets.training.checkpoint import write_manifest
from amodels_assets.training.language.saving import copy_companions
from resources.artifact_store import ArtifactStoreResource
from resources.training import TrainingResource
from serving.releases.canary import read_canary

from .made import SHIPPED, publish, share

CHECKPOINT = "training/language_model"


def compared(name: str, difference: float, p: float, adjusted: float | None = None) -> Compared:
    found = Comparison(name, difference, difference, difference, p, "McNemar, exact", 1, 1, 9, 0)
    return Compared(found, p if adjusted is None else adjusted)


GOOD = LanguageEvidence(
    candidate="m@1",
    candidate_version="1" * 64,
    scored=True,
    missing_checks=(),
    failed_checks=(),
    reference="base@1",
    incumbent=None,
    catalog=compared(CATALOG_QA, 0.2, 0.001).comparison,
    public=(compared("boolq", -0.01, 0.6), compared("piqa", 0.02, 0.4)),
)
GAIN, LOSS = "a significant gain on catalog-qa", "no significant loss on a public set"


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"missing_checks": ("a:b",)}, "all blocking checks passed"),
        ({"failed_checks": ("a:b",)}, "all blocking checks passed"),
        ({"scored": False}, "the scores are the candidate's own"),
        ({"catalog": compared(CATALOG_QA, 0.02, 0.3).comparison}, GAIN),
        ({"catalog": compared(CATALOG_QA, -0.2, 0.001).comparison}, GAIN),
        ({"catalog": None}, GAIN),
        ({"public": (compared("boolq", -0.1, 0.01, 0.02),)}, LOSS),
        ({"public": ()}, LOSS),
    ],
)
def test_each_rule_can_refuse(change: dict[str, Any], broken: str) -> None:
    decision = decide_language(replace(GOOD, **change))
    assert [rule.rule for rule in decision.rules if not rule.passed] == [broken]


def test_what_meets_every_rule_is_accepted() -> None:
    assert decide_language(GOOD).accepted
    # One loss in twenty is expected where none is real: it has to stand for being one of several.
    assert not lost_on((compared("boolq", -0.1, 0.03, 0.06),))


class World:
    """A store with questions, a base model's scores, and checkpoints of which a test decides."""

    def __init__(self, root: Path, home: Path) -> None:
        self.store, self.home = ArtifactStore(root), home
        base = ModelStore.at(home).get("tiny").manifest
        self.base = Checkpoint(base.name, base.version, "base", base.name)
        self.store.publish(
            QUESTIONS,
            inputs={},
            code_version="1",
            produce=lambda folder: (folder / "test.parquet").write_bytes(b"q"),
        )

    def train(self, seed: int) -> Artifact:
        """A checkpoint that can be asked: the base model, a little changed."""

        def produce(folder: Path) -> None:
            from safetensors.torch import load_file, save_file

            base = ModelStore.at(self.home).get("tiny")
            copy_companions(base, folder / "model")
            weights = load_file(base.path / "model.safetensors")
            weights["model.norm.weight"] += seed / 100
            save_file(weights, folder / "model" / "model.safetensors", {"format": "pt"})
            made_of = {"name": self.base.name, "version": self.base.version}
            config = {"base": made_of, "mode": "full", "privacy": None}
            files = sorted(f"model/{path.name}" for path in (folder / "model").iterdir())
            write_manifest(folder, files, config)

        return self.store.publish(
            CHECKPOINT, inputs={"seed": str(seed)}, code_version="1", produce=produce
        )

    def score(self, catalog: float, public: float) -> None:
        mine = artifact_checkpoint(self.store.get(CHECKPOINT))
        publish(
            self.store, CATALOG_QA, {self.base: share(120, 0.2), mine: share(120, catalog, seed=1)}
        )
        publish(self.store, "boolq", {self.base: share(120, 0.6), mine: share(120, public, seed=1)})

    def check(self, *, passed: bool = True, without: str = "") -> None:
        required = [(a, c) for a, checks in REQUIRED_CHECKS.items() for c in checks]
        required += [(scores_of("boolq"), check) for check in REQUIRED_OF_PUBLIC]
        for artifact, check in required:
            if check != without:
                version = self.store.get(artifact).data_version
                record = CheckRecord(check, version, passed=passed, blocking=True)
                self.store.record_check(artifact, record)

    def gate(self) -> LanguageGate:
        models = ModelStore.at(self.home).root
        return publish_language_gate(self.store, SHIPPED, models, code_version="1")


@pytest.fixture
def world(home: Path, tmp_path: Path) -> World:
    return World(tmp_path / "artifacts", home)


def refusals(gate: LanguageGate) -> list[str]:
    return [rule.rule for rule in gate.decision.rules if not rule.passed]


def test_a_better_model_is_released_and_the_next_has_to_beat_it(world: World) -> None:
    first = world.train(1)
    world.score(catalog=0.8, public=0.6)
    world.check()
    gate = world.gate()
    assert gate.decision.accepted, gate.decision.reasons()
    models = ModelStore.at(world.home).root
    released = publish_language_release(world.store, gate, models, code_version="1")
    assert find_problems(world.store, released, SCHEMA_FILE) == []
    assert_stored_answers_are_of(first, released)
    content = read_release(released)
    assert content["checkpoint"]["data_version"] == first.data_version
    assert (content["kind"], content["mode"], content["supersedes"]) == (
        *("language_model", "full"),
        None,
    )
    assert content["score"]["value"] == pytest.approx(0.8)
    assert {one["benchmark"] for one in content["comparisons"]} == {CATALOG_QA, "boolq"}
    # Judged again, the same answer.
    assert world.gate().artifact.unchanged
    # As good as the released one is no gain, though it is one over the base model.
    second = world.train(2)
    asked = current_checkpoints(world.store, ModelStore.at(world.home), "tiny")
    assert [one.version for one in asked] == [
        *(world.base.version, artifact_checkpoint(second).version),
        artifact_checkpoint(first).version,
    ]
    world.score(catalog=0.8, public=0.6)
    world.check()
    again = world.gate()
    assert refusals(again) == [GAIN]
    assert again.evidence.incumbent == gate.release_name
    with pytest.raises(ValueError, match="refused"):
        language_manifest(world.store, again)


@pytest.mark.parametrize(("catalog", "public", "broken"), [(0.22, 0.6, [GAIN]), (0.8, 0.3, [LOSS])])
def test_what_is_no_better_is_not_released(
    catalog: float, public: float, broken: list[str], world: World
) -> None:
    world.train(1)
    world.score(catalog, public)
    world.check()
    gate = world.gate()
    assert refusals(gate) == broken
    written = json.loads(gate.artifact.verified_file("decision.json").read_text())
    assert written["accepted"] is False


def test_evidence_of_another_version_counts_for_nothing(world: World) -> None:
    world.train(1)
    world.score(catalog=0.8, public=0.6)
    gate = world.gate()
    assert refusals(gate) == ["all blocking checks passed"]
    assert len(gate.evidence.missing_checks) == 7
    world.check(without="shuffled_answers_score_at_chance")
    assert world.gate().evidence.missing_checks == (
        f"{scores_of(CATALOG_QA)}:shuffled_answers_score_at_chance",
    )
    world.check(passed=False)
    assert len(world.gate().evidence.failed_checks) == 7
    # A new checkpoint without scores of its own.
    world.train(2)
    assert "the scores are the candidate's own" in refusals(world.gate())


def test_nothing_to_judge_is_said(world: World) -> None:
    with pytest.raises(ArtifactError, match="has not been made yet"):
        language_candidate(world.store, SHIPPED)


def test_the_assets_release_what_is_better(world: World) -> None:
    resources = {
        "artifact_store": ArtifactStoreResource(root=str(world.store.root)),
        "training": TrainingResource(models=str(ModelStore.at(world.home).root)),
    }

    def run() -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [language_release, language_release_is_servable],
            resources=resources,
            raise_on_error=False,
        )

    (failure,) = run().get_step_failure_events()
    assert "has not been made yet" in str(failure.step_failure_data.user_failure_data)
    world.train(1)
    world.score(catalog=0.2, public=0.6)
    world.check()
    result = run()
    assert result.success
    assert [e.asset_key.path[-1] for e in materialized(result)] == ["language_gate"]
    world.train(3)
    world.score(catalog=0.8, public=0.6)
    world.check()
    result = run()
    assert [e.asset_key.path[-1] for e in materialized(result)] == [
        "language_gate",
        "released_language_model",
    ]
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
    checkpoint = world.store.get(CHECKPOINT).path / "model" / "model.safetensors"
    checkpoint.write_bytes(b"other")
    found = language_release_is_servable(resources["artifact_store"])
    assert not found.passed
    assert "is not what was released" in found.description


def assert_stored_answers_are_of(checkpoint: Artifact, released: Artifact) -> None:
    """What is stored is what transformers says of the checkpoint, and serving can read it."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    stored = read_canary(json.loads(released.verified_file("canary.json").read_text()))
    folder = checkpoint.path / "model"
    model, tokenizer = (
        AutoModelForCausalLM.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
    )
    prompt = stored[3]
    tokens = tokenizer(prompt.text, return_tensors="pt")["input_ids"]
    assert tuple(tokens[0].tolist()) == prompt.tokens
    # The mean of what the tokens cost is the model's own loss.
    loss = float(model(tokens, labels=tokens).loss.detach())
    assert -sum(prompt.logprobs) / len(prompt.logprobs) == pytest.approx(loss, abs=1e-4)
    said = model.generate(tokens, max_new_tokens=len(prompt.answer), do_sample=False)
    assert tuple(said[0, tokens.shape[1] :].tolist()) == prompt.answer
    assert all(lead >= 0 for one in stored for lead in one.leads)


def materialized(result: dg.ExecuteInProcessResult) -> list[Any]:
    return [
        event.step_materialization_data.materialization
        for event in result.all_events
        if event.is_step_materialization
    ]


def test_the_gate_requires_every_blocking_check_of_what_it_judges() -> None:
    graph = build_definitions().resolve_asset_graph()
    declared: dict[str, set[str]] = {}
    for key in graph.asset_check_keys:
        if graph.get(key).blocking:
            declared.setdefault(key.asset_key.to_user_string(), set()).add(key.name)
    for artifact, checks in REQUIRED_CHECKS.items():
        assert set(checks) == declared[artifact]
    for name in SHIPPED:
        if name not in OWN:
            assert declared[scores_of(name)] == set(REQUIRED_OF_PUBLIC)
