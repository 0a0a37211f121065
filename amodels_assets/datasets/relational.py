"""Declaration of a relational data set: tables, keys, times, column kinds and one task.

Belongs here: the declaration as plain data, reading it from YAML, refusing what is wrong with it.
Does not belong here: rows (``build.py``, ``dataset.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path

from amodels_assets.datasets.sections import Section, SpecError, read_yaml

__all__ = [
    "COLUMN_KINDS",
    "LABEL",
    "SPLITS",
    "TASK_KINDS",
    "RelationalSpec",
    "SpecError",
    "TableSpec",
    "TaskSpec",
    "parse_spec",
    "parse_task",
    "read_spec",
]

COLUMN_KINDS = ("numeric", "boolean", "datetime", "categorical", "text")
# What a task predicts, and the kind that its target column has.
TASK_KINDS = {"binary": "boolean", "multiclass": "categorical", "regression": "numeric"}
SPLITS = ("train", "validation", "test")
LABEL = "label"
_SHOWN_KEY_KINDS = ("categorical", "text")


@dataclass(frozen=True)
class TableSpec:
    """One table.

    Attributes:
        name: As in the source database.
        primary_key: Column that identifies a row.
        columns: Column name to kind, in the order in which a model sees them. A foreign key may be
            among them, as categorical or text: then its value is seen as well as followed.
        foreign_keys: Column name to the table whose primary key it holds; the table itself may be
            meant, and circles are fine.
        time_column: Date or time at which a row became known; None for rows known always.
    """

    name: str
    primary_key: str
    columns: dict[str, str] = field(default_factory=dict)
    foreign_keys: dict[str, str] = field(default_factory=dict)
    time_column: str | None = None


@dataclass(frozen=True)
class TaskSpec:
    """What is predicted, for whom and as of when.

    A split follows time: cut-offs before ``validation_start`` train, those from ``test_start`` on
    test. A ``split_column`` of the task's table says it row by row instead. The two starts may
    stand beside it and then say when the splits' windows begin; without them, as in a database
    without time, everything that is known at the cut-offs belongs to the training window, but of
    the task's table its training rows only.

    Attributes:
        table: Holds one row per entity and cut-off, with the target.
        entity_column: Foreign key of ``table`` to the entity's table.
        cutoff_column: Nothing later than this moment may be used for the prediction. A constant
            where the database has no time.
        target_column: Column of ``table`` that is predicted: boolean for ``binary``, categorical
            for ``multiclass``, numeric for ``regression``.
        kind: One of ``TASK_KINDS``.
        validation_start: First cut-off of the validation split, in UTC without a zone.
        test_start: First cut-off of the test split.
        split_column: Column of ``table`` that holds ``train``, ``validation`` or ``test``; a model
            never sees it.
    """

    table: str
    entity_column: str
    cutoff_column: str
    target_column: str
    kind: str
    validation_start: datetime | None = None
    test_start: datetime | None = None
    split_column: str | None = None

    @property
    def starts(self) -> tuple[datetime, datetime] | None:
        """First cut-offs of validation and test; None where a split column alone says it."""
        if self.validation_start is None or self.test_start is None:
            return None
        return self.validation_start, self.test_start


@dataclass(frozen=True)
class RelationalSpec:
    """A relational database with one task.

    Attributes:
        name: Name of the data set and of its task.
        description: The question in one sentence.
        database: Source database that holds the tables.
        seed: Seed of everything random that depends on the data set alone.
        tables: The tables.
        task: The task.
    """

    name: str
    description: str
    database: str
    seed: int
    tables: tuple[TableSpec, ...]
    task: TaskSpec

    def table(self, name: str) -> TableSpec:
        """The table of that name."""
        return next(table for table in self.tables if table.name == name)

    @property
    def entity_table(self) -> TableSpec:
        """The table whose rows predictions are made for."""
        return self.table(self.table(self.task.table).foreign_keys[self.task.entity_column])

    def stored_columns(self, table: TableSpec) -> list[str]:
        """Every column that the data set keeps: keys, time, split and features, each once."""
        split = self.task.split_column if table.name == self.task.table else None
        extra = [column for column in (table.time_column, split) if column]
        return list(dict.fromkeys([table.primary_key, *table.foreign_keys, *extra, *table.columns]))

    def to_json(self) -> dict[str, object]:
        """The declaration as JSON-serialisable data that :func:`parse_spec` reads."""
        raw = asdict(self)
        raw["tables"] = {
            t.name: {
                key: value
                for key, value in asdict(t).items()
                if key != "name" and value is not None and value != {}
            }
            for t in self.tables
        }
        raw["task"] = {
            key: value.isoformat() if isinstance(value, datetime) else value
            for key, value in raw["task"].items()
            if value is not None
        }
        return raw


def read_spec(path: Path) -> RelationalSpec:
    """Read a declaration from a YAML file.

    Raises:
        SpecError: The file cannot be read, is no YAML, or says something that cannot be.
    """
    return parse_spec(read_yaml(path), str(path))


def parse_spec(raw: object, source: str) -> RelationalSpec:
    """Check a declaration and make it typed.

    Args:
        raw: What YAML or JSON gave.
        source: Where it came from, for messages.

    Raises:
        SpecError: Something is missing, unknown or inconsistent.
    """
    top = Section(raw, source, "the file")
    top.allow({"name", "description", "database", "seed", "tables", "task"})
    spec = RelationalSpec(
        name=top.text("name"),
        description=top.text("description"),
        database=top.text("database"),
        seed=top.whole_number("seed"),
        tables=tuple(_table(top, name) for name in top.section("tables").raw),
        task=parse_task(top.section("task")),
    )
    check_spec(spec, source)
    return spec


def check_spec(spec: RelationalSpec, source: str) -> None:
    """Refuse a declaration whose parts do not fit together.

    Raises:
        SpecError: With the place and what to change.
    """
    tables = {table.name: table for table in spec.tables}
    if spec.name.startswith(".") or "/" in spec.name or "\\" in spec.name:
        raise SpecError(f"{source}: the name {spec.name!r} must be usable as a folder's name")
    for table in spec.tables:
        _check_columns(table, source)
        for column, parent in table.foreign_keys.items():
            if parent not in tables:
                raise SpecError(
                    f"{source}: {table.name}.{column} points to the unknown table {parent!r}"
                )
    _check_task(spec.task, tables, source)
    _check_split(spec.task, tables[spec.task.table], source)


def check_kind(task: TaskSpec, source: str) -> None:
    """Refuse a task of a kind that cannot be learned.

    Raises:
        SpecError: With the kinds that can.
    """
    if task.kind not in TASK_KINDS:
        raise SpecError(
            f"{source}: the task has the kind {task.kind!r}: use one of {', '.join(TASK_KINDS)}"
        )


def _table(top: Section, name: object) -> TableSpec:
    if not isinstance(name, str) or not name or name.startswith(".") or "/" in name:
        raise SpecError(
            f"{top.source}: {name!r} is no table name: put it in quotes, without slashes and "
            "leading dots"
        )
    section = top.section("tables").section(name)
    section.allow({"primary_key", "time_column", "foreign_keys", "columns"})
    if not section.has("primary_key"):
        raise SpecError(
            f"{top.source}: {name} has no primary_key: name the column that identifies its rows, "
            "or add one that numbers them"
        )
    return TableSpec(
        name=name,
        primary_key=section.text("primary_key"),
        columns=section.names("columns"),
        foreign_keys=section.names("foreign_keys"),
        time_column=section.optional_text("time_column"),
    )


def parse_task(section: Section) -> TaskSpec:
    """The task of a declaration, with nothing said about the tables that it names.

    Raises:
        SpecError: A key is missing, unknown or no text.
    """
    section.allow({item.name for item in fields(TaskSpec)})
    return TaskSpec(
        table=section.text("table"),
        entity_column=section.text("entity_column"),
        cutoff_column=section.text("cutoff_column"),
        target_column=section.text("target_column"),
        kind=section.text("kind"),
        validation_start=section.optional_moment("validation_start"),
        test_start=section.optional_moment("test_start"),
        split_column=section.optional_text("split_column"),
    )


def _check_columns(table: TableSpec, source: str) -> None:
    for column, kind in table.columns.items():
        if kind not in COLUMN_KINDS:
            raise SpecError(
                f"{source}: {table.name}.{column} has the kind {kind!r}: "
                f"use one of {', '.join(COLUMN_KINDS)}"
            )
        if column == table.primary_key:
            raise SpecError(
                f"{source}: {table.name}.{column} is the primary key: take it from columns"
            )
        if column in table.foreign_keys and kind not in _SHOWN_KEY_KINDS:
            raise SpecError(
                f"{source}: {table.name}.{column} is a foreign key and is shown as {kind}: "
                f"show it as {' or '.join(_SHOWN_KEY_KINDS)}, or take it from columns"
            )


def _check_task(task: TaskSpec, tables: Mapping[str, TableSpec], source: str) -> None:
    check_kind(task, source)
    if task.table not in tables:
        raise SpecError(f"{source}: the task's table {task.table!r} is not among the tables")
    table = tables[task.table]
    if task.entity_column not in table.foreign_keys:
        raise SpecError(
            f"{source}: the task's entity_column {task.entity_column!r} is no foreign key of "
            f"{table.name}"
        )
    wanted = {"cutoff_column": "datetime", "target_column": TASK_KINDS[task.kind]}
    for key, kind in wanted.items():
        column = getattr(task, key)
        if table.columns.get(column) != kind or column in table.foreign_keys:
            raise SpecError(
                f"{source}: the task's {key} {column!r} is no {kind} column of {table.name}: "
                f"list it there as {kind}"
            )
    if LABEL in (task.entity_column, task.cutoff_column):
        raise SpecError(
            f"{source}: a key or cut-off of {table.name} is named {LABEL!r}, as the label is: "
            "rename it"
        )
    if table.time_column is None:
        raise SpecError(f"{source}: {table.name} holds the target and needs a time_column")


def _check_split(task: TaskSpec, table: TableSpec, source: str) -> None:
    if (task.validation_start is None) != (task.test_start is None):
        raise SpecError(f"{source}: give validation_start and test_start both, or neither")
    if task.starts is None and task.split_column is None:
        raise SpecError(
            f"{source}: the task has no split: give validation_start and test_start, or a "
            "split_column"
        )
    if task.starts and task.starts[0] >= task.starts[1]:
        raise SpecError(f"{source}: validation_start must be before test_start")
    if task.split_column and (
        task.split_column in table.columns
        or task.split_column in table.foreign_keys
        or task.split_column in (table.primary_key, table.time_column)
    ):
        raise SpecError(
            f"{source}: split_column {task.split_column!r} is used otherwise by {table.name}: a "
            "model must not see it, so give it a column of its own"
        )
