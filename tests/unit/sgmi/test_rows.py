"""Rows typed by the catalog; what does not fit is NULL and reported where it stands."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amodels_assets.sgmi.rows import MOST_REPORTED, arrow_type, read_rows, write_rows

TYPES = {
    "name": "string",
    "amount": "decimal(18,2)",
    "day": "date",
    "at": "timestamp",
    "flag": "boolean",
    "number": "int",
    "share": "double",
}
COLUMNS = pa.table(
    {
        "database": ["d"] * len(TYPES),
        "table": ["t"] * len(TYPES),
        "column": list(TYPES),
        "type": list(TYPES.values()),
    }
)
HEADER = ",".join(TYPES)
GOOD = "x,1.50,2024-02-29,2024-01-02 03:04:05,true,7,0.5"


def test_types(make_source):
    source = make_source({"rows/d/t.csv": f"{HEADER}\n{GOOD}\n,,,,,,\n"})
    tables, faults = read_rows(source, COLUMNS)
    assert tables["d.t"].to_pylist() == [
        {
            "name": "x",
            "amount": Decimal("1.50"),
            "day": date(2024, 2, 29),
            "at": datetime(2024, 1, 2, 3, 4, 5),
            "flag": True,
            "number": 7,
            "share": 0.5,
        },
        dict.fromkeys(TYPES),
    ]
    assert faults.num_rows == 0


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("amount", "1.555"),
        ("day", "2024-02-30"),
        ("at", "noon"),
        ("flag", "perhaps"),
        ("number", "1e99"),
    ],
)
def test_a_bad_value_is_null_and_said(make_source, column, value):
    bad = ",".join(value if c == column else g for c, g in zip(TYPES, GOOD.split(","), strict=True))
    text = f"{HEADER}\n{GOOD.replace('x', chr(34) + 'two' + chr(10) + 'lines' + chr(34))}\n{bad}\n"
    tables, faults = read_rows(make_source({"rows/d/t.csv": text}), COLUMNS)
    assert tables["d.t"].column(column).to_pylist()[1] is None
    (fault,) = faults.to_pylist()
    assert (fault["code"], fault["file"], fault["line"]) == ("rows_bad_value", "rows/d/t.csv", 4)
    assert fault["object"] == f"d.t.{column}"
    assert value in fault["message"]


def test_many_bad_values_are_counted(make_source):
    rows = "\n".join(["x,,,,,no,"] * (MOST_REPORTED + 5))
    _, faults = read_rows(make_source({"rows/d/t.csv": f"{HEADER}\n{rows}\n"}), COLUMNS)
    assert faults.num_rows == MOST_REPORTED + 1
    assert "5 more" in " ".join(faults.column("message").to_pylist())


def test_unknown_tables_and_columns_and_bad_rows(make_source):
    source = make_source(
        {"rows/d/gone.csv": "a\n1\n", "rows/d/t.csv": "name,other,number\nx,1,2\ny,1\n"}
    )
    tables, faults = read_rows(source, COLUMNS)
    assert tables.keys() == {"d.t"}
    assert tables["d.t"].select(["name", "number"]).to_pylist() == [{"name": "x", "number": 2}]
    found = {(f["code"], f["line"]) for f in faults.to_pylist()}
    assert ("rows_of_unknown_table", 0) in found
    assert ("rows_column_left_out", 1) in found
    assert ("rows_column_missing", 1) in found
    assert ("rows_wrong_field_count", 3) in found


def test_parquet(make_source, tmp_path):
    source = make_source({"rows/d/.keep": ""})
    pq.write_table(pa.table({"name": ["x"], "number": [3]}), source / "rows/d/t.parquet")
    tables, _ = read_rows(source, COLUMNS)
    assert tables["d.t"].column("number").type == pa.int32()
    assert tables["d.t"].column("number").to_pylist() == [3]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=120), st.booleans())
def test_any_bytes(make_source, data, headed):
    content = HEADER.encode() + b"\n" + data if headed else data
    source = make_source({"rows/d/t.csv": content, "rows/e/t.parquet": data})
    tables, faults = read_rows(source, COLUMNS)
    assert "d.t" in tables or faults.num_rows


def test_writing_is_deterministic(make_source, tmp_path):
    source = make_source({"rows/d/t.csv": f"{HEADER}\n{GOOD}\n"})
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        assert write_rows(source, COLUMNS, tmp_path / name) == {"d.t": 1}
    first = {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()}
    assert first == {p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()}
    assert first.keys() == {"d.t.parquet", "row_diagnostics.parquet"}


def test_arrow_types():
    assert arrow_type("decimal") == pa.decimal128(10, 0)
    assert arrow_type("decimal(99,2)") == pa.string()
    assert arrow_type("map<string,int>") == pa.string()
    assert arrow_type("varchar(3)") == pa.string()
