"""The asset and its checks: what they tell, and that each check fails on what it is for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from amodels_assets.artifacts import ArtifactStore, write_table
from amodels_assets.questions import checks
from amodels_assets.questions.assets import QuestionsConfig, catalog_questions
from amodels_assets.questions.build import Questions, write_questions
from amodels_assets.questions.names import QUESTIONS
from resources.artifact_store import ArtifactStoreResource

from .test_overlap import PUBLIC, THIRTEEN, write

Change = Callable[[list[dict]], list[dict]]
Check = Callable[[ArtifactStoreResource], dg.AssetCheckResult]
CHECKS: dict[str, Check] = {
    "no_overlap_with_evaluation": checks.no_overlap_with_evaluation,
    "splits_are_apart": checks.splits_are_apart,
    "answers_are_the_catalogs": checks.answers_are_the_catalogs,
    "every_kind_is_asked": checks.every_kind_is_asked,
}


def publish_catalog(store: ArtifactStore, tables: dict[str, pa.Table]) -> None:
    def produce(folder: Path) -> None:
        for name, table in tables.items():
            write_table(folder, name, table)

    store.publish("sgmi/catalog", inputs={"n": str(tables)}, code_version="1", produce=produce)


@pytest.fixture(scope="module")
def store(
    small_catalog: dict[str, pa.Table], tmp_path_factory: pytest.TempPathFactory
) -> ArtifactStore:
    """A store with the catalog in which the asset was made."""
    found = ArtifactStore(tmp_path_factory.mktemp("artifacts"))
    publish_catalog(found, small_catalog)
    catalog_questions(ArtifactStoreResource(root=str(found.root)), QuestionsConfig())
    return found


@pytest.fixture
def tampered(
    small_questions: Questions, small_catalog: dict[str, pa.Table], tmp_path: Path
) -> Callable[[str, Change], ArtifactStoreResource]:
    """A store in which the questions of a split were changed after the making."""
    store = ArtifactStore(tmp_path / "store")
    publish_catalog(store, small_catalog)

    def publish(split: str, change: Change) -> ArtifactStoreResource:
        table = small_questions.tables[split]
        other = pa.Table.from_pylist(change(table.to_pylist()), table.schema)
        changed = Questions({**small_questions.tables, split: other}, small_questions.summary)
        store.publish(
            QUESTIONS,
            inputs={},
            code_version="tampered",
            produce=lambda folder: write_questions(changed, folder),
        )
        return ArtifactStoreResource(root=str(store.root))

    return publish


def test_what_the_asset_tells(store: ArtifactStore, small_questions: Questions) -> None:
    again = catalog_questions(ArtifactStoreResource(root=str(store.root)), QuestionsConfig())
    assert again.metadata["unchanged"]
    rows = sum(table.num_rows for table in small_questions.tables.values())
    assert again.metadata["dagster/row_count"] == rows
    kinds = small_questions.summary["questions"]["train"]  # ty: ignore[not-subscriptable]
    assert f"| upstream | {kinds['upstream']} | " in again.metadata["questions"].value
    assert "| split | conversations | words | median | longest |" in again.metadata["length"].value
    assert again.metadata["lengths"].value.startswith("![lengths](data:image/png;base64,iVBOR")
    removed = small_questions.summary["near_duplicates_removed"]
    assert again.metadata["near_duplicates_removed"].value == removed
    manifest = store.get(QUESTIONS).manifest
    assert set(manifest.libraries) == {"datasketch", "pyarrow", "sqlglot"}
    assert "sgmi/table_lineage" in manifest.inputs


def test_another_seed_is_another_version(store: ArtifactStore, tmp_path: Path) -> None:
    copy = ArtifactStore(tmp_path)
    publish_catalog(copy, {name: store.get("sgmi/catalog").table(name) for name in checks.READ})
    resource = ArtifactStoreResource(root=str(tmp_path))
    other = catalog_questions(resource, QuestionsConfig(seed=5))
    assert other.data_version.value != store.get(QUESTIONS).data_version
    assert copy.get(QUESTIONS).manifest.config == {"seed": 5}


def test_without_a_catalog_or_with_another_the_failure_is_one_sentence(tmp_path: Path) -> None:
    resource = ArtifactStoreResource(root=str(tmp_path))
    with pytest.raises(dg.Failure, match="has not been made yet"):
        catalog_questions(resource, QuestionsConfig())
    with pytest.raises(dg.Failure, match="has not been made yet"):
        checks.splits_are_apart(resource)


def test_a_tokenizer_that_is_not_there_is_one_sentence(store: ArtifactStore) -> None:
    config = QuestionsConfig(tokenizer="/no/such/folder")
    with pytest.raises(dg.Failure, match=r"name a tokenizer\.json or a folder with one"):
        catalog_questions(ArtifactStoreResource(root=str(store.root)), config)


@pytest.mark.parametrize("name", CHECKS)
def test_checks_hold_of_the_sample(store: ArtifactStore, name: str) -> None:
    result = CHECKS[name](ArtifactStoreResource(root=str(store.root)))
    assert result.passed, result.description
    record = store.checks(QUESTIONS)[name]
    assert record.passed
    assert record.data_version == store.get(QUESTIONS).data_version
    assert record.blocking == (name != "every_kind_is_asked")


def test_overlap_with_a_public_set_blocks(
    tampered: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def leak(rows: list[dict]) -> list[dict]:
        system, user = rows[0]["messages"]
        user = {**user, "content": f"{THIRTEEN}. {user['content']}"}
        return [{**rows[0], "messages": [system, user]}, *rows[1:]]

    resource = tampered("train", leak)
    # Nobody has named a directory: nothing public is compared, and it says so.
    result = CHECKS["no_overlap_with_evaluation"](resource)
    assert result.passed
    assert "not compared: boolq" in (result.description or "")
    sets = tmp_path / "sets"
    sets.mkdir()
    write(sets, "boolq", PUBLIC["boolq"])
    monkeypatch.setenv("AMODELS_EVAL_DIR", str(sets))
    result = CHECKS["no_overlap_with_evaluation"](resource)
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.ERROR
    assert "1 of boolq" in (result.description or "")
    assert result.metadata["overlapping_boolq"].value == 1
    assert "| boolq | 1 | 0 | 1 |" in str(result.metadata["sets"].value)


def test_a_public_set_that_cannot_be_read_blocks(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(tmp_path, "piqa", {"goal": "x"})
    monkeypatch.setenv("AMODELS_EVAL_DIR", str(tmp_path))
    result = CHECKS["no_overlap_with_evaluation"](ArtifactStoreResource(root=str(store.root)))
    assert not result.passed
    assert "has not the fields of piqa" in (result.description or "")


def test_overlap_with_a_held_out_question_blocks(
    tampered: Callable, small_questions: Questions
) -> None:
    held_out = small_questions.tables["test"].to_pylist()[0]
    resource = tampered(
        "train", lambda rows: [{**rows[0], "messages": held_out["messages"]}, *rows[1:]]
    )
    result = CHECKS["no_overlap_with_evaluation"](resource)
    assert not result.passed
    assert "of catalog_test" in (result.description or "")


def test_a_family_in_two_splits_blocks(tampered: Callable, small_questions: Questions) -> None:
    family = small_questions.tables["test"]["family"][0].as_py()
    result = CHECKS["splits_are_apart"](
        tampered("train", lambda rows: [{**rows[0], "family": family}, *rows[1:]])
    )
    assert not result.passed
    assert f"family {family} is in test and train" in (result.description or "")


def test_wrong_answers_block(tampered: Callable) -> None:
    def shift(rows: list[dict]) -> list[dict]:
        return [{**row, "answer": f"{row['answer']}x"} for row in rows]

    result = CHECKS["answers_are_the_catalogs"](tampered("recall", shift))
    assert not result.passed
    assert "answers are wrong, recall " in (result.description or "")


def test_a_kind_that_is_not_asked_is_a_warning(tampered: Callable) -> None:
    resource = tampered("test", lambda rows: [row for row in rows if row["kind"] != "sql"])
    result = CHECKS["every_kind_is_asked"](resource)
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert result.description == "not asked: test sql"
