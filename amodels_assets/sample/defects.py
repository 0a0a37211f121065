"""Plants every defect that readers have to survive, and says where.

Belongs here: which defect goes into which file. Does not belong here: how a dump or an export is
spelled (``ddl.py``, ``controlm.py``).

Defects of a whole file take objects of the warehouse into a file of their own, so that a reader
that survives them finds the same warehouse. Broken views, the cut table and the odd jobs are new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from amodels_assets.sample.controlm import Folder
from amodels_assets.sample.ddl import (
    FOLDER,
    DumpFile,
    RenderedFile,
    Statement,
    render,
    table_statement,
    view_statement,
)
from amodels_assets.sample.dice import Dice
from amodels_assets.sample.jobs import Job, Wait, condition_of
from amodels_assets.sample.profiles import TABLE_SIZES, Profile
from amodels_assets.sample.schedule import Schedule
from amodels_assets.sample.view_draw import Draw, Readable, readable_table
from amodels_assets.sample.view_shapes import projection
from amodels_assets.sample.views import View, drifted
from amodels_assets.sample.warehouse import (
    BANK_TABLES,
    PRESENTATION,
    STAGING,
    TRANSFORMATION,
    Table,
    TableColumn,
)

MISSING_COLUMN = "retired_code"
MISSING_TABLE = "stg_retired_ledger"
WRAP_WIDTH = 100
NOT_DDL = """Minutes of the monthly meeting of the warehouse owners

