"""PostgreSQL's COPY, fed while it runs.

Rows become CSV in one thread while the server reads what was made before, so that neither waits
for the other. Belongs here: the stream. Does not belong here: what a value becomes
(``convert.py``).
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa
import pyarrow.csv as pa_csv
import sqlalchemy as sa
from sqlalchemy import exc

from amodels_assets.schemas.convert import for_copy

_ROWS_AT_ONCE = 20_000
_AHEAD = 3
_CHUNK_BYTES = 1 << 20


def copy_into(connection: sa.Connection, table: sa.Table, batches: Iterator[pa.RecordBatch]) -> int:
    """Copy rows into a table, in the caller's transaction, and give their number.

    Raises:
        sqlalchemy.exc.DBAPIError: As for any other statement.
    """
    from psycopg2 import sql

    json_columns = {i for i, c in enumerate(table.columns) if isinstance(c.type, sa.JSON)}
    # The dialect's own quoting doubles percent signs, which COPY takes as they are.
    target = sql.Identifier(*(str(part) for part in (table.schema, table.name) if part))
    names = sql.SQL(", ").join(sql.Identifier(str(column.name)) for column in table.columns)
    # An empty unquoted field is NULL, a quoted one the empty string.
    statement = sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT csv)").format(target, names)
    cursor = connection.connection.cursor()
    with CsvStream(batches, json_columns) as stream:
        try:
            cursor.copy_expert(statement, stream, size=_CHUNK_BYTES)
        except Exception as error:
            if stream.error:
                raise stream.error from error
            if getattr(connection.connection.dbapi_connection, "closed", 0):
                # Otherwise rolling back what is gone would hide why it is gone.
                connection.invalidate(error)
            # The driver's own errors, as SQLAlchemy would have raised them.
            raise exc.DBAPIError.instance(
                "COPY",
                None,
                error,
                connection.dialect.loaded_dbapi.Error,
                dialect=connection.dialect,
            ) from error
        finally:
            cursor.close()
    return stream.rows


class CsvStream:
    """A file to read from, whose text is made a few batches ahead.

    Attributes:
        rows: Rows that were taken from the batches.
        error: What making the text failed with.
    """

    def __init__(self, batches: Iterator[pa.RecordBatch], json_columns: Collection[int]) -> None:
        """Stream batches whose columns at ``json_columns`` are JSON in the target."""
        self.rows = 0
        self.error: Exception | None = None
        self._slices = self._sliced(batches)
        self._json_columns = json_columns
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="csv")
        self._ahead: deque[Future[bytes]] = deque()
        self._text = memoryview(b"")

    def __enter__(self) -> CsvStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def read(self, size: int) -> bytes:
        """The next bytes, at most ``size``; none at the end."""
        while not self._text:
            while len(self._ahead) < _AHEAD:
                self._ahead.append(self._pool.submit(self._made))
            try:
                made = self._ahead.popleft().result()
            except Exception as error:
                self.error = error
                raise
            if not made:
                return b""
            self._text = memoryview(made)
        part, self._text = self._text[:size], self._text[size:]
        return bytes(part)

    def _made(self) -> bytes:
        """CSV of the next rows; empty when there are no more."""
        rows = next(self._slices, None)
        if rows is None:
            return b""
        buffer = io.BytesIO()
        options = pa_csv.WriteOptions(include_header=False)
        pa_csv.write_csv(for_copy(rows, self._json_columns), buffer, options)
        return buffer.getvalue()

    def _sliced(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
        for batch in batches:
            self.rows += batch.num_rows
            for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
                yield pa.table(batch.slice(start, _ROWS_AT_ONCE))
