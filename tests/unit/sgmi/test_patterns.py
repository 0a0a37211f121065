"""Patterns against the plain forms that say the same, on every short text of the marks in them."""

import itertools
import re

import pytest

from amodels_assets.sgmi import patterns, splitter, views

STRING = r"'(?:[^'\\]|\\.)*'"
DOUBLE_QUOTED = r'"(?:[^"\\]|\\.)*"'
BLOCK_COMMENT = r"/\*(?:[^*]|\*(?!/))*\*/"


@pytest.mark.parametrize(
    ("pattern", "plain", "marks"),
    [
        (patterns.STRING, STRING, "'\\x\n"),
        (patterns.DOUBLE_QUOTED, DOUBLE_QUOTED, '"\\x\n'),
        (patterns.LITERAL, f"{STRING}|{DOUBLE_QUOTED}", "'\"\\x"),
        (f"'({patterns.INSIDE_STRING})'", r"'((?:[^'\\]|\\.)*)'", "'\\x\n"),
        (patterns.BLOCK_COMMENT, BLOCK_COMMENT, "/*x\n"),
        (patterns.LINE_COMMENT, r"--[^\n]*", "-x\n"),
        (patterns.BACKQUOTED, r"`[^`]*`", "`x\n"),
        (views._PROPERTIES_END.pattern, rf"(?:{STRING}|[^'()])*\)", "'\\()x"),
    ],
)
def test_a_pattern_finds_what_the_plain_form_finds(pattern: str, plain: str, marks: str):
    fast, slow = re.compile(pattern, re.DOTALL), re.compile(plain, re.DOTALL)
    for length in range(1, 7):
        for letters in itertools.product(marks, repeat=length):
            text = "".join(letters)
            spans = [(found.span(), found.groups()) for found in fast.finditer(text)]
            assert spans == [(found.span(), found.groups()) for found in slow.finditer(text)], text


def test_what_lies_in_quotes_begins_nothing_however_much_there_is():
    # More than one token of the splitter takes, with words between that hold its letters.
    text = "CREATE TABLE t (" + ", ".join(f"`c{n}` int COMMENT 'a;c'" for n in range(2_000)) + ")"
    words = "ccc " * 3_000
    found = list(splitter.split(f"{text} 'x' {words}; {text}"))
    assert len(found) == 2
    assert found[1].text == text
