"""The SGMI catalog as a relational database of its own: which type has a column?

Belongs here: the catalog's tables as rows with keys, and the task. Does not belong here: reading
dumps (``sgmi``), whose published tables are taken as they are.

The catalog has no time. Every row is known always but the types, which are what is asked for: the
cut-off is the same moment for all predictions, types become known after it, and so none is ever
shown, not even that of the column beside. What there is to go by are names, comments, places,
lineage and the jobs that touch a table. The split is by table: all columns of a table are in one
split, chosen by a hash of the table's name, so it is the same wherever a table stands.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.datasets.dataset import DatasetError
from amodels_assets.datasets.names import CATALOG_TABLES
from amodels_assets.datasets.reading import SourceDatabase, numbered
from amodels_assets.datasets.relational import read_spec
from amodels_assets.settings import PROJECT_ROOT

DECLARATION = PROJECT_ROOT / "data" / "tasks" / "catalog_column_type.yaml"
# Any moment would do: nothing else in the catalog has a time.
_CUTOFF = dt.datetime(2000, 1, 1)
_KNOWN = _CUTOFF + dt.timedelta(days=1)
_TRAIN, _VALIDATION = 0.70, 0.85


def read_catalog(
    catalog: Mapping[str, pa.Table], declaration: Path = DECLARATION
) -> SourceDatabase:
    """The catalog with the task to tell a column's type.

    Args:
        catalog: Tables of the artifact ``sgmi/catalog`` by name, those of ``CATALOG_TABLES``.
        declaration: The data set's declaration.

    Raises:
        DatasetError: A table of the catalog is missing or lacks a column.
        SpecError: The declaration cannot be used.
    """
    missing = [name for name in CATALOG_TABLES if name not in catalog]
    if missing:
        raise DatasetError(
            f"the catalog has no table {missing[0]}: materialize sgmi/catalog with this release"
        )
    try:
        rows = _rows(catalog)
    except (KeyError, pa.ArrowException) as error:
        raise DatasetError(
            "the catalog's tables are not those of this release: materialize sgmi/catalog again"
        ) from error
    return SourceDatabase(read_spec(declaration), rows)


def base_type(declared: str) -> str:
    """A column's type without what stands in brackets: ``decimal`` for ``decimal(15,2)``."""
    return declared.partition("(")[0].partition("<")[0].strip().lower()


def split_of(table: str) -> str:
    """Split of all columns of a table, by a hash of its full name."""
    digest = hashlib.blake2b(table.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    share = int.from_bytes(digest, "big") / 2**64
    if share < _TRAIN:
        return "train"
    return "validation" if share < _VALIDATION else "test"


def _rows(catalog: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    tables = _first_of_each(_with_key(catalog["tables"], "table_key", "database", "table"))
    columns = catalog["columns"]
    columns = columns.append_column("table_key", _key(columns, "database", "table"))
    columns = _first_of_each(_with_key(columns, "column_key", "database", "table", "column"))
    views = _first_of_each(_with_key(catalog["views"], "table_key", "database", "table"))
    views = views.rename_columns({"table_key": "view_key"})
    views = views.append_column("table_key", views["view_key"])
    lineage = catalog["column_lineage"]
    edges = numbered(
        lineage.append_column(
            "target_key", _key(lineage, "target_database", "target_table", "target_column")
        ).append_column(
            "source_key", _key(lineage, "source_database", "source_table", "source_column")
        ),
        "edge",
    )
    reads = catalog["table_lineage"]
    table_edges = numbered(
        reads.append_column(
            "target_key", _key(reads, "target_database", "target_table")
        ).append_column("source_key", _key(reads, "source_database", "source_table")),
        "edge",
    )
    jobs = _first_of_each(_with_key(catalog["jobs"], "job_key", "job"))
    touches = catalog["job_tables"]
    touches = touches.append_column("table_key", _key(touches, "database", "table"))
    touches = _with_key(touches, "job_key", "job")
    return {
        "databases": catalog["databases"],
        "tables": tables,
        "columns": columns.drop_columns(["type"]),
        "views": views,
        "column_lineage": edges,
        "table_lineage": table_edges,
        "jobs": jobs,
        "job_tables": numbered(touches, "access_number"),
        "column_types": _types(columns),
    }


def _types(columns: pa.Table) -> pa.Table:
    types = [base_type(text) if text else None for text in columns["type"].to_pylist()]
    splits = {key: split_of(key) for key in pc.unique(columns["table_key"]).to_pylist()}
    moment = pa.timestamp("s")
    return pa.table(
        {
            "type_key": columns["column_key"],
            "column_key": columns["column_key"],
            "cutoff": pa.array([_CUTOFF] * columns.num_rows, moment),
            "known_at": pa.array([_KNOWN] * columns.num_rows, moment),
            "split": pa.array([splits[key] for key in columns["table_key"].to_pylist()]),
            "type": pa.array(types, pa.string()),
        }
    )


def _with_key(table: pa.Table, name: str, *parts: str) -> pa.Table:
    return table.append_column(name, _key(table, *parts))


def _key(table: pa.Table, *parts: str) -> pa.ChunkedArray:
    """Full name in small letters: the dumps write the same name now so, now otherwise."""
    return pc.utf8_lower(pc.binary_join_element_wise(*(table[part] for part in parts), "."))


def _first_of_each(table: pa.Table) -> pa.Table:
    """The first row of each key, which is the last column; a damaged dump may repeat a name."""
    keys = table.column(table.num_columns - 1).combine_chunks().dictionary_encode().indices
    first = np.sort(np.unique(keys.to_numpy(zero_copy_only=False), return_index=True)[1])
    return table if len(first) == table.num_rows else table.take(first)
