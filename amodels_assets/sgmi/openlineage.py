"""The catalog as OpenLineage events.

Belongs here: tables, views and jobs as design-time events (OpenLineage 2-0-2: DatasetEvent and
JobEvent, which say what is there without any run). Does not belong here: sending them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

import jsonschema
import pyarrow as pa
from jsonschema.protocols import Validator

TABLES = (
    "tables",
    "columns",
    "views",
    "column_lineage",
    "table_lineage",
    "jobs",
    "job_tables",
)
DEFAULT_NAMESPACE = "hive://sgmi"
DEFAULT_JOB_NAMESPACE = "controlm://sgmi"
WHOLE_VIEW = "*"
_SPECIFICATION = "https://openlineage.io/spec"
_FACETS = {
    "columnLineage": ("1-2-0", "ColumnLineageDatasetFacet"),
    "schema": ("1-2-0", "SchemaDatasetFacet"),
    "datasetType": ("1-0-1", "DatasetTypeDatasetFacet"),
    "documentation": ("1-1-0", "DocumentationDatasetFacet"),
    "job.documentation": ("1-1-0", "DocumentationJobFacet"),
    "jobType": ("2-0-4", "JobTypeJobFacet"),
    "sql": ("1-1-0", "SQLJobFacet"),
}

Json = dict[str, object]
Row = dict[str, Any]
Name = tuple[str, str]


class InvalidEventError(ValueError):
    """An event that is not as OpenLineage wants it; the message names the place in it."""


@dataclass(frozen=True)
class Writer:
    """What all events of one export have in common.

    Attributes:
        time: When what they say was true.
        producer: URI of who says it.
        namespace: Of the warehouse's tables and views.
        job_namespace: Of the Control-M jobs.
    """

    time: datetime
    producer: str
    namespace: str = DEFAULT_NAMESPACE
    job_namespace: str = DEFAULT_JOB_NAMESPACE

    def events(self, catalog: Mapping[str, pa.Table]) -> Iterator[Json]:
        """A DatasetEvent for each table, a JobEvent for each view and for each Control-M job.

        Args:
            catalog: The tables named in ``TABLES``.
        """
        schemas = _schemas(catalog["columns"])
        described = {(r["database"], r["table"]): r for r in catalog["tables"].to_pylist()}
        for name, row in described.items():
            if row["kind"] == "table":
                facets = self._dataset_facets(row, schemas.get(name, []))
                yield self._event("DatasetEvent", dataset=self._dataset(name, facets))
        lineage = _lineage(catalog["column_lineage"])
        sources = _sources(catalog["table_lineage"])
        for view in catalog["views"].to_pylist():
            name = (view["database"], view["table"])
            edges, fields = lineage.get(name, {}), schemas.get(name, [])
            yield self._view(view, edges, sources.get(name, []), described[name], fields)
        reads, writes = _accesses(catalog["job_tables"])
        for job in catalog["jobs"].to_pylist():
            yield self._job(job, reads.get(job["job"], []), writes.get(job["job"], []))

    def _event(self, kind: str, **content: object) -> Json:
        return {
            "eventTime": self.time.isoformat(),
            "producer": self.producer,
            "schemaURL": f"{_SPECIFICATION}/2-0-2/OpenLineage.json#/$defs/{kind}",
            **content,
        }

    def _facet(self, facet: str, **content: object) -> Json:
        version, name = _FACETS[facet]
        url = f"{_SPECIFICATION}/facets/{version}/{name}.json#/$defs/{name}"
        return {"_producer": self.producer, "_schemaURL": url, **content}

    def _dataset(self, name: Name, facets: Json | None = None) -> Json:
        found: Json = {"namespace": self.namespace, "name": ".".join(name)}
        return found | ({"facets": facets} if facets else {})

    def _dataset_facets(self, row: Row, fields: list[Json]) -> Json:
        kind: Json = {"datasetType": str(row["kind"]).upper()}
        if row["external"]:
            kind["subType"] = "EXTERNAL"
        facets: Json = {
            "schema": self._facet("schema", fields=fields),
            "datasetType": self._facet("datasetType", **kind),
        }
        if row["comment"]:
            facets["documentation"] = self._facet("documentation", description=row["comment"])
        return facets

    def _view(
        self,
        view: Row,
        edges: dict[str, list[Row]],
        sources: list[Name],
        row: Row,
        fields: list[Json],
    ) -> Json:
        def inputs(column: str) -> list[Json]:
            found: dict[tuple[str, str, str], list[Json]] = {}
            for edge in edges.get(column, ()):
                source = (edge["source_database"], edge["source_table"], edge["source_column"])
                step = {
                    "type": edge["transformation_type"],
                    "subtype": edge["transformation_subtype"],
                    "masking": False,
                }
                found.setdefault(source, []).append(step)
            return [
                {
                    "namespace": self.namespace,
                    "name": f"{database}.{table}",
                    "field": field,
                    "transformations": steps,
                }
                for (database, table, field), steps in found.items()
            ]

        name = (str(view["database"]), str(view["table"]))
        columns = [column for column in edges if column != WHOLE_VIEW]
        facets = self._dataset_facets(row, fields) | {
            "columnLineage": self._facet(
                "columnLineage",
                fields={column: {"inputFields": inputs(column)} for column in columns},
                dataset=inputs(WHOLE_VIEW),
            )
        }
        job_facets = {
            "jobType": self._facet(
                "jobType", processingType="BATCH", integration="HIVE", jobType="VIEW"
            ),
            "sql": self._facet("sql", query=view["query"], dialect="hive"),
        }
        job = {"namespace": self.namespace, "name": ".".join(name), "facets": job_facets}
        return self._event(
            "JobEvent",
            job=job,
            inputs=[self._dataset(source) for source in sources],
            outputs=[self._dataset(name, facets)],
        )

    def _job(self, job: Row, reads: list[Name], writes: list[Name]) -> Json:
        kind = str(job["kind"] or "Job")
        facets = {
            "jobType": self._facet(
                "jobType", processingType="BATCH", integration="CONTROL_M", jobType=kind
            )
        }
        if job["description"]:
            facets["documentation"] = self._facet(
                "job.documentation", description=job["description"]
            )
        place = {
            "namespace": self.job_namespace,
            "name": f"{job['folder']}/{job['job']}",
            "facets": facets,
        }
        return self._event(
            "JobEvent",
            job=place,
            inputs=[self._dataset(name) for name in reads],
            outputs=[self._dataset(name) for name in writes],
        )


def check_event(event: Json) -> None:
    """Compare an event with the JSON Schema.

    Raises:
        InvalidEventError: It is not as OpenLineage wants it.
    """
    # The event's own kind first: of a wrong one, the message says what is wrong.
    kind = "DatasetEvent" if "dataset" in event else "JobEvent"
    error = jsonschema.exceptions.best_match(_validator(kind).iter_errors(event))
    if error is not None:
        raise InvalidEventError(f"{error.json_path}: {error.message[:300]}")


@cache
def _validator(kind: str) -> Validator:
    text = (
        resources.files("amodels_assets.sgmi")
        .joinpath("openlineage.schema.json")
        .read_text("utf-8")
    )
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    del schema["oneOf"]
    return jsonschema.Draft202012Validator({**schema, "$ref": f"#/$defs/{kind}"})


def _schemas(columns: pa.Table) -> dict[Name, list[Json]]:
    found: dict[Name, list[Json]] = {}
    for row in columns.to_pylist():
        field: Json = {"name": row["column"], "ordinal_position": row["position"] + 1}
        if row["type"]:
            field["type"] = row["type"]
        if row["comment"]:
            field["description"] = row["comment"]
        found.setdefault((row["database"], row["table"]), []).append(field)
    return found


def _lineage(edges: pa.Table) -> dict[Name, dict[str, list[Row]]]:
    found: dict[Name, dict[str, list[Row]]] = {}
    for edge in edges.to_pylist():
        view = found.setdefault((edge["target_database"], edge["target_table"]), {})
        view.setdefault(edge["target_column"], []).append(edge)
    return found


def _sources(edges: pa.Table) -> dict[Name, list[Name]]:
    found: dict[Name, list[Name]] = {}
    for row in edges.to_pylist():
        target = (row["target_database"], row["target_table"])
        found.setdefault(target, []).append((row["source_database"], row["source_table"]))
    return found


def _accesses(accesses: pa.Table) -> tuple[dict[str, list[Name]], dict[str, list[Name]]]:
    found: dict[str, dict[str, set[Name]]] = {"reads": {}, "writes": {}, "mentions": {}}
    for row in accesses.to_pylist():
        jobs = found[row["access"]]
        jobs.setdefault(row["job"], set()).add((row["database"], row["table"]))
    reads, writes = (
        {job: sorted(names) for job, names in found[access].items()}
        for access in ("reads", "writes")
    )
    return reads, writes
