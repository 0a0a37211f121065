"""Scores: equal to a known library's, with honest intervals, complete and recomputable."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as known_roc_curve

from amodels_assets.artifacts import ArtifactStore, write_table
from amodels_assets.datasets.dataset import open_dataset
from amodels_assets.datasets.oracle import ORACLE_FILE, ORACLE_SCHEMA, read_oracle
from amodels_assets.evaluation.assets import relational_scores
from amodels_assets.evaluation.baselines import (
    best_possible_scores,
    constant_predictions,
    tree_predictions,
)
from amodels_assets.evaluation.checks import (
    above_joined_baseline,
    above_own_columns_baseline,
    scores_are_complete,
    shuffled_labels_score_half,
)
from amodels_assets.evaluation.curves import roc_curve, roc_picture
from amodels_assets.evaluation.metrics import bootstrap, paired_bootstrap
from amodels_assets.evaluation.score_table import SCORES_SCHEMA, as_markdown
from amodels_assets.evaluation.score_table import score_table as scored
from amodels_assets.evaluation.scoring import ScoringError, score_checkpoint
from amodels_assets.training.ranking import auroc
from amodels_assets.training.train import train
from resources.artifact_store import ArtifactStoreResource
from tests.unit.training.trained import TINY, silent

labelled = st.lists(
    st.tuples(st.integers(0, 1), st.integers(-3, 3) | st.floats(-1e3, 1e3)), min_size=2
).filter(lambda rows: len({label for label, _ in rows}) == 2)


def arrays(rows: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([r[0] for r in rows]), np.array([r[1] for r in rows], dtype=float)


@given(labelled)
def test_auroc_is_what_a_known_library_computes(rows: list[tuple[int, float]]) -> None:
    labels, scores = arrays(rows)
    assert auroc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@given(labelled)
def test_the_curve_has_the_area(rows: list[tuple[int, float]]) -> None:
    labels, scores = arrays(rows)
    false, true = roc_curve(labels, scores)
    assert np.trapezoid(true, false) == pytest.approx(auroc(labels, scores), abs=1e-12)
    known = known_roc_curve(labels, scores, drop_intermediate=False)
    assert np.allclose(false, known[0])
    assert np.allclose(true, known[1])


def drawn(n: int, skill: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.3).astype(int)
    return labels, labels * skill + rng.normal(size=n)


def test_bootstrap_equals_resampling_by_hand() -> None:
    labels, scores = drawn(60, 1.0, 0)
    estimate = bootstrap("auroc", labels, scores, seed=5, resamples=200)
    rng = np.random.default_rng(5)
    counts = rng.multinomial(60, np.full(60, 1 / 60), size=200)
    by_hand = [roc_auc_score(labels, scores, sample_weight=c) for c in counts]
    assert (estimate.low, estimate.high) == pytest.approx(np.quantile(by_hand, [0.025, 0.975]))


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    truth = auroc(*drawn(200_000, 1.0, 99))
    covered = 0
    for seed in range(100):
        estimate = bootstrap("auroc", *drawn(200, 1.0, seed), seed=0, resamples=300)
        covered += estimate.low <= truth <= estimate.high
    assert 88 <= covered <= 100


def test_a_paired_difference_is_tighter_than_two_intervals() -> None:
    labels, scores = drawn(400, 1.0, 1)
    worse = scores + np.random.default_rng(2).normal(size=400) * 0.3
    difference, low, high = paired_bootstrap(labels, scores, worse, seed=0)
    alone = bootstrap("auroc", labels, scores, seed=0)
    assert low <= difference <= high
    assert high - low < alone.high - alone.low
    assert paired_bootstrap(labels, scores, scores, seed=0) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("labels", "scores"), [([1, 1], [0.1, 0.2]), ([0, 1], [0.1, float("nan")])]
)
def test_what_has_no_auroc_is_an_error(labels: list[int], scores: list[float]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        bootstrap("auroc", np.array(labels), np.array(scores), seed=0)


def test_baselines(bank_dataset: Path, bank_source: Path) -> None:
    dataset = open_dataset(bank_dataset)
    labels = dataset.tasks["test"]["label"].to_numpy()
    assert set(constant_predictions(dataset, "test")) == {
        pc.mean(dataset.tasks["train"]["label"]).as_py()
    }
    joined = tree_predictions(dataset, "test", "joins", 0)
    assert (joined == tree_predictions(dataset, "test", "joins", 0)).all()
    own = tree_predictions(dataset, "test", "own", 0)
    assert auroc(labels, joined) > auroc(labels, own) > 0.5
    oracle = best_possible_scores(dataset, "test", read_oracle(bank_source / ORACLE_FILE))
    assert oracle is not None
    assert auroc(labels, oracle) > 0.75
    assert best_possible_scores(dataset, "test", ORACLE_SCHEMA.empty_table()) is None


def predictions(skill: float = 2.0) -> pa.Table:
    labels, scores = drawn(300, skill, 0)
    return pa.table(
        {
            "facility_id": [f"f{i}" for i in range(300)],
            "label": pa.array(labels, pa.int8()),
            "relational_transformer": 1 / (1 + np.exp(-scores)),
            "lightgbm_joins": 1 / (1 + np.exp(-drawn(300, skill / 3, 0)[1])),
            "lightgbm_own_columns": 1 / (1 + np.exp(-drawn(300, skill / 4, 0)[1])),
            "majority": np.full(300, 0.3),
        }
    )


VERSIONS = {"checkpoint_version": "c", "dataset_version": "d"}


def score_table(table: pa.Table, versions: dict[str, str]) -> pa.Table:
    return scored(table, table["label"].to_numpy().astype(int), "binary", versions)


def test_score_table_and_pictures_repeat() -> None:
    table = predictions()
    scores = score_table(table, VERSIONS)
    assert scores.schema == SCORES_SCHEMA
    assert scores == score_table(table, VERSIONS)
    assert roc_picture(table, scores) == roc_picture(table, scores)
    assert scores["model"].to_pylist()[0] == "relational_transformer"
    assert "| majority | 0.5000 (0.5000 to 0.5000) |" in as_markdown(scores)


CHECKS = (
    scores_are_complete,
    shuffled_labels_score_half,
    above_own_columns_baseline,
    above_joined_baseline,
)


def outcomes(root: Path, table: pa.Table, scores: pa.Table) -> list[bool]:
    def produce(folder: Path) -> None:
        write_table(folder, "predictions", table)
        write_table(folder, "scores", scores)

    ArtifactStore(root).publish(
        "evaluation/relational_scores",
        inputs={"n": str(scores.to_pylist())},
        code_version="1",
        produce=produce,
    )
    results = [check(ArtifactStoreResource(root=str(root))) for check in CHECKS]
    assert all(isinstance(result, dg.AssetCheckResult) for result in results)
    return [result.passed for result in results]


def test_good_scores_pass_every_check(tmp_path: Path) -> None:
    table = predictions()
    assert outcomes(tmp_path, table, score_table(table, VERSIONS)) == [True, True, True, True]


@pytest.mark.parametrize(
    "change",
    [{"n": 299}, {"positives": 1}, {"low": 0.99}, {"checkpoint_version": ""}, {"seed": None}],
    ids=str,
)
def test_a_score_that_is_no_evidence_fails(tmp_path: Path, change: dict) -> None:
    table = predictions()
    rows = score_table(table, VERSIONS).to_pylist()
    rows[0] |= change
    scores = pa.Table.from_pylist(rows, schema=SCORES_SCHEMA)
    assert outcomes(tmp_path, table, scores)[0] is False


def test_a_missing_baseline_fails(tmp_path: Path) -> None:
    table = predictions()
    scores = score_table(table, VERSIONS)
    only = scores.filter(pc.not_equal(scores["model"], "lightgbm_joins"))
    assert outcomes(tmp_path, table, only)[0] is False


def test_a_model_below_the_baseline_is_a_warning(tmp_path: Path) -> None:
    table = predictions(skill=-2.0)
    assert outcomes(tmp_path, table, score_table(table, VERSIONS))[2:] == [False, False]


def test_a_scoring_that_knows_the_shuffled_answers_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A permutation that moves nothing is what a leak in the scoring would look like."""
    from amodels_assets.evaluation import findings

    class Leaky:
        def permutation(self, labels: np.ndarray) -> np.ndarray:
            return labels

    table = predictions()
    scores = score_table(table, VERSIONS)
    monkeypatch.setattr(findings.np.random, "default_rng", lambda seed: Leaky())
    monkeypatch.setattr(
        findings,
        "bootstrap",
        lambda metric, labels, values, seed: _fixed(auroc(labels, values)),
    )
    assert outcomes(tmp_path, table, scores)[1] is False


