"""Statements come out of noise whole; nothing in quotes or comments is a boundary."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from amodels_assets.sgmi.beeline import strip_noise
from amodels_assets.sgmi.decode import decode
from amodels_assets.sgmi.splitter import split

QUOTED = [
    "'a;b'",
    "'CREATE TABLE x'",
    "`create view y`",
    '"; -- no"',
    "'it\\'s'",
    "/* ; CREATE VIEW z */",
]
NOISE = [
    "",
    "\n\n",
    "-- a remark; with CREATE TABLE in it\n",
    "hive.x.y=false\n",
    "SET hive.a.b=1;\n",
]

statements = st.builds(
    lambda name, parts, kind: f"CREATE {kind} `{name}` AS select {' , '.join(parts)} from t",
    st.from_regex(r"[a-z]{1,8}", fullmatch=True),
    st.lists(st.sampled_from([*QUOTED, "a", "t.`b`", "1.5"]), min_size=1, max_size=5),
    st.sampled_from(["VIEW", "TABLE", "EXTERNAL TABLE"]),
)


@given(st.lists(st.tuples(st.sampled_from(NOISE), statements, st.booleans()), max_size=8))
def test_every_statement_in_noise_comes_out(parts):
    text = "".join(f"{noise}{s}{';' if closed else ''}\n" for noise, s, closed in parts)
    found = [s for s in split(text) if not s.setting]
    # A remark in front belongs to whichever statement it touches; the CREATE itself is whole.
    creates = [s.text[s.text.find("CREATE ") :] for s in found]
    for _, statement, _ in parts:
        assert any(
            statement in c or statement in s.text for c, s in zip(creates, found, strict=True)
        )
    assert sum(statement in text for _, statement, _ in parts) == len(parts)


@given(st.lists(statements, min_size=1, max_size=6))
def test_plain_statements_come_out_exactly(parts):
    assert [s.text for s in split("\n".join(parts))] == parts


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_bytes_are_read(data):
    source, _ = strip_noise(decode(data).text)
    for statement in split(source.text):
        assert source.text.startswith(statement.text, statement.offset)
        assert source.line_at(statement.offset) >= 1


@given(st.text(alphabet="'\"`;-/*\\ \nCREATE TABLE", max_size=200))
def test_any_quotes_are_read(text):
    assert all(s.text for s in split(text))


def test_a_bare_setting_glued_to_the_next_statement():
    found = list(split("hive.a.b=falseCREATE VIEW `v` AS select 1"))
    assert [(s.text, s.setting) for s in found] == [
        ("hive.a.b=false", True),
        ("CREATE VIEW `v` AS select 1", False),
    ]


def test_after_an_endless_quote_reading_goes_on():
    text = "CREATE VIEW `a` AS select 'never ends\n\nCREATE TABLE `b`(\n  `x` int);"
    found = list(split(text))
    assert [s.cut for s in found] == [True, False]
    assert found[1].text.startswith("CREATE TABLE `b`")


def test_beeline_wrapping_is_undone():
    width = 50
    lines = ["CREATE TABLE `t`(", "  `a` string COMMENT '" + "word " * 20 + "end',", "  `b` int)"]
    rows = [
        f"| {line[at : at + width]:<{width}} |"
        for line in lines
        for at in range(0, len(line), width)
    ]
    rule = "+" + "-" * (width + 2) + "+"
    text = "\n".join(
        ["INFO  : Compiling", rule, f"| {'createtab_stmt':<{width}} |", rule, *rows, rule]
    )
    source, noise = strip_noise(text)
    assert source.text == "\n".join(lines) + "\n"
    assert noise
    assert source.line_at(source.text.index("`b`")) == 4 + len(rows)


def test_encodings():
    text = "CREATE TABLE `ü`(\n  `a` int)\n"
    for data, codes in (
        (text.encode(), []),
        (text.encode("utf-8-sig"), ["byte_order_mark"]),
        (text.encode("utf-16"), ["utf16"]),
        (text.encode("utf-16-be"), ["utf16"]),
        (text.encode("latin-1"), ["latin1_bytes"]),
        (text.replace("\n", "\r\n").encode(), ["crlf"]),
    ):
        decoded = decode(data)
        assert decoded.text == text
        assert [p.code for p in decoded.peculiarities] == codes


def test_quotes_that_never_end_take_no_more_than_linear_time():
    found = list(split("CREATE TABLE \\'\n" * 50_000))
    assert found[0].cut
    assert len(found) < 100
