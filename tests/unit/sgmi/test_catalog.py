"""The whole reader: against generated truth, on broken input, on any bytes."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amodels_assets.sample import write_sample
from amodels_assets.sgmi.catalog import build_catalog, write_catalog
from amodels_assets.sgmi.profile import differences, type_profile
from amodels_assets.sgmi.schema import SCHEMAS
from amodels_assets.sgmi.source import SourceError, source_versions

GOOD = "use d;\nCREATE TABLE `t`(\n  `a` string,\n  `b` int)\n;\n"


def codes(catalog):
    return [(d["code"], d["line"], d["object"]) for d in catalog.tables["diagnostics"].to_pylist()]


def test_a_clean_sample_is_read_exactly(clean_sample, truth_differences):
    catalog = build_catalog(clean_sample)
    assert truth_differences(catalog, clean_sample) == {}
    assert catalog.tables["diagnostics"].num_rows == 0


@pytest.mark.parametrize(("seed", "scale"), [(1, 0.5), (2, 1.0), (3, 0.5)])
def test_a_damaged_sample_is_read_exactly(tmp_path, truth_differences, seed, scale):
    write_sample(tmp_path / "s", seed=seed, scale=scale, defects=True)
    assert truth_differences(build_catalog(tmp_path / "s"), tmp_path / "s") == {}


def test_the_comparison_with_the_truth_can_fail(clean_sample, truth_differences):
    catalog = build_catalog(clean_sample)
    catalog.tables["columns"] = catalog.tables["columns"].slice(1)
    assert "columns" in truth_differences(catalog, clean_sample)


def test_writing_is_deterministic(clean_sample, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_catalog(build_catalog(clean_sample), tmp_path / name)
    first = {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()}
    assert first == {p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()}
    assert first.keys() == {*(f"{name}.parquet" for name in SCHEMAS), "profile.json"}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"other/x.txt": "x"}, "no dump file"),
        ({"hive-ddl/x.hql": bytes(range(256)) * 20}, "no table and no view"),
        ({"hive-ddl/x.hql": ""}, "no table and no view"),
        ({"hive-ddl/x.hql": "CREATE TABLE `t`(\n  `a"}, "no table and no view"),
    ],
)
def test_nothing_to_read_is_one_sentence(make_source, files, message):
    with pytest.raises(SourceError, match=message) as caught:
        build_catalog(make_source(files))
    assert "\n" not in str(caught.value)


def test_missing_empty_and_wrong_directories(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    for name, message in (
        ("gone", "does not exist"),
        ("file", "not a directory"),
        ("empty", "is empty"),
    ):
        with pytest.raises(SourceError, match=message):
            build_catalog(tmp_path / name)
        with pytest.raises(SourceError, match=message):
            source_versions(tmp_path / name)


def test_versions_tell_the_parts_apart(make_source):
    source = make_source({"hive-ddl/x.hql": GOOD, "scripts/a.sh": "x"})
    before = source_versions(source)
    (source / "scripts/a.sh").write_text("y")
    after = source_versions(source)
    assert {part for part in before if before[part] != after[part]} == {"scripts"}


def test_everything_before_a_cut_is_kept(make_source):
    whole = GOOD + "CREATE VIEW `v` AS select t.a from t where t.b > 1"
    for end in range(len(GOOD), len(whole) - 1):
        catalog = build_catalog(make_source({"hive-ddl/x.hql": whole[:end]}))
        names = catalog.tables["tables"].column("table").to_pylist()
        assert "t" in names
        if whole[len(GOOD) : end].startswith("CREATE VIEW"):
            # Where the rest is a whole query by chance, the missing semicolon is what is said.
            found = {code for code, _, _ in codes(catalog)}
            assert found & {"truncated_statement", "unterminated"}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=200))
def test_any_bytes_beside_a_good_file(make_source, data):
    source = make_source(
        {
            "hive-ddl/a.hql": GOOD,
            "hive-ddl/b.hql": data,
            "hive-ddl/c.hql": b"CREATE VIEW `v` AS select " + data,
            "controlm/a.xml": data,
            "controlm/a.json": data,
            "scripts/a.sh": data,
        }
    )
    names = build_catalog(source).tables["tables"].column("table").to_pylist()
    assert "t" in names


def test_the_later_of_two_definitions_counts(make_source):
    later = "use d;\nCREATE TABLE `t`(\n  `a` string,\n  `c` date);\n"
    catalog = build_catalog(make_source({"hive-ddl/1.hql": GOOD, "hive-ddl/2.hql": later}))
    assert catalog.tables["columns"].column("column").to_pylist() == ["a", "c"]
    assert [c[0] for c in codes(catalog)] == ["duplicate_different"] * 2


def test_a_view_that_cannot_be_read_is_an_error_with_its_line(make_source):
    text = (
        GOOD
        + "CREATE VIEW `v` AS select a\nfrom t where (a = 1;\nCREATE VIEW `w` AS select a from t;"
    )
    catalog = build_catalog(make_source({"hive-ddl/x.hql": text}))
    assert codes(catalog) == [("unreadable_query", 7, "d.v")]
    assert catalog.tables["views"].column("parsed").to_pylist() == [False, True]


def test_profile():
    profile = type_profile(["string", "string", "decimal(3,1)", "map<string,int>"])
    assert profile["distribution"] == {"decimal": 1, "other": 1, "string": 2}
    assert profile["entropy_bits"] == 1.5
    assert type_profile([])["divergence_bits"] == 0.0
    table, other = ("d", "t"), ("d", "u")
    changed = differences({table: {"a": "int", "b": "int"}}, {table: {"a": "string"}, other: {}})
    assert changed == {
        "tables_added": [],
        "tables_removed": ["d.u"],
        "columns_added": ["d.t.b"],
        "columns_removed": [],
        "types_changed": ["d.t.a: string to int"],
    }
