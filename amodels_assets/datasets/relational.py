"""Declaration of a relational data set: tables, keys, times, column kinds and one task.

Belongs here: the declaration as plain data, reading it from YAML, refusing what is wrong with it.
Does not belong here: rows (``build.py``, ``dataset.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

COLUMN_KINDS = ("numeric", "boolean", "datetime", "categorical", "text")
TASK_KINDS = ("binary",)
SPLITS = ("train", "validation", "test")


class SpecError(ValueError):
    """A declaration cannot be used; the message names the file and what to change."""


@dataclass(frozen=True)
class TableSpec:
    """One table.

    Attributes:
        name: As in the source database.
        primary_key: Column that identifies a row.
        columns: Column name to kind, in the order in which a model sees them.
        foreign_keys: Column name to the table whose primary key it holds.
        time_column: Date or time at which a row became known; None for rows known always.
    """

    name: str
    primary_key: str
    columns: dict[str, str]
    foreign_keys: dict[str, str]
    time_column: str | None = None

    def stored_columns(self) -> list[str]:
        """Every column that the data set keeps: keys, time and features, each once."""
        time = [self.time_column] if self.time_column else []
        return list(dict.fromkeys([self.primary_key, *self.foreign_keys, *time, *self.columns]))


@dataclass(frozen=True)
class TaskSpec:
    """What is predicted, for whom and as of when.

    Attributes:
        table: Holds one row per entity and cut-off, with the target.
        entity_column: Foreign key of ``table`` to the entity's table.
        cutoff_column: Nothing later than this date may be used for the prediction.
        target_column: Column of ``table`` that is predicted.
        kind: ``binary``.
        validation_start: First cut-off of the validation split.
        test_start: First cut-off of the test split.
    """

    table: str
    entity_column: str
    cutoff_column: str
    target_column: str
    kind: str
    validation_start: date
    test_start: date


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
        for key in ("validation_start", "test_start"):
            raw["task"][key] = raw["task"][key].isoformat()
        return raw


def read_spec(path: Path) -> RelationalSpec:
    """Read a declaration from a YAML file.

    Raises:
        SpecError: The file cannot be read, is no YAML, or says something that cannot be.
    """
    import yaml

    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f", line {line + 1}" if line is not None else ""
        raise SpecError(f"{path}{where} is not valid YAML: correct it") from error
    return parse_spec(raw, str(path))


def parse_spec(raw: object, source: str) -> RelationalSpec:
    """Check a declaration and make it typed.

    Args:
        raw: What YAML or JSON gave.
        source: Where it came from, for messages.

    Raises:
        SpecError: Something is missing, unknown or inconsistent.
    """
    top = _Section(raw, source, "the file")
    top.allow({"name", "description", "database", "seed", "tables", "task"})
    tables = tuple(_table(top, name) for name in top.section("tables").raw)
    spec = RelationalSpec(
        name=top.text("name"),
        description=top.text("description"),
        database=top.text("database"),
        seed=top.whole_number("seed"),
        tables=tables,
        task=_task(top.section("task")),
    )
    _check_references(spec, source)
    return spec


def _table(top: _Section, name: object) -> TableSpec:
    tables = top.section("tables")
    if not isinstance(name, str) or not name:
        raise SpecError(f"{top.source}: {name!r} is no table name: put it in quotes")
    section = tables.section(name)
    section.allow({"primary_key", "time_column", "foreign_keys", "columns"})
    return TableSpec(
        name=name,
        primary_key=section.text("primary_key"),
        columns=section.names("columns"),
        foreign_keys=section.names("foreign_keys") if "foreign_keys" in section.raw else {},
        time_column=section.text("time_column") if "time_column" in section.raw else None,
    )


def _task(section: _Section) -> TaskSpec:
    names = ("table", "entity_column", "cutoff_column", "target_column", "kind")
    section.allow({*names, "validation_start", "test_start"})
    return TaskSpec(
        **{name: section.text(name) for name in names},
        validation_start=section.day("validation_start"),
        test_start=section.day("test_start"),
    )


def _check_references(spec: RelationalSpec, source: str) -> None:
    tables = {table.name: table for table in spec.tables}
    for table in spec.tables:
        for column, kind in table.columns.items():
            if kind not in COLUMN_KINDS:
                raise SpecError(
                    f"{source}: {table.name}.{column} has the kind {kind!r}: "
                    f"use one of {', '.join(COLUMN_KINDS)}"
                )
            if column == table.primary_key or column in table.foreign_keys:
                raise SpecError(f"{source}: {table.name}.{column} is a key: take it from columns")
        for column, parent in table.foreign_keys.items():
            if parent not in tables:
                raise SpecError(
                    f"{source}: {table.name}.{column} points to the unknown table {parent!r}"
                )
    _check_task(spec.task, tables, source)


def _check_task(task: TaskSpec, tables: Mapping[str, TableSpec], source: str) -> None:
    if task.table not in tables:
        raise SpecError(f"{source}: the task's table {task.table!r} is not among the tables")
    table = tables[task.table]
    if task.entity_column not in table.foreign_keys:
        raise SpecError(
            f"{source}: the task's entity_column {task.entity_column!r} is no foreign key of "
            f"{table.name}"
        )
    if table.columns.get(task.cutoff_column) != "datetime":
        raise SpecError(
            f"{source}: the task's cutoff_column {task.cutoff_column!r} is no datetime column of "
            f"{table.name}"
        )
    if table.columns.get(task.target_column) != "boolean":
        raise SpecError(
            f"{source}: the task's target_column {task.target_column!r} is no boolean column of "
            f"{table.name}"
        )
    if table.time_column is None:
        raise SpecError(f"{source}: {table.name} holds the target and needs a time_column")
    if task.kind not in TASK_KINDS:
        raise SpecError(f"{source}: the task has the kind {task.kind!r}: only binary is known")
    if task.validation_start >= task.test_start:
        raise SpecError(f"{source}: validation_start must be before test_start")


class _Section:
    """A mapping of the file, read with messages that name the place."""

    def __init__(self, raw: object, source: str, where: str) -> None:
        if not isinstance(raw, Mapping) or not raw:
            raise SpecError(f"{source}: {where} must be a mapping with at least one entry")
        self.raw: Mapping[object, object] = raw
        self.source = source
        self.where = where

    def allow(self, known: set[str]) -> None:
        unknown = sorted(str(key) for key in self.raw if key not in known)
        if unknown:
            raise SpecError(
                f"{self.source}: {self.where} has the unknown key {unknown[0]!r}: "
                f"known are {', '.join(sorted(known))}"
            )

    def section(self, key: str) -> _Section:
        return _Section(self._get(key), self.source, key)

    def text(self, key: str) -> str:
        value = self._get(key)
        if not isinstance(value, str) or not value:
            raise SpecError(f"{self.source}: {key} of {self.where} must be a text, not {value!r}")
        return value

    def whole_number(self, key: str) -> int:
        value = self._get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**32:
            raise SpecError(f"{self.source}: {key} must be a whole number from 0 to 4294967295")
        return value

    def day(self, key: str) -> date:
        value = self._get(key)
        if type(value) is date:
            return value
        try:
            return date.fromisoformat(value if isinstance(value, str) else "")
        except ValueError:
            raise SpecError(
                f"{self.source}: {key} is {value!r}: give a date such as 2024-04-01"
            ) from None

    def names(self, key: str) -> dict[str, str]:
        pairs = self.section(key).raw
        for name, value in pairs.items():
            if not isinstance(name, str) or not isinstance(value, str):
                raise SpecError(
                    f"{self.source}: {name!r}: {value!r} in {key} of {self.where} "
                    "must be two names: put them in quotes"
                )
        return {str(name): str(value) for name, value in pairs.items()}

    def _get(self, key: str) -> object:
        if key not in self.raw:
            raise SpecError(f"{self.source}: {self.where} lacks {key!r}")
        return self.raw[key]
