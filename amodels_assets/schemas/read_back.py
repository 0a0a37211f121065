"""The replica's rows as Arrow, batch by batch, read from the database.

PostgreSQL's come through ADBC, which makes Arrow arrays without a Python object a value; those of
the other targets through their SQLAlchemy driver.
Belongs here: reading values. Does not belong here: comparing them (``verify.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from amodels_assets.schemas.checksum import form_of
from amodels_assets.schemas.connect import ReplicaError, quoted_name_of
from amodels_assets.schemas.convert import canonical
from amodels_assets.schemas.plan import PlannedTable
from amodels_assets.schemas.types import parse_hive_type

BATCH_ROWS = 20_000


class ReplicaReader:
    """Reads tables of one replica; a context manager, because ADBC has a connection of its own."""

    def __init__(self, connection: sa.Connection) -> None:
        """Read what a connection reaches."""
        self._connection = connection
        self._other: Any = None

    def __enter__(self) -> ReplicaReader:
        return self

    def __exit__(self, *_: object) -> None:
        if self._other is not None:
            self._other.close()

    def batches(self, planned: PlannedTable) -> Iterator[pa.RecordBatch]:
        """Rows of a table, columns in the plan's order.

        Raises:
            sqlalchemy.exc.DBAPIError: As for any other statement.
            ReplicaError: As for any other statement, of ADBC's.
        """
        if self._connection.dialect.name == "postgresql":
            return self._through_adbc(planned)
        return self._through_sqlalchemy(planned)

    def _through_sqlalchemy(self, planned: PlannedTable) -> Iterator[pa.RecordBatch]:
        table = planned.to_sqlalchemy(self._connection.dialect.name)
        connection = self._connection.execution_options(yield_per=BATCH_ROWS)
        types = [column.hive_type for column in planned.columns]
        for rows in connection.execute(sa.select(table)).partitions():
            columns = list(zip(*rows, strict=True))
            arrays = [_array(values, t) for values, t in zip(columns, types, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, names=[c.name for c in planned.columns])

    def _through_adbc(self, planned: PlannedTable) -> Iterator[pa.RecordBatch]:
        from adbc_driver_manager import Error
        from adbc_driver_postgresql import dbapi

        names = [column.name for column in planned.columns]
        try:
            if self._other is None:
                self._other = dbapi.connect(_words(self._connection))
            with self._other.cursor() as cursor:
                cursor.execute(self._select(planned))
                for batch in cursor.fetch_record_batch():
                    yield pa.RecordBatch.from_arrays(batch.columns, names=names)
        except Error as error:
            reason = (str(error).strip().splitlines() or ["no reason given"])[0]
            raise ReplicaError(f"the replica cannot be read back: {reason}") from None

    def _select(self, planned: PlannedTable) -> str:
        columns = []
        for column in planned.to_sqlalchemy(self._connection.dialect.name).columns:
            name = quoted_name_of(self._connection, None, str(column.name))
            exact = isinstance(column.type, sa.Numeric) and not isinstance(column.type, sa.Float)
            # Exact numbers and JSON have no Arrow type of their own there.
            as_text = exact or isinstance(column.type, sa.JSON)
            columns.append(f"{name}::text" if as_text else name)
        target = quoted_name_of(self._connection, *planned.place)
        return f"SELECT {', '.join(columns)} FROM {target}"  # noqa: S608 (quoted names)


def _words(connection: sa.Connection) -> str:
    """How to connect, in libpq's own words: of a URL that it cannot read it shows the password."""
    from psycopg2.extensions import make_dsn

    _, options = connection.dialect.create_connect_args(connection.engine.url)
    return make_dsn(**options)


def _array(values: tuple[Any, ...], hive_type: str) -> pa.Array:
    """An array of the type in which values are compared, or of text where they do not fit it."""
    if parse_hive_type(hive_type).base == "boolean":
        values = tuple(bool(v) if v in (0, 1) else v for v in values)
    try:
        return pa.array(values, form_of(hive_type))
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.array([canonical(value) for value in values], pa.large_string())
