"""What a user says of a database: the whole declaration, or the task alone.

Belongs here: telling the two kinds of file apart, reading the database by either. Does not belong
here: statements (``replica_source.py``) and declarations (``relational.py``).

A declaration lists every table with its keys and columns. Where the database keeps primary and
foreign keys itself, the task is enough: ``tables`` is then a list of names, or not there at all for
every table of the schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from amodels_assets.datasets.reading import SourceDatabase
from amodels_assets.datasets.relational import RelationalSpec, TaskSpec, parse_spec, parse_task
from amodels_assets.datasets.replica_source import read_database, read_declared
from amodels_assets.datasets.sections import Section, read_yaml


@dataclass(frozen=True)
class DatabaseTask:
    """A task on a database that keeps its own keys; the attributes are those of ``read_database``.

    Attributes:
        name: Name of the data set.
        description: The question in one sentence.
        task: The task.
        times: Column since when the rows of a table are known.
        tables: Tables that are read; all of the schema for None.
        schema: Schema of the tables; the connection's own for None.
        seed: Seed of the data set.
    """

    name: str
    description: str
    task: TaskSpec
    times: dict[str, str]
    tables: tuple[str, ...] | None
    schema: str | None
    seed: int


def read_database_task(path: Path) -> RelationalSpec | DatabaseTask:
    """Read a file of either kind.

    Raises:
        SpecError: It cannot be read, or says what is unknown or cannot be.
    """
    raw, source = read_yaml(path), str(path)
    if isinstance(raw, Mapping) and isinstance(raw.get("tables"), Mapping):
        return parse_spec(raw, source)
    top = Section(raw, source, "the file")
    top.allow({"name", "description", "seed", "schema", "tables", "times", "task"})
    tables = top.texts("tables")
    return DatabaseTask(
        name=top.text("name"),
        description=top.text("description"),
        task=parse_task(top.section("task")),
        times=top.names("times"),
        tables=None if tables is None else tuple(tables),
        schema=top.optional_text("schema"),
        seed=top.whole_number("seed") if top.has("seed") else 0,
    )


def read_by(connection: sa.Connection, wanted: RelationalSpec | DatabaseTask) -> SourceDatabase:
    """The database as a file of either kind wants it.

    Raises:
        SpecError: The task does not fit the database.
        DatasetError: The database refuses, or holds a value that cannot be read.
    """
    if isinstance(wanted, RelationalSpec):
        return read_declared(connection, wanted)
    return read_database(
        connection,
        name=wanted.name,
        description=wanted.description,
        task=wanted.task,
        times=wanted.times,
        tables=wanted.tables,
        schema=wanted.schema,
        seed=wanted.seed,
    )
