"""What is said of a set that is missing or wrong, and what is made of a right one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from amodels_assets.evaluation.language.benchmarks import (
    Benchmark,
    BenchmarkError,
    benchmarks,
    parse_benchmark,
    shipped,
)
from amodels_assets.evaluation.language.grids import first_grid, read_grids
from amodels_assets.evaluation.language.sets import MissingSetError, read_set
from amodels_assets.settings import PROJECT_ROOT
from tests.unit.evaluation.language import models

SHIPPED = shipped()


def refused(name: str, folder: Path) -> str:
    with pytest.raises(BenchmarkError) as caught:
        read_set(SHIPPED[name], folder)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_there_is_every_benchmark() -> None:
    assert set(SHIPPED) == {
        *("boolq", "piqa", "social_iqa", "hellaswag", "arc_easy", "arc_challenge", "triviaqa"),
        *("gsm8k", "gsm_symbolic", "arc_agi"),
        *("catalog_qa", "catalog_qa_choice", "catalog_qa_recall"),
    }


def test_a_set_that_is_not_there_is_described(tmp_path: Path) -> None:
    with pytest.raises(MissingSetError) as caught:
        read_set(SHIPPED["hellaswag"], tmp_path)
    for word in ("hellaswag.jsonl", "ctx (string)", "endings (list of strings)", "label (0/1/2/3)"):
        assert word in str(caught.value)
    with pytest.raises(MissingSetError, match="AMODELS_EVAL_DIR is not set"):
        read_set(SHIPPED["boolq"], None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda item: item.pop("sol2"), "piqa.jsonl:3 has no sol2"),
        (lambda item: item.update(label="one"), 'piqa.jsonl:3: label is "one": one of 0, 1'),
        (lambda item: item.update(label=True), "piqa.jsonl:3: label is true: one of 0, 1"),
        (lambda item: item.update(label=2), "piqa.jsonl:3: label is 2"),
        (lambda item: item.update(goal=None), "piqa.jsonl:3: goal is null: a string is expected"),
        (lambda item: item.update(sol1=["a"]), 'piqa.jsonl:3: sol1 is ["a"]: a string'),
    ],
)
def test_a_wrong_field_is_named(change: Any, said: str, tmp_path: Path) -> None:
    items = models.piqa()
    change(items[2])
    models.write(tmp_path, "piqa", items)
    assert said in refused("piqa", tmp_path)


def test_other_faults_are_one_sentence_each(tmp_path: Path) -> None:
    path = models.write(tmp_path, "piqa", [])
    assert "piqa.jsonl is empty" in refused("piqa", tmp_path)
    path.write_text('{"goal": \n')
    assert "piqa.jsonl:1 is no JSON" in refused("piqa", tmp_path)
    path.write_text("[1]\n")
    assert "piqa.jsonl:1 is no JSON object" in refused("piqa", tmp_path)
    path.write_bytes(b"\xff\xfe")
    assert "cannot be read as UTF-8" in refused("piqa", tmp_path)
    items = models.piqa()
    del items[0]["label"]
    models.write(tmp_path, "piqa", items)
    assert "piqa.jsonl:1 has no label: expected is piqa.jsonl with goal" in refused(
        "piqa", tmp_path
    )


def test_two_items_of_one_identity_are_refused(tmp_path: Path) -> None:
    items = models.arc()
    items[5]["id"] = "q2"
    models.write(tmp_path, "arc_challenge", items)
    sentence = refused("arc_challenge", tmp_path)
    assert sentence.startswith("arc_challenge.jsonl:6: id q2 stands at arc_challenge.jsonl:3")


def test_an_item_without_identity_counts_once(tmp_path: Path) -> None:
    items = models.piqa()
    models.write(tmp_path, "piqa", [*items, items[0]])
    found = read_set(SHIPPED["piqa"], tmp_path)
    assert (len(found.items), found.repeated) == (len(items), 1)


def test_a_smaller_subset_is_part_of_a_larger(tmp_path: Path) -> None:
    models.write(tmp_path, "piqa", models.piqa(20))
    found = read_set(SHIPPED["piqa"], tmp_path)
    five = [item["item_id"] for item in found.subset(5)]
    assert five == [item["item_id"] for item in found.subset(12)][:5]
    assert found.subset(None) == found.items


def test_grids(tmp_path: Path) -> None:
    pairs = [{"input": [[1, 2], [3, 4]], "output": [[4]]}, {"input": [[5]], "output": [[6]]}]
    task = {"train": pairs, "test": [{"input": [[7]], "output": [[8, 9], [0, 1]]}]}
    (tmp_path / "abc.json").write_text(json.dumps(task))
    (_, first), (_, second) = read_grids(tmp_path)[0]
    assert first["prompt"].startswith("Input:\n12\n34\n\nOutput:\n4\n\nInput:\n5\n")
    assert second["prompt"].startswith("Input:\n5\n")
    assert first["prompt"].endswith("Input:\n7\n\nOutput:\n")
    assert (first["grid"], first["output"]) == (second["grid"], "89\n01")
    assert first_grid(" 8 9\n01\n\nInput") == "89\n01"
    task["test"][0]["output"] = [[1], [2, 3]]
    (tmp_path / "abc.json").write_text(json.dumps(task))
    with pytest.raises(BenchmarkError, match=r"abc\.json: test has an output that is no grid"):
        read_grids(tmp_path)


def own(**changes: Any) -> str:
    raw: dict[str, Any] = {
        "task": "mine",
        "dataset_path": "json",
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{q}}",
        "doc_to_target": "label",
        "doc_to_choice": ["no", "yes"],
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"fields": [{"q": "string", "label": [0, 1]}]},
    }
    return json.dumps(raw | changes)


def test_a_benchmark_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(own())
    (tmp_path / "mine.jsonl").write_text('{"q": "a?", "label": 1}\n')
    found = benchmarks(tmp_path)["mine"]
    assert len(read_set(found, tmp_path).items) == 1
    assert isinstance(found, Benchmark)
    (tmp_path / "boolq.yaml").write_text(own(task="boolq"))
    with pytest.raises(BenchmarkError, match="name of one of the platform's own"):
        benchmarks(tmp_path)


def test_the_benchmark_of_the_page_is_one() -> None:
    page = (PROJECT_ROOT / "docs" / "language-scores.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    found = parse_benchmark(block, "mine.yaml")
    assert (found.name, found.answers, found.file) == ("mine", ("label",), "mine.jsonl")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "is no YAML"),
        ("a: 1", "is no lm-eval task"),
        (own(output_type="loglikelihood_rolling"), "output_type must be"),
        (own(metric_list=[]), "names no metric"),
        (own(metadata={}), "must say which fields"),
        (own(metadata={"fields": [{}], "colour": 1}), "metadata has colour"),
        (own(task="../x"), "task is '../x'"),
        ("task: !function utils.run", "is no YAML"),
    ],
)
def test_what_is_no_benchmark_is_refused(text: str, said: str) -> None:
    with pytest.raises(BenchmarkError) as caught:
        parse_benchmark(text, "mine.yaml")
    assert said in str(caught.value)
    assert str(caught.value).startswith("mine.yaml")


def test_the_template_hash_is_of_the_words_alone() -> None:
    boolq = SHIPPED["boolq"]
    other = parse_benchmark(own(), "mine.yaml")
    retitled = parse_benchmark(
        own(metadata={"fields": [{"q": "string", "label": [0, 1]}], "title": "x"}), "mine.yaml"
    )
    assert other.template_hash == retitled.template_hash != boolq.template_hash
    reworded = parse_benchmark(own(doc_to_text="Q: {{q}}"), "mine.yaml")
    assert reworded.template_hash != other.template_hash
