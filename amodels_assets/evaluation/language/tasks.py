"""A benchmark put to a model by lm-eval, and every answer as a row.

Belongs here: items to an lm-eval task, its evaluation, and the per-item table. Does not belong
here: the model (``scorer.py``) and what the rows come to (``estimates.py``). Only processes that
score import this: lm-eval is heavy.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from amodels_assets.evaluation.language.answers import RULES
from amodels_assets.evaluation.language.benchmarks import (
    MULTIPLE_CHOICE,
    Benchmark,
    BenchmarkError,
)
from amodels_assets.evaluation.language.sets import ITEM_ID

ITEMS_SCHEMA = pa.schema(
    [
        ("item_id", pa.string()),
        ("group", pa.string()),
        ("category", pa.string()),
        ("prompt_sha256", pa.string()),
        # For choices the place of the chosen and of the right one; for free answers the texts.
        ("prediction", pa.string()),
        ("target", pa.string()),
        ("correct", pa.float64()),
        ("acc_norm", pa.float64()),
        ("logprobs", pa.list_(pa.float64())),
    ]
)

# So many items show whether a template tells the answer.
_BLIND_ITEMS = 50


def make_task(
    benchmark: Benchmark, items: Sequence[Mapping[str, Any]], folder: Path, *, check: bool = True
) -> Any:
    """The lm-eval task of a benchmark over some items.

    Args:
        benchmark: What is asked.
        items: Of its set.
        folder: For the items as lm-eval reads them, and for its cache.
        check: Whether every right answer has to be one of its choices.

    Returns:
        An ``lm_eval.api.task.ConfigurableTask``.

    Raises:
        BenchmarkError: The task cannot be built, or a right answer is none of the choices.
    """
    from lm_eval.api.task import ConfigurableTask

    file = folder / "items.jsonl"
    file.write_text(
        "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items), encoding="utf-8"
    )
    config: dict[str, Any] = {
        **benchmark.task,
        "dataset_kwargs": {"data_files": {"test": str(file)}, "cache_dir": str(folder / "cache")},
    }
    rule = str(config.get("process_results") or "")
    if rule:
        if rule not in RULES:
            raise BenchmarkError(
                f"{benchmark.name}: process_results is {rule!r}: one of {', '.join(RULES)}"
            )
        config["process_results"] = RULES[rule]
    with _quiet():
        try:
            task = ConfigurableTask(config=config)
        except (IndexError, ValueError) as error:
            raise BenchmarkError(
                f"{benchmark.file}: the label of the first item names none of its choices ({error})"
            ) from error
        # What lm-eval raises for a template that does not fit is not settled.
        except Exception as error:
            raise BenchmarkError(f"{benchmark.name} is no task for lm-eval: {error}") from error
        task.set_config("num_fewshot", benchmark.shots)
        task.set_fewshot_seed(seed=0)
    if check and benchmark.kind == MULTIPLE_CHOICE:
        _check_targets(benchmark, task)
    return task


def _check_targets(benchmark: Benchmark, task: Any) -> None:
    for item in task.eval_docs:
        try:
            target, choices = task.doc_to_target(item), task.doc_to_choice(item)
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise BenchmarkError(
                f"{benchmark.file}: item {item[ITEM_ID]}: its label names none of its choices "
                f"({error})"
            ) from error
        if not isinstance(target, int) or not 0 <= target < len(choices):
            raise BenchmarkError(
                f"{benchmark.file}: item {item[ITEM_ID]}: its label is {target!r}, but it has "
                f"choices 0 to {len(choices) - 1}"
            )


def is_blind(
    model: Any, benchmark: Benchmark, items: Sequence[Mapping[str, Any]], folder: Path
) -> bool | None:
    """Whether what a model is given stays the same when answers are exchanged between items.

    A template that lets the answer, or its place, into the prompt does not pass.

    Args:
        model: Gives the chat template.
        benchmark: What is asked.
        items: Of its set; only the answers of items with as many choices are exchanged.
        folder: To work in.

    Returns:
        None where the benchmark does not say which fields hold answers, or there is one item.
    """
    present = [name for name in benchmark.answers if name in items[0]]
    some = list(items[:_BLIND_ITEMS])
    if not present or len(some) < 2:
        return None
    taken = [{name: item[name] for name in present} for item in some]
    exchanged = [{**item, **taken[place - 1]} for place, item in enumerate(some)]
    found = []
    for number, version in enumerate((some, exchanged)):
        place = folder / f"blind-{number}"
        place.mkdir()
        task = make_task(benchmark, version, place, check=False)
        with _quiet():
            task.build_all_requests(
                apply_chat_template=benchmark.chat,
                chat_template=model.apply_chat_template if benchmark.chat else None,
            )
        found.append([instance.args for instance in task.instances])
    return found[0] == found[1]


def ask(model: Any, benchmark: Benchmark, task: Any) -> pa.Table:
    """Put every item to a model.

    Args:
        model: An ``lm_eval.api.model.LM``.
        benchmark: What is asked.
        task: Of :func:`make_task`.

    Returns:
        Rows of :data:`ITEMS_SCHEMA`, one an item, in the set's order.
    """
    from lm_eval.evaluator import evaluate

    with _quiet():
        found = evaluate(
            model,
            {"tasks": {benchmark.name: task}, "groups": {}},
            bootstrap_iters=0,
            apply_chat_template=benchmark.chat,
            log_samples=True,
        )
    samples = sorted(found["samples"][benchmark.name], key=lambda sample: sample["doc_id"])
    return pa.Table.from_pylist([_row(benchmark, sample) for sample in samples], ITEMS_SCHEMA)


def _row(benchmark: Benchmark, sample: Mapping[str, Any]) -> dict[str, Any]:
    item = sample["doc"]
    row = {
        "item_id": item[ITEM_ID],
        "group": str(item[benchmark.group]) if benchmark.group else "",
        "category": str(item[benchmark.category]) if benchmark.category else "",
        "prompt_sha256": sample["prompt_hash"],
        "correct": float(sample[benchmark.metrics[0]]),
        "acc_norm": sample.get("acc_norm"),
    }
    if benchmark.kind == MULTIPLE_CHOICE:
        logprobs = [float(answer[0]) for answer in sample["filtered_resps"]]
        chosen = max(range(len(logprobs)), key=logprobs.__getitem__)
        return row | {
            "prediction": str(chosen),
            "target": str(sample["target"]),
            "logprobs": logprobs,
        }
    return row | {"prediction": sample["filtered_resps"][0], "target": _text(sample["target"])}


def _text(target: Any) -> str:
    return target if isinstance(target, str) else json.dumps(target, ensure_ascii=False)


class _quiet:  # noqa: N801
    """lm-eval and datasets say much that nobody who reads a score needs."""

    def __enter__(self) -> None:
        import datasets

        self._level = logging.getLogger("lm_eval").level
        logging.getLogger("lm_eval").setLevel(logging.ERROR)
        datasets.disable_progress_bars()
        self._warnings = warnings.catch_warnings()
        self._warnings.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, *_: object) -> None:
        self._warnings.__exit__(None, None, None)
        logging.getLogger("lm_eval").setLevel(self._level)
