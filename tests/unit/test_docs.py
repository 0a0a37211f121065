"""The documentation: no dead link, and every command it names exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
from markdown_it import MarkdownIt
from markdown_it.token import Token

from amodels_assets.schemas.identifiers import LIMITS, target_identifier
from amodels_assets.schemas.types import hive_type_of, target_type

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def tokens(page: Path) -> Iterator[Token]:
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text()):
        yield token
        yield from token.children or []


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, by the rule that code hosts use."""
    found = []
    parsed = MarkdownIt("commonmark").parse(page.read_text())
    for token, following in pairwise(parsed):
        if token.type == "heading_open":
            text = re.sub(r"[^\w\- ]", "", following.content.lower())
            found.append(text.replace(" ", "-"))
    return set(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    dead = []
    for token in tokens(page):
        target = str(token.attrGet("href") or token.attrGet("src") or "")
        if not target or re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(target)
    assert dead == []


def test_every_page_is_linked_from_the_readme_or_another_page() -> None:
    linked = set()
    for page in PAGES:
        for token in tokens(page):
            target = str(token.attrGet("href") or "").partition("#")[0]
            if target and not re.match(r"[a-z]+:", target):
                linked.add((page.parent / target).resolve())
    assert {p for p in PAGES if p not in linked} == {ROOT / "README.md"}


def test_every_environment_variable_of_the_code_is_explained() -> None:
    code = [
        p
        for folder in ("amodels_assets", "resources", "schedules", "sensors", "serving")
        for p in (ROOT / folder).rglob("*.py")
    ]
    used = {name for p in code for name in re.findall(r"\bAMODELS_[A-Z0-9_]+\b", p.read_text())}
    assert used == set(ENVIRONMENT)


ENVIRONMENT = re.findall(
    r"^#? ?(AMODELS_[A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE
)


def test_the_readme_lists_the_variables_of_the_example() -> None:
    readme = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| `(AMODELS_[A-Z0-9_]+)` \|", readme, re.MULTILINE)
    assert sorted(rows) == sorted(ENVIRONMENT)
    assert len(set(rows)) == len(rows)


REPLICA = (ROOT / "docs" / "replica.md").read_text()
DIALECTS = {"PostgreSQL": "postgresql", "SAP HANA": "hana", "SQLite": "sqlite"}
# One of each kind of Hive type, as the page writes them.
HIVE = {
    "string", "char(n)", "varchar(n)", "boolean", "tinyint", "smallint", "int", "bigint", "float",
    "double", "decimal(p,s)", "date", "timestamp", "binary", "array<…>", "map<…>", "struct<…>",
    "uniontype<…>", "interval",
}  # fmt: skip


def rows_below(header: str) -> list[list[str]]:
    """Cells of the rows of a table of the page."""
    _, found, rest = REPLICA.partition(f"{header}\n")
    assert found, f"the page has no table {header}"
    lines = rest.partition("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def numbered(type_: str) -> str:
    """A type of the page with numbers, and a nested one with what is nested."""
    nested = {"array<…>": "array<int>", "map<…>": "map<string,int>", "struct<…>": "struct<a:int>",
              "uniontype<…>": "uniontype<int,string>"}  # fmt: skip
    return nested.get(type_, type_.replace("(n)", "(7)").replace("(p,s)", "(18,2)"))


def shown_by(type_: str, dialect: str) -> str:
    compiled = target_type(type_, dialect).compile(sa.dialects.registry.load(dialect)())
    return compiled.replace(", ", ",")


def test_the_table_of_types_is_the_mapping() -> None:
    listed = set()
    for names, *cells in rows_below("| Hive | PostgreSQL | SAP HANA | SQLite |"):
        for name in re.findall(r"`([^`]+)`", names):
            listed.add(name)
            for cell, dialect in zip(cells, DIALECTS.values(), strict=True):
                (first, *_) = re.findall(r"`([^`]+)`", cell)
                assert shown_by(numbered(name), dialect) == numbered(first), (name, dialect)
    assert listed == HIVE
    assert shown_by("varchar(5001)", "hana") == "NCLOB"
    for dialect in DIALECTS.values():
        assert shown_by("decimal", dialect) == shown_by("decimal(10,0)", dialect)
        assert shown_by("decimal(50,2)", dialect) == shown_by("string", dialect)


def test_the_way_back_is_the_one_on_the_page() -> None:
    for name, cell in rows_below("| database | types |"):
        dialect = DIALECTS[name]
        pairs = re.findall(r"`([^`]+)` → `([^`]+)`", cell)
        for there, back in pairs:
            assert hive_type_of(numbered(there), dialect) == numbered(back), (there, dialect)
        made = {shown_by(numbered(hive), dialect) for hive in HIVE}
        assert {numbered(there) for there, _ in pairs} == made


def test_a_long_name_is_shortened_as_the_page_says() -> None:
    (shown,) = re.findall(r"70 times `x` becomes `(\w+)` in PostgreSQL", REPLICA)
    assert shown == target_identifier("x" * 70, "postgresql")
    for dialect, limit in LIMITS.items():
        assert len(target_identifier("x" * 200, dialect)) == limit
        assert str(limit) in REPLICA
