"""What is replicated: the catalog's tables, and rows in batches of bounded size.

Belongs here: reading them from artifacts. Does not belong here: what dumps look like (``sgmi``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from amodels_assets.artifacts import Artifact
from amodels_assets.schemas.apply import ReadRows
from amodels_assets.schemas.plan import PlannedTable

BATCH_ROWS = 20_000
CATALOG_TABLES = ("tables", "columns", "views", "table_lineage")


@dataclass(frozen=True)
class Source:
    """A state of the source.

    Attributes:
        version: Data version of the catalog.
        tables: The catalog's tables named in ``CATALOG_TABLES``.
        row_versions: Content hash of the rows of each table that has some, by ``database.table``.
        read_rows: The rows of a table.
    """

    version: str
    tables: Mapping[str, pa.Table]
    row_versions: Mapping[str, str]
    read_rows: ReadRows


def source_of(catalog: Artifact, rows: Artifact) -> Source:
    """The source that two artifacts hold.

    Args:
        catalog: ``sgmi/catalog``.
        rows: ``sgmi/rows``.

    Raises:
        ArtifactError: A file is missing or damaged.
    """

    def read(planned: PlannedTable) -> Iterator[pa.RecordBatch]:
        path = rows.verified_file(f"{planned.database}.{planned.table}.parquet")
        names = [column.name for column in planned.columns]
        return pq.ParquetFile(path).iter_batches(BATCH_ROWS, columns=names)

    versions = {
        name.removesuffix(".parquet"): record.sha256
        for name, record in rows.manifest.files.items()
        if name.endswith(".parquet")
    }
    tables = {name: catalog.table(name) for name in CATALOG_TABLES}
    return Source(catalog.data_version, tables, versions, read)
