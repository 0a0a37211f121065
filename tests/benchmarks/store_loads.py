"""One way of loading rows into PostgreSQL, in a process of its own: that gives its peak of memory.

Reads ``{"way", "url", "table", "parquet", "rows"}`` from standard input, loads the first ``rows``
rows, and prints seconds, CPU seconds of this process and its peak of memory.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parents[2]))
from amodels_assets.schemas.connect import engine_for
from amodels_assets.schemas.load import replace_rows
from amodels_assets.schemas.source import BATCH_ROWS
from tests.benchmarks.store_data import target_table


def by_amodels(url: str, table: str, batches: Iterator[pa.RecordBatch]) -> None:
    with engine_for(url).begin() as connection:
        replace_rows(connection, target_table(table), batches, empty=True)


def by_adbc(url: str, table: str, batches: Iterator[pa.RecordBatch]) -> None:
    from adbc_driver_postgresql import dbapi

    first = next(batches)
    reader = pa.RecordBatchReader.from_batches(first.schema, chain([first], batches))
    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest(table, reader, mode="append")
        connection.commit()


def row_by_row(url: str, table: str, batches: Iterator[pa.RecordBatch]) -> None:
    statement = sa.insert(target_table(table))
    with engine_for(url).begin() as connection:
        for batch in batches:
            for row in batch.to_pylist():
                connection.execute(statement, row)


def by_lists(url: str, table: str, batches: Iterator[pa.RecordBatch]) -> None:
    """SQLAlchemy with a list of rows makes statements of many rows."""
    statement = sa.insert(target_table(table))
    with engine_for(url).begin() as connection:
        for batch in batches:
            connection.execute(statement, batch.to_pylist())


WAYS = {"amodels": by_amodels, "adbc": by_adbc, "rows": row_by_row, "lists": by_lists}


def peak_megabytes() -> float:
    """Of this process since it began; wait4 would give that of whoever started it as well."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def first_rows(parquet: str, rows: int) -> Iterator[pa.RecordBatch]:
    """In batches as the product reads them."""
    size = min(BATCH_ROWS, rows)
    return islice(pq.ParquetFile(parquet).iter_batches(size), -(-rows // size))


def main() -> None:
    task: dict[str, Any] = json.load(sys.stdin)
    batches = first_rows(task["parquet"], task["rows"])
    before = peak_megabytes()
    cpu, wall = time.process_time(), time.perf_counter()
    WAYS[task["way"]](task["url"], task["table"], batches)
    figures = {
        "wall_seconds": time.perf_counter() - wall,
        "client_cpu_seconds": time.process_time() - cpu,
        "peak_megabytes": peak_megabytes(),
        "before_megabytes": before,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
