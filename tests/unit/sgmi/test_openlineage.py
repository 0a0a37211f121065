"""OpenLineage events: what they say, and that two independent judges accept them."""

from __future__ import annotations

import copy
import json
import types
import typing
from datetime import UTC, datetime

import attr
import pytest
from openlineage.client import generated
from openlineage.client.generated import (
    base,
    column_lineage_dataset,
    dataset_type_dataset,
    documentation_dataset,
    documentation_job,
    job_type_job,
    schema_dataset,
    sql_job,
)

from amodels_assets.sgmi.catalog import build_catalog
from amodels_assets.sgmi.openlineage import InvalidEventError, Writer, check_event

WRITER = Writer(datetime(2026, 1, 2, 3, tzinfo=UTC), "urn:amodels:test")
DATASET_FACETS = {
    "schema": schema_dataset.SchemaDatasetFacet,
    "columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet,
    "datasetType": dataset_type_dataset.DatasetTypeDatasetFacet,
    "documentation": documentation_dataset.DocumentationDatasetFacet,
}
JOB_FACETS = {
    "jobType": job_type_job.JobTypeJobFacet,
    "sql": sql_job.SQLJobFacet,
    "documentation": documentation_job.DocumentationJobFacet,
}


@pytest.fixture(scope="module")
def events(clean_sample):
    return list(WRITER.events(build_catalog(clean_sample).tables))


def test_there_is_one_for_each_table_view_and_job(clean_sample, events):
    tables = build_catalog(clean_sample).tables
    assert len(events) == tables["tables"].num_rows + tables["jobs"].num_rows


def test_the_json_schema_accepts_all(events):
    for event in events:
        check_event(json.loads(json.dumps(event)))


def test_the_client_library_has_the_same_classes(events):
    """Fields, required ones and versions of every facet, as the published client spells them."""
    for event in copy.deepcopy(events):
        url = event.pop("schemaURL")
        kind = base.DatasetEvent if "dataset" in event else base.JobEvent
        datasets = [event["dataset"]] if "dataset" in event else event["inputs"] + event["outputs"]
        holders = [(d, DATASET_FACETS) for d in datasets]
        if "job" in event:
            holders.append((event["job"], JOB_FACETS))
        for holder, classes in holders:
            for name, facet in holder.get("facets", {}).items():
                holder["facets"][name] = built(classes[name], facet)
        if "dataset" in event:
            event["dataset"] = base.StaticDataset(**event["dataset"])
        else:
            event["job"] = base.Job(**event["job"])
            event["inputs"] = [base.InputDataset(**d) for d in event["inputs"]]
            event["outputs"] = [base.OutputDataset(**d) for d in event["outputs"]]
        assert kind(**event).schemaURL == url


def built(kind, value):
    """An object of a class of the client, of its nested ones too; fails on unknown fields."""
    value = dict(value)
    url = value.pop("_schemaURL", None)
    value = {name.lstrip("_"): part for name, part in value.items()}
    hints = typing.get_type_hints(kind, vars(generated) | vars(typing) | module_of(kind))
    known = {field.name.lstrip("_") for field in attr.fields(kind)}
    assert set(value) <= known, f"{kind.__name__} has no {set(value) - known}"
    for name, part in value.items():
        inner = [a for a in flattened(hints.get(name)) if attr.has(a)]
        if inner and isinstance(part, list):
            value[name] = [built(inner[0], each) for each in part]
        elif inner and isinstance(part, dict):
            value[name] = {key: built(inner[0], each) for key, each in part.items()}
    made = kind(**value)
    if url is not None:
        assert kind._get_schema() == url
    return made


def module_of(kind):
    import sys

    return vars(sys.modules[kind.__module__])


def flattened(hint):
    if hint is None or (isinstance(hint, type) and not isinstance(hint, types.GenericAlias)):
        return [hint] if hint else []
    return [each for part in typing.get_args(hint) for each in flattened(part)]


SOURCE = """use d;
CREATE TABLE `client`(
  `client_id` string COMMENT 'key',
  `sector` string)
COMMENT 'who owes';
CREATE EXTERNAL TABLE `facility`(
  `client_id` string,
  `limit_amount` decimal(18,2));
CREATE VIEW `exposure` AS select c.`sector`, sum(f.`limit_amount`) as `total`, count(*) as `n`
from `facility` f JOIN `client` c ON f.`client_id` = c.`client_id` group by c.`sector`;
"""


def test_what_a_view_says(make_source):
    catalog = build_catalog(make_source({"hive-ddl/a.hql": SOURCE}))
    found = {e.get("job", e.get("dataset"))["name"]: e for e in WRITER.events(catalog.tables)}
    client = found["d.client"]["dataset"]["facets"]
    assert client["documentation"]["description"] == "who owes"
    assert client["schema"]["fields"][0] == {
        "name": "client_id",
        "ordinal_position": 1,
        "type": "string",
        "description": "key",
    }
    assert found["d.facility"]["dataset"]["facets"]["datasetType"]["subType"] == "EXTERNAL"
    view = found["d.exposure"]
    assert [d["name"] for d in view["inputs"]] == ["d.client", "d.facility"]
    lineage = view["outputs"][0]["facets"]["columnLineage"]
    assert lineage["fields"]["total"]["inputFields"] == [
        {
            "namespace": "hive://sgmi",
            "name": "d.facility",
            "field": "limit_amount",
            "transformations": [{"type": "DIRECT", "subtype": "AGGREGATION", "masking": False}],
        }
    ]
    rows = {
        (f["name"], f["field"], t["subtype"])
        for f in lineage["dataset"]
        for t in f["transformations"]
    }
    assert rows == {
        ("d.client", "client_id", "JOIN"),
        ("d.facility", "client_id", "JOIN"),
        ("d.client", "sector", "GROUP_BY"),
    }
    assert view["job"]["facets"]["sql"]["query"].startswith("select c.`sector`")


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (lambda e: e.pop("eventTime"), "eventTime"),
        (lambda e: e.update(eventTime="yesterday"), r"\$\.eventTime"),
        (lambda e: e.update(run={"runId": "x"}), "run"),
        (lambda e: e["outputs"][0].pop("namespace"), "namespace"),
        (lambda e: e["job"]["facets"]["sql"].pop("_schemaURL"), "_schemaURL"),
        (lambda e: e["outputs"][0]["facets"].update(columnlineage={}), "columnlineage"),
        (
            lambda e: transformation(e).update(subtype="FILTER"),
            "FILTER|not valid under any",
        ),
        (lambda e: transformation(e).update(masking="no"), "masking|not valid under any"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(make_source, spoil, place):
    catalog = build_catalog(make_source({"hive-ddl/a.hql": SOURCE}))
    event = next(e for e in WRITER.events(catalog.tables) if "job" in e)
    check_event(event)
    spoil(event)
    with pytest.raises(InvalidEventError, match=place):
        check_event(event)


def transformation(event):
    fields = event["outputs"][0]["facets"]["columnLineage"]["fields"]
    return fields["total"]["inputFields"][0]["transformations"][0]
