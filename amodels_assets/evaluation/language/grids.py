"""ARC-AGI: grids as text, and text as grids.

Belongs here: reading its folder of tasks, the prompt, and what counts as the same grid. Does not
belong here: scoring in general.

A row is its digits, a grid its rows. Each test grid is asked twice, the second time with the
examples in reverse order: its two attempts.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from amodels_assets.evaluation.language.benchmarks import BenchmarkError

ATTEMPTS = 2
_ROW = re.compile(r"[0-9]+")
_LARGEST = 30


def read_grids(folder: Path) -> tuple[list[tuple[str, dict[str, Any]]], str]:
    """Items of all tasks in a folder, and a hash over its files.

    Raises:
        BenchmarkError: A file is no task.
    """
    found, sums = [], hashlib.sha256()
    for path in sorted(folder.glob("*.json")):
        content = path.read_bytes()
        sums.update(path.name.encode() + b"\0" + hashlib.sha256(content).digest())
        try:
            task = json.loads(content)
        except ValueError as error:
            raise BenchmarkError(f"{path.name} is no JSON: {error}") from error
        train, tests = (_pairs(task, name, path.name) for name in ("train", "test"))
        for number, pair in enumerate(tests):
            for attempt in range(ATTEMPTS):
                order = train if attempt == 0 else train[::-1]
                item = {
                    "task": path.stem,
                    "test": number,
                    "attempt": attempt,
                    "grid": f"{path.stem}/{number}",
                    "prompt": prompt(order, pair["input"]),
                    "output": as_text(pair["output"]),
                }
                found.append((path.name, item))
    return found, sums.hexdigest()


def prompt(examples: list[dict[str, list[list[int]]]], asked: list[list[int]]) -> str:
    """The examples and the grid that is asked about."""
    shown = [
        f"Input:\n{as_text(pair['input'])}\n\nOutput:\n{as_text(pair['output'])}\n\n"
        for pair in examples
    ]
    return f"{''.join(shown)}Input:\n{as_text(asked)}\n\nOutput:\n"


def as_text(grid: list[list[int]]) -> str:
    """Rows of digits."""
    return "\n".join("".join(str(cell) for cell in row) for row in grid)


def first_grid(text: str) -> str:
    """The rows of digits that a text begins with, as :func:`as_text` writes them."""
    rows = []
    for line in text.strip().splitlines():
        row = line.replace(" ", "")
        if not _ROW.fullmatch(row):
            break
        rows.append(row)
    return "\n".join(rows)


def _pairs(task: Any, name: str, where: str) -> list[dict[str, list[list[int]]]]:
    pairs = task.get(name) if isinstance(task, dict) else None
    if not isinstance(pairs, list) or not pairs:
        raise BenchmarkError(f"{where} has no {name}: a list of input and output grids is expected")
    for pair in pairs:
        for side in ("input", "output"):
            if not isinstance(pair, dict) or not _is_grid(pair.get(side)):
                raise BenchmarkError(
                    f"{where}: {name} has an {side} that is no grid: rows of equal length with "
                    "numbers from 0 to 9 are expected"
                )
    return pairs


def _is_grid(value: Any) -> bool:
    if not isinstance(value, list) or not 0 < len(value) <= _LARGEST:
        return False
    if not all(isinstance(row, list) and len(row) == len(value[0]) for row in value):
        return False
    cells = [cell for row in value for cell in row]
    return 0 < len(value[0]) <= _LARGEST and all(
        type(cell) is int and 0 <= cell <= 9 for cell in cells
    )
