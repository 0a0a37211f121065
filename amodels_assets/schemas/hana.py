"""What SAP HANA's driver needs otherwise than the others.

Belongs here: rows as its driver takes them, in batches of one prepared statement. Does not belong
here: types (``types.py``) and connections (``connect.py``).
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from amodels_assets.schemas.connect import quoted_name_of
from amodels_assets.schemas.convert import as_json


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
