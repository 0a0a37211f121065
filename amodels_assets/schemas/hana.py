"""What SAP HANA's driver needs otherwise than the others.

Belongs here: rows as its driver takes them, in batches of one prepared statement, and what its
error numbers mean. Does not belong here: definitions (``hana_definitions.py``), types
(``types.py``) and connections (``connect.py``).
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import exc

from amodels_assets.schemas.connect import quoted_name_of
from amodels_assets.schemas.convert import as_json

# Of the client: connection reset, refused or lost, a secondary system, no session.
_NO_CONNECTION = frozenset({-10108, -10709, -10735, -10807, -10821})
# Fatal, out of memory, initialization, authentication, cluster, session, time-out, not available.
_SERVER = frozenset({3, 4, 5, 10, 597, 613, 663, 1888})
# Locks, deadlocks, cancelled and broken transactions.
_TRANSACTION = range(128, 200)


def concerns_one_object(error: exc.DBAPIError) -> bool:
    """Whether an error of SAP HANA is about one statement only, so that others can be tried."""
    number = getattr(error.orig, "errorcode", None)
    if error.connection_invalidated or number is None:
        return False
    return number not in _NO_CONNECTION | _SERVER and number not in _TRANSACTION


def load_hana(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> None:
    """Insert rows, in the caller's transaction.

    Args:
        connection: To SAP HANA.
        table: Target, with as many columns as the rows.
        rows: A batch.
    """
    if rows.num_rows == 0:
        return
    target = quoted_name_of(connection, table.schema, table.name)
    names = ", ".join(quoted_name_of(connection, None, str(c.name)) for c in table.columns)
    places = ", ".join("?" * rows.num_columns)
    # Names are quoted; values are bound.
    statement = f"INSERT INTO {target} ({names}) VALUES ({places})"  # noqa: S608
    columns = [[hana_value(v) for v in column.to_pylist()] for column in rows.columns]
    connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))


def hana_value(value: object) -> Any:
    """A value as the driver takes it: NaN, which SAP HANA does not have, is NULL."""
    if isinstance(value, float) and value != value:  # noqa: PLR0124 (only NaN differs from itself)
        return None
    if value is None or isinstance(value, bool | int | float | str | bytes | Decimal | date):
        return value
    return value if isinstance(value, datetime) else as_json(value)
