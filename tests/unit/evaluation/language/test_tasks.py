"""Benchmarks through lm-eval: the same number, item by item, as its own task of the name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lm_eval.tasks
import pytest
import yaml
from lm_eval.api.task import ConfigurableTask
from lm_eval.evaluator import evaluate
from lm_eval.models.huggingface import HFLM

from amodels_assets.evaluation.language.answers import RULES, normal_words, number_of
from amodels_assets.evaluation.language.benchmarks import BenchmarkError, shipped
from amodels_assets.evaluation.language.scorer import TreeScorer
from amodels_assets.evaluation.language.sets import read_set
from amodels_assets.evaluation.language.tasks import ask, make_task
from tests.unit.evaluation.language import models

SHIPPED = shipped()
THEIRS = Path(lm_eval.tasks.__file__).parent
SETS: dict[str, tuple[str, Any]] = {
    # lm-eval's BoolQ is SuperGLUE's copy, whose answer is a label.
    "boolq": ("super_glue/boolq/default.yaml", lambda: [
        {"question": i["question"], "passage": i["passage"], "label": int(i["answer"])}
        for i in models.boolq()
    ]),
    "piqa": ("piqa/piqa.yaml", models.piqa),
    "arc_easy": ("arc/arc_easy.yaml", models.arc),
    "social_iqa": ("siqa/siqa.yaml", lambda: [
        {
            "context": f"{i['goal']}.", "question": "what then?", "answerA": i["sol1"],
            "answerB": i["sol2"], "answerC": "a view", "label": str(1 + place % 3),
        }
        for place, i in enumerate(models.piqa())
    ]),
    "hellaswag": ("hellaswag/hellaswag.yaml", lambda: [
        {
            "activity_label": "Rows [header]", "ctx_a": i["goal"], "ctx_b": "the [x] view",
            "ctx": f"{i['goal']} the [x] view", "label": str(place % 4),
            "endings": [i["sol1"], f"{i['sol2']} [title] more", " a  day", "one [y] row"],
        }
        for place, i in enumerate(models.piqa())
    ]),
}  # fmt: skip


class Loader(yaml.SafeLoader):
    """lm-eval's files name functions beside them."""


def their_task(file: str, data: Path) -> ConfigurableTask:
    def function(_: Any, node: Any) -> Any:
        import importlib.util

        module, name = node.value.split(".")
        spec = importlib.util.spec_from_file_location(
            "theirs", (THEIRS / file).parent / f"{module}.py"
        )
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        return getattr(loaded, name)

    Loader.add_constructor("!function", function)
    config = yaml.load((THEIRS / file).read_text(), Loader)
    split = "test" if config.get("test_split") else "validation"
    config |= {
        "dataset_path": "json",
        "dataset_name": None,
        "dataset_kwargs": {
            "data_files": {split: str(data)},
            "cache_dir": str(data.parent / "cache"),
        },
        "training_split": None,
        f"{split}_split": split,
    }
    for other in {"test", "validation"} - {split}:
        config[f"{other}_split"] = None
    task = ConfigurableTask(config=config)
    task.set_config("num_fewshot", 0)
    return task


@pytest.mark.parametrize("name", list(SETS))
def test_the_number_is_that_of_lm_evals_own_task(name: str, tmp_path: Path) -> None:
    file, items = SETS[name]
    data = models.write(tmp_path, name, items())
    model, tokenizer = models.llama()
    found = read_set(SHIPPED[name], tmp_path)
    task = make_task(SHIPPED[name], found.items, tmp_path)
    ours = ask(TreeScorer(model, tokenizer), SHIPPED[name], task)
    theirs = evaluate(
        HFLM(pretrained=model, tokenizer=tokenizer, batch_size=1, device="cpu"),
        {"tasks": {name: their_task(file, data)}, "groups": {}},
        bootstrap_iters=0,
    )
    samples = sorted(theirs["samples"][name], key=lambda sample: sample["doc_id"])
    assert ours["correct"].to_pylist() == [float(sample["acc"]) for sample in samples]
    assert ours["prompt_sha256"].to_pylist() == [sample["prompt_hash"] for sample in samples]
    for row, sample in zip(ours.to_pylist(), samples, strict=True):
        assert row["target"] == str(sample["target"])
        assert row["acc_norm"] == sample.get("acc_norm")
        logprobs = [answer[0] for answer in sample["filtered_resps"]]
        assert row["logprobs"] == pytest.approx(logprobs, abs=2e-4)
    mean = sum(ours["correct"].to_pylist()) / len(samples)
    assert theirs["results"][name]["acc,none"] == pytest.approx(mean, abs=1e-12)


