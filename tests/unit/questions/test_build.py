"""Questions of a whole catalog: split, balance, the same bytes, and checks in which they fail."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amodels_assets.questions.answers import is_accepted
from amodels_assets.questions.build import Questions, build_questions, write_questions
from amodels_assets.questions.examination import (
    find_overlaps,
    kinds_not_asked,
    split_faults,
    wrong_answers,
)
from amodels_assets.questions.facts import QuestionsError
from amodels_assets.questions.folder import conversations, read_catalog, read_questions
from amodels_assets.questions.names import HELD_OUT, KINDS, LISTS, READ, SPLITS

from .made import catalog

Rows = list[dict]


@pytest.fixture(scope="module")
def rows(sample_questions: Questions) -> Rows:
    return [row for table in sample_questions.tables.values() for row in table.to_pylist()]


def changed(questions: Questions, split: str, **values: object) -> dict[str, pa.Table]:
    """The questions with the first of a split changed."""
    table = questions.tables[split]
    first, *rest = table.to_pylist()
    other = pa.Table.from_pylist([{**first, **values}, *rest], table.schema)
    return {**questions.tables, split: other}


def test_every_kind_is_asked_in_every_split(sample_questions: Questions) -> None:
    assert kinds_not_asked(sample_questions.tables) == []
    for split in SPLITS:
        counted = Counter(sample_questions.tables[split]["kind"].to_pylist())
        assert counted == sample_questions.summary["questions"][split]  # ty: ignore[not-subscriptable]


def test_nothing_of_the_evaluation_is_in_training(sample_questions: Questions) -> None:
    assert split_faults(sample_questions.tables) == []
    assert not find_overlaps(sample_questions.tables, None).overlapping


def test_prompts_of_held_out_tables_name_no_table_that_was_taught(rows: Rows) -> None:
    taught = {name for row in rows if row["split"] == "train" for name in row["relations"]}
    for row in rows:
        if row["split"] in HELD_OUT and row["kind"] in ("column_type", "sql", "documentation"):
            text = row["messages"][-1]["content"].split()
            assert not taught & {word.strip(",.?:;") for word in text}, row["item_id"]


def test_held_out_questions_come_with_the_excerpt_and_recall_without(rows: Rows) -> None:
    books = defaultdict(set)
    for row in rows:
        books[row["split"]].add(row["book"])
        lines = row["messages"][-1]["content"].splitlines()
        assert (len(lines) > 1) == (row["book"] == "open")
    assert books == {
        "train": {"open", "closed"}, "validation": {"open"}, "test": {"open"},
        "recall": {"closed"},
    }  # fmt: skip
    by_heart = {(r["kind"], r["subject"]) for r in rows if r["split"] == "recall"}
    assert by_heart <= {(r["kind"], r["subject"]) for r in rows if r["split"] == "train"}


def test_the_excerpt_holds_the_answer(rows: Rows) -> None:
    for row in rows:
        if row["book"] == "open" and row["kind"] not in ("sql", "upstream", "downstream"):
            for name in row["answer"].split(", ") if row["kind"] == "loading_job" else [""]:
                assert (name or row["answer"].split(", ")[0]) in row["messages"][-1]["content"]


def test_answers_are_accepted_and_other_choices_are_not(rows: Rows) -> None:
    for row in rows:
        assert is_accepted(row["kind"], row["answer"], row["accepted"]), row["item_id"]
        if row["choices"]:
            assert row["choices"][row["label"]] == row["answer"]
            others = [c for place, c in enumerate(row["choices"]) if place != row["label"]]
            assert len(set(row["choices"])) == len(row["choices"])
            assert not any(is_accepted(row["kind"], c, row["accepted"]) for c in others)


def test_labels_are_balanced(rows: Rows) -> None:
    counted: dict[tuple, Counter] = defaultdict(Counter)
    for row in rows:
        counted[row["split"], row["kind"], len(row["choices"])][row["label"]] += 1
    for (_, _, choices), labels in counted.items():
        if choices:
            assert max(labels.values()) - min(labels[n] for n in range(choices)) <= 1
    four = sum(len(row["choices"]) == 4 for row in rows)
    assert four > 0.9 * len(rows)


def test_of_lists_and_queries_the_right_one_is_not_the_one_most_like_the_others(
    rows: Rows,
) -> None:
    """Choosing what has most words in common with the other choices must not help."""
    right = chances = 0
    for row in rows:
        if row["kind"] in ("sql", "upstream", "downstream") and len(row["choices"]) == 4:
            words = [Counter(choice.replace(",", "").split()) for choice in row["choices"]]
            likeness = [sum(sum((a & b).values()) for b in words) for a in words]
            best = [place for place, value in enumerate(likeness) if value == max(likeness)]
            right += (row["label"] in best) / len(best)
            chances += 1
    assert chances > 200
    assert right / chances < 0.4


def test_lists_to_choose_from_are_equally_long(rows: Rows) -> None:
    lists = [row for row in rows if row["kind"] in LISTS and row["choices"]]
    assert len(lists) > 200
    for row in lists:
        assert len({len(choice.split(", ")) for choice in row["choices"]}) == 1, row["item_id"]


def test_identifiers_are_unique_and_rows_sorted(sample_questions: Questions) -> None:
    names = [n for table in sample_questions.tables.values() for n in table["item_id"].to_pylist()]
    assert len(set(names)) == len(names)
    for table in sample_questions.tables.values():
        keys = [(KINDS.index(r["kind"]), r["item_id"]) for r in table.to_pylist()]
        assert keys == sorted(keys)


def test_conversations_end_with_the_answer(sample_questions: Questions) -> None:
    table = sample_questions.tables["train"]
    for conversation, answer in zip(conversations(table), table["answer"].to_pylist(), strict=True):
        assert [message["role"] for message in conversation] == ["system", "user", "assistant"]
        assert conversation[-1]["content"] == answer


def test_every_answer_is_the_catalogs(
    sample_questions: Questions, sample_catalog: dict[str, pa.Table]
) -> None:
    looked_at, wrong = wrong_answers(sample_questions.tables, sample_catalog)
    assert looked_at > 400
    assert wrong == []


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_the_same_seed_gives_the_same_bytes_whatever_the_order_of_rows(
    sample_catalog: dict[str, pa.Table], sample_folder: Path, tmp_path: Path
) -> None:
    turned = tmp_path / "turned"
    turned.mkdir()
    for name, table in sample_catalog.items():
        pq.write_table(table[::-1], turned / f"{name}.parquet")
    code = (
        "import sys; from pathlib import Path\n"
        "from amodels_assets.questions.build import build_questions, write_questions\n"
        "from amodels_assets.questions.folder import read_catalog\n"
        "write_questions(build_questions(read_catalog(Path(sys.argv[1]))), Path(sys.argv[2]))\n"
    )
    out = tmp_path / "out"
    out.mkdir()
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    subprocess.run([sys.executable, "-c", code, str(turned), str(out)], check=True, env=environment)
    assert hashes(out) == hashes(sample_folder)


def test_another_seed_asks_otherwise(
    small_questions: Questions, small_catalog: dict[str, pa.Table]
) -> None:
    other = build_questions(small_catalog, 1)
    assert other.tables["test"] != small_questions.tables["test"]
    assert split_faults(other.tables) == []
    assert wrong_answers(other.tables, small_catalog)[1] == []


def test_training_gives_way_to_what_is_held_out() -> None:
    """Tables that share long comments share runs of words, whatever the split."""
    story = "a long story that the owners of this table have told in the very same words again"
    tables = {f"d.t{n:03}": f"c{n} string {story}, e{n} int, f{n} date" for n in range(40)}
    made = build_questions(catalog(tables))
    assert made.summary["overlapping_removed"] > 0  # ty: ignore[unsupported-operator]
    assert not find_overlaps(made.tables, None).overlapping
    assert "documentation" not in made.tables["train"]["kind"].to_pylist()
    # Nobody is examined by heart in what was taken out of training.
    assert "documentation" not in made.tables["recall"]["kind"].to_pylist()
    assert "documentation" in made.tables["test"]["kind"].to_pylist()


def test_a_catalog_that_is_too_small_says_so() -> None:
    with pytest.raises(QuestionsError, match="has 1 tables and views, too few"):
        build_questions(catalog({"d.t": "a string, b int"}))


def test_a_leaked_test_question_is_found(sample_questions: Questions) -> None:
    leaked = sample_questions.tables["test"].to_pylist()[-1]
    report = find_overlaps(
        changed(sample_questions, "train", messages=leaked["messages"], answer=leaked["answer"]),
        None,
    )
    assert report.overlapping["catalog_test"] >= 1
    assert "overlap with training" in report.sentence()


@pytest.mark.parametrize("field", ["family", "relations", "phrasing", "item_id"])
def test_what_is_in_two_splits_is_found(sample_questions: Questions, field: str) -> None:
    held_out = sample_questions.tables["test"].to_pylist()[0]
    faults = split_faults(changed(sample_questions, "train", **{field: held_out[field]}))
    what = {"relations": "relation", "item_id": "question"}.get(field, field)
    assert any(fault.startswith(what) for fault in faults)


def test_a_kind_that_is_not_asked_is_found(sample_questions: Questions) -> None:
    table = sample_questions.tables["test"]
    rest = table.filter([kind != "upstream" for kind in table["kind"].to_pylist()])
    assert kinds_not_asked({**sample_questions.tables, "test": rest}) == ["test upstream"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_answer_is_found(
    sample_questions: Questions, sample_catalog: dict[str, pa.Table], kind: str
) -> None:
    table = sample_questions.tables["validation"]
    found = [row for row in table.to_pylist() if row["kind"] == kind and row["choices"]]
    wrong = []
    for row in found:
        place = (row["label"] + 1) % len(row["choices"])
        answer = row["choices"][place].replace("SELECT ", "SELECT no_such_column, ")
        choices = [answer if n == place else c for n, c in enumerate(row["choices"])]
        wrong.append({**row, "answer": answer, "choices": choices, "label": place})
    tables = {"validation": pa.Table.from_pylist(wrong, table.schema)}
    looked_at, names = wrong_answers(tables, sample_catalog)
    assert looked_at == len(names) > 0


def test_a_label_at_the_wrong_choice_is_found(
    sample_questions: Questions, sample_catalog: dict[str, pa.Table]
) -> None:
    row = sample_questions.tables["test"].to_pylist()[0]
    row["label"] = (row["label"] + 1) % len(row["choices"])
    table = pa.Table.from_pylist([row], sample_questions.tables["test"].schema)
    assert wrong_answers({"test": table}, sample_catalog)[1] == [f"test {row['item_id']}"]


def test_files_are_read_back(sample_questions: Questions, sample_folder: Path) -> None:
    assert read_questions(sample_folder) == sample_questions.tables


def test_folders_of_something_else_are_refused(sample_questions: Questions, tmp_path: Path) -> None:
    with pytest.raises(QuestionsError, match="amodels questions build"):
        read_questions(tmp_path)
    with pytest.raises(QuestionsError, match="amodels catalog SOURCE"):
        read_catalog(tmp_path)
    write_questions(sample_questions, tmp_path)
    pq.write_table(pa.table({"x": [1]}), tmp_path / "test.parquet")
    with pytest.raises(QuestionsError, match="build it again"):
        read_questions(tmp_path)


def test_what_is_read_of_the_catalog_is_all_that_is_needed(
    sample_catalog: dict[str, pa.Table],
) -> None:
    assert set(sample_catalog) == set(READ)