Present: the owners of staging and of presentation. The next meeting is in four weeks.
1. Nobody knows who reads the oldest tables.
2. Nothing else.
"""


@dataclass(frozen=True)
class Defect:
    """One planted defect.

    Attributes:
        code: Kind of defect, as listed in docs/sample.md.
        file: Relative to the source directory.
        line: From 1; 0 where the file as a whole is meant.
        object: ``database.object`` or a job; empty for a file.
        must_report: False where reading it right is enough.
        also: File and line of the same in the other Control-M format.
    """

    code: str
    file: str
    line: int
    object: str = ""
    must_report: bool = True
    also: tuple[tuple[str, int], ...] = ()


@dataclass
class PlantedDumps:
    """What :func:`plant_dumps` leaves and adds.

    Attributes:
        tables: Tables that stay in ordinary files.
        views: Views that stay in ordinary files.
        files: Bytes by path.
        places: File and line of each object in ``files``, by database and name.
        changed_tables: Tables as they are in ``files``, where that differs.
        new_views: Views that were not in the warehouse.
        cleaned: Tables whose storage clauses are gone.
        defects: What was planted.
    """

    tables: list[Table]
    views: list[View]
    files: dict[str, bytes] = field(default_factory=dict)
    places: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    changed_tables: dict[tuple[str, str], Table] = field(default_factory=dict)
    new_views: list[View] = field(default_factory=list)
    cleaned: set[tuple[str, str]] = field(default_factory=set)
    defects: list[Defect] = field(default_factory=list)

    def take_table(self, database: str) -> Table:
        """Remove an ordinary table of a database from those that stay."""
        for table in self.tables:
            plain = (
                table.name not in BANK_TABLES
                and len(table.columns) < TABLE_SIZES[Profile.BANK].wide_columns
            )
            if plain and table.database == database:
                self.tables.remove(table)
                return table
        raise ValueError(f"no table of {database} is left to plant a defect in")

    def take_view(self) -> View:
        """Remove a view of the transformation layer from those that stay."""
        view = next(view for view in self.views if view.database == TRANSFORMATION)
        self.views.remove(view)
        return view

    def add(self, dump: DumpFile) -> RenderedFile:
        """Render a file; a later object of the same name takes the place of an earlier one."""
        rendered = render(dump)
        self.files[dump.path] = rendered.content
        for statement, line in zip(dump.statements, rendered.lines, strict=True):
            if not statement.cut:
                self.places[statement.database, statement.name] = (dump.path, line)
        return rendered


def plant_dumps(seed: int, tables: Sequence[Table], views: Sequence[View]) -> PlantedDumps:
    """Plant every defect of the DDL dumps."""
    planted = PlantedDumps(list(tables), list(views))
    for plant in (
        _missing_semicolon,
        _bare_setting,
        _cleaned,
        _use_differs,
        _duplicates,
        _beeline,
        _truncated,
        _encodings,
    ):
        plant(planted)
    _broken_views(planted, Dice(seed, 14))
    for name, content, code in (
        ("empty", b"", "empty_file"),
        ("minutes", NOT_DDL.encode(), "not_ddl"),
    ):
        planted.files[_path(name)] = content
        planted.defects.append(Defect(code, _path(name), 0))
    return planted


def _path(name: str) -> str:
    return f"{FOLDER}/defect_{name}.hql"


def _object(statement: Statement) -> str:
    return f"{statement.database}.{statement.name}"


def _missing_semicolon(planted: PlantedDumps) -> None:
    open_ended = [view_statement(planted.take_view()), view_statement(planted.take_view())]
    open_ended.append(table_statement(planted.take_table(TRANSFORMATION)))
    statements = (
        *(replace(statement, terminated=False) for statement in open_ended),
        view_statement(planted.take_view()),
    )
    path = _path("missing_semicolon")
    rendered = planted.add(DumpFile(path, TRANSFORMATION, TRANSFORMATION, statements))
    for statement, line in zip(open_ended, rendered.lines, strict=False):
        planted.defects.append(Defect("missing_semicolon", path, line, _object(statement)))


def _bare_setting(planted: PlantedDumps) -> None:
    setting = ("hive.support.quoted.identifiers=false",)
    statements = (
        table_statement(planted.take_table(STAGING)),
        replace(table_statement(planted.take_table(STAGING)), before=setting),
    )
    path = _path("bare_setting")
    rendered = planted.add(DumpFile(path, STAGING, STAGING, statements))
    planted.defects.append(Defect("bare_setting", path, rendered.lines[1] - 1))


def _cleaned(planted: PlantedDumps) -> None:
    tables = [planted.take_table(STAGING), planted.take_table(STAGING)]
    # Whatever was taken, one of them is partitioned: its partitions must survive.
    tables[0] = replace(tables[0], partitions=(TableColumn("load_date", "string"),))
    tables[0] = replace(
        tables[0], columns=tuple(c for c in tables[0].columns if c.name != "load_date")
    )
    planted.changed_tables[STAGING, tables[0].name] = tables[0]
    planted.cleaned = {(table.database, table.name) for table in tables}
    statements = tuple(table_statement(table, cleaned=True) for table in tables)
    path = _path("cleaned")
    rendered = planted.add(DumpFile(path, STAGING, STAGING, statements))
    for statement, line in zip(statements, rendered.lines, strict=True):
        # At the first literal that lost its keyword.
        lines = statement.text.split("\n")
        first = next(number for number, text in enumerate(lines) if text.startswith("  'org."))
        planted.defects.append(Defect("orphan_literals", path, line + first, _object(statement)))


def _use_differs(planted: PlantedDumps) -> None:
    statement = table_statement(planted.take_table(PRESENTATION))
    path = _path("use_differs")
    rendered = planted.add(DumpFile(path, STAGING, PRESENTATION, (statement,)))
    planted.defects.append(Defect("database_mismatch", path, rendered.use_line, PRESENTATION))


def _duplicates(planted: PlantedDumps) -> None:
    same, later = planted.take_table(STAGING), planted.take_table(STAGING)
    earlier = replace(later, columns=later.columns[:-1])
    statements = tuple(table_statement(table) for table in (same, same, earlier, later))
    path = _path("duplicates")
    rendered = planted.add(DumpFile(path, STAGING, STAGING, statements))
    # The later one counts, and is what is reported.
    for code, number in (("duplicate_identical", 1), ("duplicate_different", 3)):
        line, name = rendered.lines[number], _object(statements[number])
        planted.defects.append(Defect(code, path, line, name))


def _beeline(planted: PlantedDumps) -> None:
    for name, database in (("beeline", STAGING), ("beeline_wrapped", TRANSFORMATION)):
        statements = [table_statement(planted.take_table(database))]
        width = max(WRAP_WIDTH, *(len(line) + 1 for s in statements for line in s.text.split("\n")))
        if name == "beeline_wrapped":
            statements.append(view_statement(planted.take_view()))
            width = WRAP_WIDTH
        path = _path(name)
        dump = DumpFile(path, database, database, tuple(statements), beeline_width=width)
        planted.add(dump)
        planted.defects.append(Defect("beeline_noise", path, 0))


def _truncated(planted: PlantedDumps) -> None:
    whole = table_statement(planted.take_table(PRESENTATION))
    text = (
        "CREATE EXTERNAL TABLE `cut_ledger`(\n  `ledger_id` string,\n"
        "  `ledger_amount` decimal(18,2),\n  `ledger_te"
    )
    cut = Statement(PRESENTATION, "cut_ledger", text, terminated=False, cut=True)
    path = _path("truncated")
    rendered = planted.add(DumpFile(path, PRESENTATION, PRESENTATION, (whole, cut)))
    planted.defects.append(Defect("truncated_statement", path, rendered.lines[1], _object(cut)))


def _encodings(planted: PlantedDumps) -> None:
    for name, code, options in (
        ("crlf", "crlf", {"line_end": "\r\n"}),
        ("byte_order_mark", "byte_order_mark", {"byte_order_mark": True}),
        ("utf16", "utf16", {"encoding": "utf-16-le", "byte_order_mark": True}),
        ("latin1", "latin1_bytes", {"encoding": "latin-1"}),
    ):
        table = planted.take_table(STAGING)
        if name == "latin1":
            table = replace(table, comment="geprüft, für später")
            planted.changed_tables[STAGING, table.name] = table
        path = _path(name)
        dump = DumpFile(path, STAGING, STAGING, (table_statement(table),))
        planted.add(replace(dump, **options))
        planted.defects.append(Defect(code, path, 0, must_report=False))


def _broken_views(planted: PlantedDumps, dice: Dice) -> None:
    plain = next(t for t in planted.tables if t.database == PRESENTATION)
    table = readable_table(plain)
    gone = Readable(STAGING, MISSING_TABLE, {"ledger_id": "string", "amount": "number"})

    def view(name: str, source: Readable) -> View:
        query, kinds = projection(Draw(dice, TRANSFORMATION, source, [source]))
        return View(TRANSFORMATION, name, query, kinds, level=1, multiline=False)

    views = [
        view("v_reads_unknown_table", gone),
        drifted(view("v_reads_unknown_column", table), MISSING_COLUMN),
    ]
    planted.new_views = views
    statements = tuple(view_statement(each) for each in views)
    path = _path("broken_views")
    rendered = planted.add(DumpFile(path, TRANSFORMATION, TRANSFORMATION, statements))
    for code, statement, line in zip(
        ("unknown_table", "unknown_column"), statements, rendered.lines, strict=True
    ):
        planted.defects.append(Defect(code, path, line, _object(statement)))


def odd_jobs(jobs: Sequence[Job]) -> tuple[list[Job], list[Folder], list[tuple[str, str]]]:
    """Odd jobs for a Control-M export of their own.

    Returns:
        The jobs that are new, the folders to write (with a copy of an ordinary job in it), and
        (code, job or folder) of each defect.
    """
    outer, inner = "SGMI_ODD", "SGMI_ODD_INNER"
    common = Job("", outer, "SGMI_CONTROL", "CONTROL", "Dummy", description="Planted")

    def job(name: str, *waits: str, folder: str = outer, schedule: Schedule | None = None) -> Job:
        return replace(
            common,
            name=name,
            folder=folder,
            schedule=schedule or Schedule(),
            waits=tuple((Wait(condition),) for condition in waits),
            adds=(condition_of(name),),
        )

    cycle = [
        job("ODD_CYCLE_A", condition_of("ODD_CYCLE_B")),
        job("ODD_CYCLE_B", condition_of("ODD_CYCLE_A")),
    ]
    never = job("ODD_NEVER_STARTS")
    external = job("ODD_WAITS_OUTSIDE", "UPSTREAM-FILES-ARRIVED")
    nested = job(
        "ODD_NESTED",
        folder=f"{outer}/{inner}",
        schedule=Schedule(days=("ALL",), time_from="0330"),
    )
    again = next(each for each in jobs if each.kind == "Command")
    folder = Folder(outer, (*cycle, never, external, again), (Folder(inner, (nested,)),))
    defects = [
        ("condition_cycle", cycle[0].name),
        ("job_never_starts", never.name),
        ("external_event", external.name),
        ("folder_in_folder", inner),
        ("duplicate_job", again.name),
    ]
    return [*cycle, never, external, nested], [folder], defects
