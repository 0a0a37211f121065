"""The documentation: no dead link, and every command it names exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

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
    used = {name for p in code for name in re.findall(r"\bAMODELS_[A-Z_]+\b", p.read_text())}
    listed = set(re.findall(r"^#? ?(AMODELS_[A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))
    assert used == listed
