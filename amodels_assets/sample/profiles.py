"""How much of what a sample's warehouse holds.

Belongs here: the sizes that a warehouse can have. Does not belong here: what its tables and views
look like (``warehouse.py``, ``views.py``, ``mart_views.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Profile(StrEnum):
    """Which warehouse a sample is of.

    ``BANK`` is small, with every shape of view; ``WAREHOUSE`` has the size that is met in
    practice, with views of hundreds of columns.
    """

    BANK = "bank"
    WAREHOUSE = "warehouse"


@dataclass(frozen=True)
class TableSizes:
    """Tables at scale 1.

    Attributes:
        tables: How many.
        spread: Bound of each of the three dice that are a table's number of columns.
        wide_tables: How many are the widest.
        wide_columns: Their columns.
    """

    tables: int
    spread: int
    wide_tables: int
    wide_columns: int


@dataclass(frozen=True)
class ViewSizes:
    """Totals over all views of a warehouse of real size, at scale 1.

    Attributes:
        views: How many.
        wide_views: Those with hundreds of columns.
        wide_columns: Output columns of the wide ones together.
        columns: Output columns of all.
        cases: CASE expressions.
        joins: JOINs.
        windows: Window functions.
        largest_selects: SELECTs of the longest view.
    """

    views: int = 74
    wide_views: int = 36
    wide_columns: int = 21_946
    columns: int = 27_500
    cases: int = 1_700
    joins: int = 1_100
    windows: int = 115
    largest_selects: int = 64


TABLE_SIZES = {
    Profile.BANK: TableSizes(tables=60, spread=14, wide_tables=1, wide_columns=520),
    Profile.WAREHOUSE: TableSizes(tables=296, spread=38, wide_tables=1, wide_columns=1_025),
}
VIEW_SIZES = ViewSizes()
