"""One change to a table or view of the replica.

Belongs here: what a change is called and whether it loses data. Does not belong here: finding it
(``migration.py``) and carrying it out (``apply.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

# Database and table in the source.
Key = tuple[str, str]


@dataclass(frozen=True)
class Step:
    """One change to one table.

    Attributes:
        kind: ``create_table``, ``add_column``, ``widen_column``, ``narrow_column``,
            ``drop_column``, ``comment``, ``load_rows``, ``remove_rows`` or ``drop_table``; of a
            view ``create_view``, ``replace_view`` or ``drop_view``.
        column: Target name of the column that it is about; empty for the table as a whole.
        detail: For people.
        loses_data: Whether it takes away what no other step brings back.
        drift: Whether somebody else changed the table, so that it is not as it was made.
    """

    kind: str
    column: str = ""
    detail: str = ""
    loses_data: bool = False
    drift: bool = False

    def __str__(self) -> str:
        """In words."""
        return " ".join(filter(None, (self.kind.replace("_", " "), self.column, self.detail)))
