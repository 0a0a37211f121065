"""What a perfect reader finds in a sample, as plain JSON values.

Belongs here: deriving the truth from the generated warehouse. Does not belong here: reading files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from amodels_assets.sample.controlm import wait_tokens
from amodels_assets.sample.jobs import Job
from amodels_assets.sample.schedule import Schedule, trigger
from amodels_assets.sample.sql import Source, Sources, Step, through
from amodels_assets.sample.views import View
from amodels_assets.sample.warehouse import LOCATIONS, Table

Json = dict[str, object]
Place = tuple[str, int]
Name = tuple[str, str]


def databases_truth() -> list[Json]:
    """Databases and where they lie."""
    return [{"database": name, "location": place} for name, place in sorted(LOCATIONS.items())]


def tables_truth(
    tables: Sequence[Table], views: Sequence[View], places: Mapping[Name, Place], cleaned: set[Name]
) -> list[Json]:
    """Tables and views.

    Args:
        tables: All tables.
        views: All views.
        places: File and line of each object's CREATE.
        cleaned: Tables whose storage clauses are gone from the dump.
    """
    found: list[Json] = []
    for table in tables:
        torn = (table.database, table.name) in cleaned
        file, line = places[table.database, table.name]
        found.append(
            {
                "database": table.database,
                "table": table.name,
                "kind": "table",
                "external": table.external,
                "storage": None if torn else table.storage.value,
                "comment": _unescaped(table.comment),
                "properties": {} if torn else dict(table.properties),
                "column_count": len(table.all_columns),
                "partition_columns": [column.name for column in table.partitions],
                "source_file": file,
                "line": line,
            }
        )
    for view in views:
        file, line = places[view.database, view.name]
        found.append(
            {
                "database": view.database,
                "table": view.name,
                "kind": "view",
                "column_count": len(view.kinds),
                "level": view.level,
                "source_file": file,
                "line": line,
            }
        )
    return found


def columns_truth(tables: Sequence[Table], views: Sequence[View]) -> Json:
    """Columns by ``database.table``: [name, type, is_partition] in order; views have no types."""
    found: Json = {}
    for table in tables:
        names = {column.name for column in table.partitions}
        found[f"{table.database}.{table.name}"] = [
            [column.name, column.type, column.name in names] for column in table.all_columns
        ]
    for view in views:
        found[f"{view.database}.{view.name}"] = [[name, None, False] for name in view.kinds]
    return found


def lineage_truth(views: Sequence[View], known: Mapping[Name, set[str]]) -> Json:
    """Lineage by view.

    Args:
        views: All views.
        known: Column names of every table and view in the dump.

    Returns:
        ``column_lineage`` and ``column_lineage_base``: by ``database.view``, then by output
        column, sorted [database, table, column, subtype, resolved] lists of the direct parents
        and of the base tables' columns. ``row_lineage``: by ``database.view`` the columns that
        choose its rows. Base edges follow the column lineage of views, not their row lineage.
    """
    direct = {(view.database, view.name): view.query.outputs() for view in views}
    rows = {f"{view.database}.{view.name}": _edges(view.query.rows(), known) for view in views}
    resolved: dict[Name, Mapping[str, Sources]] = {}

    def base(name: Name) -> Mapping[str, Sources]:
        if name not in resolved:
            resolved[name] = {
                column: frozenset().union(*(follow(source, step) for source, step in sources))
                for column, sources in direct[name].items()
            }
        return resolved[name]

    def follow(source: Source, step: Step) -> Sources:
        name = (source.database, source.table)
        if name not in direct or source.column not in direct[name]:
            return frozenset({(source, step)})
        return through(step, base(name)[source.column])

    return {
        "column_lineage": {
            f"{name[0]}.{name[1]}": {c: _edges(s, known) for c, s in columns.items()}
            for name, columns in direct.items()
        },
        "column_lineage_base": {
            f"{name[0]}.{name[1]}": {c: _edges(s, known) for c, s in base(name).items()}
            for name in direct
        },
        "row_lineage": rows,
    }


def jobs_truth(jobs: Sequence[Job], places: Mapping[str, Mapping[str, Place]]) -> list[Json]:
    """Jobs with their schedule.

    Args:
        jobs: All jobs.
        places: File and line by format (``xml``, ``json``), then by job.
    """
    added = {name for job in jobs for name in job.adds}
    found: list[Json] = []
    for job in jobs:
        names = [wait.condition for group in job.waits for wait in group]
        found.append(
            {
                "job": job.name,
                "folder": job.folder,
                "application": job.application,
                "sub_application": job.sub_application,
                "kind": job.kind,
                "raw_command": job.raw_command,
                "command": job.command,
                "script": job.script,
                "variables": dict(job.variables),
                "run_as": job.run_as,
                "host_group": job.host,
                "waits_for": " ".join(
                    token if isinstance(token, str) else token.condition
                    for token in wait_tokens(job.waits)
                ),
                "trigger": trigger(
                    job.schedule,
                    bool(job.waits),
                    external_only=bool(names) and not added & set(names),
                ),
                # A job that also waits is not started by cron, whatever its dates.
                "cron": None if job.waits else job.schedule.cron(),
                "date_filter": _date_filter(job.schedule),
                "not_expressible": job.schedule.not_expressible(),
                "places": {kind: list(where[job.name]) for kind, where in places.items()},
            }
        )
    return found


def job_edges_truth(jobs: Sequence[Job]) -> list[Json]:
    """Producer to consumer by condition; what nobody adds makes no edge."""
    producers: dict[str, list[str]] = {}
    for job in jobs:
        for name in job.adds:
            producers.setdefault(name, []).append(job.name)
    edges: set[tuple[str, str, str, str]] = {
        (producer, job.name, wait.condition, wait.odate)
        for job in jobs
        for group in job.waits
        for wait in group
        for producer in producers.get(wait.condition, [])
    }
    keys = ("from_job", "to_job", "condition", "date_rule")
    return [dict(zip(keys, edge, strict=True)) for edge in sorted(edges)]


def job_conditions_truth(jobs: Sequence[Job]) -> list[Json]:
    """What each job waits for, adds and deletes (also when it fails)."""
    added = {name for job in jobs for name in job.adds}
    found: set[tuple[str, str, str, str, bool]] = set()
    for job in jobs:
        for group in job.waits:
            for wait in group:
                external = wait.condition not in added
                found.add((job.name, wait.condition, "waits_for", wait.odate, external))
        found |= {(job.name, name, "adds", "ODAT", False) for name in job.adds}
        found |= {(job.name, name, "deletes", "ODAT", False) for name in job.deletes}
        found |= {(job.name, name, "deletes", "ODAT", False) for name in job.cleans}
    keys = ("job", "condition", "role", "date_rule", "external")
    return [dict(zip(keys, each, strict=True)) for each in sorted(found)]


def _edges(sources: Sources, known: Mapping[Name, set[str]]) -> list[list[object]]:
    return [
        [*source, step.value, source.column in known.get((source.database, source.table), ())]
        for source, step in sorted(sources, key=lambda each: (each[0], each[1].value))
    ]


def _date_filter(schedule: Schedule) -> Json:
    return {
        "months": sorted(schedule.months),
        "month_days": sorted(schedule.days, key=lambda day: (len(day), day)),
        "week_days": sorted(schedule.weekdays),
        "and_or": "A" if schedule.both else "O",
    }


def _unescaped(text: str) -> str:
    return text.replace("\\'", "'")


def names_of(tables: Iterable[Table], views: Iterable[View]) -> dict[Name, set[str]]:
    """Column names by database and name of everything in the dump."""
    found: dict[Name, set[str]] = {
        (t.database, t.name): {column.name for column in t.all_columns} for t in tables
    }
    return found | {(v.database, v.name): set(v.kinds) for v in views}
