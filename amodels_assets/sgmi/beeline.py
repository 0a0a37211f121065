"""Removes what the beeline client prints around the statements.

Belongs here: borders, rules, log lines, prompts, headers, lines wrapped at a fixed width. Does not
belong here: anything about SQL.
"""

from __future__ import annotations

import re
from collections import Counter

from amodels_assets.sgmi.splitter import SourceText

_RULE = re.compile(r"[ \t]*\+-[-+]*[ \t]*")
_BORDERED = re.compile(r"[ \t]*\|(.*)\|[ \t]*")
_LOG = re.compile(
    r"""[ \t]*(?:
      (?:INFO|WARN|WARNING|ERROR|DEBUG)[ ]{1,2}:.*
    | \d[\d,]*[ ]rows?[ ](?:selected|affected).*
    | No[ ]rows[ ](?:selected|affected).*
    | (?:\d+:[ ])?jdbc:hive2://[^>]*>.*
    | \.[ .]{3,}>.*
    | (?:Connected[ ]to|Connecting[ ]to|Driver|Transaction[ ]isolation|Closing)(?::|[ ]).*
    | Beeline[ ]version[ ].*
    | (?:SLF4J|log4j):.*
    | createtab_stmt
    | \d\d/\d\d/\d\d[ ]\d\d:\d\d:\d\d[ ](?:INFO|WARN|ERROR)[ ].*
    )[ \t]*""",
    re.VERBOSE,
)
_SUSPECT = re.compile(
    r"^[ \t]*(?:\+-|\||(?:INFO|WARN|WARNING|ERROR|DEBUG) {1,2}:|createtab_stmt|SLF4J|log4j|Beeline"
    r"|(?:\d+: )?jdbc:hive2|Connect|Driver|Transaction|Closing|\. ?\.|No rows|\d+[\d,]* rows?"
    r"|\d\d/\d\d/\d\d )",
    re.MULTILINE,
)
_MINIMUM_WIDTH = 40


def strip_noise(text: str) -> tuple[SourceText, list[int]]:
    """Remove beeline's decoration and undo its wrapping.

    Args:
        text: Decoded dump.

    Returns:
        What was meant, with the line in the file of each piece, and the lines of the file
        (from 1) on which noise was found.
    """
    if _SUSPECT.search(text) is None:
        return SourceText.plain(text), []
    pieces: list[str] = []
    offsets: list[int] = [0]
    lines: list[int] = [1]
    noise: list[int] = []
    length = 0
    raw_lines = text.split("\n")
    widths = _wrap_widths(raw_lines)
    for number, raw in enumerate(raw_lines, 1):
        joined = False
        bordered = _BORDERED.fullmatch(raw)
        if _RULE.fullmatch(raw) or _LOG.fullmatch(raw):
            noise.append(number)
            continue
        content = raw
        if bordered:
            noise.append(number)
            inner = bordered.group(1)
            # The cell's own padding is one space on each side.
            cell = inner[1:-1] if inner.startswith(" ") and inner.endswith(" ") else inner
            content = cell.rstrip() if cell.strip() != "createtab_stmt" else ""
            joined = len(content) >= _MINIMUM_WIDTH and len(cell) in widths and cell == content
            if not content:
                continue
        if length:
            offsets.append(length)
            lines.append(number)
        else:
            lines[0] = number
        piece = content if joined else f"{content}\n"
        pieces.append(piece)
        length += len(piece)
    return SourceText("".join(pieces), tuple(offsets), tuple(lines)), noise


def _wrap_widths(raw_lines: list[str]) -> set[int]:
    """Widths of the cells that beeline filled completely: it wrapped the text there."""
    full: Counter[int] = Counter()
    for raw in raw_lines:
        bordered = _BORDERED.fullmatch(raw)
        if bordered:
            inner = bordered.group(1)
            cell = inner[1:-1] if inner.startswith(" ") and inner.endswith(" ") else inner
            if cell and not cell[-1].isspace():
                full[len(cell)] += 1
    return set(full)
