"""Table contents from ``rows/<database>/<table>.csv`` or ``.parquet``, typed by the catalog.

Belongs here: reading, typing, saying what did not fit. Does not belong here: what the rows mean.
One table is in memory at a time when they are written with :func:`write_rows`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from amodels_assets.artifacts import write_table
from amodels_assets.sgmi.diagnostics import Diagnostics
from amodels_assets.sgmi.schema import arrow_table
from amodels_assets.sgmi.source import part_files, relative

MOST_REPORTED = 20
_BLOCK_BYTES = 8 << 20
_SIMPLE = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


def arrow_type(hive_type: str) -> pa.DataType:
    """Arrow type of a Hive type; what has no simple counterpart is text.

    Args:
        hive_type: Lower-case, without spaces: ``decimal(18,2)``.
    """
    stem, _, rest = hive_type.partition("(")
    if stem in ("decimal", "numeric", "dec"):
        numbers = [int(part) for part in rest.rstrip(")").split(",") if part.isdecimal()]
        precision, scale = (*numbers, *(10, 0)[len(numbers) :])[:2]
        if 0 < precision <= 38 and scale <= precision:
            return pa.decimal128(precision, scale)
    return _SIMPLE.get(stem, pa.string())


def read_rows(source: Path, columns: pa.Table) -> tuple[dict[str, pa.Table], pa.Table]:
    """All table contents of a source directory.

    Args:
        source: Source directory.
        columns: The catalog's ``columns``.

    Returns:
        Tables by ``database.table``, and diagnostics in the catalog's shape. A value that does
        not fit its type is NULL, and reported with file, line and column.
    """
    diagnostics = Diagnostics()
    tables = dict(iterate_rows(source, columns, diagnostics))
    return tables, diagnostics_table(diagnostics)


def write_rows(source: Path, columns: pa.Table, folder: Path) -> dict[str, int]:
    """Write ``<database>.<table>.parquet`` for each table, and ``row_diagnostics.parquet``.

    Args:
        source: Source directory.
        columns: The catalog's ``columns``.
        folder: Existing folder.

    Returns:
        Number of rows by ``database.table``.
    """
    diagnostics = Diagnostics()
    counts = {}
    for name, table in iterate_rows(source, columns, diagnostics):
        write_table(folder, name, table)
        counts[name] = table.num_rows
    write_table(folder, "row_diagnostics", diagnostics_table(diagnostics))
    return counts


def diagnostics_table(diagnostics: Diagnostics) -> pa.Table:
    """Diagnostics in the shape of the catalog's table."""
    return arrow_table(
        "diagnostics",
        [
            (str(d.severity), d.code, d.message, d.file, d.line, d.object)
            for d in diagnostics.ordered()
        ],
    )


def iterate_rows(
    source: Path, columns: pa.Table, diagnostics: Diagnostics
) -> Iterator[tuple[str, pa.Table]]:
    """Table contents one after the other, by ``database.table``.

    Args:
        source: Source directory.
        columns: The catalog's ``columns``.
        diagnostics: Gets the faults.
    """
    types: dict[str, dict[str, str]] = {}
    for row in columns.select(["database", "table", "column", "type"]).to_pylist():
        known = types.setdefault(f"{row['database']}.{row['table']}", {})
        known[row["column"]] = row["type"] or "string"
    seen: dict[str, str] = {}
    for path in part_files(source, "rows"):
        file = relative(source, path)
        name = f"{path.parent.name}.{path.stem}".lower()
        if name not in types:
            text = f"the catalog has no table {name}: its rows are left out"
            diagnostics.warning("rows_of_unknown_table", text, file, 0, name)
        elif name in seen:
            text = f"{seen[name]} holds rows of {name} too: these are left out"
            diagnostics.error("rows_twice", text, file, 0, name)
        else:
            seen[name] = file
            try:
                yield name, _Reader(path, file, name, types[name], diagnostics).table()
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                reason = str(error).split("\n", maxsplit=1)[0][:200]
                text = f"its rows cannot be read: {reason}"
                diagnostics.error("rows_unreadable", text, file, 0, name)


