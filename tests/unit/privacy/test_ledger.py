"""The ledger: nothing is forgotten, sums are bounds, a budget refuses."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from amodels_assets.artifacts import Artifact, ArtifactStore
from amodels_assets.cli import cli
from amodels_assets.definitions import build_definitions
from amodels_assets.privacy.accounting import epsilon
from amodels_assets.privacy.assets import ledger
from amodels_assets.privacy.checks import privacy_budget_kept
from amodels_assets.privacy.ledger import (
    Entry,
    beyond_budget,
    candidate_entries,
    entries_of,
    released_entries,
    totals,
)
from amodels_assets.privacy.names import LEDGER, PRIVATE_LANGUAGE_MODEL
from amodels_assets.privacy.publish import publish_ledger
from amodels_assets.privacy.statement import Mechanism, PrivacyError, PrivacyStatement
from amodels_assets.release.language_evidence import REQUIRED_OF_PRIVATE
from amodels_assets.release.language_gate import LanguageEvidence, decide_language
from amodels_assets.settings import from_environment
from resources.artifact_store import ArtifactStoreResource

QUESTIONS = "datasets/catalog_questions"
MECHANISM = Mechanism(2.0, 0.05, 200)
STATED = PrivacyStatement(
    unit="sequence",
    units=2_000,
    contributions=1,
    epsilon=epsilon([MECHANISM], 1e-5),
    delta=1e-5,
    accountant="prv",
    clip=1.0,
    noise_multiplier=2.0,
    sample_rate=0.05,
    steps=200,
    noise="secret",
    source=QUESTIONS,
    data_version="a" * 64,
)


def entry(version: str, stated: PrivacyStatement | None = STATED, source: str = QUESTIONS) -> Entry:
    return Entry(f"release-{version}", "training/language_model", version, source, stated)


def checkpoint(store: ArtifactStore, stated: PrivacyStatement | None, seed: int = 0) -> Artifact:
    """A checkpoint of which only the manifest matters."""
    manifest = {"privacy": stated.to_json() if stated else None, "seed": seed}
    return store.publish(
        PRIVATE_LANGUAGE_MODEL,
        inputs={QUESTIONS: "a" * 64, "models/tiny": "b" * 64},
        code_version="1",
        config={"seed": seed},
        produce=lambda folder: (folder / "config.json").write_text(json.dumps(manifest)),
    )


def release(store: ArtifactStore, made: Artifact, name: str) -> Artifact:
    manifest = json.loads((made.path / "config.json").read_text())
    content = {
        "release": name,
        "checkpoint": {
            "artifact": made.manifest.artifact,
            "data_version": made.data_version,
        },
        "dataset": {"artifact": QUESTIONS},
        "privacy": manifest["privacy"],
    }
    return store.publish(
        "release/released_language_model",
        inputs={"checkpoint": made.data_version},
        code_version="1",
        produce=lambda folder: (folder / "release.json").write_text(json.dumps(content)),
    )


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def test_two_releases_cost_more_than_one_and_less_than_the_sum() -> None:
    (one,) = totals([entry("1")])
    (two,) = totals([entry("1"), entry("2")])
    assert one.epsilon == STATED.epsilon
    assert one.epsilon < two.epsilon < 0.8 * 2 * one.epsilon
    assert two.epsilon == epsilon([MECHANISM, MECHANISM], 2e-5)
    assert (two.how, two.delta, two.releases) == ("prv", 2e-5, 2)
    assert totals([entry("1"), entry("1")]) == [one], "a checkpoint counts once"
    assert [t.source for t in totals([entry("1", source="b"), entry("2", source="a")])] == [
        "a",
        "b",
    ]


def test_where_no_accountant_is_better_it_is_the_sum() -> None:
    # Almost no noise: beyond both accountants, and the stated epsilon stands.
    rough = replace(STATED, noise_multiplier=1e-4, epsilon=9e9)
    (two,) = totals([entry("1", rough), entry("2", STATED)])
    assert (two.how, two.epsilon) == ("sum", 9e9 + STATED.epsilon)


@pytest.mark.parametrize("other", [None, replace(STATED, noise="seeded")], ids=["none", "seeded"])
def test_a_release_without_a_promise_leaves_no_bound(other: PrivacyStatement | None) -> None:
    (total,) = totals([entry("1"), entry("2", other)])
    assert math.isinf(total.epsilon)
    assert (total.how, total.to_json()["epsilon"]) == ("unbounded", None)
    assert "no bound" in beyond_budget([entry("2", other)], [entry("1")], 1e9)[0]
    assert beyond_budget([entry("2", other, "a")], [entry("1")], 1e9) == [], "of another source"


def test_the_unit_of_a_sum_is_the_smallest() -> None:
    table = replace(STATED, unit="source_table")
    assert totals([entry("1", table)])[0].unit == "source_table"
    assert totals([entry("1", table), entry("2")])[0].unit == "sequence"


def test_a_budget_is_for_what_is_out_and_for_what_would_be() -> None:
    first, second = entry("1"), entry("2")
    both = totals([first, second])[0].epsilon
    assert beyond_budget([first, second], [], 0.1) == [], "nothing is to be released"
    assert beyond_budget([first], [first], STATED.epsilon) == [], "released already"
    assert beyond_budget([first], [second], both) == []
    (problem,) = beyond_budget([first], [second], both * 0.99)
    assert QUESTIONS in problem
    assert "would have" in problem
    assert beyond_budget([first, second], [second], both * 0.99) == [problem]


def test_releases_are_read_from_the_store_and_never_forgotten(store: ArtifactStore) -> None:
    assert released_entries(store) == candidate_entries(store) == []
    first = release(store, checkpoint(store, STATED), "first")
    newest = checkpoint(store, STATED, seed=1)
    (found,) = released_entries(store)
    assert (found.release, found.source, found.statement) == ("first", QUESTIONS, STATED)
    assert candidate_entries(store) == entries_of(newest)
    publish_ledger(store, code_version="1")
    release(store, newest, "second")
    store.delete_version(first)
    assert [e.release for e in released_entries(store)] == ["first", "second"]
    made = publish_ledger(store, code_version="1")
    assert publish_ledger(store, code_version="1").unchanged
    content = json.loads(made.verified_file("ledger.json").read_text())
    assert content["totals"][0]["epsilon"] == epsilon([MECHANISM, MECHANISM], 2e-5)
    assert content["totals"] == content["totals_with_candidate"]


def test_a_promise_for_another_source_is_none_for_this_one(store: ArtifactStore) -> None:
    (found,) = entries_of(checkpoint(store, replace(STATED, source="datasets/other")))
    assert (found.source, found.statement) == (QUESTIONS, None)


def materialized(store: ArtifactStore) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [ledger, privacy_budget_kept],
        resources={"artifact_store": ArtifactStoreResource(root=str(store.root))},
        raise_on_error=False,
    )


def test_the_blocking_check_refuses_what_is_beyond_the_budget(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(store, checkpoint(store, STATED), "first")
    checkpoint(store, STATED, seed=1)
    both = epsilon([MECHANISM, MECHANISM], 2e-5)
    for budget, passes in ((None, True), (both * 1.01, True), (both * 0.99, False)):
        if budget is not None:
            monkeypatch.setenv("AMODELS_PRIVACY_BUDGET", f"{budget:.6f}")
        (evaluation,) = materialized(store).get_asset_check_evaluations()
        assert evaluation.passed is passes
        assert evaluation.blocking
        assert evaluation.severity == dg.AssetCheckSeverity.ERROR
        assert store.checks(LEDGER)["privacy_budget_kept"].passed is passes


def test_the_command_shows_sums_and_what_is_beyond_the_budget(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMODELS_HOME", str(tmp_path))
    said = CliRunner().invoke(cli, ["privacy", "ledger"])
    assert (said.exit_code, said.output.splitlines()[0]) == (0, "Nothing is released yet.")
    release(store, checkpoint(store, STATED), "first")
    checkpoint(store, None, seed=1)
    monkeypatch.setenv("AMODELS_PRIVACY_BUDGET", "8")
    said = CliRunner().invoke(cli, ["privacy", "ledger"])
    assert said.exit_code == 0
    assert f"{QUESTIONS}: epsilon {STATED.epsilon:.3f}" in said.output
    assert "no bound, a release was trained without" in said.output
    assert "would be beyond it" in said.output
    found: dict[str, Any] = json.loads(
        CliRunner().invoke(cli, ["privacy", "ledger", "--json"]).output
    )
    assert found["budget"] == 8
    assert found["totals"][0]["releases"] == 1
    assert found["totals_with_candidate"][0]["epsilon"] is None


@pytest.mark.parametrize("value", ["eight", "-1", "1e3"])
def test_a_budget_that_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="AMODELS_PRIVACY_BUDGET"):
        from_environment({"AMODELS_PRIVACY_BUDGET": value})
    assert from_environment({}).privacy_budget is None


def test_statements_survive_json_and_nonsense_is_refused() -> None:
    assert PrivacyStatement.from_json(json.loads(json.dumps(STATED.to_json()))) == STATED
    endless = replace(STATED, epsilon=math.inf)
    assert PrivacyStatement.from_json(json.loads(json.dumps(endless.to_json()))) == endless
    raw = STATED.to_json()
    for wrong in (
        {"unit": "person"},
        {"noise": "none"},
        {"delta": 0},
        {"epsilon": -1.0},
        {"sample_rate": 2.0},
        {"more": 1},
    ):
        with pytest.raises(PrivacyError):
            PrivacyStatement.from_json({**raw, **wrong})
    del raw["clip"]
    with pytest.raises(PrivacyError, match="lacks"):
        PrivacyStatement.from_json(raw)


def test_the_gate_refuses_a_candidate_beyond_the_budget() -> None:
    def evidence(*beyond: str) -> LanguageEvidence:
        return LanguageEvidence("a@1", "1", True, (), (), "b@2", None, None, (), beyond)

    (kept,) = (r for r in decide_language(evidence()).rules if "budget" in r.rule)
    (broken,) = (r for r in decide_language(evidence("too much")).rules if "budget" in r.rule)
    assert kept.passed
    assert not broken.passed
    assert broken.detail == "too much"
    assert not decide_language(evidence("too much")).accepted


def test_the_gate_looks_at_the_budget_and_at_the_private_models_check(
    store: ArtifactStore,
) -> None:
    graph = build_definitions().resolve_asset_graph()
    gate = graph.get(dg.AssetKey(["release", "language_gate"]))
    assert dg.AssetKey(LEDGER.split("/")) in gate.parent_keys
    declared = {k.name for k in graph.asset_check_keys
                if k.asset_key.to_user_string() == PRIVATE_LANGUAGE_MODEL}  # fmt: skip
    assert set(REQUIRED_OF_PRIVATE[PRIVATE_LANGUAGE_MODEL]) == declared
