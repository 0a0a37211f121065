"""Overlap and near-duplicates, against what a plain search finds."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amodels_assets.questions.build import Questions
from amodels_assets.questions.examination import find_overlaps
from amodels_assets.questions.facts import QuestionsError
from amodels_assets.questions.near_duplicates import near_duplicates
from amodels_assets.questions.overlap import RUN, SHORTEST, TrainingTexts, words_of
from amodels_assets.questions.public_sets import NAMES, read_public_sets

THIRTEEN = "one two three four five six seven eight nine ten eleven twelve thirteen"
# Fields as published, with a text of their own each.
PUBLIC = {
    "boolq": {"question": "is it so", "passage": f"A. {THIRTEEN}", "answer": True},
    "piqa": {"goal": f"To {THIRTEEN}", "sol1": "wrong", "sol2": "right", "label": 1},
    "social_iqa": {"context": THIRTEEN, "question": "why", "answerA": "a", "answerB": "b",
                   "label": "B"},
    "hellaswag": {"ctx": "one two three four", "label": "1",
                  "endings": ["no", THIRTEEN.removeprefix("one two three four ")]},
    "arc_easy": {"question": THIRTEEN, "choices": ["x", "y"], "label": 1},
    "arc_challenge": {"question": THIRTEEN, "answerKey": "B",
                      "choices": {"text": ["x", "y"], "label": ["A", "B"]}},
    "triviaqa": {"question": THIRTEEN, "answer": {"value": "x", "aliases": ["x"]}},
    "gsm8k": {"question": "how many", "answer": f"{THIRTEEN} #### 13"},
    "gsm_symbolic": {"question": THIRTEEN, "answer": "#### 13"},
    "of_our_own": {"prompt": {"text": THIRTEEN}, "tags": ["x", 1, None]},
}  # fmt: skip


def write(folder: Path, name: str, *items: dict) -> None:
    (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(item)}\n\n" for item in items))


def plain(training: list[str], items: list[str]) -> tuple[set[int], set[int]]:
    """Items and training texts that share a run, by looking at every pair."""
    pairs = set()
    for place, item in enumerate(items):
        words = words_of(item)
        length = min(RUN, len(words))
        if length < SHORTEST:
            continue
        runs = {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}
        for number, text in enumerate(training):
            found = words_of(text)
            if any(tuple(found[i : i + length]) in runs for i in range(len(found))):
                pairs.add((place, number))
    return {item for item, _ in pairs}, {text for _, text in pairs}


@given(
    st.lists(st.text(alphabet="ab ", max_size=80), max_size=4),
    st.lists(st.text(alphabet="abc ", max_size=60), max_size=4),
)
@settings(max_examples=80, deadline=None)
def test_overlap_is_what_a_plain_search_finds(training: list[str], items: list[str]) -> None:
    found = TrainingTexts(training).compare(items)
    assert (set(found.items), set(found.training)) == plain(training, items)
    assert found.compared + found.too_short == len(items)
    assert (found.first is None) == (not found.items)


def test_case_and_marks_do_not_hide_a_run_and_twelve_words_are_none() -> None:
    training = TrainingTexts(["start", f"Well: {THIRTEEN.upper().replace(' ', ', ')}!"])
    assert training.compare([f"so {THIRTEEN} it ends"]).items == (0,)
    assert training.compare([f"so {THIRTEEN} it ends"]).training == (1,)
    twelve = THIRTEEN.removesuffix(" thirteen")
    assert training.compare([f"so {twelve} and other words"]).items == ()


def test_a_short_item_counts_when_it_is_there_as_a_whole() -> None:
    training = TrainingTexts([THIRTEEN])
    found = training.compare(["two three four five six seven", "three four", "two three x y z q"])
    assert found.items == (0,)
    assert found.too_short == 1


def test_no_run_crosses_from_one_text_into_the_next() -> None:
    words = THIRTEEN.split()
    training = TrainingTexts([" ".join(words[:7]), " ".join(words[7:])])
    assert training.compare([THIRTEEN]).items == ()


@pytest.mark.parametrize("name", PUBLIC)
def test_a_leaked_item_of_every_public_set_is_found(
    name: str, tmp_path: Path, small_questions: Questions
) -> None:
    write(tmp_path, name, PUBLIC[name])
    clean = find_overlaps(small_questions.tables, tmp_path)
    assert not clean.overlapping
    assert clean.found[name].compared == 1
    train = small_questions.tables["train"]
    (row,) = train.slice(0, 1).to_pylist()
    row["messages"][-1]["content"] += f"\n{THIRTEEN}"
    leaked = pa.concat_tables([train, pa.Table.from_pylist([row], train.schema)])
    report = find_overlaps({**small_questions.tables, "train": leaked}, tmp_path)
    assert report.overlapping == {name: 1}
    assert name in report.sentence()
    assert f"| {name} | 1 | 0 | 1 |" in report.markdown()


def test_sets_that_are_not_there_are_named(tmp_path: Path, small_questions: Questions) -> None:
    write(tmp_path, "boolq", PUBLIC["boolq"])
    report = find_overlaps(small_questions.tables, tmp_path)
    assert set(report.found) == {"catalog_validation", "catalog_test", "boolq"}
    assert set(report.not_compared) == {*NAMES} - {"boolq"}
    assert "not compared: piqa" in report.sentence()
    assert "| piqa | not compared: not there |" in report.markdown()
    assert read_public_sets(None).missing == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_field_names_file_line_and_set(name: str, tmp_path: Path) -> None:
    write(tmp_path, name, PUBLIC[name], {"something": "else"})
    with pytest.raises(QuestionsError, match=rf"{name}\.jsonl:3 has not the fields of {name}"):
        read_public_sets(tmp_path)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(QuestionsError, match="AMODELS_EVAL_DIR"):
        read_public_sets(tmp_path / "nowhere")


def test_near_duplicates_go_and_the_first_stays() -> None:
    text = "which job loads the table of all clients of the bank on the first day of the month"
    texts = [text, "another question altogether, about something else", f"{text}, please", text]
    assert near_duplicates(texts) == [2, 3]


def test_texts_that_differ_in_what_matters_stay() -> None:
    texts = [f"what is the type of column c{n} of table t{n % 7} in d" for n in range(200)]
    assert near_duplicates(texts) == []
    assert near_duplicates([]) == []
    assert near_duplicates(["a", "a", "b"]) == [1]


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=3, max_size=14), max_size=12))
@settings(max_examples=60, deadline=None)
def test_nothing_that_is_left_out_was_not_near(texts: list[list[str]]) -> None:
    joined = [" ".join(words) for words in texts]

    def shingles(words: list[str]) -> set[tuple[str, ...]]:
        return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}

    def near(one: int, other: int) -> bool:
        a, b = shingles(texts[one]), shingles(texts[other])
        return len(a & b) / len(a | b) >= 0.8

    left_out = near_duplicates(joined)
    for place in left_out:
        assert any(near(place, other) for other in range(place) if other not in left_out)
    for place in range(len(texts)):
        equal = [other for other in range(place) if joined[other] == joined[place]]
        assert not equal or place in left_out