class _Reader:
    """Reads one file."""

    def __init__(
        self, path: Path, file: str, name: str, types: dict[str, str], diagnostics: Diagnostics
    ) -> None:
        self.path = path
        self.file = file
        self.name = name
        self.types = types
        self.diagnostics = diagnostics
        self.encoding = "utf-8"

    @property
    def is_csv(self) -> bool:
        return self.path.suffix.lower() == ".csv"

    def table(self) -> pa.Table:
        raw = self.csv() if self.is_csv else pq.read_table(self.path)
        found: dict[str, int] = {}
        for index, label in enumerate(raw.column_names):
            column = label.strip().lower()
            if column not in self.types or column in found:
                text = f"column {label!r} is {'there twice' if column in found else 'unknown'}"
                self.diagnostics.warning("rows_column_left_out", text, self.file, 1, self.name)
            else:
                found[column] = index
        arrays = []
        for column, hive_type in self.types.items():
            type_ = arrow_type(hive_type)
            if column in found:
                arrays.append(self.column(raw.column(found[column]), column, type_, hive_type))
            else:
                text = f"column {column} is missing: NULL everywhere"
                self.diagnostics.warning("rows_column_missing", text, self.file, 1, self.name)
                arrays.append(pa.nulls(raw.num_rows, type_))
        return pa.table(arrays, names=list(self.types))

    def csv(self) -> pa.Table:
        if not _is_utf8(self.path):
            text = "bytes that are no UTF-8, read as Latin-1"
            self.diagnostics.warning("latin1_bytes", text, self.file, 0, self.name)
            self.encoding = "latin-1"
        return self.csv_in(self.encoding)

    def csv_in(self, encoding: str) -> pa.Table:
        skipped: list[int] = []

        def skip(row: pa_csv.InvalidRow) -> str:
            skipped.append(row.number or 0)
            return "skip"

        with self.path.open(encoding=encoding, errors="strict", newline="") as handle:
            header = next(csv.reader(handle), [])
        table = pa_csv.read_csv(
            self.path,
            read_options=pa_csv.ReadOptions(
                # Row numbers of bad rows are known only without threads.
                use_threads=False,
                block_size=_BLOCK_BYTES,
                encoding=encoding,
            ),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            convert_options=pa_csv.ConvertOptions(
                column_types={name.removeprefix("\ufeff"): pa.string() for name in header},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
        if skipped:
            first = self.lines(set(), wrong_count=True)
            text = f"{len(skipped)} rows do not have {table.num_columns} fields: left out"
            line = first[0] if first else 0
            self.diagnostics.error("rows_wrong_field_count", text, self.file, line, self.name)
        return table

    def column(
        self, raw: pa.ChunkedArray, column: str, type_: pa.DataType, hive_type: str
    ) -> pa.ChunkedArray | pa.Array:
        if raw.type == type_:
            return raw
        text = raw if pa.types.is_string(raw.type) else _as_text(raw)
        flat = text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text
        if isinstance(flat, pa.ChunkedArray):
            flat = pa.concat_arrays(flat.chunks)
        if pa.types.is_string(type_):
            return flat
        trimmed = pc.call_function("utf8_trim_whitespace", [flat])
        bad: list[int] = []
        pieces: list[pa.Array] = []
        _convert(trimmed, type_, 0, pieces, bad)
        self.report(flat, column, hive_type, bad)
        return pa.chunked_array(pieces, type_)

    def report(self, values: pa.Array, column: str, hive_type: str, bad: list[int]) -> None:
        shown = bad[:MOST_REPORTED]
        lines = self.lines(set(shown)) if shown and self.is_csv else [i + 1 for i in shown]
        for index, line in zip(shown, lines, strict=False):
            value = str(values[index].as_py())[:40]
            text = f"{column}: {value!r} is no {hive_type}, taken as NULL"
            self.diagnostics.warning(
                "rows_bad_value", text, self.file, line, f"{self.name}.{column}"
            )
        if len(bad) > len(shown):
            text = f"{column}: {len(bad) - len(shown)} more values are no {hive_type}"
            self.diagnostics.warning("rows_bad_values", text, self.file, 0, f"{self.name}.{column}")

    def lines(self, wanted: set[int], *, wrong_count: bool = False) -> list[int]:
        """Lines of the wanted rows, or of the first row with a wrong number of fields."""
        found: list[int] = []
        with self.path.open(encoding=self.encoding, errors="replace", newline="") as handle:
            reader = csv.reader(handle)
            header = next(reader, [])
            start, index = reader.line_num + 1, 0
            try:
                for record in reader:
                    line, start = start, reader.line_num + 1
                    if len(record) != len(header):
                        if wrong_count:
                            return [line]
                        continue
                    if index in wanted:
                        found.append(line)
                    index += 1
            except csv.Error:
                # The line is a service to the reader; the value itself is already accounted for.
                found += [0] * (len(wanted) - len(found))
        return found


def _is_utf8(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as handle:
            while handle.read(_BLOCK_BYTES):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _as_text(values: pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    try:
        return pc.cast(values, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([None if v is None else str(v) for v in values.to_pylist()], pa.string())


def _convert(
    values: pa.Array, type_: pa.DataType, offset: int, pieces: list[pa.Array], bad: list[int]
) -> None:
    """Convert text, halving until what does not fit stands alone."""
    try:
        pieces.append(pc.cast(values, type_))
    except pa.ArrowInvalid:
        if len(values) == 1:
            bad.append(offset)
            pieces.append(pa.nulls(1, type_))
            return
        middle = len(values) // 2
        _convert(values[:middle], type_, offset, pieces, bad)
        _convert(values[middle:], type_, offset + middle, pieces, bad)