def _fixed(value: float) -> object:
    from amodels_assets.evaluation.metrics import Estimate

    return Estimate(value, value - 0.05, value + 0.05, 300, 90, 0, 1000)


def test_the_asset_scores_checkpoint_and_baselines(
    bank_dataset: Path, bank_source: Path, tmp_path: Path
) -> None:
    store = ArtifactStore(tmp_path)
    dataset = store.publish(
        "datasets/facility_downgrade",
        inputs={},
        code_version="1",
        produce=lambda folder: shutil.copytree(bank_dataset, folder, dirs_exist_ok=True),
    )
    checkpoint = store.publish(
        "training/relational_transformer",
        inputs={},
        code_version="1",
        produce=lambda folder: train(bank_dataset, folder, replace(TINY, steps=8), silent),
    )
    store.publish(
        "datasets/best_possible_scores",
        inputs={},
        code_version="1",
        produce=lambda folder: write_table(
            folder, "oracle", read_oracle(bank_source / ORACLE_FILE)
        ),
    )
    resource = ArtifactStoreResource(root=str(tmp_path))
    made = relational_scores(resource)
    assert made.metadata["dagster/row_count"] == 6 * 5
    assert relational_scores(resource).metadata["unchanged"]
    table = store.get("evaluation/relational_scores").table("predictions")
    again = score_checkpoint(checkpoint.path, dataset.path, "test")
    assert again["score"].to_pylist() == table["relational_transformer"].to_pylist()


def test_a_checkpoint_that_cannot_be_scored_is_one_sentence(
    bank_dataset: Path, tmp_path: Path
) -> None:
    with pytest.raises(ScoringError, match="damaged or incomplete"):
        score_checkpoint(tmp_path, bank_dataset, "test")
