"""Published scores: kept side by side, compared, shown, checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

from amodels_assets.artifacts import Artifact, ArtifactStore, write_table
from amodels_assets.cli import cli
from amodels_assets.evaluation.language.benchmarks import BenchmarkError
from amodels_assets.evaluation.language.board import compare_on, read_board
from amodels_assets.evaluation.language.checks import AT_CHANCE, COMPLETE, language_checks
from amodels_assets.evaluation.language.findings import (
    constant_by_category,
    incomplete_scores,
    leaks,
    shuffled_score,
)
from amodels_assets.evaluation.language.leaderboard import PAGE, PICTURE, write_leaderboard
from amodels_assets.evaluation.language.names import scores_of
from amodels_assets.evaluation.language.results import read_results
from resources.artifact_store import ArtifactStoreResource

from .made import SHIPPED, checkpoint, publish, share

BASE, TUNED = checkpoint("smollm2"), checkpoint("smollm2-full")


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def test_what_was_scored_before_is_kept_and_not_asked_again(store: ArtifactStore) -> None:
    first = publish(store, "catalog_qa", {BASE: share(40, 0.2)})
    # Other answers under the same name would show if it was asked again.
    both = publish(store, "catalog_qa", {BASE: share(40, 1.0), TUNED: share(40, 0.9)})
    values = {run.checkpoint: items["correct"].to_pylist() for items, run in read_results(both)}
    assert values == {
        "smollm2": [float(right) for right in share(40, 0.2)],
        "smollm2-full": [float(right) for right in share(40, 0.9)],
    }
    assert both.data_version != first.data_version
    assert publish(store, "catalog_qa", {BASE: share(40, 1.0)}).unchanged
    # Another set, and nothing of the old one stands beside it.
    other = publish(store, "catalog_qa", {BASE: share(50, 0.2)})
    assert [run.checkpoint for _, run in read_results(other)] == ["smollm2"]


def test_a_damaged_table_is_noticed(store: ArtifactStore) -> None:
    made = publish(store, "catalog_qa", {BASE: share(40, 0.2)})
    (made.path / "items.parquet").write_bytes(b"")
    with pytest.raises(Exception, match="missing or damaged"):
        read_results(made)


def test_two_checkpoints_are_found_and_compared(store: ArtifactStore) -> None:
    publish(store, "catalog_qa", {BASE: share(80, 0.2), TUNED: share(80, 0.9)})
    publish(store, "boolq", {BASE: share(60, 0.5), TUNED: share(60, 0.5)})
    publish(store, "piqa", {BASE: share(60, 0.5)})
    board = read_board(store, SHIPPED)
    found = compare_on(board, board.find("smollm2"), board.find("smollm2-full"))
    by_name = {one.comparison.benchmark: one for one in found}
    assert set(by_name) == {"catalog_qa", "boolq"}
    assert by_name["catalog_qa"].comparison.significant
    assert by_name["catalog_qa"].comparison.difference == pytest.approx(0.7)
    assert by_name["boolq"].comparison.p == 1.0
    assert board.find(f"smollm2@{BASE.version[:6]}") == ("smollm2", BASE.version)
    with pytest.raises(BenchmarkError, match="none has 'gpt'"):
        board.find("gpt")
    publish(store, "piqa", {checkpoint("smollm2", "2"): share(60, 0.5)})
    with pytest.raises(BenchmarkError, match="several have 'smollm2'"):
        read_board(store, SHIPPED).find("smollm2")


def test_the_page_says_what_it_has(store: ArtifactStore, tmp_path: Path) -> None:
    publish(store, "catalog_qa", {BASE: share(80, 0.2), TUNED: share(80, 0.9)})
    publish(store, "boolq", {BASE: share(60, 0.5)})
    board = read_board(store, SHIPPED)
    write_leaderboard(board, tmp_path, "smollm2")
    page = (tmp_path / PAGE).read_text()
    assert "| catalog-qa | exact_match | 80 of 80 | 0 | 0.000 | 0.013 | 0.200 (" in page
    assert "| BoolQ | acc | 60 of 60 | 0 | 0.250 | 0.250 | 0.500 (" in page
    assert "smollm2-full@" in page
    assert "| catalog-qa | +0.700 | " in page
    assert "- HellaSwag: hellaswag.jsonl with activity_label (string)" in page
    assert (tmp_path / PICTURE).read_bytes().startswith(b"\x89PNG")
    again = tmp_path / "again"
    again.mkdir()
    write_leaderboard(board, again, "smollm2")
    assert (again / PICTURE).read_bytes() == (tmp_path / PICTURE).read_bytes()


def run_check(store: ArtifactStore, benchmark: str, name: str) -> Any:
    (found,) = [
        check
        for check in language_checks(None)
        for key in check.check_keys
        if key.name == name and key.asset_key.path[-1] == f"language_{benchmark}"
    ]
    return found(ArtifactStoreResource(root=str(store.root)))


def tampered(artifact: Artifact, table: str, change: Any) -> None:
    """Change a table and its recorded hash, as a faulty program would have written it."""
    rows = artifact.table(table)
    write_table(artifact.path, table, pa.Table.from_pylist(change(rows.to_pylist()), rows.schema))
    manifest = json.loads((artifact.path / "manifest.json").read_text())
    from amodels_assets.artifacts import sha256_file

    name = f"{table}.parquet"
    manifest["files"][name]["sha256"] = sha256_file(artifact.path / name)
    (artifact.path / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"chance": None}, "lacks a field"),
        ({"checkpoint_version": ""}, "lacks a field"),
        ({"low": 0.99, "value": 0.5}, "lies outside its interval"),
        ({"n": 7}, "was not computed on the answers beside it"),
        ({"template_sha256": "0" * 64}, "was asked in other words"),
    ],
)
def test_incomplete_scores_fail_the_check(
    change: dict[str, Any], said: str, store: ArtifactStore
) -> None:
    artifact = publish(store, "boolq", {BASE: share(60, 0.6)})
    assert run_check(store, "boolq", COMPLETE).passed
    tampered(artifact, "scores", lambda rows: [{**row, **change} for row in rows])
    result = run_check(store, "boolq", COMPLETE)
    assert not result.passed
    assert said in result.description
    assert not store.checks(scores_of("boolq"))[COMPLETE].passed
    current = store.get(scores_of("boolq"))
    assert incomplete_scores(SHIPPED["boolq"], current)


@pytest.mark.parametrize("benchmark", ["catalog_qa", "catalog_qa_choice"])
def test_a_leak_fails_the_check(benchmark: str, store: ArtifactStore) -> None:
    publish(store, benchmark, {BASE: share(80, 0.95)})
    result = run_check(store, benchmark, AT_CHANCE)
    assert result.passed, result.description
    leaking = checkpoint("leaking")
    publish(store, benchmark, {leaking: share(80, 0.95)}, blind=False)
    result = run_check(store, benchmark, AT_CHANCE)
    assert not result.passed
    assert "its prompts depend on the answers" in result.description


def test_answers_that_are_frequent_are_no_leak(store: ArtifactStore) -> None:
    """Nearly all types are one type: a right answer is right for most other items too."""
    publish(store, "catalog_qa", {BASE: share(200, 1.0)})
    (items, _) = read_results(store.get(scores_of("catalog_qa")))[0]
    rows = items.to_pylist()
    for row in rows:
        if row["category"] == "column_type" and int(row["item_id"][1:]) % 10:
            row["target"] = row["prediction"] = "string"
    frequent = pa.Table.from_pylist(rows, items.schema)
    found = shuffled_score(SHIPPED["catalog_qa"], frequent)
    assert found.value > 0.25
    assert found.low <= constant_by_category(frequent)


def test_a_judge_that_lets_everything_pass_fails_the_check(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = publish(store, "catalog_qa", {BASE: share(80, 0.5)})
    (found,) = leaks(SHIPPED["catalog_qa"], artifact)
    assert not found.found
    assert found.shuffled.value == 0.0
    module = "amodels_assets.evaluation.language.findings.is_accepted"
    monkeypatch.setattr(module, lambda *_: True)
    (found,) = leaks(SHIPPED["catalog_qa"], artifact)
    assert found.found
    assert shuffled_score(SHIPPED["catalog_qa"], read_results(artifact)[0][0]).value == 1.0


def command(store: ArtifactStore, *words: str) -> Any:
    env = {"AMODELS_ARTIFACTS_URL": str(store.root), "AMODELS_HOME": str(store.root.parent)}
    return CliRunner().invoke(cli, ["scores", *words], env=env)


def test_commands(store: ArtifactStore) -> None:
    empty = command(store, "list")
    assert empty.exit_code == 1
    assert "nothing was scored yet" in empty.output
    publish(store, "catalog_qa", {BASE: share(80, 0.2), TUNED: share(80, 0.9)})
    publish(store, "boolq", {BASE: share(60, 0.5), TUNED: share(60, 0.55, seed=1)})
    listed = command(store, "list")
    assert listed.exit_code == 0
    assert len(listed.output.splitlines()) == 5
    rows = json.loads(command(store, "list", "--json").output)
    assert {row["benchmark"] for row in rows} == {"boolq", "catalog_qa"}
    shown = command(store, "show", "catalog_qa")
    assert "upstream" in shown.output
    details = json.loads(command(store, "show", "boolq", "--json").output)
    assert details["template"]["doc_to_choice"] == ["no", "yes"]
    assert details["calibration"][0]["n"] + details["calibration"][0]["n_chosen_on"] == 60
    assert command(store, "show", "piqa").exit_code == 1
    compared = command(store, "compare", "smollm2", "smollm2-full")
    assert "catalog_qa         +0.700" in compared.output
    assert "better" in compared.output
    assert "no significant difference" in compared.output
    (first, _) = json.loads(command(store, "compare", "smollm2", "smollm2-full", "--json").output)
    assert first["benchmark"] == "boolq"
    assert first["adjusted_p"] >= first["p"]


def test_the_command_says_which_sets_are_expected(store: ArtifactStore) -> None:
    found = command(store, "benchmarks")
    assert found.exit_code == 0
    assert "boolq.jsonl with question (string)" in found.output
    rows = json.loads(command(store, "benchmarks", "--json").output)
    assert {row["items"] for row in rows} == {0}
