"""Benchmarks as data: an lm-eval task each, and what its set's file looks like.

Belongs here: which benchmarks there are and what their files say. Does not belong here: reading a
set (``sets.py``), asking a model (``tasks.py``).

A benchmark is one YAML file, a task of lm-eval as it stands, with our own part under ``metadata``.
Files of this folder come with the platform; a directory of sets may hold more beside the sets.
Nothing in such a file can name code: it is read as plain data, and ``process_results`` is a key of
``answers.RULES``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from amodels_assets.artifacts import digest

FOLDER = Path(__file__).with_name("tasks")
MULTIPLE_CHOICE, GENERATION = "multiple_choice", "generate_until"
READERS = ("jsonl", "arc_agi", "catalog_questions")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
# What decides which text a model is given and how its answer is judged.
_NOT_THE_TEMPLATE = ("metadata", "task", "dataset_path", "dataset_kwargs", "test_split")
_METADATA = frozenset(
    {
        *("title", "version", "file", "reader", "id", "group"),
        *("best_of_group", "category", "chat", "fields", "answers"),
    }
)


class BenchmarkError(ValueError):
    """A benchmark's file or a set cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Benchmark:
    """A benchmark.

    Attributes:
        name: Also of the lm-eval task and of the asset.
        title: For people.
        task: The lm-eval task as data.
        reader: What kind of file it reads, one of :data:`READERS`.
        file: Where the set lies in the directory of sets; for questions of the catalog, the split.
        fields: Alternatives; each names every field that is needed and its type.
        id: Fields that make an item's identity; none where its whole content does.
        group: Field whose items belong together; empty for none.
        best_of_group: A group counts as one item, right where any of its items is.
        category: Field by which scores are also listed; empty for none.
        answers: Fields that hold an item's answer; no prompt may depend on them.
        chat: Questions are put as a conversation, by the model's own chat template.
        metrics: Of lm-eval; the first is the one that checkpoints are ranked by.
    """

    name: str
    title: str
    task: Mapping[str, Any]
    reader: str
    file: str
    fields: tuple[Mapping[str, Any], ...] = ()
    id: tuple[str, ...] = ()
    group: str = ""
    best_of_group: bool = False
    category: str = ""
    answers: tuple[str, ...] = ()
    chat: bool = False
    metrics: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """``multiple_choice`` or ``generate_until``."""
        return self.task["output_type"]

    @property
    def shots(self) -> int:
        """Worked examples before every item."""
        return int(self.task.get("num_fewshot") or 0)

    @property
    def template(self) -> dict[str, Any]:
        """What decides which text a model is given and how its answer is judged."""
        kept = {k: v for k, v in self.task.items() if k not in _NOT_THE_TEMPLATE}
        return {**kept, "chat": self.chat}

    @property
    def template_hash(self) -> str:
        """SHA-256 of the template: scores of other templates are other scores."""
        return digest(self.template)

    def expected(self) -> str:
        """Which file with which fields is read, in words."""
        ways = " or ".join(
            ", ".join(f"{n} ({_words(t)})" for n, t in w.items()) for w in self.fields
        )
        return f"{self.file} with {ways}" if ways else self.file


def _words(kind: Any) -> str:
    if isinstance(kind, Mapping):
        return ", ".join(f"{name}: {_words(inner)}" for name, inner in kind.items())
    if isinstance(kind, list):
        return "/".join(dict.fromkeys(str(value) for value in kind))
    return "list of strings" if kind == "strings" else str(kind)


def parse_benchmark(text: str, where: str) -> Benchmark:
    """A benchmark of its file's text.

    Raises:
        BenchmarkError: It is not one; the message names the file.
    """
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise BenchmarkError(f"{where} is no YAML that can be read: {reason}") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("metadata"), dict):
        raise BenchmarkError(f"{where} is no lm-eval task with a section metadata")
    metadata, name = raw["metadata"], raw.get("task")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BenchmarkError(f"{where}: task is {name!r}: use a-z, 0-9 and _")
    if raw.get("output_type") not in (MULTIPLE_CHOICE, GENERATION):
        raise BenchmarkError(f"{where}: output_type must be {MULTIPLE_CHOICE} or {GENERATION}")
    if unknown := sorted(set(metadata) - _METADATA):
        raise BenchmarkError(f"{where}: metadata has {', '.join(unknown)}, which nothing reads")
    reader = metadata.get("reader", "jsonl")
    if reader not in READERS:
        raise BenchmarkError(f"{where}: reader is {reader!r}: one of {', '.join(READERS)}")
    metrics = tuple(str(metric["metric"]) for metric in raw.get("metric_list") or ())
    if not metrics:
        raise BenchmarkError(f"{where}: metric_list names no metric: say acc or exact_match")
    if reader == "jsonl" and not metadata.get("fields"):
        raise BenchmarkError(f"{where}: metadata.fields must say which fields the set has")
    return Benchmark(
        name=name,
        title=str(metadata.get("title", name)),
        task=raw,
        reader=reader,
        file=str(metadata.get("file", f"{name}.jsonl")),
        fields=tuple(metadata.get("fields") or ()),
        id=tuple(metadata.get("id") or ()),
        group=str(metadata.get("group") or ""),
        best_of_group=bool(metadata.get("best_of_group")),
        category=str(metadata.get("category") or ""),
        answers=tuple(metadata.get("answers") or ()),
        chat=bool(metadata.get("chat")),
        metrics=metrics,
    )


def shipped() -> dict[str, Benchmark]:
    """Benchmarks that come with the platform, by name."""
    return _read(FOLDER)


def benchmarks(directory: Path | None) -> dict[str, Benchmark]:
    """All benchmarks by name: the platform's, then those that lie beside the sets.

    Args:
        directory: Of the sets, ``AMODELS_EVAL_DIR``; None for none.

    Raises:
        BenchmarkError: A file is no benchmark, or takes the name of the platform's.
    """
    found = shipped()
    own = _read(directory) if directory is not None and directory.is_dir() else {}
    if taken := sorted(set(found) & set(own)):
        raise BenchmarkError(
            f"{directory}/{taken[0]}.yaml has the name of one of the platform's own benchmarks: "
            "choose another"
        )
    return found | own


def _read(folder: Path) -> dict[str, Benchmark]:
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        benchmark = parse_benchmark(path.read_text(encoding="utf-8"), path.name)
        if benchmark.name != path.stem:
            raise BenchmarkError(f"{path.name}: task is {benchmark.name!r}: name the file so")
        found[benchmark.name] = benchmark
    return found
