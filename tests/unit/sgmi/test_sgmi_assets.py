"""The room's assets run by Dagster, and each of its checks failing."""

from __future__ import annotations

import json

import dagster as dg
import pyarrow as pa
import pytest

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.quality.runner import run_suite
from amodels_assets.sgmi import assets, checks, findings
from amodels_assets.sgmi.catalog import build_catalog
from amodels_assets.sgmi.schema import arrow_table
from resources.artifact_store import ArtifactStoreResource
from resources.sgmi_source import SgmiSourceResource


def definitions(source, store) -> dg.Definitions:
    return dg.Definitions(
        assets=dg.load_assets_from_modules([assets]),
        asset_checks=dg.load_asset_checks_from_modules([checks]),
        resources={
            "artifact_store": ArtifactStoreResource(root=str(store)),
            "sgmi_source": SgmiSourceResource(directory=str(source)),
        },
    )


def run(source, store, selection=None, **options):
    job = definitions(source, store).resolve_implicit_global_asset_job_def()
    return job.execute_in_process(asset_selection=selection, raise_on_error=False, **options)


def test_assets_are_made_checked_and_then_unchanged(clean_sample, tmp_path):
    first = run(clean_sample, tmp_path)
    assert first.success
    assert all(e.passed for e in first.get_asset_check_evaluations())
    second = run(clean_sample, tmp_path)
    for event in second.get_asset_materialization_events():
        materialization = event.materialization
        assert materialization.metadata["unchanged"].value is True
    keys = {e.asset_key.path[-1] for e in first.get_asset_materialization_events()}
    assert keys == {*assets.TABLES, "rows"}
    store = ArtifactStore(tmp_path)
    records = store.checks("sgmi/catalog")
    assert records["no_error_diagnostics"].passed
    assert records["tables.key_unique"].passed


def test_lost_input_stops_the_rows_and_names_the_place(make_source, tmp_path):
    source = make_source(
        {
            "hive-ddl/a.hql": "use d;\nCREATE TABLE `t`(\n  `a` int);\n",
            "hive-ddl/b.hql": "use d;\nCREATE TABLE `u`(\n  `a` in",
        }
    )
    selection = [dg.AssetKey(["sgmi", t]) for t in (*assets.TABLES, "rows")]
    result = run(source, tmp_path / "store", selection)
    assert not result.success
    made = {e.asset_key.path[-1] for e in result.get_asset_materialization_events()}
    assert "rows" not in made
    (failed,) = [e for e in result.get_asset_check_evaluations() if not e.passed]
    assert failed.check_name == "no_error_diagnostics"
    assert "hive-ddl/b.hql:2" in failed.description
    assert failed.description.startswith("1 error ")


def test_a_missing_source_is_one_sentence(tmp_path):
    result = run(tmp_path / "gone", tmp_path / "store", [dg.AssetKey(["sgmi", "tables"])])
    assert not result.success
    failures = [
        e.event_specific_data.error_display_string for e in result.all_events if e.is_step_failure
    ]
    assert "does not exist" in failures[0]


def test_sources_are_observed(clean_sample, tmp_path):
    keys = [a.key for a in (assets.hive_ddl, assets.controlm, assets.scripts, assets.source_rows)]
    job = dg.define_asset_job("observe", selection=dg.AssetSelection.assets(*keys))
    everything = dg.Definitions.merge(
        definitions(clean_sample, tmp_path), dg.Definitions(jobs=[job])
    )
    result = everything.resolve_job_def("observe").execute_in_process()
    observed = {e.asset_key for e in result.get_asset_observation_events()}
    assert observed == set(keys)


BAD_VALUES: dict[str, dict[str, object]] = {
    "tables": {"kind": "index", "column_count": 0, "line": 0},
    "columns": {"position": -1, "type": "strin g"},
    "column_lineage": {
        "target_position": -2,
        "transformation_type": "MAYBE",
        "transformation_subtype": "MAGIC",
    },
    "jobs": {},
}


@pytest.mark.parametrize("suite", checks.SUITES, ids=lambda s: s.table)
def test_every_expectation_holds_and_can_fail(suite, clean_sample):
    good = build_catalog(clean_sample).tables[suite.table]
    assert [o.expectation.name for o in run_suite(suite, good) if not o.passed] == []
    rows = good.slice(0, 3).to_pylist()
    for column, value in BAD_VALUES[suite.table].items():
        rows[0][column] = value
    for expectation in suite.expectations:
        if expectation.name.endswith("_not_null"):
            rows[1][expectation.arguments["column"]] = None
    bad = pa.Table.from_pylist([*rows, rows[2]], schema=good.schema)
    assert [o.expectation.name for o in run_suite(suite, bad) if o.passed] == []


def test_findings_can_fail(clean_sample):
    tables = build_catalog(clean_sample).tables
    columns, lineage = tables["columns"], tables["column_lineage"]
    faults = arrow_table(
        "diagnostics",
        [("warning", "w", "m", "f", 1, ""), ("error", "cut", "is cut", "a.hql", 7, "d.t")],
    )
    lost = findings.no_error_diagnostics(faults)
    assert not lost.passed
    assert "a.hql:7" in lost.description
    assert findings.no_error_diagnostics(faults.slice(0, 1)).passed
    gap = findings.column_positions_contiguous(columns.slice(1))
    assert not gap.passed
    assert findings.column_positions_contiguous(columns).passed
    assert findings.lineage_targets_exist(lineage, columns).passed
    assert not findings.lineage_targets_exist(lineage, columns.slice(0, 5)).passed
    index = lineage.schema.get_field_index("resolved")
    nothing = pa.array([False] * lineage.num_rows)
    drifted = lineage.set_column(index, "resolved", nothing)
    share = findings.unresolved_lineage_share(drifted)
    assert not share.passed
    assert not share.blocking
    assert findings.unresolved_lineage_share(lineage).passed
    nowhere = {"d.t": pa.schema([("a", pa.int32())])}
    assert not findings.rows_match_catalog(nowhere, columns, faults.slice(0, 0)).passed
    assert not findings.rows_match_catalog({}, columns, faults).passed
    assert findings.rows_match_catalog({}, columns, faults.slice(0, 1)).passed


def test_the_profile_tells_what_changed_since_the_source_was_another(make_source, tmp_path):
    def differences(column: str):
        source = make_source({"hive-ddl/a.hql": f"use d;\nCREATE TABLE `t`(\n  `{column}` int);\n"})
        result = run(source, tmp_path / "store", [dg.AssetKey(["sgmi", n]) for n in assets.TABLES])
        assert result.success
        artifact = ArtifactStore(tmp_path / "store").get(assets.CATALOG)
        profile = json.loads(artifact.verified_file("profile.json").read_text())
        return artifact.unchanged, artifact.data_version, profile["differences"]

    _, first, nothing = differences("a")
    assert nothing is None
    _, second, changed = differences("b")
    assert (changed["columns_added"], changed["columns_removed"]) == (["d.t.b"], ["d.t.a"])
    _, again, same = differences("b")
    assert (again, same) == (second, changed)
    _, back, undone = differences("a")
    assert undone["columns_added"] == ["d.t.a"]
    assert back != first
