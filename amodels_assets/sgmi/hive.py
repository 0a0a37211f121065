"""One dump file to databases, tables and views, with everything that was wrong with it.

Belongs here: what the statements of a file say in their order. Does not belong here: reading one
statement (``ddl.py``, ``views.py``), several files together (``warehouse.py``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import blake2b

from amodels_assets.sgmi.beeline import strip_noise
from amodels_assets.sgmi.ddl import DATABASE, USE, DdlError, Table, parse_table
from amodels_assets.sgmi.decode import decode
from amodels_assets.sgmi.diagnostics import Diagnostics
from amodels_assets.sgmi.patterns import BLOCK_COMMENT, LINE_COMMENT
from amodels_assets.sgmi.splitter import SourceText, Statement, split
from amodels_assets.sgmi.view_query import QueryError, parse_query
from amodels_assets.sgmi.views import View, parse_view

_KIND = re.compile(
    r"\s*CREATE\s+(?:(?:OR\s+REPLACE|EXTERNAL|MANAGED|TEMPORARY|TRANSACTIONAL|MATERIALIZED)\s+)*"
    r"(TABLE|VIEW|DATABASE|SCHEMA)\b",
    re.IGNORECASE,
)
_IGNORED = re.compile(
    r"\s*(?:SET|SHOW|DROP|ALTER|MSCK|ANALYZE|GRANT|INSERT|CREATE\s+(?:FUNCTION|INDEX|ROLE))\b",
    re.IGNORECASE,
)
_COMMENT = re.compile(rf"(?:\s*(?:{LINE_COMMENT}(?:\n|$)|{BLOCK_COMMENT}))+\s*", re.DOTALL)
UNKNOWN_DATABASE = "default"


@dataclass
class HiveObject:
    """A table or view, and where it stands.

    Attributes:
        database: Where it belongs.
        name: Its name.
        definition: What its statement says.
        fingerprint: Of the statement, whatever its white space.
        file: Relative to the source directory.
        line: Of its CREATE.
        body_line: Where a view's query begins.
        defects: Codes of what was wrong with it.
    """

    database: str
    name: str
    definition: Table | View
    fingerprint: bytes
    file: str
    line: int
    body_line: int = 0
    defects: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class NamedDatabase:
    """A CREATE DATABASE or USE.

    Attributes:
        name: The database.
        location: None where the statement does not tell.
        instead_of: The database of a CREATE DATABASE that this USE contradicts.
    """

    name: str
    location: str | None = None
    instead_of: str | None = None


@dataclass
class Dump:
    """What one file says, in its order; which of two definitions counts is not decided yet."""

    contents: list[HiveObject | NamedDatabase] = field(default_factory=list)
    diagnostics: Diagnostics = field(default_factory=Diagnostics)


def read_dump(data: bytes, file: str) -> Dump:
    """Read one dump file.

    Args:
        data: Its bytes.
        file: Its path, for diagnostics.
    """
    dump = Dump()
    diagnostics = dump.diagnostics
    decoded = decode(data)
    for peculiarity in decoded.peculiarities:
        report = diagnostics.warning if peculiarity.code == "latin1_bytes" else diagnostics.info
        report(peculiarity.code, peculiarity.message, file, peculiarity.line)
    source, noise = strip_noise(decoded.text)
    if noise:
        text = f"{len(noise)} lines that beeline printed are not part of any statement"
        diagnostics.warning("beeline_noise", text, file, noise[0])
    if not source.text.strip():
        diagnostics.warning("empty_file", "the file has no statement", file, 0)
        return dump
    _DumpReader(source, file, dump).read()
    return dump


class _DumpReader:
    """Reads the statements of one file in order."""

    def __init__(self, source: SourceText, file: str, dump: Dump) -> None:
        self.source = source
        self.file = file
        self.contents = dump.contents
        self.diagnostics = dump.diagnostics
        self.created: str | None = None
        self.database: str | None = None
        self.understood = 0
        self.unknown: list[tuple[int, str]] = []

    def read(self) -> None:
        statements = [s for s in map(_without_comments, split(self.source.text)) if s.text]
        for index, statement in enumerate(statements):
            last = index == len(statements) - 1
            if not last and not statement.terminated and _KIND.match(statement.text):
                self.missing_semicolon(statement, statements[index + 1])
            others = statements[:-1]
            # Where most statements are closed, an open last one may lack its end.
            closed = sum(s.terminated for s in others) * 2 > len(others)
            self.statement(statement, last=last, suspicious=last and closed)
        if not self.understood:
            line = self.unknown[0][0] if self.unknown else 0
            text = "the file has no statement that can be read: it is no DDL dump"
            self.diagnostics.error("not_ddl", text, self.file, line)
            return
        for line, words in self.unknown:
            text = f"text that is no statement was skipped: {words!r}"
            self.diagnostics.warning("unknown_statement", text, self.file, line)

    def missing_semicolon(self, statement: Statement, following: Statement) -> None:
        if _KIND.match(following.text):
            name = self.name_of(statement)
            text = f"no semicolon before the next CREATE, at line {self.line(following)}"
            line = self.line(statement)
            self.diagnostics.warning("missing_semicolon", text, self.file, line, name)

    def line(self, statement: Statement, offset: int = 0) -> int:
        return self.source.line_at(statement.offset + offset)

    def name_of(self, statement: Statement) -> str:
        match = re.search(r"\b(?:TABLE|VIEW)\s+(?:IF\s+NOT\s+EXISTS\s+)?([`\w.]+)", statement.text)
        name = match.group(1).replace("`", "").lower() if match else ""
        return name if "." in name or not name else f"{self.database or UNKNOWN_DATABASE}.{name}"

    def statement(self, statement: Statement, *, last: bool, suspicious: bool) -> None:
        text = statement.text
        if statement.setting:
            self.understood += 1
            if not text.upper().startswith("SET"):
                words = "a bare setting without SET is no statement"
                self.diagnostics.warning("bare_setting", words, self.file, self.line(statement))
            return
        use = USE.match(text)
        if use:
            self.understood += 1
            self.use((use.group(1) or use.group(2)).lower(), self.line(statement))
            return
        kind = _KIND.match(text)
        if kind is None:
            if not _IGNORED.match(text):
                self.unknown.append((self.line(statement), " ".join(text.split())[:60]))
            return
        self.understood += 1
        word = kind.group(1).upper()
        if word in ("DATABASE", "SCHEMA"):
            self.create_database(text)
        elif word == "TABLE":
            self.table(statement, last=last)
        else:
            self.view(statement, last=last, suspicious=suspicious)

    def create_database(self, text: str) -> None:
        match = DATABASE.match(text)
        if match:
            name = (match.group(1) or match.group(2)).lower()
            self.created = self.database = name
            self.contents.append(NamedDatabase(name, match.group(3)))

    def use(self, name: str, line: int) -> None:
        contradicted = self.created if self.created != name else None
        if contradicted:
            text = f"CREATE DATABASE names {contradicted}, USE names {name}: USE decides"
            self.diagnostics.warning("database_mismatch", text, self.file, line, name)
        self.contents.append(NamedDatabase(name, instead_of=contradicted))
        self.created = None
        self.database = name

    def table(self, statement: Statement, *, last: bool) -> None:
        try:
            table = parse_table(statement.text)
        except DdlError as error:
            self.lost(statement, f"the table cannot be read: {error}", cut=statement.cut or last)
            return
        if statement.cut or not table.complete or table.problems:
            cut = statement.cut or last
            self.lost(statement, "the statement is cut: the table is left out", cut=cut)
            return
        found = self.add(table, statement)
        if table.orphans:
            found.defects.add("orphan_literals")
            line = self.line(statement, table.first_orphan)
            text = f"{len(table.orphans)} literals stand without their keywords"
            name = f"{found.database}.{found.name}"
            self.diagnostics.warning("orphan_literals", text, self.file, line, name)

    def view(self, statement: Statement, *, last: bool, suspicious: bool) -> None:
        try:
            view = parse_view(statement.text)
            if statement.cut:
                raise DdlError("a quote in it never ends")
            if last and not statement.terminated:
                parse_query(view.body)
        except (DdlError, QueryError) as error:
            cut = statement.cut or (last and not statement.terminated)
            self.lost(statement, f"the view cannot be read: {error}", cut=cut)
            return
        found = self.add(view, statement)
        found.body_line = self.line(statement, view.body_offset)
        if suspicious and not statement.terminated:
            found.defects.add("unterminated")
            text = "the file's last statement has no semicolon, as if it were cut"
            name = f"{found.database}.{found.name}"
            self.diagnostics.warning("unterminated", text, self.file, found.line, name)

    def lost(self, statement: Statement, message: str, *, cut: bool) -> None:
        code = "truncated_statement" if cut else "unreadable_statement"
        name = self.name_of(statement)
        self.diagnostics.error(code, message, self.file, self.line(statement), name)

    def add(self, definition: Table | View, statement: Statement) -> HiveObject:
        database = definition.database or self.database or UNKNOWN_DATABASE
        if definition.database is None and self.database is None:
            text = f"no USE before {definition.name}: taken as part of {UNKNOWN_DATABASE}"
            line = self.line(statement)
            self.diagnostics.warning("no_database", text, self.file, line, definition.name)
        plain = " ".join(statement.text.split()).encode(errors="replace")
        fingerprint = blake2b(plain, digest_size=16).digest()
        found = HiveObject(
            database, definition.name, definition, fingerprint, self.file, self.line(statement)
        )
        self.contents.append(found)
        return found


def _without_comments(statement: Statement) -> Statement:
    """Comments before a statement are not part of it."""
    match = _COMMENT.match(statement.text)
    if match is None:
        return statement
    return Statement(
        statement.text[match.end() :],
        statement.offset + match.end(),
        statement.terminated,
        statement.cut,
        statement.setting,
    )
