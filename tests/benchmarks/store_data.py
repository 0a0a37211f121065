"""What the benchmark of the stores loads: a wide mixture of rows, and a graph.

Belongs here: making the data, the same for every run. Does not belong here: loading it.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import sqlalchemy as sa

from amodels_assets.graph.model import EDGE_SCHEMA, NODE_SCHEMA, Graph
from amodels_assets.schemas.types import target_type
from amodels_assets.sgmi.rows import arrow_type

# Hive types by column; every column but the first has NULLs.
COLUMNS = {
    "id": "bigint",
    "branch": "int",
    "risk_class": "smallint",
    "rating": "tinyint",
    "account": "bigint",
    "exposure": "decimal(18,2)",
    "rate": "decimal(9,6)",
    "collateral": "decimal(38,10)",
    "customer": "string",
    "remark": "string",
    "street": "varchar(60)",
    "currency": "char(3)",
    "opened": "date",
    "due": "date",
    "booked": "timestamp",
    "changed": "timestamp",
    "default_probability": "double",
    "loss": "double",
    "weight": "float",
    "secured": "boolean",
}
_WORDS = ["loan", "née Müller", 'the "old" one', "a, b", "line\nbreak", "", "back\\slash", "Straße"]
_ROWS_OF_A_PIECE = 100_000
_NULLS = 0.1


def write_rows(folder: Path, rows: int) -> tuple[Path, Path]:
    """The rows as Parquet and as CSV, piece by piece.

    Args:
        folder: Existing folder.
        rows: How many.
    """
    parquet, text = folder / "rows.parquet", folder / "rows.csv"
    schema = pa.schema([(name, arrow_type(kind)) for name, kind in COLUMNS.items()])
    options = pa_csv.WriteOptions(include_header=False)
    with (
        pq.ParquetWriter(parquet, schema) as parquet_writer,
        pa_csv.CSVWriter(text, schema, write_options=options) as csv_writer,
    ):
        for first in range(0, rows, _ROWS_OF_A_PIECE):
            piece = _piece(first, min(_ROWS_OF_A_PIECE, rows - first), schema)
            parquet_writer.write_table(piece)
            csv_writer.write_table(piece)
    return parquet, text


def target_table(name: str) -> sa.Table:
    """The table in PostgreSQL, with the types that a replica would have."""
    columns = [sa.Column(n, target_type(kind, "postgresql")) for n, kind in COLUMNS.items()]
    return sa.Table(name, sa.MetaData(), *columns)


def _piece(first: int, rows: int, schema: pa.Schema) -> pa.Table:
    draw = np.random.default_rng(first)
    arrays = [pa.array(np.arange(first, first + rows))]
    for field in list(schema)[1:]:
        values = _text(draw, field.name, rows) if field.type == pa.string() else None
        if values is None:
            values = _numbers(draw, field.type, rows)
        arrays.append(pc.if_else(pa.array(draw.random(rows) < _NULLS), None, values))
    return pa.table(arrays, schema=schema)


def _text(draw: np.random.Generator, name: str, rows: int) -> pa.Array:
    if name == "currency":
        return pa.array(["EUR", "USD", "CHF"]).take(pa.array(draw.integers(0, 3, rows)))
    word = pa.array(_WORDS).take(pa.array(draw.integers(0, len(_WORDS), rows)))
    number = pa.array(draw.integers(0, 10**9, rows)).cast(pa.string())
    if name == "remark":
        return word
    return pc.binary_join_element_wise(word, number, name, " ")


def _numbers(draw: np.random.Generator, kind: pa.DataType, rows: int) -> pa.Array:
    if pa.types.is_boolean(kind):
        return pa.array(draw.random(rows) < 0.5)
    if pa.types.is_floating(kind):
        return pa.array(draw.normal(0, 1e3, rows)).cast(kind)
    if pa.types.is_date(kind):
        return pa.array(draw.integers(0, 20_000, rows, dtype=np.int32)).cast(kind)
    if pa.types.is_timestamp(kind):
        return pa.array(draw.integers(0, 20_000 * 86_400 * 10**6, rows)).cast(kind)
    if pa.types.is_decimal(kind):
        most = min(10**kind.precision - 1, 10**15)
        low = draw.integers(-most, most, rows)
        both_halves = np.stack([low, low >> 63], axis=1)
        return pa.Array.from_buffers(kind, rows, [None, pa.py_buffer(both_halves.tobytes())])
    bits = kind.bit_width - 1
    return pa.array(draw.integers(-(2**bits), 2**bits - 1, rows, dtype=np.int64)).cast(kind)


def large_graph(nodes: int, relationships: int) -> Graph:
    """Columns that flow into each other, and the tables that have them.

    A tenth of the nodes are tables; each relationship is different from all others.
    """
    draw = random.Random(1)
    tables = [f"table:bank.t{n}" for n in range(nodes // 10)]
    columns = [f"column:bank.t{n % len(tables)}.c{n}" for n in range(nodes - len(tables))]
    rows = [
        {"id": i, "label": label, "name": i.split(".")[-1], "detail": "decimal(18,2)",
         "known": True}
        for label, ids in (("Table", tables), ("Column", columns))
        for i in ids
    ]  # fmt: skip
    edges = {(tables[n % len(tables)], c, "HAS_COLUMN", "") for n, c in enumerate(columns)}
    kinds = ("IDENTITY", "TRANSFORMATION", "CONDITIONAL")
    while len(edges) < relationships:
        edges.add((draw.choice(columns), draw.choice(columns), "FLOWS_TO", draw.choice(kinds)))
    return Graph(
        pa.Table.from_pylist(sorted(rows, key=lambda row: row["id"]), schema=NODE_SCHEMA),
        pa.Table.from_pylist(
            [dict(zip(EDGE_SCHEMA.names, edge, strict=True)) for edge in sorted(edges)],
            schema=EDGE_SCHEMA,
        ),
    )
