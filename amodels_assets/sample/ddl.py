"""Spells databases, tables and views as Hive's SHOW CREATE TABLE does, in dump files.

Belongs here: the text of statements, and files of them with everything that can be odd about a
file. Does not belong here: which oddities are planted where (``defects.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from amodels_assets.sample.views import View
from amodels_assets.sample.warehouse import LOCATIONS, Storage, Table, TableColumn

FOLDER = "hive-ddl"
OBJECTS_A_FILE = 14
_QL = "org.apache.hadoop.hive.ql.io"
_ORC_SERDE = f"{_QL}.orc.OrcSerde"
_PARQUET = f"{_QL}.parquet.MapredParquetOutputFormat"
_LAZY_SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
_TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUTPUT = f"{_QL}.HiveIgnoreKeyTextOutputFormat"


@dataclass(frozen=True)
class Statement:
    """One CREATE in a dump.

    Attributes:
        database: Where the object lies.
        name: The object.
        text: Without the terminator.
        terminated: Whether a ``;`` follows.
        before: Lines that stand right before it, such as a bare setting.
        cut: Whether the text ends too early; such an object is not in the warehouse.
    """

    database: str
    name: str
    text: str
    terminated: bool = True
    before: tuple[str, ...] = ()
    cut: bool = False


@dataclass(frozen=True)
class DumpFile:
    """A file of statements.

    Attributes:
        path: Relative to the source directory.
        created: The database of CREATE DATABASE.
        used: The database of USE.
        statements: In order.
        encoding: Of the bytes.
        byte_order_mark: Whether the bytes start with one.
        line_end: What ends a line.
        beeline_width: 0, or the inner width of the table that beeline draws around everything.
    """

    path: str
    created: str
    used: str
    statements: tuple[Statement, ...]
    encoding: str = "utf-8"
    byte_order_mark: bool = False
    line_end: str = "\n"
    beeline_width: int = 0


@dataclass(frozen=True)
class RenderedFile:
    """Bytes of a dump, and on which line (from 1) each statement's CREATE stands.

    ``lines`` has one entry a statement, in order; ``use_line`` is the line of USE.
    """

    content: bytes
    lines: list[int] = field(default_factory=list)
    use_line: int = 0


def render(dump: DumpFile) -> RenderedFile:
    """The bytes of a dump file."""
    lines = [
        f"create database if not exists {dump.created} LOCATION '{LOCATIONS[dump.created]}';",
        f"use {dump.used};",
        "",
    ]
    starts: list[int] = []
    for statement in dump.statements:
        lines += statement.before
        starts.append(len(lines))
        text = statement.text + (";" if statement.terminated else "")
        lines += [*text.split("\n"), *([] if statement.cut else [""])]
    if dump.beeline_width:
        lines, places = _beeline(lines, dump.beeline_width)
        starts = [places[start] for start in starts]
        use_line = places[1]
    else:
        use_line = 1
    text = dump.line_end.join(lines)
    if not (dump.statements and dump.statements[-1].cut):
        text += dump.line_end
    content = text.encode(dump.encoding)
    if dump.byte_order_mark:
        content = "\ufeff".encode(dump.encoding) + content
    return RenderedFile(content, [start + 1 for start in starts], use_line + 1)


def dump_files(tables: Sequence[Table], views: Sequence[View]) -> list[DumpFile]:
    """All objects in files of about a dozen, each of one database, tables and views mixed."""
    files: list[DumpFile] = []
    for database in sorted(LOCATIONS):
        statements = [table_statement(table) for table in tables if table.database == database]
        # Views among the tables, and some before what they read: order means nothing in a dump.
        for place, view in enumerate(view for view in views if view.database == database):
            statements.insert(min(3 + 4 * place, len(statements)), view_statement(view))
        for number, start in enumerate(range(0, len(statements), OBJECTS_A_FILE), start=1):
            path = f"{FOLDER}/{database}_{number:02d}.hql"
            part = tuple(statements[start : start + OBJECTS_A_FILE])
            files.append(DumpFile(path, database, database, part))
    return files


def view_statement(view: View) -> Statement:
    """CREATE VIEW."""
    return Statement(view.database, view.name, f"CREATE VIEW `{view.name}` AS {view.text()}")


def table_statement(table: Table, *, cleaned: bool = False) -> Statement:
    """CREATE TABLE.

    Args:
        table: What to create.
        cleaned: Leave out the keywords of the storage clauses, but not their literals.
    """
    external = "EXTERNAL " if table.external else ""
    lines = [f"CREATE {external}TABLE `{table.name}`(", *_column_lines(table.columns)]
    if table.comment:
        lines.append(f"COMMENT '{table.comment}'")
    if table.partitions:
        lines += ["PARTITIONED BY (", *_column_lines(table.partitions)]
    if table.buckets:
        lines += ["CLUSTERED BY (", f"  {table.columns[0].name})", f"INTO {table.buckets} BUCKETS"]
    storage = _storage_lines(table)
    if cleaned:
        storage = [line for line in storage if line.lstrip().startswith("'")]
    lines += storage
    if table.storage is not Storage.HBASE:
        lines += ["LOCATION", f"  '{table.location}'"]
    properties = [f"  '{key}'='{value}'" for key, value in table.properties]
    if cleaned:
        lines += properties
    else:
        lines += ["TBLPROPERTIES (", ",\n".join(properties) + ")"]
    return Statement(table.database, table.name, "\n".join(lines))


def _column_lines(columns: Sequence[TableColumn]) -> list[str]:
    lines = [
        f"  `{c.name}` {c.type}" + (f" COMMENT '{c.comment}'" if c.comment else "") for c in columns
    ]
    return [f"{line}," for line in lines[:-1]] + [f"{lines[-1]})"]


def _storage_lines(table: Table) -> list[str]:
    def stored(serde: str, source: str, target: str, options: Sequence[str] = ()) -> list[str]:
        lines = ["ROW FORMAT SERDE ", f"  '{serde}' "]
        if options:
            lines += ["WITH SERDEPROPERTIES ( ", ", \n".join(options) + ") "]
        return [
            *lines,
            "STORED AS INPUTFORMAT ",
            f"  '{source}' ",
            "OUTPUTFORMAT ",
            f"  '{target}'",
        ]

    match table.storage:
        case Storage.ORC:
            return stored(_ORC_SERDE, f"{_QL}.orc.OrcInputFormat", f"{_QL}.orc.OrcOutputFormat")
        case Storage.PARQUET:
            serde = f"{_QL}.parquet.serde.ParquetHiveSerDe"
            return stored(serde, f"{_QL}.parquet.MapredParquetInputFormat", _PARQUET)
        case Storage.TEXT:
            options = ("  'field.delim'='|'", "  'serialization.format'='|'")
            return stored(_LAZY_SERDE, _TEXT_INPUT, _TEXT_OUTPUT, options)
        case Storage.DELIMITED:
            lines = ["ROW FORMAT DELIMITED ", "  FIELDS TERMINATED BY '\\;' "]
            lines += ["  LINES TERMINATED BY '\\n' ", "STORED AS INPUTFORMAT "]
            return [*lines, f"  '{_TEXT_INPUT}' ", "OUTPUTFORMAT ", f"  '{_TEXT_OUTPUT}'"]
        case Storage.HBASE:
            mapping = ",".join([":key", *(f"d:{c.name}" for c in table.columns[1:])])
            lines = ["ROW FORMAT SERDE ", "  'org.apache.hadoop.hive.hbase.HBaseSerDe' "]
            lines += ["STORED BY ", "  'org.apache.hadoop.hive.hbase.HBaseStorageHandler' "]
            lines += ["WITH SERDEPROPERTIES ( ", f"  'hbase.columns.mapping'='{mapping}', "]
            return [*lines, "  'serialization.format'='1')"]


def _beeline(lines: Sequence[str], width: int) -> tuple[list[str], dict[int, int]]:
    """Lines as beeline prints a result: bordered rows, long ones cut at the width.

    Returns:
        The printed lines, and for each line (from 0) the printed line that it starts on.
    """
    rule = "+" + "-" * (width + 2) + "+"
    printed = [
        "INFO  : Compiling command(queryId=hive_20241001020000_5b1f): show create table",
        "INFO  : Completed executing command; Time taken: 0.041 seconds",
    ]
    places: dict[int, int] = {}
    rows = 0
    for number, line in enumerate(lines):
        starts_statement = line.startswith(("CREATE ", "create database"))
        if starts_statement:
            if rows:
                printed += [rule, f"{rows} rows selected (0.117 seconds)"]
            printed += [rule, f"| {'createtab_stmt':<{width}} |", rule]
            rows = 0
        places[number] = len(printed)
        pieces = [line[at : at + width] for at in range(0, len(line), width)]
        printed += [f"| {piece:<{width}} |" for piece in pieces]
        rows += len(pieces)
    return [*printed, rule, f"{rows} rows selected (0.117 seconds)"], places
