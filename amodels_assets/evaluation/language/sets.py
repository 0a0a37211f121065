"""Reading an evaluation set: every item checked, in a form that lm-eval reads.

Belongs here: files of sets and what can be wrong with them. Does not belong here: the fields, which
a benchmark names (``benchmarks.py``), and how items are put to a model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amodels_assets.artifacts import digest
from amodels_assets.evaluation.language.benchmarks import Benchmark, BenchmarkError

ITEM_ID = "item_id"
_TYPES = {"string": str, "boolean": bool, "integer": int, "number": (int, float)}


class MissingSetError(BenchmarkError):
    """The set is not there; the message says which file with which fields is expected."""


@dataclass(frozen=True)
class EvaluationSet:
    """A set whose items were checked.

    Attributes:
        items: Fields as published, and ``item_id``.
        version: SHA-256 of the file, or over the files.
        repeated: Items without an identity of their own that stood there before; left out.
        whole: Field whose items are only taken together; empty for none.
    """

    items: list[dict[str, Any]]
    version: str
    repeated: int = 0
    whole: str = ""

    @property
    def size(self) -> int:
        """Items, those that belong together counted once."""
        return len({self._unit(item) for item in self.items})

    def subset(self, number: int | None) -> list[dict[str, Any]]:
        """Some of the items, the same ones each time; those for a smaller number are among them."""
        if number is None or number >= self.size:
            return self.items
        units = {self._unit(item) for item in self.items}
        rank = {unit: digest(["subset", unit]) for unit in units}
        chosen = sorted(units, key=rank.__getitem__)[:number]
        taken = [item for item in self.items if self._unit(item) in set(chosen)]
        return sorted(taken, key=lambda item: rank[self._unit(item)])

    def _unit(self, item: Mapping[str, Any]) -> str:
        return str(item[self.whole or ITEM_ID])


def read_set(benchmark: Benchmark, directory: Path | None) -> EvaluationSet:
    """Read the set of a benchmark.

    Args:
        benchmark: Whose reader is not ``catalog_questions``.
        directory: ``AMODELS_EVAL_DIR``; None where it is not set.

    Raises:
        MissingSetError: It is not there.
        BenchmarkError: It cannot be used; one sentence with file, line and field.
    """
    path = None if directory is None else directory / benchmark.file
    if path is None or not path.exists():
        where = "AMODELS_EVAL_DIR is not set" if path is None else f"{directory} has none"
        raise MissingSetError(f"{benchmark.title} needs {benchmark.expected()}: {where}")
    if benchmark.reader == "arc_agi":
        from amodels_assets.evaluation.language.grids import read_grids

        items, version = read_grids(path)
        return checked(benchmark, items, version, benchmark.file)
    try:
        content = path.read_bytes()
        lines = content.decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BenchmarkError(f"{path} cannot be read as UTF-8 text") from error
    items = list(_lines(benchmark, lines))
    return checked(benchmark, items, hashlib.sha256(content).hexdigest(), benchmark.file)


def checked(
    benchmark: Benchmark, items: list[tuple[str, dict[str, Any]]], version: str, where: str
) -> EvaluationSet:
    """A set of items, each with a name for its place in messages.

    Raises:
        BenchmarkError: There are none, or two have the same identity.
    """
    if not items:
        raise BenchmarkError(f"{where} is empty: {benchmark.title} needs at least one item")
    kept: dict[str, tuple[str, dict[str, Any]]] = {}
    own_ids = bool(benchmark.id) and all(name in items[0][1] for name in benchmark.id)
    repeated = 0
    for place, item in items:
        if own_ids:
            identity = "/".join(str(item[name]) for name in benchmark.id)
        else:
            identity = digest(item)[:16]
        if identity not in kept:
            kept[identity] = (place, {**item, ITEM_ID: identity})
        elif own_ids:
            names = " and ".join(benchmark.id)
            raise BenchmarkError(
                f"{place}: {names} {identity} stands at {kept[identity][0]} already: "
                "an item must not count twice"
            )
        else:
            repeated += 1
    whole = benchmark.group if benchmark.best_of_group else ""
    return EvaluationSet([item for _, item in kept.values()], version, repeated, whole)


def _lines(benchmark: Benchmark, lines: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    way: Mapping[str, Any] | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{benchmark.file}:{number}"
        try:
            item = json.loads(line)
        except ValueError as error:
            raise BenchmarkError(f"{place} is no JSON: {error}") from error
        if not isinstance(item, dict):
            raise BenchmarkError(f"{place} is no JSON object: {benchmark.expected()} is expected")
        way = way or _way(benchmark, item, place)
        for name, kind in way.items():
            if name not in item:
                raise BenchmarkError(f"{place} has no {name}: expected is {benchmark.expected()}")
            if fault := _fault(item[name], kind):
                raise BenchmarkError(f"{place}: {name} {fault}")
        yield place, {name: item[name] for name in way}


def _way(benchmark: Benchmark, item: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    """The alternative that the first item decides for."""
    named = [way for way in benchmark.fields if set(way) <= set(item)]
    for way in named:
        if not any(_fault(item[name], kind) for name, kind in way.items()):
            return way
    if named:
        return named[0]
    lacking = min((sorted(set(way) - set(item)) for way in benchmark.fields), key=len)
    raise BenchmarkError(f"{place} has no {', '.join(lacking)}: expected is {benchmark.expected()}")


def _fault(value: Any, kind: Any) -> str:
    """What is wrong with a value; empty where nothing is."""
    if isinstance(kind, Mapping) and isinstance(value, Mapping):
        faults = (
            f"{name} {_fault(value[name], inner)}" if name in value else f"has no {name}"
            for name, inner in kind.items()
            if name not in value or _fault(value[name], inner)
        )
        return next(faults, "")
    if _is_a(value, kind):
        return ""
    shown = f"{json.dumps(value, ensure_ascii=False)!s:.60}"
    return f"is {shown}: {_wanted(kind)} is expected"


def _is_a(value: Any, kind: Any) -> bool:
    if isinstance(kind, list):
        # In Python 1 == True, but a truth value is no label 1.
        return any(type(value) is type(known) and value == known for known in kind)
    if kind == "strings":
        return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)
    if isinstance(kind, str) and kind in _TYPES:
        return isinstance(value, _TYPES[kind]) and isinstance(value, bool) == (kind == "boolean")
    return False


def _wanted(kind: Any) -> str:
    if isinstance(kind, list):
        return f"one of {', '.join(json.dumps(known) for known in kind)}"
    if isinstance(kind, Mapping):
        return f"an object with {', '.join(kind)}"
    return "a list of strings" if kind == "strings" else f"a {kind}"
