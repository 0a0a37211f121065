"""A dump's text to statements, also where the semicolons are missing.

Belongs here: where a statement begins and ends, and on which line. Does not belong here: what a
statement says (``ddl.py``, ``views.py``) and what is no statement at all (``beeline.py``).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from amodels_assets.sgmi.patterns import BACKQUOTED, BLOCK_COMMENT, LINE_COMMENT, LITERAL

_NOTHING_BEGINS = r"""[^'"`;/\-\ncC]*+"""
# Quoted text first, so that nothing inside it is a boundary.
_TOKEN = re.compile(
    rf"""
      (?P<quoted>(?:
        (?:{LITERAL}|{BACKQUOTED})
        # Up to the next quote nothing can begin, if there is none of these.
        {_NOTHING_BEGINS}(?:(?<=\w)[cC]{_NOTHING_BEGINS}){{0,500}} (?:\n[ \t]*+(?=['"`]))?
      ){{1,500}})
    | (?P<open>['"`])
    | (?P<comment>{LINE_COMMENT}|{BLOCK_COMMENT})
    | (?P<endless>/\*)
    | (?P<semicolon>;)
    | (?P<create>\bCREATE\s+(?:(?:OR\s+REPLACE|EXTERNAL|MANAGED|TEMPORARY|TRANSACTIONAL
        |MATERIALIZED)\s+)*(?:TABLE|VIEW|DATABASE|SCHEMA|FUNCTION|INDEX|ROLE)\b)
    | ^[ \t]*(?P<setting>(?:SET[ \t]+)?(?:hive|mapred|mapreduce|tez|spark|yarn|dfs)(?:\.[\w-]+)+
        [ \t]*=[ \t]*(?:true\b|false\b|[^\s;]*)(?:[ \t]*;)?)
    | ^[ \t]*(?P<starter>(?:USE[ \t]+`?\w+`?[ \t]*(?=;|$)
        |(?:DROP|ALTER)\s+(?:TABLE|VIEW|DATABASE|SCHEMA)\b|MSCK\s+REPAIR\b|SHOW\s+CREATE\b
        |INSERT\s+(?:INTO|OVERWRITE)\b|ANALYZE\s+TABLE\b|GRANT\s|SET[ \t]+\w))
    """,
    re.IGNORECASE | re.MULTILINE | re.VERBOSE | re.DOTALL,
)
_MOST_RESUMED = 50
_GLUED = re.compile(r"(true|false)(?=CREATE\b)", re.IGNORECASE)
_NEXT_CREATE = re.compile(
    r"^[ \t]*CREATE\s+(?:OR\s+REPLACE\s+)?(?:EXTERNAL\s+|TEMPORARY\s+)*(?:TABLE|VIEW)\b",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class SourceText:
    """Text with the line in the file at which each of its pieces stands.

    Attributes:
        text: The text.
        offsets: Ascending offsets into the text, the first 0.
        lines: Line in the file, from 1, at each of the offsets.
    """

    text: str
    offsets: tuple[int, ...]
    lines: tuple[int, ...]

    @classmethod
    def plain(cls, text: str) -> SourceText:
        """Text as it lies in the file."""
        offsets = (0, *(m.end() for m in re.finditer("\n", text)))
        return cls(text, offsets, tuple(range(1, len(offsets) + 1)))

    def line_at(self, offset: int) -> int:
        """Line in the file at an offset into the text."""
        return self.lines[bisect_right(self.offsets, offset) - 1]


@dataclass(frozen=True)
class Statement:
    """One statement.

    Attributes:
        text: Without the closing semicolon and the space around it.
        offset: Where it begins in the text.
        terminated: Whether a semicolon closes it.
        cut: Whether a quote or comment in it never ends.
        setting: Whether it is a bare ``hive.x.y=value`` line.
    """

    text: str
    offset: int
    terminated: bool
    cut: bool = False
    setting: bool = False


def split(text: str) -> Iterator[Statement]:
    """Split a dump into statements.

    Args:
        text: Without beeline's decoration.

    Yields:
        Statements in order. A statement also ends where the next one visibly begins: a CREATE
        outside strings, comments and backticks, a USE or SET line, a bare setting.
    """
    begin = position = resumed = 0
    while True:
        match = _TOKEN.search(text, position)
        if match is None:
            yield from _statement(text, begin, len(text), terminated=False)
            return
        kind = match.lastgroup
        position = match.end()
        if kind in ("quoted", "comment"):
            continue
        if kind == "semicolon":
            yield from _statement(text, begin, match.start(), terminated=True)
            begin = position
        elif kind in ("create", "starter"):
            start = match.start(kind)
            yield from _statement(text, begin, start, terminated=False)
            begin = start
        elif kind == "setting":
            start, end = match.span("setting")
            glued = _GLUED.search(text, start, end)
            end = position = glued.end() if glued else end
            yield from _statement(text, begin, start, terminated=False)
            bare = text[start:end]
            yield Statement(bare.rstrip("; \t"), start, bare.endswith(";"), setting=True)
            begin = end
        else:
            # A quote or comment that never ends: go on where the next object visibly begins.
            # Each costs a look at the whole rest, so that there is an end to it.
            resumed += 1
            following = _NEXT_CREATE.search(text, position) if resumed <= _MOST_RESUMED else None
            end = following.start() if following else len(text)
            yield from _statement(text, begin, end, terminated=False, cut=True)
            begin = position = end
            if following is None:
                return


def _statement(
    text: str, begin: int, end: int, *, terminated: bool, cut: bool = False
) -> Iterator[Statement]:
    raw = text[begin:end]
    stripped = raw.lstrip()
    if stripped:
        offset = begin + len(raw) - len(stripped)
        yield Statement(stripped.rstrip(), offset, terminated, cut)
