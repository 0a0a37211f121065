"""The replica's own record: what stands in the target, and every step that led there.

It is written in the transaction of the step that it tells of, so that it is never wrong about it.
Where a definition commits by itself (SAP HANA), it says before what is going to be.
Belongs here: the record's tables. Does not belong here: deciding on steps (``migration.py``).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from amodels_assets.schemas.plan import RECORD, PlannedColumn
from amodels_assets.schemas.step import Step

_NAME = sa.Unicode(500)
# Version of rows that a killed run was about to replace: whatever they are, it is not said.
UNFINISHED = "unfinished"
_LAYOUT_1 = "applied_tables"


@dataclass(frozen=True)
class Applied:
    """What stands in the target for one table or view of the source, as far as the record says.

    Attributes:
        kind: ``table`` or ``view``.
        schema: In the target; None where it has none.
        target_name: In the target.
        columns: As they were made, held-back ones included.
        definition: Of a view, hash of its statement.
        comment: The table's own.
        rows_version: Content hash of the rows that were loaded, empty for none, ``UNFINISHED``
            while they are replaced.
        rows: How many were loaded.
        reads: Of a view, the tables and views of the source that it reads.
        refusal: Of a view that the target refused, why; it does not stand there.
    """

    kind: str
    schema: str | None
    target_name: str
    columns: tuple[PlannedColumn, ...] = ()
    definition: str = ""
    comment: str = ""
    rows_version: str = ""
    rows: int = 0
    reads: tuple[tuple[str, str], ...] = ()
    refusal: str = ""

    @property
    def place(self) -> tuple[str | None, str]:
        """Schema and name in the target."""
        return self.schema, self.target_name


class Bookkeeping:
    """The record, in a schema of its own where the target has schemas."""

    def __init__(self, connection: sa.Connection, catalog_version: str = "") -> None:
        """Use the record in a database.

        Args:
            connection: With no transaction open.
            catalog_version: Data version of the catalog that is applied.
        """
        self._connection = connection
        self._catalog_version = catalog_version
        self._schema = None if connection.dialect.name == "sqlite" else RECORD
        self._objects = self._table(
            "applied_objects",
            sa.Column("source_database", _NAME, primary_key=True),
            sa.Column("source_table", _NAME, primary_key=True),
            sa.Column("kind", sa.Unicode(10), nullable=False),
            sa.Column("target_schema", _NAME),
            sa.Column("target_name", _NAME, nullable=False),
            sa.Column("columns", sa.UnicodeText, nullable=False),
            sa.Column("definition", sa.Unicode(64), nullable=False),
            sa.Column("comment", sa.UnicodeText, nullable=False),
            sa.Column("rows_version", _NAME, nullable=False),
            sa.Column("row_count", sa.BigInteger, nullable=False),
            sa.Column("reads", sa.UnicodeText, nullable=False),
            sa.Column("refusal", sa.UnicodeText, nullable=False),
            sa.Column("catalog_version", _NAME, nullable=False),
            sa.Column("applied_at", sa.Unicode(40), nullable=False),
        )
        self._steps = self._table(
            "applied_steps",
            sa.Column("step_id", sa.Unicode(32), primary_key=True),
            sa.Column("applied_at", sa.Unicode(40), nullable=False),
            sa.Column("catalog_version", _NAME, nullable=False),
            sa.Column("source_database", _NAME, nullable=False),
            sa.Column("source_table", _NAME, nullable=False),
            sa.Column("step", sa.Unicode(40), nullable=False),
            sa.Column("detail", sa.UnicodeText, nullable=False),
        )

    def _table(self, name: str, *columns: sa.Column) -> sa.Table:
        full = name if self._schema else f"{RECORD}.{name}"
        return sa.Table(full, sa.MetaData(), *columns, schema=self._schema)

    def exists(self) -> bool:
        """Whether there is a record, so that a plan can be made without making one."""
        return sa.inspect(self._connection).has_table(self._objects.name, self._schema)

    def create(self) -> None:
        """Make the record where there is none; commits."""
        inspector = sa.inspect(self._connection)
        if self._schema and self._schema not in inspector.get_schema_names():
            self._connection.execute(sa.schema.CreateSchema(self._schema))
        for table in (self._objects, self._steps):
            if not inspector.has_table(table.name, self._schema):
                self._connection.execute(sa.schema.CreateTable(table))
        self._take_over(inspector)
        self._connection.commit()

    def _take_over(self, inspector: sa.Inspector) -> None:
        """Keep what an earlier layout of the record says is ours; its rows are loaded again."""
        old = self._table(
            _LAYOUT_1,
            *(
                sa.Column(n, sa.UnicodeText)
                for n in ("source_database", "source_table", "target_schema", "target_name")
            ),
        )
        if not inspector.has_table(old.name, self._schema):
            return
        for row in self._connection.execute(sa.select(old)).all():
            key = (row.source_database, row.source_table)
            self.write(key, Applied("table", row.target_schema, row.target_name))
        self._connection.execute(sa.schema.DropTable(old))

    def read(self) -> dict[tuple[str, str], Applied]:
        """Everything on record, by source database and table."""
        rows = self._connection.execute(sa.select(self._objects)).mappings()
        return {(row["source_database"], row["source_table"]): _applied(row) for row in rows}

    def write(self, key: tuple[str, str], applied: Applied) -> None:
        """Record a table or view as it stands now; part of the caller's transaction."""
        self.forget(key)
        values = {
            "source_database": key[0],
            "source_table": key[1],
            "kind": applied.kind,
            "target_schema": applied.schema,
            "target_name": applied.target_name,
            "columns": json.dumps(
                [[c.name, c.target_name, c.hive_type, c.comment] for c in applied.columns]
            ),
            "definition": applied.definition,
            "comment": applied.comment,
            "rows_version": applied.rows_version,
            "row_count": applied.rows,
            "reads": json.dumps(applied.reads),
            "refusal": applied.refusal,
            "catalog_version": self._catalog_version,
            "applied_at": _now(),
        }
        self._connection.execute(sa.insert(self._objects), values)

    def forget(self, key: tuple[str, str]) -> None:
        """Remove a table or view from the record; part of the caller's transaction."""
        table = self._objects
        self._connection.execute(
            sa.delete(table).where(
                table.c.source_database == key[0], table.c.source_table == key[1]
            )
        )

    def log(self, key: tuple[str, str], step: Step) -> str:
        """Add a step to the history, and give its id; part of the caller's transaction."""
        values = {
            "step_id": uuid.uuid4().hex,
            "applied_at": _now(),
            "catalog_version": self._catalog_version,
            "source_database": key[0],
            "source_table": key[1],
            "step": step.kind,
            "detail": " ".join(filter(None, (step.column, step.detail))),
        }
        self._connection.execute(sa.insert(self._steps), values)
        return values["step_id"]

    def unlog(self, step_ids: Collection[str]) -> None:
        """Take steps that the target refused from the history; in the caller's transaction."""
        steps = self._steps
        self._connection.execute(sa.delete(steps).where(steps.c.step_id.in_(list(step_ids))))

    def history(self, most: int) -> list[dict[str, Any]]:
        """The newest steps, newest first."""
        table = self._steps
        columns = [c for c in table.columns if c.name != "step_id"]
        query = sa.select(*columns).order_by(table.c.applied_at.desc()).limit(most)
        return [dict(row) for row in self._connection.execute(query).mappings()]


def _applied(row: Mapping[Any, Any]) -> Applied:
    return Applied(
        kind=row["kind"],
        schema=row["target_schema"],
        target_name=row["target_name"],
        columns=tuple(PlannedColumn(*column) for column in json.loads(row["columns"])),
        definition=row["definition"],
        comment=row["comment"],
        rows_version=row["rows_version"],
        rows=row["row_count"],
        reads=tuple((database, table) for database, table in json.loads(row["reads"])),
        refusal=row["refusal"],
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
