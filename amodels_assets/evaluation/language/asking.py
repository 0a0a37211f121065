"""Asking models about a benchmark: what a process that scores does.

Belongs here: loading, asking, and the files that come of it. Does not belong here: what the answers
come to (``estimates.py``), and who starts the process (``run.py``, the command line). Imports torch
and lm-eval.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from amodels_assets.evaluation.language.benchmarks import Benchmark, benchmarks
from amodels_assets.evaluation.language.catalog_items import read_catalog_set
from amodels_assets.evaluation.language.checkpoints import BASE, ENDPOINT, Checkpoint
from amodels_assets.evaluation.language.estimates import Run
from amodels_assets.evaluation.language.sets import EvaluationSet, read_set
from amodels_assets.models.store import ModelStore

Say = Callable[[str], None]
# Nothing is looked up on a hub: sets and models lie here already.
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
}


@dataclass(frozen=True)
class Sources:
    """Where sets and models lie.

    Attributes:
        directory: Of public sets, ``AMODELS_EVAL_DIR``; None for none.
        questions: Folder of questions about the catalog; None for none.
        models: Folder of base models.
        device: What is computed on; empty for a GPU where there is one.
        threads: Of the CPU; 0 for torch's own number.
    """

    directory: str | None
    questions: str | None
    models: str
    device: str = ""
    threads: int = 0

    def to_json(self) -> dict[str, Any]:
        """For the process that asks."""
        return asdict(self)

    def benchmark(self, name: str) -> Benchmark:
        """A benchmark by name.

        Raises:
            KeyError: There is none.
        """
        return benchmarks(Path(self.directory) if self.directory else None)[name]

    def set_of(self, benchmark: Benchmark) -> EvaluationSet:
        """The set of a benchmark.

        Raises:
            MissingSetError: It is not there.
            BenchmarkError: It cannot be used.
        """
        if benchmark.reader == "catalog_questions":
            return read_catalog_set(benchmark, Path(self.questions) if self.questions else None)
        return read_set(benchmark, Path(self.directory) if self.directory else None)


def load(checkpoint: Checkpoint, sources: Sources, say: Say) -> Any:
    """A model behind lm-eval's interface.

    Raises:
        CheckpointError, ModelError: The checkpoint cannot be used.
    """
    os.environ.update(OFFLINE)
    if checkpoint.kind == ENDPOINT:
        from amodels_assets.evaluation.language.endpoint import Endpoint

        return Endpoint(checkpoint.source, checkpoint.model, checkpoint.tokenizer)
    import torch
    from transformers.utils.logging import disable_progress_bar

    from amodels_assets.evaluation.language.scorer import TreeScorer
    from amodels_assets.training.device import choose_device
    from amodels_assets.training.language.loading import load_language_model

    disable_progress_bar()
    if sources.threads:
        torch.set_num_threads(sources.threads)
    place = checkpoint.source if checkpoint.kind == BASE else Path(checkpoint.source)
    found = load_language_model(place, ModelStore(Path(sources.models)))
    with warnings.catch_warnings():
        # That there is no GPU is news only to somebody who asked for one, and then an error.
        warnings.simplefilter("ignore")
        device = choose_device(sources.device)
    return TreeScorer(found.model.to(device.name), found.tokenizer, advance=_progress(say))


def ask_about(
    model: Any,
    checkpoint: Checkpoint,
    benchmark: Benchmark,
    found: EvaluationSet,
    number: int | None,
) -> tuple[pa.Table, Run]:
    """Put some items of a set to a model.

    Args:
        model: Of :func:`load`.
        checkpoint: What it is.
        benchmark: What is asked.
        found: Its set.
        number: Of items; None for all.

    Returns:
        The per-item table, and how it was asked.

    Raises:
        BenchmarkError: The set does not fit the benchmark's task.
    """
    from amodels_assets.evaluation.language.tasks import ask, is_blind, make_task

    before = _counters(model)
    with tempfile.TemporaryDirectory() as folder:
        asked = found.subset(number)
        task = make_task(benchmark, asked, Path(folder))
        blind = is_blind(model, benchmark, asked, Path(folder))
        started = time.monotonic()
        items = ask(model, benchmark, task)
        seconds = time.monotonic() - started
    after = _counters(model)
    given, computed, truncated = (b - a for a, b in zip(before, after, strict=True))
    run = Run(
        checkpoint=checkpoint.name,
        checkpoint_version=checkpoint.version,
        dataset_version=found.version,
        set_size=found.size,
        backend=checkpoint.backend,
        seconds=round(seconds, 2),
        tokens=given,
        computed_tokens=computed,
        truncated=truncated,
        blind=blind,
    )
    return items, run


def ask_all(
    name: str,
    checkpoints: Sequence[Checkpoint],
    sources: Sources,
    number: int | None,
    say: Say,
) -> list[tuple[pa.Table, Run]]:
    """Put a benchmark to several models, one after the other."""
    benchmark = sources.benchmark(name)
    found = sources.set_of(benchmark)
    results = []
    for checkpoint in checkpoints:
        say(f"{benchmark.title}: {checkpoint.label}")
        results.append(
            ask_about(load(checkpoint, sources, say), checkpoint, benchmark, found, number)
        )
    return results


def _counters(model: Any) -> tuple[int, int, int]:
    names = ("given", "computed", "truncated")
    given, computed, truncated = (int(getattr(model, name, 0)) for name in names)
    return given, computed, truncated


def _progress(say: Say) -> Callable[[int, int], None]:
    said = [time.monotonic()]

    def advance(done: int, total: int) -> None:
        if time.monotonic() - said[0] > 10:
            said[0] = time.monotonic()
            say(f"{done:,} of {total:,}")

    return advance