def test_a_label_beyond_the_choices_is_refused(tmp_path: Path) -> None:
    items = [{"question": f"{n}?", "choices": ["x", "y"], "label": n} for n in (2, 1)]
    models.write(tmp_path, "arc_easy", items)
    found = read_set(SHIPPED["arc_easy"], tmp_path)
    with pytest.raises(BenchmarkError, match="the label of the first item names none of its"):
        make_task(SHIPPED["arc_easy"], found.items, tmp_path)
    models.write(tmp_path, "arc_easy", items[::-1])
    found = read_set(SHIPPED["arc_easy"], tmp_path)
    with pytest.raises(BenchmarkError, match="its label is 2, but it has choices 0 to 1"):
        make_task(SHIPPED["arc_easy"], found.items, tmp_path)
    items = models.arc(2)
    items[1]["answerKey"] = "E"
    models.write(tmp_path, "arc_easy", items)
    found = read_set(SHIPPED["arc_easy"], tmp_path)
    with pytest.raises(BenchmarkError, match="item q1: its label names none of its choices"):
        make_task(SHIPPED["arc_easy"], found.items, tmp_path)


def test_free_answers_and_worked_examples(tmp_path: Path) -> None:
    items = [{"question": f"How many are {n}?", "answer": f"It is\n#### {n}"} for n in range(4)]
    models.write(tmp_path, "gsm8k", items)
    benchmark = SHIPPED["gsm8k"]
    model, tokenizer = models.llama()
    model = type(model)(
        type(model.config)(**{**model.config.to_dict(), "max_position_embeddings": 1024})
    )
    scorer = TreeScorer(models.tiny.seeded(model), tokenizer)
    task = make_task(benchmark, read_set(benchmark, tmp_path).items, tmp_path)
    prompt = task.fewshot_context(task.eval_docs[0], benchmark.shots)
    assert prompt.count("Question: ") == 1 + benchmark.shots
    found = ask(scorer, benchmark, task)
    assert found["logprobs"].null_count == len(items)
    assert all(row["prediction"] != "" for row in found.to_pylist())
    # The examples were computed once, not once an item.
    assert scorer.computed < 0.6 * scorer.given
    assert scorer.truncated == 0


@pytest.mark.parametrize(
    ("rule", "item", "text", "right"),
    [
        ("any_alias", {"answer": "Squash.", "aliases": ["Squash"]}, " The SQUASH!", 1.0),
        ("any_alias", {"answer": {"value": "A", "aliases": ["U.S."]}}, "us", 1.0),
        ("any_alias", {"answer": "Feet", "aliases": ["Foot"]}, "hand", 0.0),
        ("any_alias", {"answer": "Feet", "aliases": ["Foot"]}, "", 0.0),
        ("last_number", {"answer": "so\n#### 1,200"}, "it is 3, so 1200.", 1.0),
        ("last_number", {"answer": "#### 5"}, "#### 5\nQuestion: 6", 1.0),
        ("last_number", {"answer": "#### 5"}, "no idea", 0.0),
        ("last_number", {"answer": "#### -5"}, "-5.0", 1.0),
        ("same_grid", {"output": "12\n30"}, "1 2\n30\n\nInput", 1.0),
        ("same_grid", {"output": "12\n30"}, "12\n30\n4", 0.0),
        ("catalog_answer", {"kind": "column_type", "accepted": ["int"]}, " `INTEGER`", 1.0),
        ("catalog_answer", {"kind": "upstream", "accepted": ["a, b"]}, "a, b, c", 0.0),
    ],
)
def test_rules(rule: str, item: dict[str, Any], text: str, right: float) -> None:
    assert RULES[rule](item, [text]) == {"exact_match": right}


def test_words_and_numbers() -> None:
    assert normal_words("An  ÉTÉ—of the “Sun”") == normal_words("été—of “sun”")
    assert number_of("x") is None
    assert number_of("$1,000") == "1000"
    assert json.dumps(number_of("0.50")) == '"0.5"'
