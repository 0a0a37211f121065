"""What every reader of foreign databases gives, and how it tells the columns' kinds.

Belongs here: kinds from Arrow types, keys for tables that have none. Does not belong here: any one
source (``relbench.py``, ``replica_source.py``, ``catalog_source.py``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.datasets.build import build_dataset
from amodels_assets.datasets.relational import RelationalSpec
from amodels_assets.datasets.statistics import MOST_CATEGORIES


@dataclass(frozen=True)
class SourceDatabase:
    """A relational database with a task, read from somewhere.

    Attributes:
        spec: Its declaration.
        tables: Rows by table name.
        left_out: Why a column or key of the source is not in the declaration, by ``table.column``.
    """

    spec: RelationalSpec
    tables: dict[str, pa.Table]
    left_out: dict[str, str] = field(default_factory=dict)

    def build(self, folder: Path) -> dict[str, object]:
        """Build the data set, as ``build.build_dataset`` does.

        Raises:
            DatasetError: The rows cannot be used.
        """
        return build_dataset(self.tables, self.spec, folder, self.left_out)


def column_kinds(
    table: pa.Table, exclude: Collection[str] = ()
) -> tuple[dict[str, str], dict[str, str]]:
    """Kinds of a table's columns, and why some have none.

    Texts are categorical where at most ``MOST_CATEGORIES`` differ and each stands for two rows or
    more on average.

    Args:
        table: The rows.
        exclude: Columns that are not asked for.
    """
    kinds, without = {}, {}
    for name in table.column_names:
        if name in exclude:
            continue
        kind = _kind(table[name])
        if kind is None:
            without[name] = f"values of type {table[name].type} cannot be shown to a model"
        else:
            kinds[name] = kind
    return kinds, without


def numbered(table: pa.Table, name: str) -> pa.Table:
    """The table with one more column that numbers its rows, as texts of equal length."""
    width = len(str(max(table.num_rows - 1, 0)))
    numbers = pa.array(np.arange(table.num_rows)).cast(pa.string())
    return table.append_column(name, pc.utf8_lpad(numbers, width, "0"))


def free_name(wanted: str, taken: Collection[str]) -> str:
    """A name that is not taken: the wanted one, or the wanted one with underscores behind it."""
    while wanted in taken:
        wanted += "_"
    return wanted


def _kind(column: pa.ChunkedArray) -> str | None:
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "numeric"
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return "datetime"
    if pa.types.is_null(kind):
        return "text"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        distinct = pc.count_distinct(column.cast(pa.string())).as_py()
        given = len(column) - column.null_count
        return "categorical" if 2 * distinct <= given and distinct <= MOST_CATEGORIES else "text"
    return None
