"""The manifests of a RelBench folder: what they say, and that they say nothing else.

Belongs here: reading and checking the two kinds of manifest. Does not belong here: rows and what
becomes of them (``relbench.py``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from amodels_assets.datasets.relational import TableSpec
from amodels_assets.datasets.sections import Section, SpecError, read_yaml

_DATABASE_KEYS = {
    "name", "manifest_version", "description", "val_timestamp", "test_timestamp", "tables",
}  # fmt: skip
_TASK_KEYS = {
    "name", "kind", "task_type", "description", "entity_table", "entity_col", "target_col",
    "time_col", "src_entity_table", "src_entity_col", "dst_entity_table", "dst_entity_col",
    "eval_k", "timedelta", "num_eval_timestamps", "remove_columns", "sql", "evaluator",
    "extra_files", "metrics", "manifest_version",
}  # fmt: skip
_KINDS = {
    "binary_classification": "binary",
    "multiclass_classification": "multiclass",
    "regression": "regression",
}
# What RelBench takes where a task with labels of its own names no window.
_DEFAULT_WINDOW = 86_400
_LONGEST = 1_000 * 366 * 86_400
_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WINDOW = re.compile(
    r"(?:(?P<count>\d+)\s*(?P<unit>w|weeks?|d|days?|h|hours?|hr|m|min|minutes?|s|sec|seconds?))?"
    r"\s*(?:(?P<hours>\d{1,2}):(?P<minutes>\d{2}):(?P<seconds>\d{2}))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class DatabaseManifest:
    """What ``manifest.yaml`` says.

    Attributes:
        name: Name of the database.
        tables: Keys and time column of each table; an empty primary key where it has none.
        starts: First moments of validation and test; None where the splits have none.
    """

    name: str
    tables: dict[str, TableSpec]
    starts: tuple[datetime, datetime] | None


@dataclass(frozen=True)
class TaskManifest:
    """What a task's ``manifest.yaml`` says.

    Attributes:
        name: Name of the task.
        completes: Whether it completes a column of existing rows.
        kind: One of ``relational.TASK_KINDS``.
        description: The question.
        table: Table of the entities.
        entity: Column of the label files that holds the entity's key.
        time: Column of the label files that holds the cut-off; None without time.
        target: Column of the label files that is predicted.
        window: Seconds after the cut-off at which a label is known.
        hidden: Tables and columns that a model must not see.
    """

    name: str
    completes: bool
    kind: str
    description: str
    table: str
    entity: str
    time: str | None
    target: str
    window: int
    hidden: frozenset[tuple[str, str]]


def read_database_manifest(folder: Path) -> DatabaseManifest:
    """Read ``manifest.yaml``.

    Raises:
        SpecError: It says what is unknown or cannot be.
    """
    source = str(folder / "manifest.yaml")
    top = Section(read_yaml(folder / "manifest.yaml"), source, "the file")
    top.allow(_DATABASE_KEYS)
    tables = {}
    for name in top.section("tables").raw:
        if not isinstance(name, str):
            raise SpecError(f"{source}: {name!r} is no table name: put it in quotes")
        tables[name] = _table(top, name)
    for table in tables.values():
        for column, parent in table.foreign_keys.items():
            if parent not in tables or not tables[parent].primary_key:
                raise SpecError(
                    f"{source}: {table.name}.{column} points to {parent!r}, which is not among the "
                    "tables or has no pkey"
                )
    starts = top.optional_moment("val_timestamp"), top.optional_moment("test_timestamp")
    if (starts[0] is None) != (starts[1] is None):
        raise SpecError(f"{source}: give val_timestamp and test_timestamp both, or neither")
    both = None if starts[0] is None or starts[1] is None else (starts[0], starts[1])
    return DatabaseManifest(top.text("name"), tables, both)


def task_names(folder: Path) -> list[str]:
    """Tasks that a folder declares."""
    return sorted(path.parent.name for path in folder.glob("tasks/*/manifest.yaml"))


def window_seconds(text: str) -> int:
    """Length of a window such as ``60 days`` or ``1 days 12:00:00``, in seconds.

    Raises:
        ValueError: It is none.
    """
    found = _WINDOW.fullmatch(text.strip())
    if not text.strip() or found is None:
        raise ValueError(f"{text!r} is no length of time")
    total = int(found["count"] or 0) * _UNITS[(found["unit"] or "s")[0].lower()]
    clock = (int(found[part] or 0) for part in ("hours", "minutes", "seconds"))
    total += sum(value * size for value, size in zip(clock, (3_600, 60, 1), strict=True))
    if total > _LONGEST:
        raise ValueError(f"{text!r} is longer than a thousand years")
    return total


def _table(top: Section, name: str) -> TableSpec:
    section = top.section("tables").section(name, may_be_empty=True)
    section.allow({"pkey", "time_col", "fkeys"})
    return TableSpec(
        name=name,
        primary_key=section.optional_text("pkey") or "",
        foreign_keys=section.names("fkeys") if section.has("fkeys") else {},
        time_column=section.optional_text("time_col"),
    )


def read_task_manifest(folder: Path, name: str, tables: dict[str, TableSpec]) -> TaskManifest:
    """Read the manifest of one task.

    Args:
        folder: The database's folder.
        name: Of the task.
        tables: Those of the database.

    Raises:
        SpecError: There is no such task, its manifest says what is unknown or cannot be, or it is
            of a type that cannot be learned here.
    """
    path = folder / "tasks" / name / "manifest.yaml"
    if name not in task_names(folder):
        known = ", ".join(task_names(folder)) or "none"
        raise SpecError(f"{folder} has no task {name!r}: its tasks are {known}")
    section = Section(read_yaml(path), str(path), "the file")
    section.allow(_TASK_KEYS)
    task_type, kind = section.text("task_type"), section.text("kind")
    if task_type not in _KINDS:
        raise SpecError(
            f"{path}: tasks of the type {task_type!r} cannot be learned here: "
            f"choose one of the type {', '.join(_KINDS)}"
        )
    if kind not in ("forecast", "autocomplete", "external"):
        raise SpecError(f"{path}: kind {kind!r} must be forecast, autocomplete or external")
    table = section.text("entity_table")
    if table not in tables:
        raise SpecError(f"{path}: entity_table {table!r} is not in the database's manifest")
    if not tables[table].primary_key:
        raise SpecError(f"{path}: {table} has no pkey: entities need one")
    completes = kind == "autocomplete"
    own = tables[table]
    return TaskManifest(
        name=name,
        completes=completes,
        kind=_KINDS[task_type],
        description=section.optional_text("description") or f"{name} of {table}",
        table=table,
        entity=own.primary_key if completes else section.text("entity_col"),
        time=section.optional_text("time_col") or (own.time_column if completes else None),
        target=section.text("target_col"),
        window=1 if completes else _window(section, path),
        hidden=_hidden(section, tables, path) if completes else frozenset(),
    )


def _window(section: Section, path: Path) -> int:
    if not section.has("timedelta"):
        return _DEFAULT_WINDOW
    try:
        return window_seconds(section.text("timedelta"))
    except ValueError as error:
        raise SpecError(f"{path}: timedelta: {error}: say for example '60 days'") from error


def _hidden(
    section: Section, tables: dict[str, TableSpec], path: Path
) -> frozenset[tuple[str, str]]:
    pairs = section.raw.get("remove_columns") or []
    if not isinstance(pairs, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(x, str) for x in pair)
        for pair in pairs
    ):
        raise SpecError(f"{path}: remove_columns must be a list of pairs of table and column")
    hidden = {(pair[0], pair[1]) for pair in pairs}
    hidden.add((section.text("entity_table"), section.text("target_col")))
    for name, column in sorted(hidden):
        if name not in tables or column in (tables[name].primary_key, tables[name].time_column):
            raise SpecError(
                f"{path}: {name}.{column} cannot be hidden: it is a key or time, or there is no "
                "such table"
            )
    return frozenset(hidden)
